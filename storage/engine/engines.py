"""Connections to SQLite and PostgreSQL, and what each of their transactions begins with."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from storage.engine.drivers import COMPILED, PostgresConnection, SqliteConnection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

BUSY = timedelta(seconds=5)
"""How long a write on SQLite waits for another process's write: there is one writer at a time."""
BUSY_MS = int(BUSY.total_seconds() * 1000)
BUSY_TIMEOUT = f"PRAGMA busy_timeout = {BUSY_MS}"
SQLITE_SETTINGS = ("PRAGMA journal_mode = WAL", "PRAGMA foreign_keys = ON")
WAL_TRIES = 100
"""Tries, 20 ms apart, to open a file that other processes are opening for the first time."""


def sqlite_engine(url: str, pool_size: int, *, reads: bool) -> AsyncEngine:
    """Return an engine whose connections only read, or one whose transactions take the write lock at once."""
    engine = create_async_engine(
        url,
        async_creator=partial(sqlite_connect, url, reads=reads),
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        hide_parameters=True,
        execution_options={"compiled_cache": COMPILED},
    )
    if not reads:
        event.listen(engine.sync_engine, "begin", _sqlite_begin)
    return engine


def postgres_engine(url: str, pool_size: int, limits: Mapping[str, float | None]) -> AsyncEngine:
    """Return an engine. `limits` are asyncpg's `timeout` and `command_timeout`, in seconds."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        hide_parameters=True,  # an error's text ends up in logs, values must not
        execution_options={"compiled_cache": COMPILED},
        connect_args={"connection_class": PostgresConnection, **limits},
    )
    event.listen(engine.sync_engine, "begin", _postgres_begin)
    return engine


async def sqlite_connect(url: str, *, reads: bool, synchronous: str = "FULL") -> SqliteConnection:
    """Return an open connection. `synchronous` is the PRAGMA of this name."""
    connection = SqliteConnection(make_url(url).database or "")
    await connection
    role = "PRAGMA query_only = ON" if reads else BUSY_TIMEOUT
    for setting in (*SQLITE_SETTINGS, f"PRAGMA synchronous = {synchronous}", role):
        await _patiently(connection, setting)
    return connection


async def _patiently(connection: SqliteConnection, setting: str) -> None:
    """Run a PRAGMA, repeatedly if need be: processes that switch a new file to WAL at once get "locked" immediately."""
    for left in range(WAL_TRIES, -1, -1):
        try:
            await connection.visit("execute", setting)
        except sqlite3.OperationalError:
            if not left:
                raise
            await asyncio.sleep(0.02)
        else:
            return


def _sqlite_begin(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.begins = "BEGIN IMMEDIATE"
    driver.busy_ms = connection.get_execution_options().get("octapost_busy_ms", BUSY_MS)


def _postgres_begin(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.begins = connection.get_execution_options().get("octapost_begins", "")
