"""When to look for due work: APScheduler as a clock that stores nothing.

Every replica has its own; what is due is a row in our tables, and a lease decides which replica works on it.
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
"""After so long without a tick the host's clock was set back: APScheduler waits until it is as late again."""
RUN_ALL_WITHIN_S = 20.0


class Scheduler:
    """Calls each job at its interval; a slow run is never joined by a second one of the same job."""

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
        """True from the start on: this process has jobs."""

    def every(self, interval: timedelta, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Run `work` every `interval`, for the first time at once."""
        alone = asyncio.Lock()

        async def run() -> None:
            async with alone:
                await self._run(name, work)

        self._jobs[name] = run
        self._scheduler.add_job(
            run, "interval", seconds=interval.total_seconds(), id=name, next_run_time=datetime.now(UTC)
        )

    @property
    def silent_s(self) -> float:
        """How many seconds ago the scheduler ticked. It does every second, however long jobs take."""
        return time.monotonic() - self.ticked_at

    @property
    def working_s(self) -> float:
        """How many seconds ago the scheduler was started."""
        return time.monotonic() - self._started_at

    async def _tick(self) -> None:
        self.ticked_at = time.monotonic()

    async def _watch(self) -> None:
        """Run everything now when the ticks stop: due work does not wait for a clock that was set."""
        while True:
            await asyncio.sleep(TICK_S)
            if self.silent_s > SILENT_S:
                log.warning("scheduler.stalled", seconds=round(self.silent_s))
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))

    def trigger_on(self, signal: asyncio.Event, name: str) -> None:
        """Run the job `name` as soon as `signal` is set, besides its interval: a shortcut, never the guarantee.

        A run in progress ends first.
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
        """Run every job now, as if its interval had passed; return when all have, or some take too long.

        Then once more, because on PostgreSQL a job skips rows that another one holds. A job that takes longer
        than `RUN_ALL_WITHIN_S` goes on by itself.
        """
        for _ in range(2):
            await asyncio.wait(
                [asyncio.create_task(run()) for run in self._jobs.values()], timeout=RUN_ALL_WITHIN_S
            )

    async def stop(self, within_s: float) -> None:
        """Stop ticking, and let what is running finish for at most `within_s` seconds."""
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        if self._scheduler.running:
            self._scheduler.pause()
        if self._running:
            await asyncio.wait(set(self._running), timeout=within_s)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
