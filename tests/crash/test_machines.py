"""Machines that go: the database under load, one process of three, and clocks that disagree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.x import PLATFORM
from bot.services.tokens.policy import COMMIT_FOR_S, SECOND_OPINION, lease_for
from bot.services.tokens.queue import AT_ONCE
from sandbox.core import Fault
from sandbox.platforms.reddit.simulator import RedditSimulator
from sandbox.platforms.x.simulator import XSimulator
from sandbox.platforms.youtube.simulator import YouTubeSimulator
from storage.engine.db import Database
from storage.engine.statements import database_time
from storage.models import GrantStatus
from storage.tallies import Tallies
from tests.counts import in_full, sampled
from tests.crash.children import octapost
from tests.crash.house import SECOND_LOOK, House, open_house
from tests.databases import APP, Postgres, another, away, started
from tests.patience import until

GRANTS = 1000
IN_FLIGHT = 10
SLOW_S = 0.3
LEASE_S, TOLERATED_S = 60, 5
HELD_S = 12
"""So long the calls of a process that is killed are in flight, which is shorter than it waits for them."""
JOBS = ("run", "--only", "jobs")


@asynccontextmanager
async def three(house: House, count: int = 3) -> AsyncIterator[list[Any]]:
    """Run so many processes that do the jobs."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(octapost(house.env, *JOBS)) for _ in range(count)]


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


async def spread(house: House, each: int) -> tuple[list[str], Fault]:
    """Return grants that are due in turns, so that each process gets as many, and what holds their calls.

    A process that has taken fewer than it has room for looks again only when these are done.
    """
    held = Fault(path=house.simulator.rules.token_path, delay_s=HELD_S, times=3 * each)
    house.simulator.faults.append(held)
    ids = await house.connect(3 * each)
    for turn in range(3):
        await house.due(*ids[turn * each : (turn + 1) * each])
        await until(lambda left=each * (2 - turn): held.times == left, HELD_S)  # type: ignore[misc]
    return ids, held


@in_full
async def test_the_work_of_a_killed_process_is_taken_over_when_its_lease_ends(
    postgres_database: Database, record_property: Callable[[str, object], None]
) -> None:
    loop, each = asyncio.get_running_loop(), AT_ONCE - 1
    async with open_house(postgres_database, YouTubeSimulator()) as house, three(house) as children:
        begun = loop.time()
        ids, _ = await spread(house, each)
        await children[0].killed()
        killed = loop.time()
        await house.come_to(each, 2, HELD_S + 10)
        await asyncio.sleep(begun + LEASE_S - 1 - loop.time())
        untouched = await house.behind(2)
        await house.come_to(0, 2, LEASE_S)
        took = loop.time() - killed

        generations = [grant.generation for grant in await house.grants()]
        lost, prompts = await house.lost(), await house.prompts()
    record_property(
        "counted",
        f"one of three `octapost run --only jobs` killed with {each} of {len(ids)} refreshes in flight: all taken over"
        f" {took:.1f} s later (a lease is {LEASE_S} s), {untouched} of them not before it ended, {len(lost)} lost",
    )
    assert untouched == each
    assert took <= LEASE_S + TOLERATED_S
    assert generations == [2] * len(ids)
    assert (lost, prompts) == ([], [])


@in_full
async def test_single_use_work_of_a_killed_process_is_taken_over_when_its_longer_lease_ends(
    postgres_database: Database, record_property: Callable[[str, object], None]
) -> None:
    loop, each = asyncio.get_running_loop(), 6
    lease = lease_for(PLATFORM)
    async with open_house(postgres_database, XSimulator()) as house:
        async with three(house) as children:
            begun = loop.time()
            ids, _ = await spread(house, each)
            await children[0].killed()
            killed = loop.time()
            await house.come_to(each, 2, HELD_S + 10)
            await until(lambda: house.refreshes() == len(ids), HELD_S)
            before = timedelta(seconds=loop.time() - begun + 3)
            await house.pass_time(lease - before)
            await asyncio.sleep(2)
            too_soon = house.refreshes() - len(ids)
            await house.pass_time(before - timedelta(seconds=loop.time() - killed))
            over = loop.time()
            await until(lambda: house.refreshes() == len(ids) + each, 20)
            took = loop.time() - over
            statuses = [await child.stopped() for child in children[1:]]
        await house.pass_time(SECOND_LOOK)
        await house.work()

        lost, prompts, revoked = await house.lost(), await house.prompts(), house.revoked()
        well = sum(grant.status == GrantStatus.HEALTHY for grant in await house.grants())
    record_property(
        "counted",
        f"one of three killed with {each} of {len(ids)} single-use refreshes in flight: {too_soon} taken over before"
        f" their lease of {lease} ended, all {took:.1f} s after; {len(prompts)} prompts, {well} well, {len(lost)} lost"
        " unnoticed",
    )
    assert statuses == [0, 0]
    assert lease > timedelta(
        seconds=COMMIT_FOR_S
    )  # or a process that waits for its database has lost what it holds
    assert too_soon == 0
    assert took <= TOLERATED_S
    assert (lost, revoked, well) == ([], each, len(ids) - each)
    assert len(prompts) == each


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
    name = await postgres.migrated()
    database = Database(postgres.url(name))
    try:
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


@pytest.mark.parametrize("minutes", sampled([5, -5], 2))
async def test_a_clock_that_is_minutes_off_changes_nothing(
    postgres: Postgres, minutes: int, record_property: Callable[[str, object], None]
) -> None:
    async with (
        skewed(postgres, timedelta(minutes=minutes)) as database,
        open_house(database, XSimulator()) as house,
    ):
        tokens = house.parts.tokens
        [kept, dies] = await house.connect(2)
        async with database.system(write=False) as session:
            there = await database_time(session)
        await house.end_in(timedelta(minutes=3), kept)
        await tokens.get(kept)
        unneeded = house.refreshes()
        await house.end_in(timedelta(seconds=30), kept)
        await tokens.get(kept)
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
            tallies = await Tallies(session).since("x", 0)
            minute = int((await database_time(session)).timestamp() // 60)
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
