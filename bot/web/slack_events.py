"""The address for Slack's requests. Nothing in a body is parsed before its signature was verified.

Bolt alone would parse first, and answer 500 to a body, timestamp or signature of an unexpected shape.
"""

from __future__ import annotations

import hashlib
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from aiohttp import web
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot.web.request_limits import SLACK_EVENTS, SLACK_SIGNATURE, SLACK_TIMESTAMP, body_of
from bot.web.server import arrived

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")
TIMESTAMP = re.compile(r"[0-9]{1,12}")
VALID_FOR_S = 300
"""https://docs.slack.dev/authentication/verifying-requests-from-slack, read 2026-11-30."""
LARGEST_CHECK = 1024
"""Bytes. Requests without a signature are read up to this size, because Slack's certificate check has none."""


class SlackEvents:
    """/slack/events: commands, buttons, forms and events, each signed by Slack."""

    def __init__(self, bolt: AsyncApp, signing_secret: str) -> None:
        self._bolt = bolt
        self._verifier = SignatureVerifier(signing_secret)

    def routes(self) -> list[web.RouteDef]:
        """Return the one address."""
        return [web.post(SLACK_EVENTS, self.receive)]

    async def receive(self, request: web.Request) -> web.Response:
        """Return Bolt's answer to a request that Slack signed, else 401.

        The request's context has `arrived`, the time of the first byte (`loop.time()`), and `request_key`, which is
        the same for every delivery of one signed request and differs from that of every other.
        """
        stamp = request.headers.get(SLACK_TIMESTAMP, "")
        signature = request.headers.get(SLACK_SIGNATURE, "")
        if not stamp and not signature:
            return await _certificate_check(request)
        if not _plausible(stamp, signature):
            return _refused()
        raw = await body_of(request)
        try:
            if not self._verifier.is_valid(raw, stamp, signature):
                return _refused()
            verified = AsyncBoltRequest(
                body=raw.decode(),
                query=request.query_string,
                headers=request.headers,  # type: ignore[arg-type]
                context={"arrived": arrived(request), "request_key": request_key(stamp, raw)},
            )
        except ValueError:  # not UTF-8, not JSON
            return _refused()
        if verified.body.get("ssl_check") == "1":
            return web.Response()
        answer = await self._bolt.async_dispatch(verified)
        # As bytes the body is sent in one piece with the headers; Bolt's own adapter passes a text.
        return web.Response(status=answer.status, body=answer.body.encode(), headers=answer.first_headers())


def request_key(stamp: str, body: bytes) -> str:
    """Return the key of a signed request: a digest of exactly what the signature covers."""
    return hashlib.sha256(f"{stamp}:".encode() + body).hexdigest()


def _plausible(stamp: str, signature: str) -> bool:
    """Tell whether these headers have the right shape and a current time, so that the body should be read."""
    if not TIMESTAMP.fullmatch(stamp) or not SIGNATURE.fullmatch(signature):
        return False
    return abs(time.time() - int(stamp)) <= VALID_FOR_S


async def _certificate_check(request: web.Request) -> web.Response:
    """Answer Slack's check of our certificate: a small form with `ssl_check=1`, which may be unsigned.

    It expects a 200, and nothing else is done
    (https://docs.slack.dev/interactivity/implementing-slash-commands, read 2026-11-30).
    """
    length = request.content_length
    if length is None or length > LARGEST_CHECK:
        return _refused()
    try:
        form = parse_qs((await body_of(request)).decode(), max_num_fields=10)
    except ValueError:
        return _refused()
    return web.Response() if form.get("ssl_check") == ["1"] else _refused()


def _refused() -> web.Response:
    return web.json_response({"error": "invalid request"}, status=401)
