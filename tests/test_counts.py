"""Whatever a default run samples or leaves out, CI runs in full."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
COUNTS = TESTS / "counts.py"
CI = ROOT / ".ci" / "run"
FULL_LINE = re.compile(r"^step env OCTAPOST_FULL=1 uv run pytest (.+)$", re.MULTILINE)


def names_in(node: ast.stmt) -> set[str]:
    """Return every name that a statement takes from elsewhere; arguments of a test or fixture name fixtures."""
    names, own, arguments = set[str](), set[str](), set[str]()
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            (names if isinstance(each.ctx, ast.Load) else own).add(each.id)
        elif isinstance(each, ast.arg):
            arguments.add(each.arg)
    return (names - own) | arguments if gets_fixtures(node) else names - own - arguments


def gets_fixtures(node: ast.stmt) -> bool:
    """Return whether pytest calls it: a test, or a fixture."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
        node.name.startswith("test_") or any("fixture" in ast.unparse(each) for each in node.decorator_list)
    )


def imported(module: ast.Module) -> dict[str, str]:
    """Return the names a module takes from our tests, each with its full one."""
    return {
        alias.asname or alias.name: f"{each.module}.{alias.name}"
        for each in ast.walk(module)
        if isinstance(each, ast.ImportFrom) and str(each.module).startswith("tests")
        for alias in each.names
    }


def at_hand(where: str, modules: dict[str, ast.Module]) -> dict[str, str]:
    """Return what a module imports, and the fixtures that pytest gives it: those of the folders it is in."""
    folders, found = where.split("."), dict[str, str]()
    for depth in range(1, len(folders)):
        conftest = modules.get(".".join([*folders[:depth], "conftest"]))
        found |= imported(conftest) if conftest is not None else {}
    return found | imported(modules[where])


def defined(module: ast.Module) -> Iterator[tuple[set[str], ast.stmt]]:
    """Give a module's own names, each with what defines it."""
    for statement in module.body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield {statement.name}, statement
            case ast.Assign() | ast.AnnAssign():
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                yield {each.id for each in targets if isinstance(each, ast.Name)}, statement
            case _:
                pass


def depending(modules: dict[str, ast.Module]) -> set[str]:
    """Return the full names of what a full run changes: what `tests.counts` gives, and what is made of it."""
    mentions: dict[str, set[str]] = {}
    for where, module in modules.items():
        taken = at_hand(where, modules)
        for names, statement in defined(module):
            mentioned = {taken.get(each, f"{where}.{each}") for each in names_in(statement)}
            mentions |= dict.fromkeys((f"{where}.{name}" for name in names), mentioned)
    known = {f"tests.counts.{name}" for name in ("FULL", "in_full", "tries", "sampled")}
    while more := {name for name, mentioned in mentions.items() if mentioned & known} - known:
        known |= more
    return known


def test_every_test_that_makes_more_tries_in_full_is_run_in_full_by_ci() -> None:
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in TESTS.rglob("*.py")}
    [line] = FULL_LINE.findall(CI.read_text(encoding="utf-8"))
    run = [ROOT / each for each in line.split()]

    known = depending({where: ast.parse(path.read_text(encoding="utf-8")) for where, path in files.items()})
    sampled = {
        path
        for where, path in files.items()
        if path.name.startswith("test_") and any(name.startswith(f"{where}.") for name in known)
    }
    left_out = sorted(
        str(path.relative_to(ROOT)) for path in sampled if not any(path.is_relative_to(each) for each in run)
    )

    assert "tests.application.either_office" in known
    assert len(sampled) > 20
    assert left_out == []
    assert all(each.exists() for each in run)
