"""Signed requests from Slack to the app, and their outcomes.

The signature: https://docs.slack.dev/authentication/verifying-requests-from-slack. The limit of three seconds and the
retries of events: https://docs.slack.dev/apis/events-api.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from sandbox.slack.state import Json, SlackState

FORM = "application/x-www-form-urlencoded"
TIMED_OUT = "operation_timeout"
UNREACHABLE = "dispatch_failed"
HTTP_ERROR = "http_error"
KEPT = 10_000
RETRY_REASONS = {TIMED_OUT: "http_timeout", UNREACHABLE: "connection_failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the app answered one request. `error` is empty for a 2xx in time."""

    status: int
    text: str
    error: str
    took_s: float
    no_retry: bool = False

    def json(self) -> Json:
        """Return the answer as an object; plain text and an empty body give `{}`."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it was sent."""

    body: str
    headers: dict[str, str]


def sign(secret: str, timestamp: str, body: str) -> str:
    """Return `X-Slack-Signature` for a body."""
    base = f"v0:{timestamp}:{body}".encode()
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Courier:
    """Sends signed requests to the app.

    The last `KEPT` requests are in `sent`, and the JSON objects of their answers in `answers`, oldest first.
    """

    def __init__(self, state: SlackState, settings: Mapping[str, Any]) -> None:
        self._state = state
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None
        self._retries: set[asyncio.Task[None]] = set()
        self.sent: deque[Sent] = deque(maxlen=KEPT)
        self.answers: deque[Json] = deque(maxlen=KEPT)

    async def open(self) -> None:
        """Get ready to send; needs a running loop."""
        every = aiohttp.TCPConnector(limit=0)  # Slack waits for no connection of its own to become free
        self._http = aiohttp.ClientSession(connector=every, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Cancel retries and close connections."""
        for task in self._retries:
            task.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def form(self, fields: Mapping[str, str]) -> Outcome:
        """Send a slash command's form."""
        return await self.signed(urlencode(fields), FORM)

    async def payload(self, payload: Json) -> Outcome:
        """Send an interaction: a form with one field, `payload`, in JSON."""
        return await self.form({"payload": json.dumps(payload)})

    async def event(self, envelope: Json) -> Outcome:
        """Send an event and return the first outcome; failures are repeated in the background."""
        body = json.dumps(envelope)
        first = await self.signed(body, "application/json")
        if first.error and not first.no_retry:
            task = asyncio.create_task(self._retry(body, first))
            self._retries.add(task)
            task.add_done_callback(self._retries.discard)
        return first

    async def settled(self) -> None:
        """Wait until no retry is outstanding."""
        await asyncio.gather(*self._retries)

    async def signed(self, body: str, content_type: str, extra: Mapping[str, str] | None = None) -> Outcome:
        """Sign a body with the app's secret and the current time, and send it."""
        app = self._state.app
        if app is None:
            raise RuntimeError("configure() the app first")
        timestamp = str(int(time.time()))
        return await self.raw(
            body,
            {
                "Content-Type": content_type,
                "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
                "X-Slack-Request-Timestamp": timestamp,
                "X-Slack-Signature": sign(app.signing_secret, timestamp, body),
                **(extra or {}),
            },
        )

    async def raw(self, body: str, headers: Mapping[str, str]) -> Outcome:
        """Send exactly these bytes and headers, signed or not."""
        if self._state.app is None or self._http is None:
            raise RuntimeError("start() the simulator and configure() the app first")
        self.sent.append(Sent(body=body, headers=dict(headers)))
        began = time.monotonic()
        status, text, error, no_retry = 0, "", "", False
        timeout = aiohttp.ClientTimeout(total=float(self._settings["ack_timeout_s"]))
        try:
            async with self._http.post(
                self._state.app.endpoint,
                data=body.encode(),
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                status, text = response.status, await response.text()
                no_retry = response.headers.get("X-Slack-No-Retry") == "1"
                error = "" if response.ok and status < 300 else HTTP_ERROR
        except TimeoutError:
            error = TIMED_OUT
        except aiohttp.ClientError:
            error = UNREACHABLE
        took = time.monotonic() - began
        outcome = Outcome(status=status, text=text, error=error, took_s=took, no_retry=no_retry)
        if answer := outcome.json():
            self.answers.append(answer)
        return outcome

    async def replay(self, times: int, *, at_once: bool = False) -> list[Outcome]:
        """Send the last request again, byte for byte, `times` times; `at_once` sends them together."""
        last = self.sent[-1]
        if at_once:
            return list(await asyncio.gather(*(self.raw(last.body, last.headers) for _ in range(times))))
        return [await self.raw(last.body, last.headers) for _ in range(times)]

    async def _retry(self, body: str, failed: Outcome) -> None:
        for number, delay in enumerate(self._settings["retry_delays_s"], start=1):
            await asyncio.sleep(float(delay))
            reason = RETRY_REASONS.get(failed.error, HTTP_ERROR)
            failed = await self.signed(
                body,
                "application/json",
                {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason},
            )
            if not failed.error or failed.no_retry:
                return
