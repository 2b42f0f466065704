"""Fixtures of the storage tests."""

from __future__ import annotations

from tests.databases import database, postgres, postgres_database, sqlite_database, vault

__all__ = ["database", "postgres", "postgres_database", "sqlite_database", "vault"]
