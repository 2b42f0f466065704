"""For whoever watches the process: alive, ready, and the counters."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.logs import logger

if TYPE_CHECKING:
    from bot.gauges import Gauges
    from bot.jobs.clock import Clock
    from storage.db import Database

log = logger(__name__)
READY_WITHIN_S = 3.0
STOPPED_AFTER_S = 60.0


class Health:
    """/livez, /readyz and /metrics. Not counted against a client's pages."""

    def __init__(self, database: Database, clock: Clock, gauges: Gauges, overdue_after: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._gauges = gauges
        self._overdue_after = overdue_after

    def routes(self) -> list[web.RouteDef]:
        """Return what an orchestrator and Prometheus ask for."""
        return [
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    async def livez(self, _request: web.Request) -> web.Response:
        """Answer 200 as long as the process answers at all."""
        return web.Response(text="alive\n")

    async def readyz(self, _request: web.Request) -> web.Response:
        """Answer 200 when the process can do its work, else 503 with the kind of trouble.

        The database is reachable and has our schema; in a process with jobs also the clock ticks, and no
        grant has been due for too long while it did.
        """
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                trouble = await self._trouble()
        except Exception as error:  # noqa: BLE001 - whatever it is, we are not ready
            trouble = type(error).__name__
        if trouble:
            log.warning("not ready", trouble=trouble)
            return web.Response(status=503, text=f"not ready: {trouble}\n")
        return web.Response(text="ready\n")

    async def _trouble(self) -> str:
        await self._database.check()
        if not self._clock.started:
            return ""
        if self._clock.silent_s > STOPPED_AFTER_S:
            return "clock_stopped"
        overdue = await self._gauges.overdue()
        # What fell due before we were there to look is no fault of a process that has just begun.
        held_up = min(overdue, timedelta(seconds=self._clock.working_s))
        return "refreshes_overdue" if held_up > self._overdue_after else ""

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer with every metric, in Prometheus' text format. Without a database the gauges stay as they were."""
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._gauges.measure()
        except Exception as error:  # noqa: BLE001 - the counters are worth having all the same
            log.warning("not measured", type=type(error).__name__)
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
