"""What strangers do to a server without any proof of who they are: one kind a function, over and over.

tests/hostile/test_strangers.py counts what they can cost, tests/bench measures it.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"
PAUSE_S = 0.5
"""Between two bytes of somebody slow, and between two connections of somebody who was refused."""
LARGE = 5 << 20
EVENTS = "POST /slack/events"
RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: close with a reset, as a process that dies does."""


def bomb() -> bytes:
    """Return 800 KB that a gzip reader makes 784 MiB of."""
    packer = zlib.compressobj(9, wbits=31)
    first = packer.compress(bytes(8 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(8 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * 97


def head(line: str, headers: Mapping[str, object] | None = None, *more: str) -> bytes:
    """Return a request's head; `more` are whole lines."""
    given = {"Host": HOST} | dict(headers or {})
    lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def plausible() -> dict[str, object]:
    """Return headers of the shape that Slack's have, with a signature by nobody."""
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": int(time.time()),
        "X-Slack-Signature": "v0=" + "0" * 64,
    }


@dataclass(kw_only=True)
class Strangers:
    """Connections to a port, and what became of them."""

    port: int
    tries: Counter[str] = field(default_factory=Counter)
    """Connections that were opened, by kind."""
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Statuses that came back, by kind."""
    closed: Counter[str] = field(default_factory=Counter)
    """Connections that the server closed, by kind."""

    @asynccontextmanager
    async def at_work(self, connections: int) -> AsyncIterator[None]:
        """Keep that many connections busy, spread over all kinds, until the block ends."""
        kinds = itertools.islice(itertools.cycle(KINDS), connections)
        tasks = [asyncio.create_task(self.repeat(kind)) for kind in kinds]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for failed in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(failed, Exception):
                    raise failed

    async def repeat(self, kind: str) -> None:
        """Do what `kind` does, again whenever the server has ended it."""
        while True:
            await self.once(kind)
            await asyncio.sleep(PAUSE_S)

    async def once(self, kind: str) -> None:
        """Do it once, and wait until the server closes the connection."""
        with suppress(ConnectionError):
            reader, writer = await asyncio.open_connection(HOST, self.port)
            self.tries[kind] += 1
            try:
                listening = asyncio.create_task(self._listen(kind, reader))
                with suppress(ConnectionError):
                    await KINDS[kind](writer)
                await listening
            finally:
                writer.transport.abort()

    async def _listen(self, kind: str, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while line := await reader.readline():
                if line.startswith(b"HTTP/1."):
                    self.answers[kind, int(line.split()[1])] += 1
        self.closed[kind] += 1


async def idle(writer: asyncio.StreamWriter) -> None:
    """Say nothing."""
    await writer.drain()


async def slow_head(writer: asyncio.StreamWriter) -> None:
    """Send a head that never ends, a letter at a time."""
    for letter in itertools.chain(head(EVENTS)[:-2], itertools.cycle(b"x")):
        writer.write(bytes([letter]))
        await writer.drain()
        await asyncio.sleep(PAUSE_S)


async def half_body(writer: asyncio.StreamWriter) -> None:
    """Send nearly everything that was announced."""
    size = 1 << 20
    writer.write(head(EVENTS, plausible() | {"Content-Length": size}) + bytes(size - 1))
    await writer.drain()


async def gzip_bomb(writer: asyncio.StreamWriter) -> None:
    """Send what takes seconds to unpack, to a page that wants no body."""
    writer.write(head("GET /", {"Content-Encoding": "gzip", "Content-Length": len(BOMB)}))
    await _pour(writer, BOMB)


async def large_post(writer: asyncio.StreamWriter) -> None:
    """Send 5 MB that nobody signed."""
    writer.write(head(EVENTS, plausible() | {"Content-Length": LARGE}))
    await _pour(writer, bytes(LARGE))


async def endless_chunks(writer: asyncio.StreamWriter) -> None:
    """Send a body without a length and without an end."""
    writer.write(head(EVENTS, plausible() | {"Transfer-Encoding": "chunked"}))
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    while True:
        writer.write(chunk)
        await writer.drain()


async def malformed(writer: asyncio.StreamWriter) -> None:
    """Send what is no HTTP."""
    writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 secret-canary\r\n\r\n")
    await writer.drain()


async def repeated_header(writer: asyncio.StreamWriter) -> None:
    """Send two signatures."""
    writer.write(head(EVENTS, plausible() | {"Content-Length": 2}, "X-Slack-Signature: v0=1") + b"{}")
    await writer.drain()


async def leaver(writer: asyncio.StreamWriter) -> None:
    """Hang up in the middle of a body."""
    writer.write(head(EVENTS, plausible() | {"Content-Length": 4000}) + b"payload=")
    await writer.drain()
    await asyncio.sleep(PAUSE_S / 10)
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.close()


async def _pour(writer: asyncio.StreamWriter, body: bytes) -> None:
    for start in range(0, len(body), 1 << 16):
        writer.write(body[start : start + (1 << 16)])
        await writer.drain()


BOMB = bomb()
Kind = Callable[[asyncio.StreamWriter], Awaitable[None]]
KINDS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        idle,
        slow_head,
        half_body,
        gzip_bomb,
        large_post,
        endless_chunks,
        malformed,
        repeated_header,
        leaver,
    )
}
