"""Runs the jobs at their intervals, with APScheduler, which stores nothing here.

Every process has its own scheduler. What is due is in our tables, and a lease decides which process works on a row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.ops.logs import logger

log = logger(__name__)
TICK_S = 1
SILENT_S = 3 * TICK_S
"""After so long without a tick the host's clock was set back: APScheduler then waits until the old time is reached."""
RUN_ALL_WITHIN_S = 20.0


class Scheduler:
    """Runs each job at its interval, and never twice at the same time."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._running: set[asyncio.Task[None]] = set()
        self._jobs: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
        self._signals: dict[str, asyncio.Event] = {}
        self._listening: list[asyncio.Task[None]] = []
        self._started_at = self.ticked_at = 0.0
        self.started = False
        """True once `start` was called: this process has jobs."""

    def every(
        self,
        interval: timedelta,
        name: str,
        work: Callable[[], Awaitable[object]],
        *,
        first_after: timedelta = timedelta(0),
    ) -> None:
        """Run `work` every `interval`, for the first time at once or `first_after` from now."""
        alone = asyncio.Lock()

        async def run() -> None:
            async with alone:
                await self._run(name, work)

        self._jobs[name] = run
        first = datetime.now(UTC) + first_after
        self._scheduler.add_job(
            run, "interval", seconds=interval.total_seconds(), id=name, next_run_time=first
        )

    @property
    def silent_s(self) -> float:
        """How many seconds ago the scheduler ticked. It ticks every second, even while jobs run."""
        return time.monotonic() - self.ticked_at

    @property
    def working_s(self) -> float:
        """How many seconds ago the scheduler was started."""
        return time.monotonic() - self._started_at

    async def _tick(self) -> None:
        self.ticked_at = time.monotonic()

    async def _watch(self) -> None:
        """Run all jobs at once when the ticks stop, so that no work waits because the clock was set back."""
        while True:
            await asyncio.sleep(TICK_S)
            if self.silent_s > SILENT_S:
                log.warning("scheduler.stalled", seconds=round(self.silent_s))
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))

    def trigger_on(self, signal: asyncio.Event, name: str) -> None:
        """Also run the job `name` as soon as `signal` is set, after a run in progress has ended.

        This only makes it faster: the interval alone must be enough.
        """
        self._signals[name] = signal

    async def _listen(self, signal: asyncio.Event, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            await signal.wait()
            signal.clear()
            await asyncio.shield(asyncio.create_task(run()))

    async def _run(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
        try:
            await work()
        except Exception as error:
            log.exception("job.failed", job=name, type=type(error).__name__)
        finally:
            if task is not None:
                self._running.discard(task)

    def start(self) -> None:
        """Start ticking, in the running event loop."""
        self._started_at = self.ticked_at = time.monotonic()
        self.started = True
        self._scheduler.add_job(self._tick, "interval", seconds=TICK_S, id="tick")
        self._scheduler.start()
        self._listening = [
            asyncio.create_task(self._watch()),
            *(
                asyncio.create_task(self._listen(signal, self._jobs[name]))
                for name, signal in self._signals.items()
            ),
        ]

    async def run_all_now(self) -> None:
        """Run every job now, twice, and return when all are done.

        Twice because on PostgreSQL a job skips rows that another one has locked. A job that takes longer than
        `RUN_ALL_WITHIN_S` is not waited for and goes on.
        """
        for _ in range(2):
            await asyncio.wait(
                [asyncio.create_task(run()) for run in self._jobs.values()], timeout=RUN_ALL_WITHIN_S
            )

    async def stop(self, within_s: float) -> None:
        """Stop ticking, and let running jobs finish for at most `within_s` seconds."""
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        if self._scheduler.running:
            self._scheduler.pause()
        if self._running:
            await asyncio.wait(set(self._running), timeout=within_s)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
