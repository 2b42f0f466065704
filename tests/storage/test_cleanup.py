"""What has expired is deleted, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from storage.attempts import REMEMBERED
from storage.cleanup import sweep
from storage.models import (
    AttemptOutcome,
    Browser,
    ConnectionAttempt,
    Discovery,
    InstallState,
    JoinCode,
    SeenRequest,
    SignIn,
    Ticket,
)
from tests.storage.world import backdate, build, expire, run_sql

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault


async def test_a_sweep_takes_what_is_past_its_time_and_nothing_else(database: Database, vault: Vault) -> None:
    await build(database, vault, "1")
    async with database.system() as session:
        assert await sweep(session) == 0
    expiring = (Ticket, SignIn, Browser, AttemptOutcome, InstallState, JoinCode, Discovery)
    for model in expiring:
        await expire(database, model)
    await expire(database, ConnectionAttempt)
    await backdate(database, SeenRequest, "seen_at", timedelta(minutes=11))

    async with database.system() as session:
        count = await sweep(session)

    assert count == 8
    for table in (*(model.__tablename__ for model in expiring), "seen_request", "found_account"):
        assert await run_sql(database, f"SELECT count(*) FROM {table!s}") == [(0,)], table  # noqa: S608
    assert await run_sql(database, "SELECT count(*) FROM account") == [(1,)]
    assert await run_sql(database, "SELECT count(*) FROM connection_attempt") == [(1,)]


async def test_an_attempt_is_remembered_for_a_day_so_that_whoever_comes_back_late_is_told_what_to_do(
    database: Database, vault: Vault
) -> None:
    await build(database, vault, "1")
    await backdate(database, ConnectionAttempt, "expires_at", REMEMBERED)

    async with database.system() as session:
        assert await sweep(session) == 1
