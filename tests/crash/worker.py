"""The processes that are killed: the product's own work, in a process of its own that a test may end.

They are forked from a server process that has imported everything (`multiprocessing`'s forkserver), which
takes 30 ms where a fresh interpreter takes a second. Nothing of the product is changed in them: where a
process has to die between two steps of a refresh, its HTTP transport is what ends it, with SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from typing import Any

import httpx
import uvloop
from sqlalchemy import Engine, event

from bot import app, cli
from bot.ops.http import Carrier, open_session
from bot.services.access import Actor
from bot.services.accounts.catalog import PlatformCatalog
from bot.services.incidents.operator_alerts import OperatorPager
from bot.services.tokens.fresh import FreshTokens
from bot.services.tokens.outcomes import Reports
from bot.services.tokens.queue import AT_ONCE
from bot.services.tokens.refreshing import Refresher
from storage.engine.db import Database
from storage.engine.statements import database_time
from storage.refreshes import Refreshes
from storage.vault import KeyRing, Vault

WORKER = "X-Worker"
"""The header that tells a platform which of our refreshers asks."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What a process that refreshes does."""

    refreshers: int = 1
    at_once: int = AT_ONCE
    asked: Sequence[str] = ()
    """Grants that every second refresher is asked for, instead of looking for what is due."""
    death: Moment | None = None
    by: int = signal.SIGKILL


class Crossing(httpx.AsyncBaseTransport):
    """Carries requests as the product's transport does, and ends the process at its moment.

    Or stops it there, for as long as somebody likes: `by` is the signal.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, death: Moment | None, by: int) -> None:
        self._inner = inner
        self._death = death
        self._by = by

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, if the process lives to see it."""
        refresh = REFRESHES in request.content
        if refresh and self._death is Moment.BEFORE:
            os.kill(os.getpid(), self._by)
        response = await self._inner.handle_async_request(request)
        if refresh and self._death is Moment.ANSWERED:
            await response.aread()
            os.kill(os.getpid(), self._by)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def listened_to(env: Mapping[str, str], folder: Path) -> None:
    """Take over these settings and none of the test run's, and write into the folder's `out` and `err`."""
    for name in [name for name in os.environ if name.startswith("OCTAPOST_")]:
        del os.environ[name]
    os.environ.update(env)
    for number, name in ((1, "out"), (2, "err")):
        with (folder / name).open("ab") as file:
            os.dup2(file.fileno(), number)


def command(env: Mapping[str, str], folder: Path, *arguments: str) -> None:
    """Be `octapost` with these arguments."""
    listened_to(env, folder)
    sys.argv = ["octapost", *arguments]
    cli.main()


def refresh(env: Mapping[str, str], folder: Path, ready: Semaphore, shift: Shift) -> None:
    """Refresh what is due, without a pause, until killed."""
    listened_to(env, folder)
    uvloop.run(_refresh(ready, shift))


async def _refresh(ready: Semaphore, shift: Shift) -> None:
    settings = app.settings_from()
    vault = Vault(KeyRing.parse(settings.keys))
    database = Database(settings.database_url.get_secret_value())
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session())
        work: list[Coroutine[Any, Any, None]] = []
        for number in range(shift.refreshers):
            transport = Crossing(Carrier(client=session), shift.death, shift.by)
            http = httpx.AsyncClient(transport=transport, headers={WORKER: f"{os.getpid()}-{number}"})
            parts = app.construct(settings, database, vault, session, await stack.enter_async_context(http))
            catalog = PlatformCatalog(settings.platforms())
            refresher = Refresher(
                catalog,
                parts.adapters,
                database,
                vault,
                Reports(incidents=parts.incidents, operator=OperatorPager(database)),
                at_once=shift.at_once,
            )
            asks = shift.asked and number % 2
            work.append(
                _on_demand(database, FreshTokens(catalog, refresher, database), shift.asked)
                if asks
                else _without_end(refresher)
            )
        ready.release()
        await asyncio.gather(*work)


class Steps:
    """Counts what a process does: statements, commits, and calls to platforms before and after. Ends it at one."""

    def __init__(self, last: int) -> None:
        self.taken = 0
        self._last = last

    def __call__(self, *_: object) -> None:
        """Take a step; if it is the last one, die of SIGKILL before it."""
        self.taken += 1
        if self.taken == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


class Stepping(httpx.AsyncBaseTransport):
    """Carries requests as the product's transport does: a step before each, and one after its answer."""

    def __init__(self, inner: httpx.AsyncBaseTransport, step: Callable[[], None]) -> None:
        self._inner = inner
        self._step = step

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, if the process lives to see it."""
        self._step()
        response = await self._inner.handle_async_request(request)
        await response.aread()
        self._step()
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def delete(env: Mapping[str, str], folder: Path, actor: Actor, last: int) -> None:
    """Delete an organization and do all that follows, up to a step. 0: to the end; then say how many there were."""
    listened_to(env, folder)
    uvloop.run(_delete(actor, Steps(last)))


async def _delete(actor: Actor, steps: Steps) -> None:
    settings = app.settings_from()
    vault = Vault(KeyRing.parse(settings.keys))
    database = Database(settings.database_url.get_secret_value())
    async with (
        open_session() as session,
        httpx.AsyncClient(transport=Stepping(Carrier(client=session), steps)) as http,
    ):
        parts = app.construct(settings, database, vault, session, http)
        for moment in ("before_cursor_execute", "commit"):
            event.listen(Engine, moment, steps)
        await parts.deletions.delete(actor, actor.organization)
        await parts.deletions.work()
        await parts.notices.run()
        await parts.deletions.work()
    await database.close()
    sys.stdout.write(f"{steps.taken} steps\n")
    sys.stdout.flush()


async def _without_end(refresher: Refresher) -> None:
    while True:
        await refresher.run()
        await asyncio.sleep(BREATH_S)


async def _on_demand(database: Database, tokens: FreshTokens, ids: Sequence[str]) -> None:
    """Want each of these grants' next tokens, as somebody whose access token was refused, once they are due."""
    while True:
        async with database.system(write=False) as session:
            repository = Refreshes(session)
            first, clock = await repository.look(ids[0]), await database_time(session)
        if first is not None and (first.due_at or clock) <= clock:
            break
        await asyncio.sleep(BREATH_S / 10)
    for grant_id in random.sample(ids, len(ids)):
        fresh = await tokens.get(grant_id, refused=1)
        if fresh.grant.generation != 2:
            raise AssertionError(fresh.grant.generation)
