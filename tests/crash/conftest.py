"""The databases, and the product in its world."""

from tests.application import either_office
from tests.databases import database, postgres, postgres_database, sqlite_database, vault

__all__ = ["database", "either_office", "postgres", "postgres_database", "sqlite_database", "vault"]
