"""The database: one transaction at a time, on SQLite or PostgreSQL, for one organization or for the system.

On PostgreSQL every transaction says for whom it works, and row-level security holds it to that: an
organization's transaction sees that organization's rows, a system one sees all, one that says nothing
sees none. SQLite has no such wall; there the repositories' own filters are the only one.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Float, event, literal, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.models import Utc

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlmodel import SQLModel

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY = timedelta(seconds=5)
"""How long a write waits for its turn on SQLite, which has one writer at a time."""
UPGRADE_LOCK = 0x0C7A_905B
"""The advisory lock that lets one of several replicas upgrade PostgreSQL."""

_FOR_SYSTEM = text("SELECT set_config('octapost.system', 'on', true)")
_FOR_ORGANIZATION = text("SELECT set_config('octapost.organization', :organization, true)")
_STEP_UP = text("SELECT set_config('octapost.system', 'on', true), current_setting('octapost.system', true)")
_STEP_DOWN = text("SELECT set_config('octapost.system', :before, true)")


class SchemaTooNew(Exception):
    """The database was upgraded by a newer Octapost than this one."""


class SchemaTooOld(Exception):
    """The database has not been upgraded to what this Octapost needs."""


class Now(FunctionElement[Any]):
    """The database's clock, plus an offset in seconds if one is given."""

    type = Utc()
    inherit_cache = True
    name = "octapost_now"


def now(offset: timedelta = timedelta(0)) -> ColumnElement[datetime]:
    """Return the database's clock plus `offset`, comparable with (and storable in) every time column.

    The host's clock may be minutes off; what has expired is decided by the one clock all replicas share.
    """
    return Now(literal(offset.total_seconds(), Float)) if offset else Now()


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


def insert_once(session: AsyncSession, model: type[SQLModel]) -> SqliteInsert | PostgresqlInsert:
    """Return an INSERT into the model's table that knows `on_conflict_do_nothing` and `..._do_update`."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite_insert(model)
    return postgresql_insert(model)


@asynccontextmanager
async def across(session: AsyncSession) -> AsyncGenerator[None]:
    """Let the statements inside see all organizations' rows, then fall back to the session's own.

    Only for questions whose answer names no other organization: a consent that two organizations share
    is one row. After an error nothing falls back, because the transaction is over anyway.
    """
    if session.get_bind().dialect.name == "sqlite":
        yield
        return
    before = (await session.exec(_STEP_UP)).one()[1]  # type: ignore[call-overload]
    yield
    await session.flush()
    await session.exec(_STEP_DOWN, params={"before": before or ""})  # type: ignore[call-overload]


class Database:
    """A pool of connections to `sqlite+aiosqlite:///file` or `postgresql+asyncpg://...`.

    Every block is one transaction: committed when it ends, rolled back when it raises. A write on
    SQLite takes the write lock when it begins (`BEGIN IMMEDIATE`), so it can wait but never fail
    half-way; writers of this process take turns in the order they came. Blocks are not nested.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self._engine = create_async_engine(url, pool_size=pool_size, max_overflow=0, pool_use_lifo=True)
        self.dialect = self._engine.dialect.name
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None
        self._reads = self._writes = self._engine
        if self.dialect == "sqlite":
            self._writes = self._engine.execution_options(octapost_begin="BEGIN IMMEDIATE")
            event.listen(self._engine.sync_engine, "connect", _sqlite_connect)
            event.listen(self._engine.sync_engine, "begin", _sqlite_begin)
        else:
            self._reads = self._engine.execution_options(postgresql_readonly=True)

    @asynccontextmanager
    async def system(self, *, write: bool = True) -> AsyncGenerator[AsyncSession]:
        """Give a session that sees every organization's rows: for who is asking, jobs and sweeps."""
        async with self._transaction(None, write=write) as session:
            yield session

    @asynccontextmanager
    async def organization(self, organization_id: str, *, write: bool = True) -> AsyncGenerator[AsyncSession]:
        """Give a session that works for one organization; PostgreSQL hides all other rows from it."""
        async with self._transaction(organization_id, write=write) as session:
            yield session

    @asynccontextmanager
    async def _transaction(self, organization: str | None, *, write: bool) -> AsyncGenerator[AsyncSession]:
        if self.dialect != "sqlite":
            engine = self._writes if write else self._reads
            async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
                if organization is None:
                    await session.exec(_FOR_SYSTEM)  # type: ignore[call-overload]
                else:
                    await session.exec(_FOR_ORGANIZATION, params={"organization": organization})  # type: ignore[call-overload]
                yield session
        elif write:
            async with (
                self._sqlite_turn(),
                AsyncSession(self._writes, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session
        else:
            async with AsyncSession(self._reads, expire_on_commit=False) as session, session.begin():
                yield session

    @asynccontextmanager
    async def _sqlite_turn(self) -> AsyncGenerator[None]:
        task = asyncio.current_task()
        if self._writer is task:
            raise RuntimeError("a write inside a write would wait for itself")
        async with asyncio.timeout(BUSY.total_seconds()):
            await self._turn.acquire()
        self._writer = task
        try:
            yield
        finally:
            self._writer = None
            self._turn.release()

    async def upgrade(self) -> None:
        """Bring the schema to what this Octapost needs. Raises `SchemaTooNew`; replicas wait for each other."""
        async with self._sqlite_turn(), self._writes.begin() as connection:
            if self.dialect == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
            await connection.run_sync(_upgrade)

    async def check(self) -> None:
        """Return if the schema is what this Octapost needs, else raise `SchemaTooNew` or `SchemaTooOld`."""
        async with self._reads.connect() as connection:
            await connection.run_sync(_check)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # else sqlite3 begins transactions by itself, and too late
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA busy_timeout = {int(BUSY.total_seconds() * 1000)}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("octapost_begin", "BEGIN"))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _upgrade(connection: Connection) -> None:
    scripts = ScriptDirectory.from_config(_config())
    _refuse_newer(connection, scripts)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check(connection: Connection) -> None:
    scripts = ScriptDirectory.from_config(_config())
    current = _refuse_newer(connection, scripts)
    if current != scripts.get_current_head():
        raise SchemaTooOld(
            f"The database's schema is {current or 'empty'}, this Octapost needs"
            f" {scripts.get_current_head()}: run `octapost db upgrade` once, then start again."
        )


def _refuse_newer(connection: Connection, scripts: ScriptDirectory) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise SchemaTooNew(
            f"The database's schema {current} is newer than this Octapost knows: start the newer version,"
            " or restore the backup made before the upgrade."
        )
    return current
