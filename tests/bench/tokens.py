"""A token endpoint that answers every refresh after a fixed time, and does nothing else.

`python -m tests.bench.tokens PORT SECONDS` serves until it is terminated. It speaks just enough HTTP/1.1 for
kept-alive connections, so that it is not what is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import sys
from typing import cast

import uvloop

from tests.bench.load import HOST

LIFE_S = 3600
NUMBERS = itertools.count()


class TokenEndpoint(asyncio.Protocol):
    """Answers one request at a time on each connection."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._read = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer a whole request when its time has come."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._read = b""
        after = self._after_s if head.startswith(b"POST ") else 0.0
        asyncio.get_running_loop().call_later(after, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            number = next(NUMBERS)
            tokens = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"}
            body = json.dumps(tokens | {"expires_in": LIFE_S, "token_type": "bearer"})
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self._transport.write((head + body).encode())


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def serve(port: int, after_s: float) -> None:
    """Serve on `port` until the process is asked to stop."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: TokenEndpoint(after_s), HOST, port)
    async with server:
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2])))
