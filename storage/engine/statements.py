"""Statements for both databases: the database's clock, INSERT with ON CONFLICT, and statements that were built once."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import JSON, Float, literal, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import select

from storage.engine.autocommit import AutocommitRunner
from storage.models import Utc

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, CursorResult, Executable
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
    from sqlalchemy.sql import ClauseElement
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlmodel import SQLModel
    from sqlmodel.ext.asyncio.session import AsyncSession

_STEP_UP = text("SELECT current_setting('octapost.system', true), set_config('octapost.system', 'on', true)")
_STEP_DOWN = text("SELECT set_config('octapost.system', :before, true)")


class Now(FunctionElement[Any]):
    """The database's clock, plus an offset in seconds if one is given."""

    type = Utc()
    inherit_cache = True
    name = "octapost_now"


def now(offset: timedelta = timedelta(0)) -> ColumnElement[datetime]:
    """Return the database's clock plus `offset`, comparable with (and storable in) every time column.

    The host's clock may be minutes off; what has expired is decided by the one clock that all processes share.
    """
    return Now(literal(offset.total_seconds(), Float)) if offset else Now()


def now_or_null(offset: timedelta | None) -> ColumnElement[datetime] | None:
    """Return `now(offset)`; None (no end) for None."""
    return None if offset is None else now(offset)


@compiles(Now, "sqlite")
def _now_sqlite(element: Now, compiler: SQLCompiler, **kw: Any) -> str:
    if len(element.clauses) == 0:
        return "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"
    seconds = compiler.process(element.clauses, **kw)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', printf('%+.3f seconds', {seconds})) || '000')"


@compiles(Now, "postgresql")
def _now_postgresql(element: Now, compiler: SQLCompiler, **kw: Any) -> str:
    if len(element.clauses) == 0:
        return "statement_timestamp()"
    return f"(statement_timestamp() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


async def database_time(session: AsyncSession) -> datetime:
    """Return the database's time, which decides what has expired: hosts' clocks may be minutes apart."""
    clock: datetime = (await run(session, _CLOCK)).scalar_one()
    return clock


_CLOCK = select(now())


class AsJson(FunctionElement[Any]):
    """A text that is stored in a JSON column as it is."""

    type = JSON()
    inherit_cache = True
    name = "octapost_json"


@compiles(AsJson, "sqlite")
def _json_sqlite(element: AsJson, compiler: SQLCompiler, **kw: Any) -> str:
    return str(compiler.process(element.clauses, **kw))


@compiles(AsJson, "postgresql")
def _json_postgresql(element: AsJson, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **kw)} AS JSON)"


def insert_once(session: AsyncSession, model: type[SQLModel]) -> SqliteInsert | PostgresqlInsert:
    """Return an INSERT into the model's table that knows `on_conflict_do_nothing` and `..._do_update`."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite_insert(model)
    return postgresql_insert(model)


async def rows(
    session: AsyncSession | AutocommitRunner, statement: ClauseElement, **values: Any
) -> Sequence[Sequence[Any]]:
    """Return the rows of a statement that was built once, in a session or as a transaction of its own."""
    if isinstance(session, AutocommitRunner):
        return await session.rows(statement, values)
    connection = await session.connection()
    return (await connection.execute(cast("Executable", statement), values)).all()


def dialect_of(session: AsyncSession | AutocommitRunner) -> str:
    """Return `sqlite` or `postgresql`."""
    return session.dialect if isinstance(session, AutocommitRunner) else session.get_bind().dialect.name


async def run(session: AsyncSession, statement: Executable, **values: Any) -> CursorResult[Any]:
    """Return the rows of a statement that was built once, at a third of the cost of the session's own `exec`.

    For the few statements that run with every request: it returns columns, no objects, and flushes nothing.
    """
    connection = await session.connection()
    return await connection.execute(statement, values)


async def change(session: AsyncSession, statement: Executable, **values: Any) -> int:
    """Return how many rows a statement that was built once has changed, after the changes that the session holds."""
    if session.new or session.dirty or session.deleted:
        await session.flush()
    return (await run(session, statement, **values)).rowcount


@asynccontextmanager
async def across(session: AsyncSession) -> AsyncGenerator[None]:
    """Let the statements inside see all organizations' rows; afterwards the session sees its own again.

    Only for questions whose answer names no other organization: a grant that two organizations share is one row.
    After an error nothing is reset, because the transaction is over anyway.
    """
    if session.get_bind().dialect.name == "sqlite":
        yield
        return
    before = (await run(session, _STEP_UP)).one()[0]
    yield
    await session.flush()
    await run(session, _STEP_DOWN, before=before or "")
