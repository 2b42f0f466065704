"""The scheduler: what runs at once, what waits, and that it goes on when the host's clock is set."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from bot.jobs.scheduler import Scheduler
from tests.counts import in_full
from tests.patience import PATIENCE_S


@in_full
async def test_a_host_s_clock_that_is_set_back_stops_no_job() -> None:
    ran = asyncio.Event()

    async def work() -> None:
        ran.set()

    scheduler = Scheduler()
    scheduler.every(timedelta(milliseconds=100), "work", work)
    scheduler.start()
    await ran.wait()
    # What five minutes back amount to: APScheduler knows the next times by the host's clock.
    for job in scheduler._scheduler.get_jobs():
        job.modify(next_run_time=datetime.now(UTC) + timedelta(minutes=5))
    await asyncio.sleep(0.2)
    ran.clear()
    ticked_at = scheduler.ticked_at

    async with asyncio.timeout(PATIENCE_S):
        await ran.wait()
        while scheduler.ticked_at == ticked_at:  # noqa: ASYNC110 - a tick is only a time
            await asyncio.sleep(0.05)
    await scheduler.stop(1)

    assert scheduler.ticked_at > ticked_at


async def test_a_job_that_can_wait_does_not_run_at_the_start() -> None:
    ran: list[str] = []
    urgent = asyncio.Event()

    async def first() -> None:
        ran.append("urgent")
        urgent.set()

    async def later() -> None:
        ran.append("can wait")

    scheduler = Scheduler()
    scheduler.every(timedelta(hours=1), "can wait", later, first_after=timedelta(seconds=30))
    scheduler.every(timedelta(hours=1), "urgent", first)
    scheduler.start()
    await urgent.wait()
    await scheduler.stop(1)
    at_the_start = ran[:]

    await scheduler.run_all_now()

    assert at_the_start == ["urgent"]
    assert "can wait" in ran
