"""Every table is known to whatever goes through all of them, in whichever process that happens."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

STORAGE = Path(__file__).parents[3] / "storage"
NAMES = "from sqlmodel import SQLModel; print(*sorted(SQLModel.metadata.tables))"


def models() -> set[str]:
    """Return the names of the classes with a table that the sources define."""
    return {
        node.name
        for path in STORAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and any(each.arg == "table" for each in node.keywords)
    }


@pytest.mark.parametrize("module", ["models", "copy_database", "key_rotation", "vault", "engine.roles"])
def test_one_import_is_enough_to_know_every_table(module: str) -> None:
    script = f"import storage.{module}; {NAMES}"

    known = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], cwd=STORAGE.parent, capture_output=True, text=True, check=True
    )

    assert len(known.stdout.split()) == len(models()) > 30


def test_whatever_goes_through_all_tables_asks_the_one_place_that_knows_them() -> None:
    asking = {
        str(path.relative_to(STORAGE))
        for path in STORAGE.rglob("*.py")
        if "metadata.sorted_tables" in path.read_text()
    }

    assert asking == {"models/__init__.py"}
