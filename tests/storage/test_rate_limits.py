from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from storage.rate_limits import RateLimit, RateLimits
from tests.databases import another
from tests.storage.world import ahead, run_sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.engine.db import Database

HOURLY = RateLimit(calls=1000, per=timedelta(hours=1))
"""A hundred at once, then one every four and a half seconds."""


async def take(database: Database, most: int, rate_limit: RateLimit = HOURLY) -> int:
    async with database.system() as session:
        state = await RateLimits(session).lock("reddit", rate_limit)
        taken = min(most, state.calls)
        await RateLimits(session).consume(state, taken)
    return taken


@pytest.mark.parametrize("calls", [10, 100, 1000, 100_000])
def test_no_span_sees_more_than_nine_tenths_of_the_limit(calls: int) -> None:
    rate_limit = RateLimit(calls=calls, per=timedelta(minutes=1))

    most = rate_limit.burst + rate_limit.per / rate_limit.interval

    assert most == pytest.approx(0.9 * calls)


def test_a_bucket_fills_up_call_by_call_and_no_further() -> None:
    assert HOURLY.available(timedelta(0)) == HOURLY.available(timedelta(hours=-5)) == 100
    assert HOURLY.available(HOURLY.interval * 100) == 0
    assert HOURLY.available(HOURLY.interval * 500) == 0
    assert HOURLY.available(HOURLY.interval * 40) == 60
    assert HOURLY.available(HOURLY.interval * 40.5) == 59


async def test_who_takes_at_once_from_many_processes_gets_what_is_there_and_no_more(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    other = another(database)

    taken = await asyncio.gather(*(take(each, 7) for each in (database, other) for _ in range(20)))
    await other.close()

    # A call comes back every 4.5 s, and this took a moment.
    assert 100 <= sum(taken) <= 110
    assert max(taken) == 7
    assert min(taken) == 0
    record_property("counted", f"{database.dialect}: 40 takers of 7 shared {sum(taken)} of 100 calls")


async def test_what_was_spent_comes_back_with_time(database: Database) -> None:
    quick = RateLimit(calls=1000, per=timedelta(seconds=1))
    first = await take(database, 1000, quick)

    await asyncio.sleep(0.05)

    assert first == 100
    assert await take(database, 1000, quick) >= 40


async def test_a_call_that_cannot_wait_is_paid_by_those_who_come_after(database: Database) -> None:
    await take(database, 100)

    async with database.system() as session:
        await RateLimits(session).consume(await RateLimits(session).lock("reddit", HOURLY), 1)

    ((full_at,),) = await run_sql(database, "SELECT count(*) FROM app_rate_limit")
    assert full_at == 1
    assert await take(database, 1) == 0


async def test_while_an_app_is_held_nobody_calls_and_a_shorter_hold_changes_nothing(
    database: Database,
) -> None:
    async with database.system() as session:
        await RateLimits(session).pause("reddit", timedelta(minutes=10))
        await RateLimits(session).pause("reddit", timedelta(seconds=1))

    async with database.system() as session:
        held = (await RateLimits(session).lock("reddit", HOURLY)).paused_for
        other = (await RateLimits(session).lock("youtube", HOURLY)).paused_for

    assert held is not None
    assert timedelta(minutes=9) < held <= timedelta(minutes=10)
    assert other is None
    assert await take(database, 1) == 0


async def test_a_hold_ends_by_itself(database: Database) -> None:
    async with database.system() as session:
        await RateLimits(session).pause("reddit", timedelta(milliseconds=20))
    await asyncio.sleep(0.05)

    assert await take(database, 5) == 5


async def test_a_clock_that_is_set_back_an_hour_keeps_nobody_waiting_for_longer(database: Database) -> None:
    await take(database, 90)
    async with database.system() as session:
        await RateLimits(session).pause("reddit", timedelta(seconds=30))
    for column in ("full_at", "paused_until", "written_at"):
        await ahead(database, "app_rate_limit", column, timedelta(hours=1))

    async with database.system() as session:
        after = await RateLimits(session).lock("reddit", HOURLY)

    assert after.paused_for is not None
    assert after.paused_for <= timedelta(seconds=30)
    assert HOURLY.available(after.full_at - after.at) in range(10, 14)
