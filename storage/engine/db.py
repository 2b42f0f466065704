"""The database: one transaction at a time, on SQLite or PostgreSQL, for one organization or for the system.

On PostgreSQL every transaction says for whom it works, and row-level security holds it to that: an
organization's transaction sees that organization's rows, a system one sees all, one that says nothing
sees none. SQLite has no such wall; there the repositories' own filters are the only one.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import JSON, Float, event, inspect, literal, make_url, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.engine import time_limit
from storage.engine.autocommit import AutocommitRunner, PostgresAutocommitRunner, SqliteAutocommitRunner
from storage.engine.drivers import COMPILED, PostgresConnection, SqliteConnection
from storage.engine.probe import PostgresProbe, Probe, SqliteProbe
from storage.engine.roles import grant_to
from storage.models import Utc

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from datetime import datetime

    from alembic.config import Config
    from sqlalchemy import ColumnElement, CursorResult, Executable
    from sqlalchemy import Connection as SyncConnection
    from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.sql import ClauseElement
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlmodel import SQLModel

    from storage.engine.time_limit import TimeLimit

MIGRATIONS = Path(__file__).parents[1] / "migrations"
REVISIONS = sorted(each.name[:4] for each in (MIGRATIONS / "versions").glob("[0-9]*.py"))
"""The schema's versions, oldest first: the beginnings of their files' names."""
BUSY = timedelta(seconds=5)
"""How long a write waits on SQLite for another process's, as there is one writer at a time."""
TURN = timedelta(seconds=20)
"""How long it waits for its turn among this process's own: a whole platform's refreshes may end at once."""
REACHED_WITHIN, ANSWERED_WITHIN = timedelta(seconds=5), timedelta(seconds=10)
"""How long PostgreSQL may take to let us in, and to answer one statement, before it counts as gone.

Far below a lease: while a server that fails over says nothing, whoever waits for it hears so and tries again.
"""
SQLITE_SETTINGS = ("PRAGMA journal_mode = WAL", "PRAGMA foreign_keys = ON")
OUTBOX_CHANGED = "outbox_changed"
"""The key under which a session notes that it put something into the outbox."""
BUSY_MS = int(BUSY.total_seconds() * 1000)
BUSY_TIMEOUT = f"PRAGMA busy_timeout = {BUSY_MS}"
MARGIN_S = 0.05
"""By how much SQLite gives up on a lock before the request does, so that it ends by itself."""
WAL_TRIES = 100
"""Tries, 20 ms apart, to open a file that others are opening for the first time."""
UPGRADE_LOCK = 0x0C7A_905B
"""The advisory lock that lets one of several replicas upgrade PostgreSQL."""

_REVISION = text("SELECT version_num FROM alembic_version")
_UPGRADE_ALONE = text("SELECT pg_advisory_xact_lock(:key)")
_STEP_UP = text("SELECT current_setting('octapost.system', true), set_config('octapost.system', 'on', true)")
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


class AsJson(FunctionElement[Any]):
    """A text that is written into a JSON column as it is."""

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
    """Return the rows of a statement that was built once. A third of what the session's own `exec` costs.

    For the few that run with every request: it looks at tables, knows no objects, and flushes nothing.
    """
    connection = await session.connection()
    return await connection.execute(statement, values)


@asynccontextmanager
async def across(session: AsyncSession) -> AsyncGenerator[None]:
    """Let the statements inside see all organizations' rows, then fall back to the session's own.

    Only for questions whose answer names no other organization: a consent that two organizations share
    is one row. After an error nothing falls back, because the transaction is over anyway.
    """
    if session.get_bind().dialect.name == "sqlite":
        yield
        return
    before = (await run(session, _STEP_UP)).one()[0]
    yield
    await session.flush()
    await run(session, _STEP_DOWN, before=before or "")


class Database:
    """A pool of connections to `sqlite+aiosqlite:///file` or `postgresql+asyncpg://...`.

    Every block is one transaction: committed when it ends, rolled back when it raises. A write on
    SQLite takes the write lock when it begins (`BEGIN IMMEDIATE`), so it can wait but never fail
    half-way; writers of this process take turns in the order they came. Blocks are not nested.

    On PostgreSQL a statement that is not answered within `answered_within` raises TimeoutError, and whether
    it took place is not known. None, for an operator's own commands: as long as it takes. While a person waits,
    `storage.time_limit` sets a shorter limit for whole transactions, on both databases.
    """

    def __init__(
        self, url: str, *, pool_size: int = 10, answered_within: timedelta | None = ANSWERED_WITHIN
    ) -> None:
        self.outbox_signal = asyncio.Event()
        """Set when a transaction of this process that put something into the outbox has committed."""
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None
        self.dialect = make_url(url).get_backend_name()
        if self.dialect == "sqlite":
            # Reads see each statement's newest state, as on PostgreSQL, so they begin no transaction.
            self._reads = _sqlite_engine(url, pool_size, reads=True)
            self._writes = _sqlite_engine(url, 1, reads=False)
            event.listen(self._writes.sync_engine, "begin", _sqlite_begin)
            connect = partial(_sqlite_connect, url)
            self.autocommit: AutocommitRunner = SqliteAutocommitRunner(
                self._writes.dialect, connect, self._written
            )
            self.durable_autocommit: AutocommitRunner = SqliteAutocommitRunner(
                self._writes.dialect, connect, self._written, durable=True
            )
            self._probe: Probe = SqliteProbe(make_url(url).database or "", connect, self._written)
        else:
            limits = {
                "timeout": REACHED_WITHIN.total_seconds(),
                "command_timeout": None if answered_within is None else answered_within.total_seconds(),
            }
            self._writes = create_async_engine(
                url,
                pool_size=pool_size,
                max_overflow=0,
                pool_use_lifo=True,
                hide_parameters=True,  # an error's text ends up in logs, values must not
                execution_options={"compiled_cache": COMPILED},
                connect_args={"connection_class": PostgresConnection} | limits,
            )
            event.listen(self._writes.sync_engine, "begin", _postgres_begin)
            self._reads = self._writes.execution_options(postgresql_readonly=True)
            singles = partial(PostgresAutocommitRunner, make_url(url), max(1, pool_size // 2), limits=limits)
            self.autocommit, self.durable_autocommit = singles(), singles(durable=True)
            self._probe = PostgresProbe(self.system)

    def system(self, *, write: bool = True) -> AbstractAsyncContextManager[AsyncSession]:
        """Give a session that sees every organization's rows: for who is asking, jobs and sweeps."""
        return self._transaction("SET LOCAL octapost.system = 'on'", write=write)

    def organization(
        self, organization_id: str, *, write: bool = True
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """Give a session that works for one organization; PostgreSQL hides all other rows from it."""
        quoted = organization_id.replace("'", "''")
        # The flag may be on for the whole connection, as a default of the role or the database.
        begins = f"SET LOCAL octapost.system = 'off'; SET LOCAL octapost.organization = '{quoted}'"
        return self._transaction(begins, write=write)

    @asynccontextmanager
    async def _transaction(self, begins: str, *, write: bool) -> AsyncGenerator[AsyncSession]:
        limit = time_limit.current()
        async with (
            time_limit.within(limit) if limit else nullcontext(),
            self._session({"octapost_begins": begins}, limit, write=write) as session,
        ):
            yield session

    @asynccontextmanager
    async def _session(
        self, options: dict[str, Any], limit: TimeLimit | None, *, write: bool
    ) -> AsyncGenerator[AsyncSession]:
        exclusive = write and self.dialect == "sqlite"
        session = AsyncSession(self._writes if write else self._reads, expire_on_commit=False)
        ends = time.monotonic() + limit.seconds if limit else 0.0
        if exclusive:
            await self._take_turn()
        if exclusive and limit:
            options["octapost_busy_ms"] = max(1, int((ends - time.monotonic() - MARGIN_S) * 1000))
        try:
            await session.connection(execution_options=options)
            yield session
            if limit and write:
                await session.flush()
                limit.may_have_changed = True
            await session.commit()
            if session.info.get(OUTBOX_CHANGED):
                self.outbox_signal.set()
        except asyncio.CancelledError:
            # Perhaps in the middle of an answer: a ROLLBACK would wait behind it.
            await session.invalidate()
            raise
        finally:
            try:
                await session.close()
            finally:
                if exclusive:
                    self._end_turn()

    @asynccontextmanager
    async def _written(self) -> AsyncGenerator[None]:
        await self._take_turn()
        try:
            yield
        finally:
            self._end_turn()

    async def _take_turn(self) -> None:
        task = asyncio.current_task()
        if self._writer is task:
            raise RuntimeError("a write inside a write would wait for itself")
        if self._turn.locked():
            async with asyncio.timeout(TURN.total_seconds()):
                await self._turn.acquire()
        else:
            await self._turn.acquire()
        self._writer = task

    def _end_turn(self) -> None:
        self._writer = None
        self._turn.release()

    async def upgrade(self, *, for_role: str | None = None) -> None:
        """Bring the schema to what this Octapost needs. Replicas wait for each other.

        `for_role` is PostgreSQL's role that will work with the tables, if it is not their owner.
        Raises `SchemaTooNew` where there is nothing to go up to, and `NoSuchRole`.
        """
        async with self.system(write=False) as session:
            current = await (await session.connection()).run_sync(_known_revision)
            if current == REVISIONS[-1] and for_role is None:
                return
        async with self.system() as session:
            if self.dialect == "postgresql":
                await run(session, _UPGRADE_ALONE, key=UPGRADE_LOCK)
            await (await session.connection()).run_sync(_upgrade)
            if for_role is not None:
                await grant_to(session, for_role)

    async def check(self) -> None:
        """Return if the schema is what this Octapost needs, else raise `SchemaTooNew` or `SchemaTooOld`."""
        async with self.system(write=False) as session:
            await (await session.connection()).run_sync(_check)
        self._probe.remember()

    async def probe(self) -> None:
        """Return if the schema is right and a write would be kept, else raise whatever is in the way."""
        await self.check()
        await self._probe.rehearse()

    async def close(self) -> None:
        """Close every connection."""
        await self.autocommit.close()
        await self.durable_autocommit.close()
        await self._probe.close()
        await self._reads.dispose()
        await self._writes.dispose()


def _sqlite_engine(url: str, pool_size: int, *, reads: bool) -> AsyncEngine:
    return create_async_engine(
        url,
        async_creator=partial(_sqlite_connect, url, reads=reads),
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        hide_parameters=True,
        execution_options={"compiled_cache": COMPILED},
    )


async def _sqlite_connect(url: str, *, reads: bool, synchronous: str = "FULL") -> SqliteConnection:
    connection = SqliteConnection(make_url(url).database or "")
    await connection
    role = "PRAGMA query_only = ON" if reads else BUSY_TIMEOUT
    for setting in (*SQLITE_SETTINGS, f"PRAGMA synchronous = {synchronous}", role):
        await _patiently(connection, setting)
    return connection


async def _patiently(connection: SqliteConnection, setting: str) -> None:
    """Run a PRAGMA. Several who make a new file a WAL one at once are told "locked" without having waited."""
    for left in range(WAL_TRIES, -1, -1):
        try:
            await connection.visit("execute", setting)
        except sqlite3.OperationalError:
            if not left:
                raise
            await asyncio.sleep(0.02)
        else:
            return


def _sqlite_begin(connection: SyncConnection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.begins = "BEGIN IMMEDIATE"
    driver.busy_ms = connection.get_execution_options().get("octapost_busy_ms", BUSY_MS)


def _postgres_begin(connection: SyncConnection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.begins = connection.get_execution_options().get("octapost_begins", "")


# A start needs none of Alembic's modules unless there is something to upgrade.


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _upgrade(connection: SyncConnection) -> None:
    from alembic import command  # noqa: PLC0415

    _known_revision(connection)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check(connection: SyncConnection) -> None:
    current = _known_revision(connection)
    if current != REVISIONS[-1]:
        raise SchemaTooOld(
            f"The database's schema is {current or 'empty'}, this Octapost needs"
            f" {REVISIONS[-1]}: run `octapost db upgrade` once, then start again."
        )


def _known_revision(connection: SyncConnection) -> str | None:
    """Return where Alembic left the schema, or None for an empty database. Raises SchemaTooNew."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    current: str | None = connection.execute(_REVISION).scalar_one_or_none()
    if current is not None and current not in REVISIONS:
        raise SchemaTooNew(
            f"The database's schema {current} is newer than this Octapost knows: start the newer version,"
            " or restore the backup made before the upgrade."
        )
    return current
