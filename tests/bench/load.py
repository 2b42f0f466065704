"""Load: requests as Slack signs them, over kept-alive connections, one request at a time on each.

The generator is this process; servers are others. It prepares a round's requests before the clock starts,
and says how busy it was, so that a reader can see that it was not what was measured.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlencode

from sandbox.slack.delivery import FORM, sign

SECRET = "0123456789abcdef0123456789abcdef"
HOST = "127.0.0.1"
PATIENCE_S = 30.0
SETTLES_S = 0.1
"""Until the server has accepted every connection: uvloop accepts one per turn of its loop."""


class WrongAnswer(Exception):
    """A server answered something else than what was asked for, so its speed means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """How one round went."""

    seconds: float
    latencies: list[float] = field(repr=False)
    """Seconds from writing a request to having its whole answer."""
    generator: float
    """The part of the time in which the generator computed."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds


def signed(fields: Mapping[str, str]) -> bytes:
    """Return one HTTP request of Slack's, signed now."""
    body, timestamp = urlencode(fields), str(int(time.time()))
    head = (
        f"POST /slack/events HTTP/1.1\r\nHost: {HOST}\r\n"
        "User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\nAccept: application/json,*/*\r\n"
        f"Content-Type: {FORM}\r\nContent-Length: {len(body)}\r\n"
        f"X-Slack-Request-Timestamp: {timestamp}\r\n"
        f"X-Slack-Signature: {sign(SECRET, timestamp, body)}\r\n\r\n"
    )
    return (head + body).encode()


def command(text: str, user_id: str, team_id: str, channel_id: str, number: int) -> bytes:
    """Return a signed slash command; `number` makes it one of its kind, so it is no replay."""
    return signed(
        {
            "token": "deprecated",
            "team_id": team_id,
            "team_domain": "bench",
            "channel_id": channel_id,
            "channel_name": "social",
            "user_id": user_id,
            "user_name": user_id.lower(),
            "command": "/octapost",
            "text": text,
            "api_app_id": "A0BENCH",
            "is_enterprise_install": "false",
            "response_url": f"https://hooks.slack.com/commands/{team_id}/{number}/bench",
            "trigger_id": f"{number}.{time.time_ns()}.bench",
        }
    )


def typeahead(action_id: str, value: str, metadata: str, user_id: str, team_id: str) -> bytes:
    """Return the signed request for a modal's select while somebody types `value`."""
    payload: dict[str, Any] = {
        "type": "block_suggestion",
        "user": {"id": user_id, "username": user_id.lower(), "team_id": team_id},
        "container": {"type": "view", "view_id": "V1"},
        "api_app_id": "A0BENCH",
        "token": "deprecated",
        "action_id": action_id,
        "block_id": "picked",
        "value": value,
        "team": {"id": team_id, "domain": "bench"},
        "enterprise": None,
        "is_enterprise_install": False,
        "view": {
            "id": "V1",
            "team_id": team_id,
            "type": "modal",
            "private_metadata": metadata,
            "callback_id": "connect.picked",
            "state": {"values": {}},
            "app_installed_team_id": team_id,
        },
    }
    return signed({"payload": json.dumps(payload)})


async def fire(port: int, requests: Iterable[bytes], concurrency: int, expected: bytes = b"") -> Burst:
    """Send every request, `concurrency` at a time, and return how it went.

    Raises WrongAnswer for an answer that is no 200 or does not contain `expected`.
    """
    loop = asyncio.get_running_loop()
    round_ = _Round(deque(requests), expected, loop.create_future())
    connections = [
        (await loop.create_connection(lambda: _Connection(round_), HOST, port))[1] for _ in range(concurrency)
    ]
    await asyncio.sleep(SETTLES_S)
    busy, began = time.process_time(), time.perf_counter()
    for connection in connections:
        connection.send_next()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await round_.over
    finally:
        for connection in connections:
            connection.close()
    seconds = time.perf_counter() - began
    return Burst(
        seconds=seconds, latencies=round_.latencies, generator=(time.process_time() - busy) / seconds
    )


class _Round:
    """What the connections of one round share."""

    def __init__(self, waiting: deque[bytes], expected: bytes, over: asyncio.Future[None]) -> None:
        self.waiting = waiting
        self.expected = expected
        self.over = over
        self.open = len(waiting)
        self.latencies: list[float] = []

    def fail(self, error: Exception) -> None:
        """End the round."""
        if not self.over.done():
            self.over.set_exception(error)

    def answered(self, head: bytes, body: bytes, seconds: float) -> None:
        """Take note of one answer."""
        if not head.startswith(b"HTTP/1.1 200") or self.expected not in body:
            self.fail(WrongAnswer(_shown(head, body)))
            return
        self.latencies.append(seconds)
        self.open -= 1
        if self.open == 0 and not self.over.done():
            self.over.set_result(None)


def _shown(head: bytes, body: bytes) -> str:
    return f"{head.splitlines()[0].decode()}: {body[:300].decode(errors='replace')}"


class _Connection(asyncio.Protocol):
    """One kept-alive connection with one request on its way."""

    def __init__(self, round_: _Round) -> None:
        self._round = round_
        self._received = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def send_next(self) -> None:
        """Send one of the requests that wait, if any."""
        if self._round.waiting and self._transport is not None:
            self._received = b""
            self._sent_at = time.perf_counter()
            self._transport.write(self._round.waiting.popleft())

    def data_received(self, data: bytes) -> None:
        """Go on once the answer is whole."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self._round.answered(head, body, time.perf_counter() - self._sent_at)
            self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the round if it was not over."""
        if self._round.open:
            self._round.fail(exc or ConnectionError("the server closed a connection"))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0] or b"0")
