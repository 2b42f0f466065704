"""The processes that are killed: the product's own work, in a process of its own that a test may end.

They are forked from a server process that has imported everything (`multiprocessing`'s forkserver), which
takes 30 ms where a fresh interpreter takes a second. Nothing of the product is changed in them: where a
process has to die between two steps of a refresh, its HTTP transport is what ends it, with SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from enum import StrEnum
from multiprocessing.synchronize import Semaphore
from pathlib import Path

import aiohttp
import httpx
import uvloop
from httpx_aiohttp import AiohttpTransport

from bot import app, cli
from storage.db import Database
from storage.vault import KeyRing, Vault

REFRESHES = b"grant_type=refresh_token"
BREATH_S = 0.02


class Moment(StrEnum):
    """Where in a refresh the process ends."""

    BEFORE = "before the request"
    IN_FLIGHT = "request in flight"
    ANSWERED = "after the answer, before the commit"
    COMMITTING = "while the commit waits"
    COMMITTED = "after the commit"


OWN_DEATHS = frozenset({Moment.BEFORE, Moment.ANSWERED})
"""The moments that only the process itself can know; at the others the test kills it."""


class Crossing(httpx.AsyncBaseTransport):
    """Carries requests as the product's transport does, and ends the process at its moment."""

    def __init__(self, inner: httpx.AsyncBaseTransport, death: Moment | None) -> None:
        self._inner = inner
        self._death = death

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, if the process lives to see it."""
        refresh = REFRESHES in request.content
        if refresh and self._death is Moment.BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        response = await self._inner.handle_async_request(request)
        if refresh and self._death is Moment.ANSWERED:
            await response.aread()
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _listened_to(env: Mapping[str, str], said: Path) -> None:
    """Take over these settings and none of the test run's, and say everything into a file."""
    for name in [name for name in os.environ if name.startswith("OCTAPOST_")]:
        del os.environ[name]
    os.environ.update(env)
    with said.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def command(env: Mapping[str, str], said: Path, *arguments: str) -> None:
    """Be `octapost` with these arguments."""
    _listened_to(env, said)
    sys.argv = ["octapost", *arguments]
    cli.main()


def refresh(
    env: Mapping[str, str], said: Path, ready: Semaphore, refreshers: int = 1, death: Moment | None = None
) -> None:
    """Refresh what is due, without a pause, with so many refreshers, until killed."""
    _listened_to(env, said)
    uvloop.run(_refresh(ready, refreshers, death))


async def _refresh(ready: Semaphore, refreshers: int, death: Moment | None) -> None:
    settings = app.settings_from()
    vault = Vault(KeyRing.parse(settings.keys))
    database = Database(settings.database_url.get_secret_value())
    async with aiohttp.ClientSession() as session:
        transport = Crossing(AiohttpTransport(client=session), death)
        async with httpx.AsyncClient(transport=transport) as http:
            parts = [app.construct(settings, database, vault, session, http) for _ in range(refreshers)]
            ready.release()
            await asyncio.gather(*(_without_end(each) for each in parts))


async def _without_end(parts: app.Parts) -> None:
    while True:
        await parts.refresher.run()
        await asyncio.sleep(BREATH_S)
