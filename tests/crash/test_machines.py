"""Machines that go: the database under load, one process of three, and clocks that disagree."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest
from sqlmodel import col, update

from bot.jobs.refresh import COMMIT_FOR_S, SECOND_OPINION
from sandbox.core import Fault
from sandbox.platforms.reddit import RedditSimulator
from sandbox.platforms.x import XSimulator
from storage.db import Database, now
from storage.models import Grant, GrantStatus
from storage.refreshes import Refreshes
from tests.counts import in_full, sampled
from tests.crash.children import octapost, until
from tests.crash.house import UNSYNCHRONIZED, House, open_house
from tests.databases import APP, Postgres, another, started

GRANTS = 1000
IN_FLIGHT = 10
SLOW_S = 0.3
LEASE_S, TOLERATED_S = 60, 5
JOBS = ("run", "--only", "jobs")


@asynccontextmanager
async def three(house: House, count: int = 3) -> AsyncIterator[list[Any]]:
    """Run so many processes that do the jobs."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(octapost(house.env, *JOBS)) for _ in range(count)]


async def away(running: Any, how: str) -> None:
    """Let PostgreSQL be gone for a while: asked to stop, or without a chance to write anything down."""
    # Fast and immediate: https://www.postgresql.org/docs/current/server-shutdown.html
    server = psutil.Process(running.get_pid())
    os.kill(server.pid, signal.SIGQUIT if how == "crashed" else signal.SIGINT)
    await asyncio.to_thread(psutil.wait_procs, [server], 20)
    await asyncio.sleep(1)
    await asyncio.to_thread(running.start)


@in_full
@pytest.mark.parametrize("how", ["stopped", "crashed"])
async def test_new_tokens_wait_while_postgresql_is_away(
    how: str, record_property: Callable[[str, object], None]
) -> None:
    with started() as running:
        server = Postgres(running.get_uri(), "octapost_crash")
        await server.prepare()
        database = Database(server.url(server.name))
        async with open_house(database, XSimulator()) as house:
            held = Fault(path=house.simulator.rules.token_path, delay_s=SLOW_S)
            house.simulator.faults.append(held)
            await house.connect(GRANTS)
            async with three(house, 2) as children:
                await house.due()
                await until(lambda: house.refreshes() >= IN_FLIGHT)
                # As if PostgreSQL were gone for long, but not longer than new tokens are kept in memory.
                await house.pass_time(timedelta(seconds=COMMIT_FOR_S / 2))
                await away(running, how)
                house.simulator.faults.clear()
                house.database = another(database)
                await database.close()
                await house.idle()
                statuses = [await child.stopped() for child in children]

            lost, prompts, revoked = await house.lost(), await house.prompts(), house.revoked()
            generations = {grant.generation for grant in await house.grants()}
            await house.database.close()
    record_property(
        "counted",
        f"PostgreSQL {how} and started during {GRANTS} refreshes: {house.refreshes()} calls, {len(lost)} lost,"
        f" {revoked} families revoked, {len(prompts)} prompts",
    )
    assert statuses == [0, 0]
    assert (lost, prompts, revoked) == ([], [], 0)
    assert generations == {2}


@in_full
async def test_the_work_of_a_killed_process_is_taken_over_when_its_lease_ends(
    postgres_database: Database, record_property: Callable[[str, object], None]
) -> None:
    loop = asyncio.get_running_loop()
    async with open_house(postgres_database, RedditSimulator()) as house:
        held = Fault(path=house.simulator.rules.token_path, delay_s=10, times=5)
        house.simulator.faults.append(held)
        ids = await house.connect(5)
        async with three(house, 1) as [dies]:
            await house.due(*ids)
            await until(lambda: held.times == 0)
            claimed_at = loop.time()
            await dies.killed()
        async with three(house, 2):
            for grant_id in ids:
                await house.until(lambda grant: grant.generation == 2, grant_id, LEASE_S + 20)
            took = loop.time() - claimed_at

        lost, prompts = await house.lost(), await house.prompts()
    record_property(
        "counted",
        f"one of three `octapost run --only jobs` killed with 5 refreshes in flight: taken over after {took:.1f} s"
        f" (a lease is {LEASE_S} s), {len(lost)} lost",
    )
    assert (lost, prompts) == ([], [])
    assert LEASE_S - TOLERATED_S <= took <= LEASE_S + TOLERATED_S


@in_full
@pytest.mark.parametrize("body", ['{"error": "invalid_client"}', "{}"], ids=["refused", "silent"])
async def test_three_processes_in_one_outage_call_the_operator_once(
    postgres_database: Database, body: str, record_property: Callable[[str, object], None]
) -> None:
    async with open_house(postgres_database, RedditSimulator()) as house:
        status = 401 if "error" in body else 503
        house.simulator.faults.append(
            Fault(path=house.simulator.rules.token_path, status=status, body=body, delay_s=0.05)
        )
        await house.connect(300)
        async with three(house) as children:
            await house.due()
            await until(lambda: house.refreshes() >= 3 * 20)
            await house.pages_come()
            for _ in range(6):
                await house.pass_time(timedelta(hours=1))
                asked = house.refreshes()
                await until(lambda asked=asked: house.refreshes() > asked)  # type: ignore[misc]
                await house.trouble_is_met()
            statuses = [await child.stopped() for child in children]

        pages, prompts = await house.pages(), await house.prompts()
    record_property(
        "counted",
        f"three `octapost run --only jobs`, a platform that answers {status} for 6 h: {house.refreshes()} calls,"
        f" {pages} operator page, {len(prompts)} prompts",
    )
    assert statuses == [0, 0, 0]
    assert (pages, prompts) == (1, [])


@asynccontextmanager
async def skewed(postgres: Postgres, by: timedelta) -> AsyncIterator[Database]:
    """Give a database whose clock is ahead of ours by so much: what it calls the time is a function of our own."""
    name = await postgres.create()
    database = Database(postgres.url(name))
    try:
        await database.upgrade()
        await database.close()
        await postgres.run(
            "CREATE SCHEMA skewed",
            f"GRANT USAGE ON SCHEMA skewed TO {APP}",
            "CREATE FUNCTION skewed.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS"
            f" $$ SELECT pg_catalog.statement_timestamp() + interval '{by.total_seconds()} seconds' $$",
            f"ALTER ROLE {APP} IN DATABASE {name} SET search_path = skewed, pg_catalog, public",
            database=name,
        )
        yield database
    finally:
        await database.close()
        await postgres.drop(name)


async def ends_in(house: House, grant_id: str, left: timedelta) -> None:
    """Let the access token end so soon, by the database's clock."""
    change = update(Grant).where(col(Grant.id) == grant_id).values(access_expires_at=now(left))
    async with house.database.system() as session:
        await session.exec(change, execution_options=UNSYNCHRONIZED)


@pytest.mark.parametrize("minutes", sampled([5, -5], 2))
async def test_a_clock_that_is_minutes_off_changes_nothing(
    postgres: Postgres, minutes: int, record_property: Callable[[str, object], None]
) -> None:
    async with (
        skewed(postgres, timedelta(minutes=minutes)) as database,
        open_house(database, XSimulator()) as house,
    ):
        refresher = house.parts.refresher
        [kept, dies] = await house.connect(2)
        async with database.system(write=False) as session:
            there = await Refreshes(session, house.vault).clock()
        await ends_in(house, kept, timedelta(minutes=3))
        await refresher.fresh(kept)
        unneeded = house.refreshes()
        await ends_in(house, kept, timedelta(seconds=30))
        await refresher.fresh(kept)
        needed = house.refreshes() - unneeded
        house.simulator.grants.clear()
        await house.due(dies)
        await house.work()
        suspected = await house.grant(dies)
        await house.pass_time(SECOND_OPINION - timedelta(seconds=10))
        await house.parts.refresher.run()
        too_soon = await house.prompts()
        await house.pass_time(timedelta(seconds=11))
        await house.parts.refresher.run()

        prompts, after = await house.prompts(), await house.grant(dies)
        async with database.system(write=False) as session:
            tallies = await Refreshes(session, house.vault).tallies("x", 0)
            minute = int((await Refreshes(session, house.vault).clock()).timestamp() // 60)
    record_property(
        "counted",
        f"the database's clock {minutes:+} min from the process's: {unneeded} needless refreshes, {needed} of 1"
        f" needed, {len(too_soon)} prompts before the second look, {len(prompts)} after it",
    )
    assert abs((there - datetime.now(UTC)).total_seconds() - minutes * 60) < 30
    assert (unneeded, needed) == (0, 1)
    assert suspected.status == GrantStatus.HEALTHY
    assert (too_soon, len(prompts), after.status) == ([], 1, GrantStatus.NEEDS_RECONNECT)
    assert all(minute - 17 <= counted <= minute for counted in tallies)
    assert sum(tally.dead for tally in tallies.values()) == 1
