"""Fixtures of the storage tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.databases import database, postgres, postgres_database, sqlite_database, vault

if TYPE_CHECKING:
    from collections.abc import Iterator

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
