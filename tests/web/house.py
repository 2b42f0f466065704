"""Octapost at work on localhost, between a simulated Slack and simulated platforms, seen by a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from sqlmodel import SQLModel, func, select

from bot import app, process
from sandbox.browser import PLAIN
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.x import XSimulator
from sandbox.platforms.youtube import YouTubeSimulator
from sandbox.slack.server import SlackSimulator
from sandbox.slack.world import ACME, ADA
from sandbox.start import bound
from storage.memberships import Members
from storage.models import Membership, Role
from storage.organizations import Organizations
from storage.tickets import NewTicket, open_ticket
from storage.vault import KeyRing
from storage.workspaces import Workspaces
from tests.databases import sqlite_file
from tests.outbox import rendered

SILENT = "http://localhost:9"
"""Where platforms are that a test doesn't need: nobody listens to the discard port here."""
APPS = ("facebook", "instagram", "x", "linkedin", "linkedin_page", "tiktok", "reddit", "youtube")
COOKIE = "octapost-attempt"
CLIENT_ID = "111.222"
EVENTS = ("app_uninstalled", "tokens_revoked", "user_change")


@dataclass(slots=True, kw_only=True)
class House:
    """Everything a test of the web pages needs at hand."""

    slack: SlackSimulator
    x: XSimulator
    youtube: YouTubeSimulator
    parts: app.Parts
    url: str
    monitoring_url: str = ""
    """Where readiness and metrics are, if they are anywhere."""

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """A fresh browser at our pages; redirects are not followed."""
        return httpx.AsyncClient(
            verify=PLAIN, base_url=self.url, headers=headers, trust_env=False, timeout=20
        )

    def watcher(self) -> httpx.AsyncClient:
        """Whoever watches the process: readiness and metrics."""
        return httpx.AsyncClient(verify=PLAIN, base_url=self.monitoring_url, trust_env=False, timeout=20)

    async def message(self, notice: Any) -> dict[str, Any]:
        """Return what is sent for a row of the outbox."""
        return await rendered(self.parts.notices.renderer, notice)

    async def member(
        self, user_id: str = ADA, team_id: str = ACME, role: Role = Role.ADMIN, name: str = ""
    ) -> Membership:
        """A member of a fresh organization that may be used from the workspace."""
        async with self.parts.database.system() as session:
            await Workspaces(session).ensure(team_id, None, "Acme")
            before = len(await Workspaces(session).organizations(team_id))
            name = name or f"Acme Social {before + 1}".removesuffix(" 1")
            organization = await Organizations(session).create(name)
            await Workspaces(session).link(team_id, organization.id)
            return await Members(session).add(
                organization.id, realm=team_id, user_id=user_id, team_id=team_id, role=role
            )

    async def ticket(self, member: Membership, platform: str = "x", key: str = "") -> str:
        """The path of a fresh link of this member."""
        async with self.parts.database.system() as session:
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
        """How many rows a table has."""
        async with self.parts.database.system(write=False) as session:
            return (await session.exec(select(func.count()).select_from(model))).one()

    async def rows(self, model: type[Any]) -> list[Any]:
        """Every row of a table."""
        async with self.parts.database.system(write=False) as session:
            return list(await session.exec(select(model)))

    def token_calls(self) -> int:
        """How often a platform's token endpoint was asked."""
        return len(self.x.calls("/token", "POST")) + len(self.youtube.calls("/token", "POST"))


async def press(browser: httpx.AsyncClient, ticket: str, **headers: str) -> httpx.Response:
    """Press Continue as a browser does it on a page that sends no referrer."""
    sent = {"Origin": "null", "Sec-Fetch-Site": "same-origin"} | headers
    return await browser.post(ticket, headers=sent)


def query_of(url: str) -> dict[str, str]:
    """The query of a URL, each name once."""
    found = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


def environment(
    url: str, slack: SlackSimulator, database: Path, platforms: Mapping[str, str]
) -> dict[str, str]:
    """The bot's environment: all seven platforms, on the origins given, else where nobody answers."""
    env = {
        "OCTAPOST_PUBLIC_URL": url,
        "OCTAPOST_DATABASE_URL": f"sqlite+aiosqlite:///{database}",
        "OCTAPOST_VAULT_KEYS": KeyRing.generate(),
        "OCTAPOST_SLACK_CLIENT_ID": CLIENT_ID,
        "OCTAPOST_SLACK_CLIENT_SECRET": "a-client-secret",
        "OCTAPOST_SLACK_SIGNING_SECRET": "a-signing-secret-of-some-length",
        "OCTAPOST_SLACK_API_URL": f"{slack.url}/api/",
        "OCTAPOST_SLACK_WEB_URL": slack.url,
        "OCTAPOST_METRICS_PORT": "0",
    }
    for key in APPS:
        env[f"OCTAPOST_{key.upper()}_CLIENT_ID"] = f"{key}-id"
        env[f"OCTAPOST_{key.upper()}_CLIENT_SECRET"] = f"{key}-secret"
        if key != "linkedin_page":
            env[f"OCTAPOST_{key.upper()}_URL"] = platforms.get(key, SILENT)
    return env


@asynccontextmanager
async def open_house(folder: Path, **extra: str) -> AsyncIterator[House]:
    """Start everything; `extra` overrides the bot's environment."""
    database = sqlite_file(folder)
    listener = bound()
    url = f"http://localhost:{listener.getsockname()[1]}"
    slack, x, youtube = SlackSimulator(), XSimulator(), YouTubeSimulator()
    async with AsyncExitStack() as stack:
        for simulator in (slack, x, youtube):
            await simulator.start()
            stack.push_async_callback(simulator.stop)
        for key, platform in {"x": x, "youtube": youtube}.items():
            known: OAuthSimulator = platform
            known.register(f"{key}-id", f"{key}-secret", [f"{url}/oauth/{key}/callback"])
        slack.configure(
            client_id=CLIENT_ID,
            client_secret="a-client-secret",
            signing_secret="a-signing-secret-of-some-length",
            app_url=url,
            redirect_urls=[f"{url}/slack/oauth_redirect", f"{url}/slack/identity"],
            events=EVENTS,
        )
        env = environment(url, slack, database, {"x": x.url, "youtube": youtube.url})
        env |= extra
        running = await stack.enter_async_context(
            process.run(app.settings_from(env), work=False, listener=listener, monitoring_listener=bound())
        )
        yield House(
            slack=slack,
            x=x,
            youtube=youtube,
            parts=running.parts,
            url=url,
            monitoring_url=str(running.monitoring_url),
        )
