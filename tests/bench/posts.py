"""What the refresher is compared with: a loop that posts a refresh and reads the answer, without a database.

`python -m tests.bench.posts PORT COUNT AT_ONCE` posts on a kept-alive connection per slot, with the product's
HTTP client, and prints what it took as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp
import httpx
import uvloop
from httpx_aiohttp import AiohttpTransport

from adapters.http import LONGEST_CALL_S
from bot.ops.http import PlatformClient
from tests.bench.load import HOST

FORM = {
    "grant_type": "refresh_token",
    "refresh_token": "refresh-0",
    "client_id": "id",
    "client_secret": "secret",
}


async def post(port: int, count: int, at_once: int) -> dict[str, float]:
    """Return the seconds and the CPU seconds that `count` posts took, after a round that warms up."""
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=at_once), cookie_jar=aiohttp.DummyCookieJar()
        ) as session,
        PlatformClient(AiohttpTransport(client=session), timeout_s=LONGEST_CALL_S) as http,
    ):
        await _round(http, port, at_once, at_once)
        began, used = time.perf_counter(), time.process_time()
        await _round(http, port, count, at_once)
        return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - used}


async def _round(http: httpx.AsyncClient, port: int, count: int, at_once: int) -> None:
    left = iter(range(count))

    async def slot() -> None:
        for _ in left:
            answer = await http.post(f"http://{HOST}:{port}/token", data=FORM)
            if "access_token" not in answer.json():
                raise ValueError("no token")

    await asyncio.gather(*(slot() for _ in range(at_once)))


if __name__ == "__main__":
    print(json.dumps(uvloop.run(post(*map(int, sys.argv[1:])))))
