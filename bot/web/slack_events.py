"""Where Slack's requests arrive. Nothing is read out of a body before its signature was checked.

Bolt parses first, and answers 500 to a body, timestamp or signature of a shape it did not expect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot.web.browser import SLACK_EVENTS
from bot.web.server import arrived

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp


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

        The context that handlers get holds `arrived`, the time of the request's first byte (`loop.time()`).
        """
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        well_formed = stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and signature.isascii()
        try:
            if not well_formed or not self._verifier.is_valid(await request.read(), stamp, signature):
                return web.json_response({"error": "invalid request"}, status=401)
            verified = AsyncBoltRequest(
                body=await request.text(),
                query=request.query_string,
                headers=request.headers,  # type: ignore[arg-type]
                context={"arrived": arrived(request)},
            )
        except ValueError:  # not UTF-8, not JSON
            return web.json_response({"error": "invalid request"}, status=401)
        answer = await self._bolt.async_dispatch(verified)
        # As bytes it goes out in one piece with its headers; Bolt's own adapter hands aiohttp a text.
        return web.Response(status=answer.status, body=answer.body.encode(), headers=answer.first_headers())
