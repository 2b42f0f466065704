"""The database: one transaction at a time, on SQLite or PostgreSQL, for one organization or for the system.

On PostgreSQL every transaction states for whom it works, and row-level security enforces it: an organization's
transaction sees that organization's rows, a system transaction sees all rows, a transaction that states nothing
sees none. SQLite has no such protection; there the filters in the repositories are the only one.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url, text
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.engine import schema, time_limit
from storage.engine.autocommit import AutocommitRunner
from storage.engine.probe import PostgresProbe, Probe, SqliteProbe
from storage.engine.roles import faults, grant_to
from storage.engine.statements import run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from storage.engine.roles import RoleFault
    from storage.engine.sqlite import SqliteConnect
    from storage.engine.time_limit import TimeLimit

TURN = timedelta(seconds=20)
"""How long a write on SQLite waits for other writes of this process: a whole platform's refreshes may end at once."""
REACHED_WITHIN, ANSWERED_WITHIN = timedelta(seconds=5), timedelta(seconds=10)
"""How long PostgreSQL may take to accept a connection, and to answer one statement, before it counts as unavailable.

Far below a lease: while a server that fails over does not answer, callers get an error and try again.
"""
OUTBOX_CHANGED = "outbox_changed"
"""The key in `session.info` that says that the session put something into the outbox."""
OUTBOX_LATER_S = "outbox_later_s"
"""The key in `session.info` of the seconds after which something that it put there may be sent."""
CLOCK_DRIFT_S = 0.01
"""How much later than due the outbox is looked at: the database has another clock."""
MARGIN_S = 0.05
"""By how many seconds SQLite stops waiting for a lock before the request's time limit, so that it ends by itself."""
UPGRADE_LOCK = 0x0C7A_905B
"""The advisory lock with which one of several processes upgrades PostgreSQL."""

_UPGRADE_ALONE = text("SELECT pg_advisory_xact_lock(:key)")


class Database:
    """A pool of connections to `sqlite+aiosqlite:///file` or `postgresql+asyncpg://...`.

    Every block is one transaction: committed when it ends, rolled back when it raises. A write on SQLite takes the
    write lock when it begins (`BEGIN IMMEDIATE`), so it can wait but never fail half-way; writers of this process
    take turns in the order in which they came. Blocks are not nested.

    On PostgreSQL a statement that is not answered within `answered_within` raises TimeoutError, and it is not known
    whether it took place. None, for an operator's own commands: it may take as long as it needs. While a person
    waits, `storage.engine.time_limit` sets a shorter limit for whole transactions, on both databases.

    `connect` opens the connections to SQLite; None: as usual. The simulation has a clock of its own for them.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        answered_within: timedelta | None = ANSWERED_WITHIN,
        connect: SqliteConnect | None = None,
    ) -> None:
        self.outbox_signal = asyncio.Event()
        """Set when a transaction of this process that put something into the outbox has committed."""
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None
        parsed = make_url(url)
        self.dialect = parsed.get_backend_name()
        self.autocommit: AutocommitRunner
        self.durable_autocommit: AutocommitRunner
        self._probe: Probe
        # Only the module of the database in use is loaded: each brings several MiB of driver and dialect.
        if self.dialect == "sqlite":
            from storage.engine.sqlite import sqlite_connect, sqlite_engine  # noqa: PLC0415
            from storage.engine.sqlite_autocommit import SqliteAutocommitRunner  # noqa: PLC0415

            # Each read sees the newest state, as on PostgreSQL, so reads begin no transaction.
            connect = connect or partial(sqlite_connect, url)
            self._reads = sqlite_engine(url, pool_size, reads=True, connect=connect)
            self._writes = sqlite_engine(url, 1, reads=False, connect=connect)
            runner = partial(SqliteAutocommitRunner, self._writes.dialect, connect, self._written)
            self.autocommit, self.durable_autocommit = runner(), runner(durable=True)
            self._probe = SqliteProbe(parsed.database or "", connect, self._written)
        else:
            from storage.engine.postgresql import PostgresAutocommitRunner, postgres_engine  # noqa: PLC0415

            limits = {
                "timeout": REACHED_WITHIN.total_seconds(),
                "command_timeout": None if answered_within is None else answered_within.total_seconds(),
            }
            self._writes = postgres_engine(url, pool_size, limits)
            self._reads = self._writes.execution_options(postgresql_readonly=True)
            runners = partial(PostgresAutocommitRunner, parsed, max(1, pool_size // 2), limits=limits)
            self.autocommit, self.durable_autocommit = runners(), runners(durable=True)
            self._probe = PostgresProbe(self.system)

    def system(self, *, write: bool = True) -> AbstractAsyncContextManager[AsyncSession]:
        """Return a session that sees every organization's rows: for sign-in, jobs and cleanup."""
        return self._transaction("SET LOCAL octapost.system = 'on'", write=write)

    def organization(
        self, organization_id: str, *, write: bool = True
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """Return a session that works for one organization; PostgreSQL hides all other rows from it."""
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

    def look_at_outbox(self, after_s: float) -> None:
        """Set the signal when something is due: sooner than the outbox is looked at without it."""
        asyncio.get_running_loop().call_later(after_s + CLOCK_DRIFT_S, self.outbox_signal.set)

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
            if (later_s := session.info.get(OUTBOX_LATER_S)) is not None:
                self.look_at_outbox(later_s)
        except asyncio.CancelledError:
            # Perhaps in the middle of an answer: a ROLLBACK would wait for the rest of it.
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
        """Upgrade the schema to what this Octapost needs. Processes that upgrade at once wait for each other.

        `for_role` is PostgreSQL's role that will work with the tables, if it is not their owner.

        Raises:
            SchemaTooNew: A newer Octapost has upgraded the database.
            NoSuchRole: `for_role` does not exist.

        """
        async with self.system(write=False) as session:
            current = await (await session.connection()).run_sync(schema.known_revision)
            if current == schema.REVISIONS[-1] and for_role is None:
                return
        async with self.system() as session:
            if self.dialect == "postgresql":
                await run(session, _UPGRADE_ALONE, key=UPGRADE_LOCK)
            await (await session.connection()).run_sync(schema.upgrade)
            if for_role is not None:
                await grant_to(session, for_role)

    async def role_faults(self) -> list[RoleFault]:
        """Return what is wrong with the role we connect as, worst first; nothing on SQLite, which has no roles."""
        async with self.system(write=False) as session:
            return await faults(session)

    async def check(self) -> None:
        """Return if the schema is what this Octapost needs.

        Raises:
            SchemaTooNew: A newer Octapost has upgraded the database.
            SchemaTooOld: `upgrade` has to be called first.

        """
        async with self.system(write=False) as session:
            await (await session.connection()).run_sync(schema.check)
        self._probe.remember()

    async def probe(self) -> None:
        """Return if the schema is right and the database takes writes.

        Raises:
            SchemaTooNew: As `check` does.
            SchemaTooOld: As `check` does.
            DatabaseFileMoved: The SQLite file at the path is not the one that is open.
            Exception: The driver's or the operating system's error.

        """
        await self.check()
        await self._probe.rehearse()

    async def close(self) -> None:
        """Close every connection."""
        await self.autocommit.close()
        await self.durable_autocommit.close()
        await self._probe.close()
        await self._reads.dispose()
        await self._writes.dispose()
