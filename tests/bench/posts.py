"""What the refresher and the publishing engine are compared with: a loop that makes the same calls, without a database.

`python -m tests.bench.posts KIND PORT COUNT AT_ONCE` makes calls on a kept-alive connection per slot, with the
product's HTTP client, and prints what they took as JSON. KIND is `refresh` or `publish`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import aiohttp
import httpx
import uvloop
from httpx_aiohttp import AiohttpTransport

from adapters.base import Content, Format, Outgoing, Tokens
from adapters.http import LONGEST_CALL_S
from adapters.linkedin import PLATFORM
from adapters.linkedin.publishing import LinkedInPublisher
from bot.ops.http import PlatformClient
from tests.bench.load import HOST
from tests.credentials import client_of
from tests.media import StoredMedia

if TYPE_CHECKING:
    from adapters.base import Handles

FORM = {
    "grant_type": "refresh_token",
    "refresh_token": "refresh-0",
    "client_id": "id",
    "client_secret": "secret",
}


AUTHOR = "urn:li:organization:4711"
CONTENT = Content(
    format=Format.TEXT, text="Mugs are back: forty of them, in blue and in white. Who was waiting?"
)
"""What is published in the benchmarks: one call, on LinkedIn."""
Call = Callable[[httpx.AsyncClient, str], Awaitable[None]]


async def measured(call: Call, port: int, count: int, at_once: int) -> dict[str, float]:
    """Return the seconds and the CPU seconds that `count` calls took, after a round that warms up."""
    url = f"http://{HOST}:{port}"
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=at_once), cookie_jar=aiohttp.DummyCookieJar()
        ) as session,
        PlatformClient(AiohttpTransport(client=session), timeout_s=LONGEST_CALL_S) as http,
    ):
        await _round(call, http, url, at_once, at_once)
        began, used = time.perf_counter(), time.process_time()
        await _round(call, http, url, count, at_once)
        return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - used}


async def _round(call: Call, http: httpx.AsyncClient, url: str, count: int, at_once: int) -> None:
    left = iter(range(count))

    async def slot() -> None:
        for _ in left:
            await call(http, url)

    await asyncio.gather(*(slot() for _ in range(at_once)))


async def refresh(http: httpx.AsyncClient, url: str) -> None:
    """Post a refresh, and read the tokens."""
    answer = await http.post(f"{url}/token", data=FORM)
    if "access_token" not in answer.json():
        raise ValueError("no token")


async def publish(http: httpx.AsyncClient, url: str) -> None:
    """Publish a text with the adapter, as the engine does."""
    publisher = LinkedInPublisher(http)
    outgoing = Outgoing(
        client=client_of(PLATFORM.apps[0], url),
        tokens=Tokens(access_token="access-token"),
        account_id=AUTHOR,
        handle="",
        content=CONTENT,
        media=StoredMedia(),
        keep=_keep_nothing,
        receipts=(),
    )
    prepared = await publisher.prepare(outgoing, {})
    await publisher.send(outgoing, prepared.handles, publisher.steps(CONTENT)[0])


async def _keep_nothing(handles: Handles) -> None:
    """Store no handles: a text has none."""


CALLS = {"refresh": refresh, "publish": publish}


if __name__ == "__main__":
    kind, *numbers = sys.argv[1:]
    print(json.dumps(uvloop.run(measured(CALLS[kind], *map(int, numbers)))))
