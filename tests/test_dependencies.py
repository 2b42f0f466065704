"""What we import is declared, what is declared is imported, and the lock in deploy/ fits the declarations."""

from __future__ import annotations

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = frozenset({"adapters", "bot", "sandbox", "storage", "tests"})
PRODUCT = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
OTEL = [Requirement(line) for line in PROJECT["project"]["optional-dependencies"]["otel"]]
DEV = [Requirement(line) for line in PROJECT["dependency-groups"]["dev"]]
BUILD = [Requirement(line) for line in PROJECT["build-system"]["requires"]]
NOT_IMPORTED = {
    "coverage": "a tool",
    "flask": "for moto's server",
    "flask-cors": "for moto's server",
    "moto": "a tool",
    "mypy": "a tool",
    "pytest-socket": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "ruff": "a tool",
    "types-jsonschema": "read by mypy",
    "types-psutil": "read by mypy",
    "types-pyyaml": "read by mypy",
    "tzdata": "read by zoneinfo on machines without time zones",
}
PROVIDERS = packages_distributions()
NEWEST_IS_RIGHT = {"types-jsonschema", "types-psutil", "types-pyyaml", "tzdata"}
"""Packages of data that no newer version can break."""

LOCKED = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>[a-z0-9.]+)(?: ; [^\\\n]+?)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements in a module or a statement, at any depth."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from statements(child)


def modules_in(source: str) -> Iterator[str]:
    """Yield the top-level name of every module that is not of the standard library and not ours."""
    tree = ast.parse(source)
    # Statements are a tenth of a module's nodes.
    for node in ast.walk(tree) if "import_module(" in source else statements(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = node.func.attr == "import_module"
            names = [str(arg.value) for arg in node.args if called and isinstance(arg, ast.Constant)]
        else:
            continue
        tops = {name.partition(".")[0] for name in names}
        yield from tops - OURS - sys.stdlib_module_names


@functools.cache
def imported(*packages: str) -> frozenset[str]:
    """Return every foreign module that these packages of ours import, wherever the statement stands."""
    files = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    return frozenset(module for path in files for module in modules_in(path.read_text()))


def providers(module: str) -> set[str]:
    """Return the distributions that a module comes from; `opentelemetry` comes from several."""
    return {canonicalize_name(name) for name in PROVIDERS.get(module, ())}


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(each.name) for each in requirements}


def locked(file: str) -> dict[str, set[str]]:
    """Return each package in a lock and its versions: some have one for each of several Pythons."""
    text = (ROOT / "deploy" / file).read_text()
    assert LOCKED.sub("", text) == "", "a line without a version and hashes"
    found: dict[str, set[str]] = {}
    for match in LOCKED.finditer(text):
        found.setdefault(match["name"], set()).add(match["version"])
    return found


@pytest.mark.parametrize(
    ("packages", "declared"),
    [
        (("bot", "adapters", "storage", "sandbox"), names(PRODUCT + OTEL)),
        (("tests",), names(PRODUCT + OTEL + DEV)),
    ],
    ids=["product", "tests"],
)
def test_every_import_is_of_a_declared_dependency(packages: tuple[str, ...], declared: set[str]) -> None:
    undeclared = {module for module in imported(*packages) if not providers(module) & declared}

    assert undeclared == set()


@pytest.mark.parametrize(
    ("declared", "packages"),
    [
        (names(PRODUCT + OTEL), ("bot", "adapters", "storage", "sandbox")),
        (names(DEV), ("tests",)),
    ],
    ids=["product", "tests"],
)
def test_every_declared_dependency_is_imported(declared: set[str], packages: tuple[str, ...]) -> None:
    used = {name for module in imported(*packages) for name in providers(module)}

    assert declared - used - NOT_IMPORTED.keys() == set()
    assert used & NOT_IMPORTED.keys() == set()


@pytest.mark.parametrize(
    "line",
    [
        "import foreign.part",
        "from foreign import x",
        "def f():\n    import foreign",
        "import os, foreign",
        "importlib.import_module('foreign')",
    ],
)
def test_an_import_is_found_wherever_it_stands(line: str) -> None:
    assert set(modules_in(line)) == {"foreign"}


def test_no_dependency_can_change_more_than_its_last_number_by_itself() -> None:
    # A fresh checkout takes the newest versions that are allowed: deprecations in them would fail its tests.
    loose = {
        each.name
        for each in PRODUCT + OTEL + DEV + BUILD
        if not re.fullmatch(r"(~=\d+\.\d+|==\d+\.\d+)(\.\d+)?", str(each.specifier))
    }

    assert loose == NEWEST_IS_RIGHT


@pytest.mark.parametrize(
    ("file", "declared"),
    [
        ("requirements.txt", PRODUCT + OTEL),
        ("development.txt", PRODUCT + OTEL + DEV),
        ("build-requirements.txt", BUILD),
    ],
)
def test_the_lock_has_every_declared_dependency_at_a_version_that_fits(
    file: str, declared: list[Requirement]
) -> None:
    lock = locked(file)

    assert names(declared) - lock.keys() == set()
    assert [each for each in declared if not all(map(each.specifier.contains, lock[each.name]))] == []


def test_the_tests_run_on_the_versions_that_are_deployed() -> None:
    deployed, tested = locked("requirements.txt"), locked("development.txt")

    assert {name: tested.get(name) for name in deployed} == deployed


@pytest.mark.parametrize(
    "line",
    [
        "a==1\n",
        "a>=1 \\\n    --hash=sha256:" + "a" * 64 + "\n",
        "a==1 \\\n    --hash=md5:" + "a" * 32 + "\n",
        "--index-url https://index.example\n",
        "a @ https://index.example/a.whl \\\n    --hash=sha256:" + "a" * 64 + "\n",
    ],
)
def test_a_line_with_an_address_or_without_a_hash_is_no_lock(line: str) -> None:
    assert LOCKED.sub("", line) != ""


def test_a_second_httpx_is_neither_locked_nor_installed() -> None:
    # Authlib switches its transport to httpx2 as soon as it can import it, past our limits.
    installed = {canonicalize_name(each.metadata["Name"]) for each in distributions()}

    assert "httpx2" not in installed | locked("development.txt").keys()


def test_the_classifiers_name_exactly_the_pythons_that_may_run_it() -> None:
    named = re.findall(r"Python :: 3\.(\d+)", " ".join(PROJECT["project"]["classifiers"]))
    allowed = Requirement("python" + PROJECT["project"]["requires-python"]).specifier

    assert [minor for minor in range(30) if allowed.contains(f"3.{minor}")] == [int(each) for each in named]


def test_nobody_can_upload_it_by_mistake() -> None:
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]
