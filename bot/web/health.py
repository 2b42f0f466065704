"""For whoever watches the process: alive, ready, and the counters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.logs import logger

if TYPE_CHECKING:
    from storage.db import Database

log = logger(__name__)
READY_WITHIN_S = 3.0


class Health:
    """/livez, /readyz and /metrics. Not counted against a client's pages."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        """Answer 200 when the database is reachable and has our schema, else 503 with the kind of trouble."""
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._database.check()
        except Exception as error:  # noqa: BLE001 - whatever it is, we are not ready
            log.warning("not ready", type=type(error).__name__)
            return web.Response(status=503, text=f"not ready: {type(error).__name__}\n")
        return web.Response(text="ready\n")

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer with every counter, in Prometheus' text format."""
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
