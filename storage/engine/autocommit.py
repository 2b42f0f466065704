"""Statements that are each a transaction of their own, for the few that run with every request from Slack.

A session costs several times as much as one small statement. Here SQLAlchemy builds a statement's SQL once, and from
then on only the driver runs it: on PostgreSQL in one round trip, on a connection with a system session's rights; on
SQLite together with all other statements that wait at the moment, in one visit to a thread and, for writes, with one
commit for all of them.

To its caller each statement is a transaction: it returns after the commit, it has its own error, and a statement that
fails does not undo others. Only if the commit itself fails, all statements in it fail. A caller that is cancelled does
not know whether its statement took place.

There are two kinds. The commit of a durable runner waits for the disk, as a session's does: it is for refreshed tokens.
The other's does not: it is for rows that are needed for minutes, such as tickets and seen signatures. They survive the
end of the process; the last moment may be lost when the machine or PostgreSQL crashes. Both databases write their logs
in order, and a session's commit waits for everything in the log before it. So what a handler stored never survives
without the mark that its request was seen
(https://sqlite.org/pragma.html#pragma_synchronous,
https://www.postgresql.org/docs/current/wal-async-commit.html).
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sqlalchemy import SelectBase

from storage.engine import time_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Dialect
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.elements import ClauseElement

    Rows = list[Sequence[Any]]


class StatementFailed(Exception):
    """PostgreSQL or its driver refused a statement; the cause says why."""


FAILURES = (StatementFailed, sqlite3.Error, OSError, TimeoutError)
"""What a statement may fail with; whether it took place may then be unknown."""


class AutocommitRunner(ABC):
    """Runs statements whose values are texts, bytes and numbers, with a system session's rights."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    @property
    def dialect(self) -> str:
        """The database's kind: `sqlite` or `postgresql`."""
        return self._dialect.name

    async def rows(self, statement: ClauseElement, values: dict[str, Any]) -> Rows:
        """Return what the statement returns, once it is committed.

        Raises:
            DatabaseUnavailable: There is a time limit, and it is over or the database is unavailable.
            Exception: One of `FAILURES`.

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
        found = _COMPILED.get((self.dialect, statement))
        if found is None:
            compiled = cast("SQLCompiler", statement.compile(dialect=self._dialect))
            found = _COMPILED[self.dialect, statement] = _Compiled(
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
    """The constant values in the statement."""
    reads: bool

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        return [values[name] if name in values else self.given[name] for name in self.names]


_COMPILED: dict[tuple[str, ClauseElement], _Compiled] = {}
"""What a statement is on a kind of database, shared by all runners of the process, as `storage.engine.compiled` is."""
