"""Over a WebSocket too, what has begun is answered before the process stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.socket_mode import SocketMode
from tests.patience import PATIENCE_S

COMMAND = {"command": "/octapost", "text": "slow", "team_id": "T1", "user_id": "U1"}


@dataclass(kw_only=True)
class SlackSide:
    """A server that sends requests over a WebSocket, and keeps the answers."""

    url: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    socket: web.WebSocketResponse = field(default_factory=web.WebSocketResponse)

    async def open(self, _request: web.Request) -> web.Response:
        """Answer `apps.connections.open`."""
        return web.json_response({"ok": True, "url": self.url.replace("http", "ws") + "/link"})

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        await self.socket.prepare(request)
        self.connected.set()
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                self.answers.append(json.loads(message.data))
        return self.socket

    async def send(self, envelope_id: str) -> None:
        await self.connected.wait()
        envelope = {"type": "slash_commands", "envelope_id": envelope_id, "payload": COMMAND}
        await self.socket.send_json(envelope)


@asynccontextmanager
async def serving() -> AsyncIterator[SlackSide]:
    side, app = SlackSide(), web.Application()
    app.add_routes([web.post("/api/apps.connections.open", side.open), web.get("/link", side.link)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "localhost", 0)
        await site.start()
        side.url = f"http://localhost:{runner.addresses[0][1]}"
        yield side
    finally:
        await runner.cleanup()


@dataclass(kw_only=True)
class Line:
    """A handler that is connected, and one request of which is under way until `done` is set."""

    side: SlackSide
    handler: SocketMode
    done: asyncio.Event


@asynccontextmanager
async def line() -> AsyncIterator[Line]:
    began, done = asyncio.Event(), asyncio.Event()

    async def work() -> BoltResponse:
        began.set()
        await done.wait()
        return BoltResponse(status=200, body='{"text": "Done."}')

    async def nobody(**_who: Any) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token=None, bot_user_id="", bot_id="")

    bolt = AsyncApp(name="slack_bolt", signing_secret="unused", authorize=nobody)
    bolt.use(work)
    async with serving() as side:
        handler = SocketMode(bolt, "xapp-1", web_client=AsyncWebClient(base_url=f"{side.url}/api/"))
        await handler.connect_async()  # type: ignore[no-untyped-call]
        await side.send("first")
        async with asyncio.timeout(PATIENCE_S):
            await began.wait()
        yield Line(side=side, handler=handler, done=done)
        done.set()


async def test_a_stop_answers_what_is_under_way_and_takes_nothing_more() -> None:
    async with line() as open_line:
        stop = asyncio.create_task(open_line.handler.stop(10))
        await asyncio.sleep(0.05)
        await open_line.side.send("too late")
        await asyncio.sleep(0.05)
        open_line.done.set()
        await stop
        async with asyncio.timeout(PATIENCE_S):
            while not open_line.side.socket.closed:  # noqa: ASYNC110 - until the answer has been read
                await asyncio.sleep(0.01)

    assert [each["envelope_id"] for each in open_line.side.answers] == ["first"]


async def test_a_stop_does_not_wait_for_ever() -> None:
    async with line() as open_line:
        async with asyncio.timeout(PATIENCE_S):
            await open_line.handler.stop(0.1)

    assert open_line.side.answers == []
