"""Which errors mean that the database is unavailable or busy, as opposed to a statement that it refused."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

SQLITE_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""Primary result codes (https://www.sqlite.org/rescode.html, read 2026-11-30)."""
POSTGRES_CLASSES = frozenset({"08", "53", "57", "58"})
"""Connection lost, out of resources, an operator's intervention, a system error
(https://www.postgresql.org/docs/current/errcodes-appendix.html, read 2026-11-30)."""
READ_ONLY = "25006"
"""The code with which a standby refuses a write: the server we are connected to is no longer the primary."""
NETWORK_MODULES = frozenset({"builtins", "socket"})


class DatabaseUnavailable(Exception):
    """The database did not answer a request in time, or could not work. The text is safe to log."""


def is_database_error(error: Exception) -> bool:
    """Return whether an error is SQLAlchemy's, or one that PostgreSQL's driver raises by itself when it connects."""
    return isinstance(error, SQLAlchemyError) or is_from_asyncpg(error)


def is_from_asyncpg(error: BaseException) -> bool:
    """Return whether PostgreSQL's driver raised an error. Told by its module: on SQLite the driver isn't loaded."""
    return type(error).__module__.startswith("asyncpg.")


def is_outage(error: BaseException | None) -> bool:
    """Return whether an error means that the database is unavailable, busy or full, not that a statement was wrong.

    False for a TimeoutError, which may come from anywhere: the caller has to know where it is from.
    """
    match error:
        case None:
            return False
        case DatabaseUnavailable() | PoolTimeout():
            return True
        case DBAPIError():
            return error.connection_invalidated or is_outage(error.orig)
        case sqlite3.Error():
            return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in SQLITE_CODES
        case Exception() if is_from_asyncpg(error):
            # Its errors without a state are about the connection: what the server refused has one.
            state = str(getattr(error, "sqlstate", None) or "")
            return not state or state[:2] in POSTGRES_CLASSES or state == READ_ONLY
        case TimeoutError():
            return False
        case OSError():  # asyncpg passes on what the network says; other libraries have classes of their own
            return type(error).__module__ in NETWORK_MODULES
        case _:
            return is_outage(error.__cause__)
