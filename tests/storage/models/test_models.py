"""Every table is known to whatever goes through all of them, in whichever process that happens."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tests.counts import in_full

STORAGE = Path(__file__).parents[3] / "storage"
MODULES = ("models", "copy_database", "key_rotation", "vault", "engine.roles")
SCRIPT = """
import importlib, os, sys
from sqlmodel import SQLModel

for module in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        importlib.import_module(f"storage.{module}")
        print(module, *sorted(SQLModel.metadata.tables), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
"""Imports each module where nothing of ours is imported yet, and prints the tables that it knows."""


def models() -> set[str]:
    """Return the names of the classes with a table that the sources define."""
    return {
        node.name
        for path in STORAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and any(each.arg == "table" for each in node.keywords)
    }


@in_full
def test_one_import_is_enough_to_know_every_table() -> None:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", SCRIPT, *MODULES],
        cwd=STORAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    )

    known = {module: len(tables) for module, *tables in map(str.split, done.stdout.splitlines())}
    assert known == dict.fromkeys(MODULES, len(models()))
    assert len(models()) > 30


def test_whatever_goes_through_all_tables_asks_the_one_place_that_knows_them() -> None:
    asking = {
        str(path.relative_to(STORAGE))
        for path in STORAGE.rglob("*.py")
        if "metadata.sorted_tables" in path.read_text()
    }

    assert asking == {"models/__init__.py"}
