"""The pins in pyproject.toml cover what is installed, and the command that writes them keeps its word."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import pins

TEXT = pins.PYPROJECT.read_text()
PROJECT = tomllib.loads(TEXT)


def needed_here() -> dict[str, str]:
    """Return name -> version of every installed distribution that the project or its tests need."""
    declared = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    todo = [Requirement(line) for line in declared]
    walked: set[tuple[str, frozenset[str]]] = set()
    found: dict[str, str] = {}
    while todo:
        requirement = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in walked:
            continue
        walked.add((name, extras))
        distribution = metadata.distribution(name)
        found[name] = distribution.version
        for line in distribution.requires or ():
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": e}) for e in extras | {""}):
                inner.marker = None
                todo.append(inner)
    return found


def test_everything_installed_that_we_need_is_pinned_at_that_version() -> None:
    needed = needed_here()

    assert set(needed.items()) - pins.pinned(TEXT) == set()
    assert {"httpx", "slack-bolt", "pytest", "execnet"} <= set(needed)


def test_a_second_httpx_is_neither_pinned_nor_installed() -> None:
    # Authlib switches its transport to httpx2 as soon as it can import it, past our guards.
    installed = {canonicalize_name(d.metadata["Name"]) for d in metadata.distributions()}

    assert "httpx2" not in installed | set(needed_here()) | {name for name, _ in pins.pinned(TEXT)}


def test_every_constraint_is_an_exact_pin_and_the_list_is_sorted() -> None:
    constraints = PROJECT["tool"]["uv"]["constraint-dependencies"]

    assert pins.pinned(TEXT)
    assert constraints == sorted(constraints)


@pytest.mark.parametrize("line", ["httpx>=0.28", "httpx", "httpx==0.28.1,!=0.28.2", "HTTPX ==0.28.1"])
def test_a_constraint_that_is_no_exact_pin_is_refused(line: str) -> None:
    text = pins.with_pins("[project]\n", [line])

    with pytest.raises(pins.PinsError, match="not an exact pin"):
        pins.pinned(text)


def test_writing_replaces_the_array_and_nothing_else() -> None:
    before = (
        '[project]\nname = "x"  # kept\n\n'
        '[tool.uv]\nconstraint-dependencies = [\n    "a==1",\n]\n\n[tool.z]\nb = []\n'
    )

    after = pins.with_pins(before, ["a==2", "b==1"])

    assert after == before.replace('    "a==1",\n', '    "a==2",\n    "b==1",\n')


@pytest.mark.parametrize(
    "before", ['[project]\nname = "x"\n', '[project]\nname = "x"\n\n[tool.uv]\npackage = true\n']
)
def test_writing_adds_the_array_where_there_is_none(before: str) -> None:
    after = pins.with_pins(before, ["a==2"])

    assert pins.pinned(after) == {("a", "2")}
    assert tomllib.loads(after)["project"] == {"name": "x"}
    assert pins.with_pins(after, ["a==2"]) == after


def test_a_package_with_two_versions_is_pinned_per_marker() -> None:
    old = {"name": "a", "version": "1", "resolution-markers": ["python_full_version < '3.12'"]}
    new = {"name": "a", "version": "2", "resolution-markers": ["python_full_version >= '3.12'"]}

    assert pins.pins_of([new, old, {"name": "b", "version": "7"}]) == [
        "a==1 ; (python_full_version < '3.12')",
        "a==2 ; (python_full_version >= '3.12')",
        "b==7",
    ]


def test_our_own_project_is_not_pinned() -> None:
    lock = (
        '[[package]]\nname = "octapost"\nversion = "1"\nsource = { editable = "." }\n'
        '[[package]]\nname = "a"\nversion = "2"\nsource = { registry = "https://index.example" }\n'
    )

    assert pins.pins_of(pins.locked(lock)) == ["a==2"]


def test_a_disagreement_is_named_package_by_package() -> None:
    wanted = {("missing", "1"), ("moved", "2"), ("same", "3")}

    assert pins.differences(wanted, {("moved", "1"), ("same", "3"), ("unneeded", "4")}) == [
        "missing: not pinned, resolves to 1",
        "moved: pinned to 1, resolves to 2",
        "unneeded: pinned to 4, but nothing needs it",
    ]


def test_a_project_without_dependencies_is_checked_without_the_network(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n')

    assert pins.write(path) == "0 packages pinned in pyproject.toml"
    assert pins.check(path) == "0 packages, all pinned"


def test_a_pin_that_nothing_needs_fails_the_check_by_name(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    bare = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\n'
    path.write_text(pins.with_pins(bare, ["a==2"]))

    with pytest.raises(pins.PinsError, match="a: pinned to 2, but nothing needs it"):
        pins.check(path)


def test_an_unknown_command_is_a_usage_error() -> None:
    assert pins.main([]) == 2
    assert pins.main(["burn"]) == 2
