"""The addresses for monitoring: is the process alive, is it ready, and its metrics.

`/livez` is on the listener for Slack and browsers. `/readyz` and `/metrics` query the database and show how much is
in it, so they are on a listener of their own, which strangers do not reach (bot/web/listeners.py).
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.ops.logs import logger

if TYPE_CHECKING:
    from bot.web.gauges import Gauges
    from storage.engine.db import Database

log = logger(__name__)
READY_WITHIN_S = 3.0
STOPPED_AFTER_S = 60.0
ASKED_EVERY_S = 1.0
"""How long an answer of `/readyz` is reused."""


class Readiness:
    """What keeps the process from its work, checked at most once a second."""

    def __init__(self, ask: Callable[[], Awaitable[str]]) -> None:
        self._ask = ask
        self._alone = asyncio.Lock()
        self._trouble = ""
        self._asked_at = float("-inf")

    async def trouble(self) -> str:
        """Return the kind of trouble in one word, or an empty string."""
        async with self._alone:
            if time.monotonic() - self._asked_at >= ASKED_EVERY_S:
                self._trouble = await self._found_out()
                self._asked_at = time.monotonic()
            return self._trouble

    async def _found_out(self) -> str:
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                trouble = await self._ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, we are not ready
            trouble = kind_of(error)
        if trouble:
            log.warning("health.not_ready", trouble=trouble)
        return trouble


def kind_of(error: BaseException) -> str:
    """Return what went wrong in one word: the code of SQLite or the system, else the class of the original error."""
    while (earlier := getattr(error, "orig", None) or error.__cause__) is not None:
        error = earlier
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, "OSError")
    return str(getattr(error, "sqlite_errorname", type(error).__name__))


class Ticks(Protocol):
    """What readiness needs of the scheduler."""

    @property
    def started(self) -> bool:
        """Whether this process has jobs."""
        ...

    @property
    def silent_s(self) -> float:
        """How many seconds ago it ticked."""
        ...

    @property
    def working_s(self) -> float:
        """How many seconds ago it was started."""
        ...


class Health:
    """/livez, /readyz and /metrics. They don't count against a client's requests per minute."""

    def __init__(
        self, database: Database, scheduler: Ticks, gauges: Gauges, overdue_after: timedelta
    ) -> None:
        self._database = database
        self._scheduler = scheduler
        self._gauges = gauges
        self._overdue_after = overdue_after
        self._readiness = Readiness(self._trouble)

    def routes(self) -> list[web.RouteDef]:
        """Return the route that is open to everybody."""
        return [web.get("/livez", self.livez)]

    def monitoring_routes(self) -> list[web.RouteDef]:
        """Return the routes for the operator's own machines only."""
        return [web.get("/readyz", self.readyz), web.get("/metrics", self.metrics)]

    async def livez(self, _request: web.Request) -> web.Response:
        """Answer 200 as long as the process answers at all."""
        return web.Response(text="alive\n")

    async def readyz(self, _request: web.Request) -> web.Response:
        """Answer 200 if the process can do its work, else 503 with the kind of trouble.

        The database must have our schema and accept a write. In a process with jobs the scheduler must also tick, and
        no grant may have been due for too long while it did.
        """
        if trouble := await self._readiness.trouble():
            return web.Response(status=503, text=f"not ready: {trouble}\n")
        return web.Response(text="ready\n")

    async def _trouble(self) -> str:
        await self._database.probe()
        if not self._scheduler.started:
            return ""
        if self._scheduler.silent_s > STOPPED_AFTER_S:
            return "clock_stopped"
        overdue = await self._gauges.overdue()
        # A process that has just started is not to blame for what fell due before.
        held_up = min(overdue, timedelta(seconds=self._scheduler.working_s))
        return "refreshes_overdue" if held_up > self._overdue_after else ""

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer with all metrics in Prometheus' text format. While the database is away the gauges keep old values."""
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._gauges.measure()
        except Exception as error:  # noqa: BLE001 - the counters are still useful
            log.warning("metrics.not_measured", type=type(error).__name__)
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
