"""How fast an app goes through its due grants: within its budget, and gently with a platform in trouble."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlmodel import col, func, select, update

from adapters.base import Busy
from bot.services.tokens.queue import SILENCE, AppLimits, RefreshQueue
from storage.engine.db import Database
from storage.engine.statements import now
from storage.models import AppRateLimit, Grant, GrantStatus
from storage.rate_limits import RateLimit
from tests.counts import in_full, tries
from tests.databases import another
from tests.patience import PATIENCE_S

PLENTY = RateLimit(calls=1_000_000, per=timedelta(minutes=1))
UNSYNCHRONIZED = {"synchronize_session": False}


async def grants(database: Database, count: int) -> None:
    """Store grants that are due."""
    async with database.system() as session:
        session.add_all(
            Grant(platform="x", app="x", external_id=str(number), status=GrantStatus.HEALTHY)
            for number in range(count)
        )
        await session.flush()
        due = update(Grant).values(due_at=now(timedelta(seconds=-1)))
        await session.exec(due, execution_options=UNSYNCHRONIZED)


async def settle(database: Database, grant: Grant) -> None:
    async with database.system() as session:
        done = update(Grant).where(col(Grant.id) == grant.id).values(due_at=None, lease_until=None)
        await session.exec(done, execution_options=UNSYNCHRONIZED)


async def waiting(database: Database) -> tuple[int, int]:
    """Return how many grants are due, and how many of them are somebody's."""
    async with database.system(write=False) as session:
        counted = select(func.count(col(Grant.due_at)), func.count(col(Grant.lease_until)))
        due, leased = (await session.exec(counted)).one()
    return due, leased


def lane(
    database: Database,
    work: Callable[[Grant], Awaitable[None]],
    rate_limit: RateLimit = PLENTY,
    at_once: int = 64,
) -> RefreshQueue:
    limits = AppLimits(platform="x", app="x", rate_limit=rate_limit, at_once=at_once)
    return RefreshQueue(database, work, limits)


@in_full
async def test_two_processes_at_once_stay_below_the_budget_they_share(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    rate_limit, count = RateLimit(calls=100, per=timedelta(seconds=0.5)), tries(600, 80)
    per_second = timedelta(seconds=1) / rate_limit.interval
    await grants(database, count)
    other, began, done, most = another(database), time.monotonic(), 0, 0.0

    async def work(grant: Grant) -> None:
        nonlocal done, most
        done += 1
        most = max(most, done - rate_limit.burst - per_second * (time.monotonic() - began))
        await settle(database, grant)

    lanes = [lane(each, work, rate_limit) for each in (database, other)]
    while done < count and time.monotonic() < began + PATIENCE_S:
        await asyncio.gather(*(each.run() for each in lanes))
        await asyncio.sleep(0.01)
    await other.close()

    assert done == count
    assert most <= 1  # SQLite's clock counts in milliseconds
    record_property(
        "counted", f"{database.dialect}: {done} calls of two processes, 0 above the shared budget"
    )


async def test_each_due_grant_is_worked_on_once_by_two_processes(database: Database) -> None:
    await grants(database, 200)
    other, seen = another(database), list[str]()

    async def work(grant: Grant) -> None:
        seen.append(grant.id)
        await settle(database, grant)

    await asyncio.gather(*(lane(each, work).run() for each in (database, other)))
    await other.close()

    assert len(seen) == len(set(seen)) == 200


async def test_no_more_calls_are_in_flight_than_there_are_slots(sqlite_database: Database) -> None:
    await grants(sqlite_database, 30)
    flying = most = 0

    async def work(grant: Grant) -> None:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.005)
        flying -= 1
        await settle(sqlite_database, grant)

    await lane(sqlite_database, work, at_once=4).run()

    assert most == 4
    assert await waiting(sqlite_database) == (0, 0)


async def test_a_limit_of_the_whole_app_holds_every_process_back(database: Database) -> None:
    await grants(database, 3)
    called = list[str]()

    async def work(grant: Grant) -> None:
        called.append(grant.id)

    limited, other = lane(database, work), lane(database, work)
    await limited.unanswered(Busy("http_429", retry_after=timedelta(minutes=5), whole_app=True))
    await asyncio.gather(limited.run(), other.run())

    assert called == []
    assert await waiting(database) == (3, 0)


async def test_a_limit_of_one_call_holds_nobody_back(sqlite_database: Database) -> None:
    await grants(sqlite_database, 3)
    called = list[str]()

    async def work(grant: Grant) -> None:
        called.append(grant.id)

    one = lane(sqlite_database, work)
    await one.unanswered(Busy("http_503", retry_after=timedelta(minutes=5)))
    await one.run()

    assert len(called) == 3


async def test_a_platform_that_answers_nobody_is_asked_by_one_call_at_a_time_until_it_does(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    await grants(database, 300)
    outage, calls = True, 0

    async def work(grant: Grant) -> None:
        nonlocal calls
        calls += 1
        if outage:
            await one.unanswered(Busy("http_503"))
        else:
            one.answered()
            await settle(database, grant)

    async def time_passes() -> None:
        async with database.system() as session:
            long_ago = update(AppRateLimit).values(paused_until=now(timedelta(seconds=-1)))
            await session.exec(long_ago, execution_options=UNSYNCHRONIZED)

    one = lane(database, work)
    await one.run()
    at_first = calls
    for _ in range(5):
        await time_passes()
        one._held_until = 0.0
        await one.run()
    probes = calls - at_first
    outage = False
    await time_passes()
    await one.run()

    assert SILENCE <= at_first <= 128
    assert probes == 5
    assert (await waiting(database))[0] == at_first + probes  # what was asked in vain still has its lease
    record_property("counted", f"{database.dialect}: 300 due in an outage, {at_first} asked, then one by one")


async def test_what_was_claimed_and_not_begun_is_given_back_when_the_process_stops(
    database: Database,
) -> None:
    await grants(database, 10)
    begun, go = asyncio.Event(), asyncio.Event()

    async def work(grant: Grant) -> None:
        begun.set()
        await go.wait()
        await settle(database, grant)

    stopped = lane(database, work, at_once=4)
    running = asyncio.create_task(stopped.run())
    await begun.wait()
    stopping = asyncio.create_task(stopped.drain(5))
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(running, stopping)

    due, leased = await waiting(database)
    assert (due, leased) == (6, 0)


async def test_work_that_breaks_off_frees_its_slot(sqlite_database: Database) -> None:
    await grants(sqlite_database, 5)
    called = 0

    async def work(_grant: Grant) -> None:
        nonlocal called
        called += 1
        raise RuntimeError

    await lane(sqlite_database, work, at_once=1).run()

    assert called == 5
