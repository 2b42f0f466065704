"""Database URLs as an operator writes them, checked before anything is opened."""

from __future__ import annotations

import inspect

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

DATABASES = ("postgresql+asyncpg://", "sqlite+aiosqlite:///")


def checked(url: str) -> URL:
    """Return the parts of a database URL.

    Raises:
        ValueError: The URL is malformed. The text repeats nothing of it: with an unescaped `@`, `/` or `:`, part of the
            password may be in any part of the URL.

    """
    try:
        found = make_url(url) if url.startswith(DATABASES) else None
    except (ArgumentError, ValueError):
        found = None
    if found is None:
        raise ValueError(
            f"not the URL of a database: write {'... or '.join(DATABASES)}..., with the special characters of a"
            " password percent-encoded"
        )
    if found.get_backend_name() == "postgresql" and not _known_parameters().issuperset(found.query):
        raise ValueError("has a parameter that asyncpg does not know (TLS is ?ssl=require, not sslmode)")
    return found


def _known_parameters() -> frozenset[str]:
    """Return what may follow the `?` of a PostgreSQL URL: asyncpg's parameters, and one of SQLAlchemy's."""
    import asyncpg  # noqa: PLC0415 - three MiB that a process on SQLite does without

    return frozenset(inspect.signature(asyncpg.connect).parameters) | {"prepared_statement_cache_size"}


def secrets_in(url: str) -> list[str]:
    """Return what must not be logged: the password, and the URL that contains it; nothing without a password."""
    password = checked(url).password
    return [url, password] if password else []
