"""Statements that are each a transaction of their own, for the few that come with every request from Slack.

A session costs several times what one small statement does. Here SQLAlchemy builds a statement's SQL once,
and from then on the driver alone runs it: on PostgreSQL in one trip, on a connection that works for the
system; on SQLite together with whatever else is asked for at the moment, in one visit to a thread and, for
writes, with one commit for all of them.

To its caller each is a transaction: nothing is answered before it is committed, each gets its own error, and
one that fails takes nobody else's work with it. Only if the commit itself fails, all that waited for it hear
so. A caller that is cancelled does not know whether its statement took place.

There are two kinds. A durable one's commit waits for the disk, as a session's does: for renewed tokens. The
other's does not, so it is for what lives minutes: links and seen signatures. It outlives the process; the
machine's sudden end (or PostgreSQL's) may take the last moment of it. Both databases keep their log in order,
and a session's commit waits for all of the log before it. So what a handler stored never survives without
the mark that its request was seen
(https://sqlite.org/pragma.html#pragma_synchronous,
https://www.postgresql.org/docs/current/wal-async-commit.html).
"""

from __future__ import annotations

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import asyncpg
from sqlalchemy import SelectBase

from storage.engine import time_limit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Protocol

    from sqlalchemy import URL, Dialect
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.elements import ClauseElement

    from storage.engine.drivers import SqliteConnection

    Rows = list[Sequence[Any]]
    Turn = Callable[[], AbstractAsyncContextManager[None]]

    class Connect(Protocol):
        """Opens a connection."""

        async def __call__(self, *, reads: bool, synchronous: str) -> SqliteConnection:
            """Return an open connection."""


MOST_AT_ONCE = 100
"""How many statements share a commit at most: a long queue must not keep other writers waiting."""
SYSTEM = {"octapost.system": "on"}
IN_ORDER_ONLY = {"synchronous_commit": "off"}
FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    sqlite3.Error,
    OSError,
    TimeoutError,
)
"""What a statement may fail with; whether it took place may then be unknown. A server that shuts down in the
middle of an answer leaves asyncpg with an InternalClientError, which is neither of its other two."""


class AutocommitRunner(ABC):
    """Runs statements whose values are texts, bytes and numbers, with a system session's rights."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._compiled: dict[ClauseElement, _Compiled] = {}

    @property
    def dialect(self) -> str:
        """The database's kind: `sqlite` or `postgresql`."""
        return self._dialect.name

    async def rows(self, statement: ClauseElement, values: dict[str, Any]) -> Rows:
        """Return what the statement returns, once it is committed.

        Raises one of FAILURES, or DatabaseUnavailable under a time limit.
        """
        limit = time_limit.current()
        if limit is None:
            return await self._rows(statement, values)
        async with time_limit.within(limit):
            return await self._rows(statement, values)

    @abstractmethod
    async def _rows(self, statement: ClauseElement, values: dict[str, Any]) -> Rows: ...

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""

    def _compile(self, statement: ClauseElement) -> _Compiled:
        found = self._compiled.get(statement)
        if found is None:
            compiled = cast("SQLCompiler", statement.compile(dialect=self._dialect))
            found = self._compiled[statement] = _Compiled(
                sql=str(compiled),
                names=tuple(compiled.positiontup or ()),
                given=compiled.params,
                reads=isinstance(statement, SelectBase),
            )
        return found


class _Compiled(NamedTuple):
    sql: str
    names: tuple[str, ...]
    given: Any
    """The values that were written into the statement."""
    reads: bool

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        return [values[name] if name in values else self.given[name] for name in self.names]


class PostgresAutocommitRunner(AutocommitRunner):
    """One trip per statement: a lone statement is a transaction on PostgreSQL.

    Its connections are told at birth that they work for the system, and are used for nothing else. `limits`
    are asyncpg's `timeout` and `command_timeout`, in seconds.
    """

    def __init__(
        self, url: URL, size: int, *, limits: Mapping[str, float | None], durable: bool = False
    ) -> None:
        dialect: Any = url.get_dialect()()
        super().__init__(dialect)
        self._settings = SYSTEM if durable else SYSTEM | IN_ORDER_ONLY
        self._options: dict[str, Any] = dialect.create_connect_args(url)[1]
        self._options.pop("prepared_statement_cache_size", None)  # SQLAlchemy's own
        self._options |= limits
        self._free = asyncio.Semaphore(size)
        self._idle: list[asyncpg.Connection] = []

    async def _rows(self, statement: ClauseElement, values: dict[str, Any]) -> Rows:
        compiled = self._compile(statement)
        async with self._free:
            connection = await self._connection()
            try:
                found: Rows = await connection.fetch(compiled.sql, *compiled.arguments(values))
            except asyncpg.PostgresError:
                self._idle.append(connection)
                raise
            except BaseException:
                connection.terminate()  # cancelled, perhaps in the middle of an answer
                raise
            self._idle.append(connection)
            return found

    async def _connection(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await asyncpg.connect(**self._options, server_settings=self._settings)

    async def close(self) -> None:
        """Close every connection."""
        while self._idle:
            await self._idle.pop().close()


class SqliteAutocommitRunner(AutocommitRunner):
    """What is asked for while the thread is busy goes together, the next time."""

    def __init__(self, dialect: Dialect, connect: Connect, turn: Turn, *, durable: bool = False) -> None:
        super().__init__(dialect)
        synchronous = "FULL" if durable else "NORMAL"
        self._reads = _BatchingConnection(lambda: connect(reads=True, synchronous=synchronous), nullcontext)
        self._writes = _BatchingConnection(
            lambda: connect(reads=False, synchronous=synchronous), turn, begin="BEGIN IMMEDIATE"
        )

    async def _rows(self, statement: ClauseElement, values: dict[str, Any]) -> Rows:
        compiled = self._compile(statement)
        chosen = self._reads if compiled.reads else self._writes
        return await chosen.ask(compiled.sql, compiled.arguments(values))

    async def close(self) -> None:
        """Close both connections."""
        await self._reads.close()
        await self._writes.close()


class _BatchingConnection:
    """One connection, and those who wait for it."""

    def __init__(
        self, connect: Callable[[], Awaitable[SqliteConnection]], turn: Turn, begin: str = ""
    ) -> None:
        self._connect = connect
        self._turn = turn
        self._begin = begin
        self._waiting: list[tuple[str, list[Any], asyncio.Future[Rows]]] = []
        self._work: asyncio.Task[None] | None = None
        self._connection: SqliteConnection | None = None

    async def ask(self, sql: str, values: list[Any]) -> Rows:
        answer: asyncio.Future[Rows] = asyncio.get_running_loop().create_future()
        self._waiting.append((sql, values, answer))
        if self._work is None:
            self._work = asyncio.create_task(self._until_nobody_waits())
        return await answer

    async def close(self) -> None:
        if self._work is not None:
            await self._work
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _until_nobody_waits(self) -> None:
        try:
            while self._waiting:
                await self._serve()
        finally:
            self._work = None

    async def _serve(self) -> None:
        served = self._waiting[:MOST_AT_ONCE]
        try:
            async with self._turn():
                if self._connection is None:
                    self._connection = await self._connect()
                # Whoever gave up while this waited wants nothing done any more.
                self._waiting = [each for each in self._waiting if not each[2].done()]
                served = self._waiting[:MOST_AT_ONCE]
                answers = await self._connection.together(self._begin, served)
        except Exception as error:  # noqa: BLE001 - it is theirs who wait
            answers = [error] * len(served)
        del self._waiting[: len(served)]
        for (_, _, waiting), answer in zip(served, answers, strict=True):
            if waiting.done():
                continue  # cancelled meanwhile
            if isinstance(answer, Exception):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)
