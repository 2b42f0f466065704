"""Fixtures of the services' tests: the databases."""

from tests.databases import database, postgres, postgres_database, sqlite_database, vault

__all__ = ["database", "postgres", "postgres_database", "sqlite_database", "vault"]
