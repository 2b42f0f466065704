"""A platform that answers every refresh and every post after a fixed time, and does nothing else.

It also takes messages for Slack, and answers those at once.

`python -m tests.bench.tokens PORT SECONDS` serves until it is terminated. It speaks just enough HTTP/1.1 for
kept-alive connections, so that it is not what is measured.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import sys
from collections.abc import Callable
from typing import cast

import uvloop

from tests.bench.load import HOST

LIFE_S = 3600
SLACK, POSTS = b"/api/", b"/rest/posts"
NUMBERS = itertools.count()


class Endpoint(asyncio.Protocol):
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
        path = head.split(b" ", 2)[1]
        slack = path.startswith(SLACK)
        after = self._after_s if head.startswith(b"POST ") and not slack else 0.0
        answer = _said_by_slack if slack else _published if path == POSTS else _refreshed
        asyncio.get_running_loop().call_later(after, self._answer, answer)

    def _answer(self, answer: Callable[[int], tuple[str, str]]) -> None:
        if not self._transport.is_closing():
            lines, body = answer(next(NUMBERS))
            head = (
                f"HTTP/1.1 {lines}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            self._transport.write((head + body).encode())


def _refreshed(number: int) -> tuple[str, str]:
    tokens = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"}
    return "200 OK", json.dumps(tokens | {"expires_in": LIFE_S, "token_type": "bearer"})


def _published(number: int) -> tuple[str, str]:
    return f"201 Created\r\nx-restli-id: urn:li:share:{number}", ""


def _said_by_slack(number: int) -> tuple[str, str]:
    return "200 OK", json.dumps({"ok": True, "channel": "C0BENCH", "ts": f"1700000000.{number:06}"})


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
    server = await loop.create_server(lambda: Endpoint(after_s), HOST, port)
    async with server:
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2])))
