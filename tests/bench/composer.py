"""What people wait for while they write a post: until the form is open, and until a change of theirs is shown."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from adapters.registry import REGISTRY
from storage.models import new_id
from tests.bench import servers
from tests.bench.benchmarks import DIALECTS, Bench, Line, waited
from tests.bench.load import HOST, WrongAnswer, command, fire, signed
from tests.bench.newsroom import connected
from tests.bench.servers import CHANNEL, TEAM, Server
from tests.composing import publisher

ACCOUNTS = 100
"""As many as the form lists."""
LETTERS, COUNTED_MS = 25_000, 10
"""The goal of the issue that asked for these numbers."""
Json = dict[str, Any]


async def composer(one: Bench) -> list[Line]:
    """The form with a hundred accounts, from `octapost run --only web`, and its counters."""
    lines = []
    for dialect in one.seeded:
        where = DIALECTS[dialect]
        one.say(f"{where}: the form with {ACCOUNTS} accounts")
        seeded = await servers.seed(await one.fresh(dialect), members=one.plan.writers, pages=1, places=1)
        accounts = await connected(seeded, [*REGISTRY.platforms], ACCOUNTS)
        async with (
            _slack() as slack,
            servers.octapost(
                seeded, "--only", "web", OCTAPOST_SLACK_API_URL=f"http://{HOST}:{slack.port}/api/"
            ) as server,
        ):
            opened, changed = [], []
            for turn in range(one.plan.writers):
                writer = Writer(slack=slack, server=server, user=seeded.users[turn], number=turn)
                opened.append(1000 * await writer.opens())
                changed += [1000 * await writer.chooses(accounts[:count]) for count in (1, 50, ACCOUNTS)]
        lines.append(waited(f"{where}: the form opens, {ACCOUNTS} accounts", opened[1:]))
        lines.append(waited(f"{where}: a change is shown, {ACCOUNTS} accounts", changed[3:]))
    return [*lines, *_counters()]


def _counters() -> list[Line]:
    """How long each platform's rules take for a long text."""
    text = ("Mugs are back 👋🏽 at https://example.com/mugs?colour=blue, #fresh @octademo. " * LETTERS)[
        :LETTERS
    ]
    found = []
    for key, platform in REGISTRY.platforms.items():
        counters = {
            rule.count
            for wanted in publisher(key).facts.formats.values()
            for rule in (wanted.part or wanted).texts.values()
        }
        for counter in counters:
            times = []
            for _ in range(9):
                began = time.thread_time()
                counter(text)
                times.append(1000 * (time.thread_time() - began))
            found.append((statistics.median(times), platform.name))
    slowest, name = max(found)
    return [
        Line(
            what=f"The counter of {LETTERS:,} characters, the slowest ({name})",
            measured=f"{slowest:.1f} ms of CPU",
            goal=f"≤ {COUNTED_MS} ms",
            met=slowest <= COUNTED_MS,
        )
    ]


class Slack:
    """Takes the views that the app opens and updates, and says when."""

    def __init__(self) -> None:
        self.port = 0
        self._shown: dict[str, asyncio.Future[Json]] = {}
        self._numbers = itertools.count()

    def expect(self, key: str) -> asyncio.Future[Json]:
        """Return what will be shown for a trigger, or instead of a view."""
        self._shown[key] = asyncio.get_running_loop().create_future()
        return self._shown[key]

    async def call(self, request: web.Request) -> web.Response:
        """Answer a method of Slack's API."""
        given: Json = (
            await request.json() if request.content_type == "application/json" else dict(await request.post())
        )
        method = request.match_info["method"]
        if not method.startswith("views."):
            return web.json_response({"ok": True, "channel": CHANNEL, "ts": "1700000000.000001"})
        view = given["view"]
        view = json.loads(view) if isinstance(view, str) else view
        key = given.get("trigger_id") or given.get("view_id")
        view |= {"id": given.get("view_id") or f"V{next(self._numbers)}", "hash": f"{next(self._numbers)}.h"}
        future = self._shown.get(str(key))
        if future is not None and not future.done():
            future.set_result(view)
        return web.json_response({"ok": True, "view": view | {"team_id": TEAM, "state": {"values": {}}}})


class Writer:
    """A member with the form open."""

    def __init__(self, *, slack: Slack, server: Server, user: str, number: int) -> None:
        self._slack, self._server, self._user, self._number = slack, server, user, number
        self._view: Json = {}

    async def opens(self) -> float:
        """Return the seconds until the form is open."""
        request = command("post Mugs are back", self._user, TEAM, CHANNEL, self._number)
        trigger = request.rpartition(b"trigger_id=")[2].decode()
        return await self._waits(request, self._slack.expect(trigger))

    async def chooses(self, accounts: Sequence[str]) -> float:
        """Return the seconds until the form shows what it says to these accounts."""
        chosen = [{"text": {"type": "plain_text", "text": "Page"}, "value": one} for one in accounts]
        block = next(one for one in self._view["blocks"] if one.get("block_id") == "accounts")
        entry = {"type": "multi_static_select", "selected_options": chosen}
        values = {"accounts": {block["element"]["action_id"]: entry}}
        for other in self._view["blocks"]:
            element = other.get("element", {})
            if element.get("type") == "plain_text_input":
                typed = {"type": "plain_text_input", "value": element.get("initial_value")}
                values[other["block_id"]] = {element["action_id"]: typed}
        payload = {
            "type": "block_actions",
            "user": {"id": self._user, "username": self._user.lower(), "team_id": TEAM},
            "container": {"type": "view", "view_id": self._view["id"]},
            "api_app_id": "A0BENCH",
            "token": "deprecated",
            "trigger_id": f"{new_id('t')}.{self._number}.bench",
            "team": {"id": TEAM, "domain": "bench"},
            "enterprise": None,
            "is_enterprise_install": False,
            "view": self._view
            | {"team_id": TEAM, "app_installed_team_id": TEAM, "state": {"values": values}},
            "actions": [
                entry
                | {"action_id": block["element"]["action_id"], "block_id": "accounts", "action_ts": "1.1"}
            ],
        }
        return await self._waits(
            signed({"payload": json.dumps(payload)}), self._slack.expect(self._view["id"])
        )

    async def _waits(self, request: bytes, shown: asyncio.Future[Json]) -> float:
        began = time.perf_counter()
        sent = asyncio.create_task(fire(self._server.port, [request], 1))
        try:
            async with asyncio.timeout(10):
                self._view = await shown
        except TimeoutError:
            raise WrongAnswer("no view") from None
        took = time.perf_counter() - began
        await sent
        return took


@asynccontextmanager
async def _slack() -> AsyncIterator[Slack]:
    slack, app = Slack(), web.Application(client_max_size=1 << 20)
    app.add_routes([web.post("/api/{method}", slack.call)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        slack.port = runner.addresses[0][1]
        yield slack
    finally:
        await runner.cleanup()
