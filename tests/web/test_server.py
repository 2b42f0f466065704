"""The server in front of our applications, spoken to in raw bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from bot.web.server import Runner, arrived

HEAD = b"POST / HTTP/1.1\r\nHost: octapost.test\r\nContent-Length: 4\r\n\r\n"
PAUSE_S = 0.2

Handler = Callable[[web.Request], web.Response]


@asynccontextmanager
async def served(
    handler: Handler,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Give a connection to a server whose one address, `POST /`, reads the body and then answers."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return handler(request)

    application = web.Application()
    application.add_routes([web.post("/", answer)])
    runner = Runner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "localhost", 0).start()
        reader, writer = await asyncio.open_connection("localhost", runner.addresses[0][1])
        yield reader, writer
        writer.close()
    finally:
        await runner.cleanup()


async def test_a_request_arrives_with_its_first_byte_not_with_its_last() -> None:
    loop = asyncio.get_running_loop()
    waited: list[float] = []

    def handler(request: web.Request) -> web.Response:
        waited.append(loop.time() - arrived(request))
        return web.Response()

    async with served(handler) as (reader, writer):
        for pieces in ([HEAD[:1], HEAD[1:], b"body"], [HEAD + b"body"], [HEAD + b"b", b"ody"]):
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(PAUSE_S)
            await reader.readuntil(b"\r\n\r\n")

    assert [round(seconds / PAUSE_S) for seconds in waited] == [2, 0, 1]


async def test_requests_sent_in_one_piece_have_all_arrived() -> None:
    loop = asyncio.get_running_loop()
    times: list[tuple[float, float]] = []

    def handler(request: web.Request) -> web.Response:
        times.append((arrived(request), loop.time()))
        return web.Response()

    async with served(handler) as (reader, writer):
        started = loop.time()
        writer.write((HEAD + b"body") * 3)
        for _ in range(3):
            await reader.readuntil(b"\r\n\r\n")

    assert len(times) == 3
    assert all(started <= at <= handled for at, handled in times)
