"""The product in its world, for tests: the app in this process, everybody else on localhost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest
import pytest_asyncio
from sqlmodel import SQLModel, func, select

from adapters.registry import REGISTRY
from bot import app
from bot.parts import Parts
from bot.settings import Settings
from sandbox.browser import PLAIN
from sandbox.member import Member
from sandbox.platforms.x.simulator import XSimulator
from sandbox.platforms.youtube.simulator import YouTubeSimulator
from sandbox.slack.world import ACME, ADA, BEA, BLUE, BO, GUS, IRIS, IVAN, NORTH, OLGA, OTTO, SOUTH
from sandbox.start import Playground, playground
from storage.engine.db import Database
from storage.memberships import Members
from storage.models import Membership, Role
from storage.organizations import Organizations
from storage.tickets import NewTicket, open_ticket
from storage.vault import KeyRing, Vault
from storage.workspaces import Workspaces
from tests.ageing import age
from tests.counts import FULL
from tests.databases import sqlite_file
from tests.outbox import rendered
from tests.pages import press, query_of

if TYPE_CHECKING:
    from bot.slack.routes import Routes
    from sandbox.slack.server import SlackSimulator
    from sandbox.world import World

CHANNELS = {ACME: "C0ACMESOC", BLUE: "C0BLUESOC", NORTH: "C0NORTHSOC", SOUTH: "C0SOUTHSOC"}
HOMES = {ADA: ACME, OTTO: ACME, OLGA: ACME, GUS: ACME, BEA: BLUE, BO: BLUE, IRIS: NORTH, IVAN: NORTH}
PACE = "OCTAPOST_SLACK_MESSAGE_INTERVAL_S"
EITHER = ["sqlite", "postgresql"] if FULL else ["sqlite"]
PATIENT = {
    "OCTAPOST_WEB_REQUESTS_PER_MINUTE": "100000",
    PACE: "0",
}
"""Tests come from one address and are many, and have no second to wait between two messages."""


@dataclass(kw_only=True)
class Office:
    """A running product, and the people in it. `people` are closed with it."""

    playground: Playground
    _stack: AsyncExitStack
    _people: dict[str, Member] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.playground.world

    @property
    def slack(self) -> SlackSimulator:
        return self.playground.world.slack

    @property
    def parts(self) -> Parts:
        return self.playground.app.parts

    @property
    def database(self) -> Database:
        return self.parts.database

    @property
    def x(self) -> XSimulator:
        found = self.world.platforms["x"]
        assert isinstance(found, XSimulator)
        return found

    @property
    def youtube(self) -> YouTubeSimulator:
        found = self.world.platforms["youtube"]
        assert isinstance(found, YouTubeSimulator)
        return found

    @property
    def url(self) -> str:
        """Where the app's pages are."""
        return self.world.app_url

    async def person(self, user_id: str = ADA, team_id: str = "") -> Member:
        """Give a person with a Slack client and a browser; the same one when asked again."""
        team = team_id or HOMES[user_id]
        key = f"{user_id}.{team}"
        if key not in self._people:
            member = Member(self.world, user_id, team, CHANNELS[team])
            self._people[key] = await self._stack.enter_async_context(member)
        return self._people[key]

    async def installed(self, user_id: str = ADA) -> Member:
        """Give the person after they have added the app to their workspace and were welcomed."""
        member = await self.person(user_id)
        page = await member.install()
        assert page.status == 200, page.text
        await member.next_message(0)
        return member

    # Its pages, without anybody's Slack

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """Return a new browser at our pages; redirects are not followed."""
        return httpx.AsyncClient(
            verify=PLAIN, base_url=self.url, headers=headers, trust_env=False, timeout=20
        )

    def watcher(self) -> httpx.AsyncClient:
        """Return a client of readiness and metrics, where `open_office` was told to serve them."""
        url = str(self.playground.app.monitoring_url)
        return httpx.AsyncClient(verify=PLAIN, base_url=url, trust_env=False, timeout=20)

    async def message(self, notice: Any) -> dict[str, Any]:
        """Return what is sent for a row of the outbox."""
        return await rendered(self.parts.notices.renderer, notice)

    async def member(
        self, user_id: str = ADA, team_id: str = ACME, role: Role = Role.ADMIN, name: str = ""
    ) -> Membership:
        """Return a member of a new organization that may be used from the workspace."""
        async with self.database.system() as session:
            await Workspaces(session).ensure(team_id, None, "Acme")
            before = len(await Workspaces(session).organizations(team_id))
            name = name or f"Acme Social {before + 1}".removesuffix(" 1")
            organization = await Organizations(session).create(name)
            await Workspaces(session).link(team_id, organization.id)
            return await Members(session).add(
                organization.id, realm=team_id, user_id=user_id, team_id=team_id, role=role
            )

    async def ticket(self, member: Membership, platform: str = "x", key: str = "") -> str:
        """Return the path of a new link of this member."""
        async with self.database.system() as session:
            ticket = await open_ticket(
                session,
                NewTicket(
                    organization_id=member.organization_id,
                    membership_id=member.id,
                    team_id=member.team_id,
                    channel_id="C0ACMEGEN",
                    platform=platform,
                    app=key or platform,
                ),
            )
        return f"/connect/{ticket}"

    async def sign_in(
        self, browser: httpx.AsyncClient, ticket: str, user: str = ADA, team: str = ACME
    ) -> Any:
        """Press Continue, sign in at Slack as `user`, and return our answer to that."""
        started = await press(browser, ticket)
        assert started.status_code == 303, started.text
        return await browser.get(self.slack.consent(started.headers["location"], user, team))

    async def attempt(self, browser: httpx.AsyncClient, platform: str = "x", key: str = "") -> str:
        """Go as far as the platform's consent screen and return the state that it is opened with."""
        ticket = await self.ticket(await self.member(), platform, key)
        answer = await self.sign_in(browser, ticket)
        assert answer.status_code == 303, answer.text
        return query_of(answer.headers["location"])["state"]

    async def count(self, model: type[SQLModel]) -> int:
        """Return how many rows a table has."""
        async with self.database.system(write=False) as session:
            return (await session.exec(select(func.count()).select_from(model))).one()

    async def rows(self, model: type[Any]) -> list[Any]:
        """Return every row of a table."""
        async with self.database.system(write=False) as session:
            return list(await session.exec(select(model)))

    def token_calls(self) -> int:
        """Return how many requests the token endpoints of X and YouTube got."""
        return sum(len(each.calls("/token", "POST")) for each in (self.x, self.youtube))


async def open_office(
    data: Path, stack: AsyncExitStack, extra: Mapping[str, str] | None = None, **other: Any
) -> Office:
    """Return the product in its world; `other` goes to `playground`, for other platforms than those there are."""
    sqlite_file(data)
    found = await stack.enter_async_context(playground(data=data, extra=PATIENT | dict(extra or {}), **other))
    found.world.slack.settings |= {
        "message_interval_s": float((PATIENT | dict(extra or {}))[PACE]),
        # Slack's three seconds are measured elsewhere; here other tests keep the machine busy.
        "ack_timeout_s": 15.0,
        "trigger_life_s": 15.0,
    }
    return Office(playground=found, _stack=stack)


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Give the product on SQLite, in its world."""
    async with AsyncExitStack() as stack:
        yield await open_office(tmp_path, stack)


@pytest_asyncio.fixture(params=EITHER)
async def either_office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    """Give the product in its world on SQLite and, where every try is made (tests/counts.py), on PostgreSQL."""
    async with AsyncExitStack() as stack:
        yield await open_either_office(request, tmp_path, stack)


async def open_either_office(request: pytest.FixtureRequest, data: Path, stack: AsyncExitStack) -> Office:
    """Open the product on the database that `request.param` names."""
    if request.param == "sqlite":
        return await open_office(data, stack)
    postgres = request.getfixturevalue("postgres")
    stack.push_async_callback(postgres.empty)  # the last to be called, when nobody is connected any more
    office = await open_office(data, stack, {"OCTAPOST_DATABASE_URL": postgres.url(postgres.name)})
    office.world.age_app = partial(age, office.database)
    return office


def settings(**more: str) -> Settings:
    """Return settings in which every platform is configured and nothing is reachable."""
    env = {
        "PUBLIC_URL": "http://localhost:1",
        "DATABASE_URL": "sqlite+aiosqlite:///nowhere/never-opened.sqlite3",
        "VAULT_KEYS": KeyRing.generate(),
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "slack-secret",
        "SLACK_SIGNING_SECRET": "s" * 32,
    }
    for name in ("FACEBOOK", "INSTAGRAM", "X", "LINKEDIN", "LINKEDIN_PAGE", "TIKTOK", "REDDIT", "YOUTUBE"):
        env |= {f"{name}_CLIENT_ID": f"{name}-id", f"{name}_CLIENT_SECRET": f"{name}-secret"}
    return Settings.from_env({f"OCTAPOST_{k}": v for k, v in (env | more).items()}, REGISTRY)


def routes_of() -> Routes:
    """Return the table of routes of the whole product, without starting anything."""

    async def build() -> Routes:
        made = settings()
        database = Database(made.database_url.get_secret_value())
        async with aiohttp.ClientSession() as session, httpx.AsyncClient(verify=PLAIN) as http:
            parts = app.construct(made, database, Vault(KeyRing.parse(made.keys)), session, http)
        await database.close()
        return parts.routes

    return asyncio.run(build())
