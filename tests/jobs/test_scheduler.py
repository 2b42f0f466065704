"""The scheduler goes on when the host's is set."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from bot.jobs.scheduler import SILENT_S, Scheduler
from tests.counts import in_full

A_WHILE_S = SILENT_S + 4


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

    async with asyncio.timeout(A_WHILE_S):
        await ran.wait()
    silent = scheduler.silent_s
    await scheduler.stop(1)

    assert silent < SILENT_S + 2
