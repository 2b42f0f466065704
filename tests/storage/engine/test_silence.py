"""A PostgreSQL that says nothing more is given up on, wherever it stopped, and another connection goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from storage.engine.autocommit import FAILURES
from storage.engine.db import Database
from tests.counts import in_full
from tests.databases import stopped
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from tests.databases import Postgres

PID = text("SELECT pg_backend_pid()")
LONG = text("SELECT 1 FROM (SELECT pg_sleep(0.6)) AS slept")
pytestmark = pytest.mark.skipif(
    "OCTAPOST_TEST_POSTGRES_URL" in os.environ, reason="its processes are not ours to stop"
)


@pytest_asyncio.fixture
async def impatient(postgres: Postgres) -> AsyncIterator[Database]:
    database = Database(postgres.url(postgres.name), answered_within=timedelta(seconds=0.3))
    yield database
    await database.close()


async def one(database: Database, statement: Any) -> int:
    """Return what a statement of a session returns."""
    async with database.system() as session:
        found: int = (await (await session.connection()).execute(statement)).scalar_one()
    return found


async def test_a_lone_statement_does_not_wait_for_ever(impatient: Database) -> None:
    [[pid]] = await impatient.durable_autocommit.rows(PID, {})

    with stopped(pid):
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(FAILURES):
                await impatient.durable_autocommit.rows(PID, {})
            [[another]] = await impatient.durable_autocommit.rows(PID, {})

    assert another != pid


async def test_a_session_does_not_wait_for_ever(impatient: Database) -> None:
    pid = await one(impatient, PID)

    with stopped(pid):
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(FAILURES):
                await one(impatient, PID)
            another = await one(impatient, PID)

    assert another != pid


async def commit_into_silence(database: Database) -> None:
    async with database.system() as session:
        with stopped((await (await session.connection()).execute(PID)).scalar_one()):
            await session.commit()


@in_full
async def test_a_commit_does_not_wait_for_ever(impatient: Database) -> None:
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(FAILURES):
            await commit_into_silence(impatient)

        assert await one(impatient, PID) > 0


@in_full
async def test_an_operators_command_may_take_as_long_as_it_needs(
    postgres: Postgres, impatient: Database
) -> None:
    patient = Database(postgres.url(postgres.name), answered_within=None)

    with pytest.raises(FAILURES):
        await one(impatient, LONG)
    slept = await one(patient, LONG)
    await patient.close()

    assert slept == 1
