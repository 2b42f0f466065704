"""A tiny app on the other side of the simulated Slack, and a Slack that has it installed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSimulator
from sandbox.slack.world import ACME, ADA

SECRET = "a-signing-secret-of-thirty-two-bytes"
SCOPES = (
    "channels:join,channels:read,chat:write,commands,files:read,files:write,groups:read,im:read,im:write,"
    "team:read,users:read"
)
EVENTS = ("app_home_opened", "app_uninstalled", "tokens_revoked", "user_change", "message.im")
REDIRECT = "https://bot.example.com/slack/oauth_redirect"


@dataclass(slots=True, kw_only=True)
class Got:
    """One request the app received."""

    headers: dict[str, str]
    body: str
    genuine: bool

    @property
    def form(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(self.body, keep_blank_values=True).items()}

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.form["payload"])
        return found

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(slots=True, kw_only=True)
class Receiver:
    """Answers `/slack/events` with what stands first in `answers`, then with an empty 200."""

    got: list[Got] = field(default_factory=list)
    answers: list[web.Response | dict[str, Any] | str | int] = field(default_factory=list)
    delay_s: float = 0.0
    url: str = ""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        verifier = SignatureVerifier(SECRET)
        genuine = verifier.is_valid_request(body, {k.lower(): v for k, v in request.headers.items()})
        headers = {k.lower(): v for k, v in request.headers.items()}
        self.got.append(Got(headers=headers, body=body, genuine=genuine))
        await asyncio.sleep(self.delay_s)
        answer = self.answers.pop(0) if self.answers else ""
        match answer:
            case dict():
                return web.json_response(answer)
            case int():
                return web.Response(status=answer)
            case str():
                return web.Response(text=answer)
            case _:
                return answer


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/slack/events", receiver.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://localhost:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def slack_for(receiver: Receiver) -> AsyncIterator[SlackSimulator]:
    slack = SlackSimulator()
    slack.settings |= {"retry_delays_s": [0, 0.01, 0.01], "message_interval_s": 0}
    slack.configure(
        client_id="1.2",
        client_secret="s3cret",
        signing_secret=SECRET,
        app_url=receiver.url,
        redirect_urls=[REDIRECT],
        bot_scopes=SCOPES.split(","),
        shortcuts=[{"callback_id": "octapost", "name": "Open Octapost"}],
        events=EVENTS,
    )
    await slack.start()
    try:
        yield slack
    finally:
        await slack.stop()


def authorize_url(slack: SlackSimulator, **changes: str) -> str:
    query = {"client_id": "1.2", "scope": SCOPES, "redirect_uri": REDIRECT, "state": "st"} | changes
    return f"{slack.url}/oauth/v2/authorize?{urlencode(query)}"


def code_in(location: str) -> str:
    return parse_qs(urlsplit(location).query)["code"][0]


async def post(url: str, **form: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.post(url, data=form) as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def installed(
    slack: SlackSimulator, user: str = ADA, team: str = ACME, *, org_wide: bool = False, **changes: str
) -> dict[str, Any]:
    """Install the app the way a browser and the app would, and return the token answer."""
    code = code_in(slack.consent(authorize_url(slack, **changes), user, team, org_wide=org_wide))
    return await post(
        f"{slack.url}/api/oauth.v2.access",
        client_id="1.2",
        client_secret="s3cret",
        code=code,
        redirect_uri=REDIRECT,
    )


async def client_for(slack: SlackSimulator, user: str = ADA, team: str = ACME) -> AsyncWebClient:
    answer = await installed(slack, user, team)
    return AsyncWebClient(token=answer["access_token"], base_url=slack.url + "/api/")
