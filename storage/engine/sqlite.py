"""Connections to SQLite: SQLAlchemy's dialect with fewer trips per transaction.

A trip costs more than a small query. aiosqlite visits its thread four times for one SELECT (make a cursor, execute,
fetch, close), and SQLAlchemy three times more to begin. Here a statement is one visit, which also begins the
transaction. Loaded only where the database is SQLite.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import aiosqlite
from aiosqlite.core import _STOP_RUNNING_SENTINEL
from sqlalchemy import event, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.ext.asyncio import create_async_engine

from storage.engine import private
from storage.engine.compiled import COMPILED, Alike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncEngine

BUSY = timedelta(seconds=5)
"""How long a write on SQLite waits for another process's write: there is one writer at a time."""
BUSY_MS = int(BUSY.total_seconds() * 1000)
BUSY_TIMEOUT = f"PRAGMA busy_timeout = {BUSY_MS}"
SQLITE_SETTINGS = ("PRAGMA journal_mode = WAL", "PRAGMA foreign_keys = ON")
WAL_TRIES = 100
"""Tries, 20 ms apart, to open a file that other processes are opening for the first time."""


class SqliteDialect(Alike, SQLiteDialect_aiosqlite):
    """SQLAlchemy's dialect for aiosqlite, except that `do_terminate` does not wait."""

    supports_statement_cache = True

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Make the connection's thread close it, which ends its transaction, without waiting for that."""
        dbapi_connection.driver_connection.stop()


registry.register("sqlite.aiosqlite", __name__, SqliteDialect.__name__)


class Answer(NamedTuple):
    """The result of a statement on SQLite."""

    description: Any
    rowcount: int
    lastrowid: int | None
    rows: list[Any]


class SqliteConnection(aiosqlite.Connection):
    """An aiosqlite connection whose transactions begin with their first statement."""

    begins: str | None = None
    """The statement that begins the next transaction, run before its first one; None outside of transactions."""
    began: bool = False
    busy_ms: int | None = None
    """How long the next transaction waits for one of another process, in ms; None: the connection's own setting."""

    def cursor(self) -> SqliteCursor:  # type: ignore[override]
        """Return a cursor without a visit to the thread."""
        return SqliteCursor(self)

    def __init__(self, path: str) -> None:
        super().__init__(partial(_open, path), iter_chunk_size=1)
        self._waits_ms: int | None = None
        self._thread.daemon = True  # a connection nobody closed does not keep the process alive

    def stop(self) -> None:
        """Make the thread close the connection and end, without a notice to the event loop.

        aiosqlite's own notifies the event loop, and leaves a traceback if the loop has ended first, for example when a
        file could not be opened.
        """
        self._running = False
        self._tx.put_nowait((None, self._end))

    def _end(self) -> object:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        return _STOP_RUNNING_SENTINEL

    async def visit(self, method: str, *arguments: Any) -> Answer:
        """Run one statement with `execute` or `executemany` and return its result."""
        begin, self.begins = self.begins, None
        self.began = self.began or begin is not None
        answer: Answer = await self._execute(self._run, begin, method, arguments)  # type: ignore[no-untyped-call]
        return answer

    def _run(self, begin: str | None, method: str, arguments: Any) -> Answer:
        if begin is not None:
            if self.busy_ms is not None and self.busy_ms != self._waits_ms:
                self._conn.execute(f"PRAGMA busy_timeout = {self.busy_ms:d}")
                self._waits_ms = self.busy_ms
            self._conn.execute(begin)
        with closing(self._conn.cursor()) as cursor:
            getattr(cursor, method)(*arguments)
            rows = cursor.fetchall() if cursor.description else []
            return Answer(cursor.description, cursor.rowcount, cursor.lastrowid, rows)

    async def together(
        self, begin: str, statements: Sequence[tuple[str, Sequence[Any], asyncio.Future[Any]]]
    ) -> list[list[Any] | Exception]:
        """Run statements in one visit and return each one's rows or error.

        A statement whose future is done is not run: its caller has given up. With `begin` they are one transaction, in
        which a statement that fails undoes only itself.

        Raises:
            sqlite3.Error: The transaction did not begin or did not commit, or was rolled back; nothing was done.

        """
        answers: list[list[Any] | Exception] = await self._execute(self._run_all, begin, statements)  # type: ignore[no-untyped-call]
        return answers

    def _run_all(
        self, begin: str, statements: Sequence[tuple[str, Sequence[Any], asyncio.Future[Any]]]
    ) -> list[list[Any] | Exception]:
        answers: list[list[Any] | Exception] = []
        if begin:
            self._conn.execute(begin)
        try:
            for sql, values, waiting in statements:
                try:
                    answers.append([] if waiting.done() else self._conn.execute(sql, values).fetchall())
                except sqlite3.Error as error:
                    # A full disk, for one, has rolled everything back (https://sqlite.org/lang_transaction.html).
                    if begin and not self._conn.in_transaction:
                        raise
                    answers.append(error)
            if begin:
                self._conn.execute("COMMIT")
        except BaseException:
            if self._conn.in_transaction:
                self._conn.execute("ROLLBACK")
            raise
        return answers

    async def rehearse(self, sql: str) -> None:
        """Run one write in a transaction of its own and roll it back, also if the caller is cancelled."""
        await self._execute(self._rehearse, sql)  # type: ignore[no-untyped-call]

    def _rehearse(self, sql: str) -> None:
        self._conn.execute("BEGIN IMMEDIATE")
        try:
            self._conn.execute(sql)
        finally:
            if self._conn.in_transaction:
                self._conn.execute("ROLLBACK")

    async def commit(self) -> None:
        """Commit, if a transaction has begun."""
        self.begins = None
        if self.began:
            await super().commit()
            self.began = False

    async def rollback(self) -> None:
        """Roll back, if a transaction has begun."""
        self.begins = None
        if self.began:
            await super().rollback()
            self.began = False


def _open(path: str) -> sqlite3.Connection:
    """Return a connection to the file, which only its owner may read, as the two files beside it in WAL mode.

    SQLite gives those the mode of the file itself (https://sqlite.org/tempfiles.html), so the file is created first.
    """
    if path and path != ":memory:":
        file = Path(path).resolve()
        with suppress(OSError):  # SQLite says itself why it cannot open the file
            private.make_file(file)
            for beside in ("-wal", "-shm", "-journal"):
                private.tighten(file.with_name(file.name + beside))
    return sqlite3.connect(path, isolation_level=None)


class SqliteCursor:
    """The part of a cursor that SQLAlchemy's adapter uses. Rows are fetched when the statement runs."""

    __slots__ = ("_connection", "_rows", "arraysize", "description", "lastrowid", "rowcount")

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement."""
        await self._visit("execute", operation, parameters)

    async def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Run one statement with many sets of values."""
        await self._visit("executemany", operation, parameters)

    async def _visit(self, method: str, *arguments: Any) -> None:
        answer = await self._connection.visit(method, *arguments)
        self.description, self.rowcount, self.lastrowid, self._rows = answer

    async def fetchall(self) -> list[Any]:
        """Return the rows."""
        return self._rows

    async def close(self) -> None:
        """Discard the rows."""
        self._rows = []


def sqlite_engine(url: str, pool_size: int, *, reads: bool, connect: SqliteConnect) -> AsyncEngine:
    """Return an engine whose connections only read, or one whose transactions take the write lock at once."""
    engine = create_async_engine(
        url,
        async_creator=partial(connect, reads=reads),
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        hide_parameters=True,
        execution_options={"compiled_cache": COMPILED},
    )
    if not reads:
        event.listen(engine.sync_engine, "begin", _sqlite_begin)
    return engine


class SqliteConnect(Protocol):
    """Opens a connection to a file."""

    async def __call__(self, *, reads: bool, synchronous: str = "FULL") -> SqliteConnection:
        """Return an open connection. `synchronous` is the PRAGMA of this name."""
        ...


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
