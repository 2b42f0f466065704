"""While a person waits, a database that says nothing is given up on soon, and jobs wait as long as ever."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from storage.engine import time_limit
from storage.engine.db import Database
from storage.engine.outages import DatabaseUnavailable, is_outage
from storage.models import SeenRequest, utc_now
from storage.seen_requests import first_seen
from tests.databases import locked, sqlite_file, stopped

if TYPE_CHECKING:
    from tests.databases import Postgres

LIMIT_S = 0.3
AT_MOST_S = 4.5
"""Less than a job waits: 5 s for a lock, 10 s for an answer."""
PID = text("SELECT pg_backend_pid()")
own_server = pytest.mark.skipif(
    "OCTAPOST_TEST_POSTGRES_URL" in os.environ, reason="its processes are not ours to stop"
)


@contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < AT_MOST_S


async def mark(database: Database, name: str) -> None:
    """Write something in a session."""
    async with database.system() as session:
        session.add(SeenRequest(signature_hash=name.encode(), seen_at=utc_now()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return sqlite_file(tmp_path)


@pytest_asyncio.fixture
async def sqlite(path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{path}")
    yield database
    await database.close()


@pytest_asyncio.fixture
async def postgresql(postgres: Postgres) -> AsyncIterator[Database]:
    database = Database(postgres.url(postgres.name), pool_size=1)
    yield database
    await database.close()
    await postgres.empty()


async def test_a_request_gives_up_on_a_locked_sqlite_and_nothing_was_changed(
    sqlite: Database, path: Path
) -> None:
    await mark(sqlite, "before")

    with locked(path), time_limit.limited(LIMIT_S) as limit, soon():
        with pytest.raises(DatabaseUnavailable):
            await mark(sqlite, "never")
        with pytest.raises(DatabaseUnavailable):
            await first_seen(sqlite.autocommit, "never")

    assert not limit.may_have_changed
    assert await first_seen(sqlite.autocommit, "never")
    await mark(sqlite, "never")


async def test_a_request_gives_up_on_its_turn_among_this_process_own_writers(sqlite: Database) -> None:
    async with sqlite.system() as session:
        await (await session.connection()).execute(text("SELECT 1"))

        async def impatient() -> None:
            with time_limit.limited(LIMIT_S), soon(), pytest.raises(DatabaseUnavailable):
                await mark(sqlite, "never")

        await asyncio.create_task(impatient())

    await mark(sqlite, "never")


async def test_a_job_still_waits_for_the_lock(sqlite: Database, path: Path) -> None:
    with time_limit.limited(LIMIT_S):
        await mark(sqlite, "a request came first")
    with locked(path):
        job = asyncio.create_task(mark(sqlite, "job"))
        await asyncio.sleep(3 * LIMIT_S)
        assert not job.done()

    await job


@own_server
async def test_a_request_gives_up_on_a_silent_postgresql_wherever_it_stopped(postgresql: Database) -> None:
    async with postgresql.system() as session:
        pid = (await (await session.connection()).execute(PID)).scalar_one()
    [[lone]] = await postgresql.autocommit.rows(PID, {})

    with stopped(pid), stopped(lone), time_limit.limited(LIMIT_S) as limit, soon():
        with pytest.raises(DatabaseUnavailable):
            await mark(postgresql, "first statement")
        with pytest.raises(DatabaseUnavailable):
            await first_seen(postgresql.autocommit, "lone statement")

    assert not limit.may_have_changed
    await mark(postgresql, "goes on")


@own_server
async def test_a_commit_nobody_confirmed_may_have_changed_something(postgresql: Database) -> None:
    async def commit_into_silence() -> None:
        async with postgresql.system() as session:
            stack.enter_context(stopped((await (await session.connection()).execute(PID)).scalar_one()))

    with (
        ExitStack() as stack,
        time_limit.limited(LIMIT_S) as limit,
        soon(),
        pytest.raises(DatabaseUnavailable),
    ):
        await commit_into_silence()

    assert limit.may_have_changed


async def test_a_request_gives_up_on_a_pool_in_which_nothing_is_free(postgresql: Database) -> None:
    async with postgresql.system():

        async def impatient() -> None:
            with time_limit.limited(LIMIT_S), soon(), pytest.raises(DatabaseUnavailable):
                await mark(postgresql, "never")

        await asyncio.create_task(impatient())


async def test_a_refused_statement_is_no_outage(sqlite: Database) -> None:
    with time_limit.limited(LIMIT_S):
        await mark(sqlite, "twice")
        with pytest.raises(IntegrityError) as refused:
            await mark(sqlite, "twice")

    assert not is_outage(refused.value)


def test_what_is_left_for_later_has_no_limit() -> None:
    with time_limit.limited(LIMIT_S), time_limit.unlimited():
        assert time_limit.current() is None
    assert time_limit.current() is None
