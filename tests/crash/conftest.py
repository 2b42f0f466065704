"""The databases."""

from tests.databases import database, postgres, postgres_database, sqlite_database, vault

__all__ = ["database", "postgres", "postgres_database", "sqlite_database", "vault"]
