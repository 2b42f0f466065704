"""Fixtures of the storage tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from storage.engine.db import Database
from tests.databases import OWNER, database, postgres, postgres_database, sqlite_database, vault

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from tests.databases import Postgres

__all__ = ["database", "postgres", "postgres_database", "sqlite_database", "vault"]


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Take back what a command does to the process's logging."""
    root, structured = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**structured)


@pytest.fixture(params=["sqlite", "postgresql"])
async def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[str]:
    """Give the URL of a database without any schema, as its owner."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/bare.sqlite3"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    name = await postgres.create()
    yield postgres.url(name, OWNER)
    await postgres.drop(name)


@pytest.fixture
async def bare(bare_url: str) -> AsyncGenerator[Database]:
    """Give a database without any schema."""
    database = Database(bare_url)
    yield database
    await database.close()
