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
