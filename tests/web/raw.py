"""Our server without the product behind it, and clients that send it exactly the bytes they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from bot.web.open_connections import FEWEST_CONNECTIONS, Phase
from bot.web.request_limits import body_of
from bot.web.server import Connection, Runner, Server
from tests.patience import PATIENCE_S

HEADERS = {"X-Test": "ours"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(kw_only=True)
class Client:
    """A connection of ours to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str]]:
        """Return the status and the headers of the next answer, after its body."""
        async with asyncio.timeout(PATIENCE_S):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:] if line)
            }
            await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(lines[0].split()[1]), headers

    async def ended(self) -> bool:
        """Wait until the server has closed the connection."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while await self.reader.read(1 << 16):
                    pass
        except ConnectionError:
            pass
        return True


@dataclass(kw_only=True)
class Served:
    """A server that runs, and its clients."""

    server: Server
    port: int
    clients: list[Client]

    async def client(self) -> Client:
        reader, writer = await asyncio.open_connection("localhost", self.port)
        found = Client(reader=reader, writer=writer)
        self.clients.append(found)
        return found

    def later(self, seconds: float) -> None:
        """Let that much time have passed."""
        self.server.open_connections.sweep(asyncio.get_running_loop().time() + seconds)

    async def until(self, phase: Phase | None, count: int = 1) -> None:
        """Wait until so many connections are in a phase, or, for None, are open."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if self._count(phase) == count:
                    return
                await asyncio.sleep(0.01)

    def _count(self, phase: Phase | None) -> int:
        table = self.server.open_connections
        if phase is None:
            return len(table)
        peers = [peer for peer in self.server.connections if isinstance(peer, Connection)]
        return sum(table.phase(peer) is phase for peer in peers)


async def echo(request: web.Request) -> web.StreamResponse:
    """Answer with the body."""
    return web.Response(body=await body_of(request))


@asynccontextmanager
async def served(handler: Handler = echo, *, read_after_answer_s: float = 0.1) -> AsyncIterator[Served]:
    """Run a server that gives every request to `handler`. After a refusal it reads on for a moment only."""
    application = web.Application()
    application.add_routes([web.route("*", "/{path:.*}", handler)])
    runner = Runner(application, HEADERS, limit=FEWEST_CONNECTIONS, read_after_answer_s=read_after_answer_s)
    await runner.setup()
    found: Served | None = None
    try:
        await web.TCPSite(runner, "localhost", 0).start()
        server = runner.server
        assert isinstance(server, Server)
        found = Served(server=server, port=runner.addresses[0][1], clients=[])
        yield found
    finally:
        for client in found.clients if found else ():
            client.writer.transport.abort()
        await runner.cleanup()
