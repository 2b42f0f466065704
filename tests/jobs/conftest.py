"""The databases."""

from tests.databases import database, postgres, postgres_database, sqlite_database, sqlite_template, vault

__all__ = ["database", "postgres", "postgres_database", "sqlite_database", "sqlite_template", "vault"]
