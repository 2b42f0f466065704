"""Work that goes on after an answer, and is waited for when the process stops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bot.ops.logs import logger
from bot.slack.outages import is_outage
from storage.engine import time_limit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logger(__name__)


class Background:
    """Runs work after an answer, and loses none of it. Built once, by the dispatcher."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def later(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work after an answer, with a job's time limits; a failure is logged."""
        self.start(work)

    def start(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Start work after an answer, as `later` does, and return its task."""
        task = asyncio.create_task(_logged(work))
        self.keep(task)
        return task

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Let `drain` wait for a running task; its failure is logged."""
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("late_work.failed", exc_info=error, type=type(error).__name__)

    async def drain(self, within_s: float) -> None:
        """Wait for all tasks, and for those they start, for at most `within_s` seconds."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + within_s
        while self._tasks and (left := ends - loop.time()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        if self._tasks:
            log.warning("late_work.unfinished", tasks=len(self._tasks))


async def _logged(work: Callable[[], Awaitable[None]]) -> None:
    with time_limit.unlimited():
        try:
            await work()
        except Exception as error:
            if is_outage(error):
                log.warning("late_work.outage", type=type(error).__name__)
            else:
                log.exception("late_work.failed", type=type(error).__name__)
