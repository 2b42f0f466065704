"""Statements on SQLite that are each a transaction of their own: those that wait go together in one visit."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from storage.engine.autocommit import AutocommitRunner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Dialect
    from sqlalchemy.sql.elements import ClauseElement

    from storage.engine.autocommit import Rows
    from storage.engine.sqlite import SqliteConnect, SqliteConnection

    Turn = Callable[[], AbstractAsyncContextManager[None]]


MOST_AT_ONCE = 100
"""How many statements share a commit at most, so that a long queue does not delay other writers."""


class SqliteAutocommitRunner(AutocommitRunner):
    """Statements that arrive while the thread is busy run together in its next visit."""

    def __init__(
        self, dialect: Dialect, connect: SqliteConnect, turn: Turn, *, durable: bool = False
    ) -> None:
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
    """One connection, and the statements that wait for it."""

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
                # Callers that gave up while this waited need nothing done any more.
                self._waiting = [each for each in self._waiting if not each[2].done()]
                served = self._waiting[:MOST_AT_ONCE]
                answers = await self._connection.together(self._begin, served)
        except Exception as error:  # noqa: BLE001 - the waiting callers get it
            answers = [error] * len(served)
        del self._waiting[: len(served)]
        for (_, _, waiting), answer in zip(served, answers, strict=True):
            if waiting.done():
                continue  # cancelled meanwhile
            if isinstance(answer, Exception):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)
