"""The hashed requirements of the image are what pyproject.toml asks for, at its pins, and from no address."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests import hashes, pins

PYPROJECT = (hashes.ROOT / "pyproject.toml").read_text()
PROJECT = tomllib.loads(PYPROJECT)
PRODUCT, BUILD = (hashes.parsed((hashes.ROOT / name).read_text()) for name in hashes.FILES)
SHA = "sha256:" + "a" * 64


def versions(requirements: dict[str, set[str]]) -> set[tuple[str, str]]:
    """Return the (name, version) pairs of requirements."""
    parts = [each.partition(" ;")[0].split("==") for each in requirements]
    return {(name, version) for name, version in parts}


def test_the_image_has_what_the_product_needs_at_the_pinned_versions() -> None:
    declared = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["otel"]

    assert versions(PRODUCT) - pins.pinned(PYPROJECT) == set()
    assert {Requirement(each).name for each in declared} - {name for name, _ in versions(PRODUCT)} == set()


def test_what_builds_it_is_what_the_build_requires_in_full() -> None:
    assert set(BUILD) == set(PROJECT["build-system"]["requires"])


def test_every_requirement_has_hashes() -> None:
    assert all(PRODUCT.values())
    assert all(BUILD.values())


@pytest.mark.parametrize(
    "line",
    [
        "a==1",
        "a>=1 \\\n    --hash=" + SHA,
        "a==1 \\\n    --hash=md5:" + "a" * 32,
        "--index-url https://index.example",
        "a @ https://index.example/a.whl \\\n    --hash=" + SHA,
    ],
)
def test_a_line_without_a_version_a_hash_or_with_an_address_is_refused(line: str) -> None:
    with pytest.raises(hashes.HashesError, match="not a requirement with hashes"):
        hashes.parsed(f"b==2 \\\n    --hash={SHA}\n{line}\n")


def test_markers_belong_to_the_requirement() -> None:
    text = f"a==1 ; sys_platform == 'win32' \\\n    --hash={SHA}\n"

    assert hashes.parsed(text) == {"a==1 ; sys_platform == 'win32'": {SHA}}


def test_a_disagreement_is_named() -> None:
    wanted = {"a==1": {"x"}, "b==2": {"x", "y"}, "c==3": {"x"}, "d==4": {"x"}}

    assert hashes.differences(wanted, {"b==2": {"y"}, "c==3": {"z"}, "d==5": {"x"}}) == [
        "a==1: not in the file",
        "d==4: not in the file",
        "d==5: in the file, but nothing needs it",
        "c==3: none of its hashes is right",
    ]


def test_an_unknown_command_is_a_usage_error() -> None:
    assert hashes.main([]) == 2
    assert hashes.main(["burn"]) == 2


def test_a_project_is_written_and_checked_without_the_network(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\noptional-dependencies = { otel = [] }\n[build-system]\nrequires = []\n'
    )

    hashes.write(tmp_path)

    assert hashes.check(tmp_path).endswith("are right")
    (tmp_path / "deploy" / "requirements.txt").write_text(f"a==1 \\\n    --hash={SHA}\n")
    with pytest.raises(hashes.HashesError, match=r"deploy/requirements\.txt: a==1: in the file"):
        hashes.check(tmp_path)
