"""A process whose database takes no writes says so, and is ready again by itself where that ends."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path

import httpx
import pytest

from bot import app, process
from bot.web.health import ASKED_EVERY_S
from sandbox.browser import PLAIN
from sandbox.start import bound
from storage.vault import KeyRing
from tests.counts import in_full
from tests.crash.house import environment
from tests.databases import Postgres, postgres, sqlite_file, started

__all__ = ["postgres"]
Count = Callable[[str, object], None]


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Run a process without jobs on this database; give whoever watches it."""
    env = environment(url, KeyRing.generate())
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(
            process.run(app.settings_from(env), work=False, monitoring_listener=bound())
        )
        client = httpx.AsyncClient(
            verify=PLAIN, base_url=str(running.monitoring_url), trust_env=False, timeout=20
        )
        yield await stack.enter_async_context(client)


async def readiness(watcher: httpx.AsyncClient) -> str:
    """Ask once the last answer is no longer good, and return what is said."""
    await asyncio.sleep(ASKED_EVERY_S)
    answer = await watcher.get("/readyz")
    assert (answer.status_code == 200) == (answer.text == "ready\n")
    return answer.text.strip()


@contextmanager
def full_disk(file: Path) -> Iterator[None]:
    """Let no file of this process grow beyond the database's size: more is refused, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the write lock, as another process would."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def moved_away(file: Path) -> Iterator[None]:
    elsewhere = file.with_name("elsewhere.sqlite3")
    file.rename(elsewhere)
    yield
    elsewhere.rename(file)


@contextmanager
def replaced(file: Path) -> Iterator[None]:
    """Put a copy in its place, as a restore does beside a running process."""
    copy, original = file.with_name("copy.sqlite3"), file.with_name("original.sqlite3")
    shutil.copyfile(file, copy)
    os.link(file, original)
    copy.replace(file)
    yield
    original.replace(file)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (full_disk, "not ready: EFBIG"),
        (locked, "not ready: SQLITE_BUSY"),
        (moved_away, "not ready: DatabaseFileMoved"),
        (replaced, "not ready: DatabaseFileMoved"),
    ],
)
async def test_on_sqlite_it_is_ready_only_while_a_write_would_be_kept(
    tmp_path: Path, trouble: Callable[[Path], AbstractContextManager[None]], said: str, record_property: Count
) -> None:
    file = sqlite_file(tmp_path)
    async with watched(f"sqlite+aiosqlite:///{file}") as watcher:
        before = await readiness(watcher)
        with trouble(file):
            during = await readiness(watcher)
        after = await readiness(watcher)
    with closing(sqlite3.connect(file)) as found:
        kept = found.execute("SELECT count(*) FROM seen_request").fetchone()

    assert (before, during, after) == ("ready", said, "ready")
    assert kept == (0,)
    record_property("counted", f"readiness, {trouble.__name__}: {during}")


@in_full
async def test_on_postgresql_it_is_not_ready_where_nothing_may_be_written(postgres: Postgres) -> None:
    read_only = f"ALTER DATABASE {postgres.name} SET default_transaction_read_only"
    reconnect = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{postgres.name}'"  # noqa: S608
    said = []
    async with watched(postgres.url(postgres.name)) as watcher:
        said.append(await readiness(watcher))
        for setting in ("on", "off"):
            await postgres.run(f"{read_only} = {setting}", reconnect)
            await readiness(watcher)  # finds out that its connection is gone
            said.append(await readiness(watcher))
    await postgres.empty()

    assert said == ["ready", "not ready: ReadOnlySQLTransactionError", "ready"]


@in_full
async def test_on_postgresql_it_is_not_ready_while_the_server_is_stopped() -> None:
    with started() as running:
        server = Postgres(running.get_uri(), "octapost_readiness")
        await server.prepare()
        async with watched(server.url(server.name)) as watcher:
            before = await readiness(watcher)
            running.cleanup()
            during = await readiness(watcher)

    assert before == "ready"
    assert during.startswith("not ready: ")
