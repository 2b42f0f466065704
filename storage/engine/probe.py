"""Whether the database takes writes right now: something is written to it and rolled back.

Reading alone is not enough: reads still work with a full disk, a locked file, a file that was moved, and a standby.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.sqlite import SqliteConnect, SqliteConnection
    from storage.engine.sqlite_autocommit import Turn

LOCKED_AFTER_MS = 1000
"""How long another process may hold SQLite's write lock before the file counts as locked."""
ROOM = 1 << 20
"""Bytes that must fit on SQLite's disk: its log grows by up to four times as much between two checkpoints."""
SQLITE_WRITE = "INSERT INTO seen_request (signature_hash, seen_at) VALUES (zeroblob(32), '')"
POSTGRES_WRITE = text("INSERT INTO seen_request (signature_hash, seen_at) VALUES (:some, now())")


class DatabaseFileMoved(Exception):
    """The SQLite file at the path is not the one that is open: what we write would be lost."""


class Probe(Protocol):
    """Tries whether the database takes writes."""

    def remember(self) -> None:
        """Remember which file is open, if the database is a file."""

    async def rehearse(self) -> None:
        """Write something and roll it back.

        Raises:
            Exception: The database does not take writes.

        """

    async def close(self) -> None:
        """Close what was opened for the probe."""


class PostgresProbe:
    """A rolled-back insert in a system session."""

    def __init__(self, system: Callable[[], AbstractAsyncContextManager[AsyncSession]]) -> None:
        self._system = system

    def remember(self) -> None:
        """Do nothing: there is no file."""

    async def rehearse(self) -> None:
        """Write something and roll it back.

        Raises:
            Exception: The driver's error.

        """
        async with self._system() as session:
            connection = await session.connection()
            await connection.execute(POSTGRES_WRITE, {"some": secrets.token_bytes(32)})
            await session.rollback()

    async def close(self) -> None:
        """Do nothing: the session came from the pool."""


class SqliteProbe:
    """A rolled-back insert on a connection of its own, in this process's turn to write, and a file beside it.

    The insert alone would not notice a full disk: SQLite writes its log when it commits, and first into space that the
    log file has already.
    """

    def __init__(self, path: str, connect: SqliteConnect, turn: Turn) -> None:
        self._path = path
        self._connect = connect
        self._turn = turn
        self._file: tuple[int, int] | None = None
        self._connection: SqliteConnection | None = None

    def remember(self) -> None:
        """Remember which file is open, the first time."""
        if self._file is None:
            self._file = _identity(self._path)

    async def rehearse(self) -> None:
        """Write something and roll it back.

        Raises:
            DatabaseFileMoved: The file at the path is not the one that is open.
            sqlite3.Error: SQLite cannot write.
            OSError: The disk is full, or cannot be written.

        """
        if self._file is not None and _identity(self._path) != self._file:
            raise DatabaseFileMoved
        async with self._turn():
            if self._connection is None:
                connection = await self._connect(reads=False, synchronous="FULL")
                await connection.visit("execute", f"PRAGMA busy_timeout = {LOCKED_AFTER_MS}")
                self._connection = connection
            await self._connection.rehearse(SQLITE_WRITE)
        await asyncio.to_thread(_fill, Path(self._path).parent)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _fill(folder: Path) -> None:
    """Write a temporary file and delete it.

    Raises:
        OSError: The disk is full, or cannot be written.

    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(ROOM))


def _identity(path: str) -> tuple[int, int] | None:
    """Return which file is at the path: its device and inode, or None where there is none."""
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
