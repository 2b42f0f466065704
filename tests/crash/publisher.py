"""The processes that publish until they are killed: the product's engine, which waits for its death at one moment.

Its adapters are the product's own. Their publishers wait where the process is to die, and count that they have arrived.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from typing import Any

import httpx
import uvloop

from adapters.base import Accepted, Adapter, Handles, Media, Outgoing, Prepared, Publisher, Receipt, Step
from adapters.http import LONGEST_CALL_S
from adapters.registry import REGISTRY, Registry
from bot import app
from bot.ops.http import Carrier, PlatformClient, open_session
from bot.settings import Settings
from storage.engine.db import Database
from storage.vault import KeyRing, Vault
from tests.crash.worker import BREATH_S, listened_to

PUBLISHES = "X-Publishes"
"""The header of every request of a call that publishes."""
_publishing: ContextVar[bool] = ContextVar("publishing", default=False)


class Moment(StrEnum):
    """Where in a delivery the process ends."""

    UPLOADING = "in the middle of an upload"
    ARMED = "`sending` committed, request not sent"
    IN_FLIGHT = "the platform has the request, no answer"
    """Only the platform knows that it has arrived, so there is nothing for the process to wait for but the answer."""
    ANSWERED = "answered, not committed"


@dataclass(frozen=True, kw_only=True)
class Death:
    """Where this process waits to be killed."""

    moment: Moment | None
    arrived: Semaphore
    """Released by each delivery that has arrived there."""

    async def at(self, moment: Moment) -> None:
        """Wait without end, if this is the moment."""
        if self.moment is moment:
            self.arrived.release()
            await asyncio.Event().wait()


class HalfRead:
    """The files of a delivery, the first of which ends in the middle: its reader waits there for the death."""

    def __init__(self, files: Any, death: Death) -> None:
        self._files = files
        self._death = death
        self.named = False
        """The platform was given an address and fetches the file itself."""

    async def has(self, media: Media) -> bool:
        """Tell whether the file is stored."""
        stored: bool = await self._files.has(media)
        return stored

    async def read(self, media: Media, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield the first half of the first piece."""
        async for piece in self._files.read(media, start, length):
            yield piece[: len(piece) // 2]
            await self._death.at(Moment.UPLOADING)

    async def public_url(self, media: Media) -> str:
        """Return where the platform can fetch the file."""
        self.named = True
        url: str = await self._files.public_url(media)
        return url


class Dying:
    """A publisher whose process dies at one moment of its delivery."""

    def __init__(self, real: Publisher, death: Death) -> None:
        self._real = real
        self._death = death

    def __getattr__(self, name: str) -> Any:
        """Return everything else as the real one has it."""
        return getattr(self._real, name)

    def _cut(self, outgoing: Outgoing) -> Outgoing:
        if self._death.moment is not Moment.UPLOADING:
            return outgoing
        files = HalfRead(outgoing.media, self._death)

        async def keep(handles: Handles) -> None:
            if files.named:
                await self._death.at(Moment.UPLOADING)
            await outgoing.keep(handles)

        return replace(outgoing, media=files, keep=keep)

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:
        """Prepare, up to the middle of an upload if the process dies there."""
        return await self._real.prepare(self._cut(outgoing), handles)

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Receipt | Accepted:
        """Publish, up to the moment at which the process dies."""
        await self._death.at(Moment.ARMED)
        before = _publishing.set(True)
        try:
            answer = await self._real.send(self._cut(outgoing), handles, step)
        finally:
            _publishing.reset(before)
        await self._death.at(Moment.ANSWERED)
        return answer


class Marking(httpx.AsyncBaseTransport):
    """Carries requests as the product's transport does, and marks those of calls that publish."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer."""
        if _publishing.get():
            request.headers[PUBLISHES] = "1"
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _dying(adapter: type[Adapter], death: Death) -> Any:
    """Return the class of an adapter whose publisher dies."""
    base: Any = adapter

    def publisher(self: Any) -> Dying:
        return Dying(base.publisher.fget(self), death)

    return type(base.__name__, (base,), {"publisher": property(publisher)})


def publish(env: Mapping[str, str], folder: Path, arrived: Semaphore, moment: Moment | None) -> None:
    """Publish what is due, without a pause, until killed."""
    listened_to(env, folder)
    death = Death(moment=moment, arrived=arrived)
    registry = Registry(*(_dying(each, death) for each in REGISTRY._classes))  # type: ignore[arg-type]
    uvloop.run(_publish(Settings.from_env(os.environ, registry)))


async def _publish(settings: Settings) -> None:
    vault = Vault(KeyRing.parse(settings.keys))
    database = Database(settings.database_url.get_secret_value())
    async with (
        open_session() as session,
        PlatformClient(Marking(Carrier(client=session)), timeout_s=LONGEST_CALL_S) as http,
    ):
        parts = app.construct(settings, database, vault, session, http)
        work: Callable[[], Any] = parts.posts.restoring.before(parts.posts.delivering.run)
        while True:
            await work()
            await asyncio.sleep(BREATH_S)
