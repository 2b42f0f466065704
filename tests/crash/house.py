"""An installation with many grants at one simulated platform, whose time passes when a test says so."""

from __future__ import annotations

import asyncio
import secrets
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import insert, text
from sqlmodel import col, func, or_, select, update

from adapters.base import Budget, Refresh
from adapters.registry import REGISTRY
from bot import app
from bot.ops.http import Carrier, open_session
from bot.parts import Parts
from bot.services.tokens.policy import lease_for
from bot.settings import Settings
from sandbox.platforms import values as simulated
from sandbox.platforms.linkedin.simulator import LinkedInSimulator
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.platforms.meta.state import Consent, Token
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.reddit.simulator import RedditSimulator
from sandbox.platforms.tiktok.simulator import TikTokSimulator
from sandbox.platforms.x.simulator import XSimulator
from sandbox.platforms.youtube.simulator import YouTubeSimulator
from storage.engine.db import Database
from storage.engine.statements import now
from storage.grants import token_pair
from storage.models import Account, Grant, GrantHolder, GrantStatus, Notice, OperatorAlert, new_id
from storage.vault import KeyRing, Vault, check_canaries
from tests.ageing import aged
from tests.patience import PATIENCE_S
from tests.platforms import PLATFORMS
from tests.tenancy import Tenancy, first_admin

SIMULATORS: dict[str, Callable[[], OAuthSimulator]] = {
    "facebook": MetaSimulator,
    "instagram": MetaSimulator,
    "x": XSimulator,
    "linkedin": LinkedInSimulator,
    "tiktok": TikTokSimulator,
    "reddit": RedditSimulator,
    "youtube": YouTubeSimulator,
}
UNSYNCHRONIZED = {"synchronize_session": False}
OPERATORS = ("T0OPS", "C0OPS")
"""The channel in which the operator is called."""
SECOND_LOOK = timedelta(minutes=16)
A_CALM_WHILE = timedelta(hours=2)
"""After so long a breaker has forgotten what it counted."""
REFRESHES = ("grant_type=refresh_token", "grant_type=fb_exchange_token")


def environment(url: str, keys: str, **more: str) -> dict[str, str]:
    """Return the settings of an installation with every platform configured and nobody reachable."""
    env = {
        "PUBLIC_URL": "http://localhost:1",
        "PORT": "0",
        "METRICS_PORT": "0",
        "HOST": "127.0.0.1",
        "DATABASE_URL": url,
        "VAULT_KEYS": keys,
        "LOG_LEVEL": "WARNING",
        "WEB_REQUESTS_PER_MINUTE": "100000",
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "slack-secret",
        "SLACK_SIGNING_SECRET": "s" * 32,
        "SLACK_API_URL": "http://localhost:1/",
        "OPERATOR_CHANNEL": "/".join(OPERATORS),
    }
    for name in ("FACEBOOK", "INSTAGRAM", "X", "LINKEDIN", "TIKTOK", "REDDIT", "YOUTUBE"):
        env |= {f"{name}_CLIENT_ID": f"{name}-id", f"{name}_CLIENT_SECRET": f"{name}-secret"}
    return {f"OCTAPOST_{name}": value for name, value in (env | more).items()}


def url_of(database: Database) -> str:
    """Return what another process opens to see the same database."""
    return database._writes.url.render_as_string(hide_password=False)


@dataclass(kw_only=True)
class House(Tenancy):
    """The installation, and what is true in it."""

    simulator: OAuthSimulator
    platform: str
    env: Mapping[str, str]
    parts: Parts
    calls: Hurried
    http: httpx.AsyncClient
    _passed_s: float = field(default=0.0)

    # Grants

    async def connect(self, count: int, *, refresh: bool = True) -> list[str]:
        """Return the ids of so many new grants, each with an account, due in a month."""
        refresh = refresh and PLATFORMS[self.platform].refresh is not Refresh.EXCHANGE
        client = self.parts.settings.platforms()[self.platform].clients[self.platform]
        place: dict[str, Any] = {"platform": self.platform, "app": self.platform}
        ours: dict[str, Any] = {"organization_id": self.organization_id, "connected_by": self.membership_id}
        grant = Grant(
            **place,
            status=GrantStatus.HEALTHY,
            scopes=sorted(client.scopes),
            external_id="",
            external_name="",
        ).model_dump()
        holder = GrantHolder(grant_id="", **ours).model_dump()
        account = Account(grant_id="", **place, **ours, remote_id="", kind="Account", name="").model_dump()
        grants, holders, accounts = [], [], []
        for _ in range(count):
            theirs = self._consented(client.client_id, frozenset(client.scopes))
            grant_id, person = new_id("grt"), theirs.person
            access, spare = next(iter(theirs.access)), next(iter(theirs.refresh), "") if refresh else ""
            grants.append(
                grant
                | {
                    "id": grant_id,
                    "external_id": person.id,
                    "external_name": person.name,
                    "access_sealed": self._seal(grant_id, "access_sealed", access),
                    "refresh_sealed": self._seal(grant_id, "refresh_sealed", spare) if spare else None,
                }
            )
            holders.append(holder | {"grant_id": grant_id})
            accounts.append(
                account
                | {"id": new_id("acc"), "grant_id": grant_id, "remote_id": person.id, "name": person.name}
            )
        async with self.database.system() as session:
            connection = await session.connection()
            for model, rows in ((Grant, grants), (GrantHolder, holders), (Account, accounts)):
                await connection.execute(insert(model), rows)
        ids = [str(grant["id"]) for grant in grants]
        await self.due(*ids, after=timedelta(days=30))
        return ids

    def _consented(self, client_id: str, scopes: frozenset[str]) -> simulated.Grant:
        number = secrets.token_hex(6)
        theirs = simulated.Grant(
            id=number,
            person=simulated.Person(id=number, name=f"Person {number}"),
            client_id=client_id,
            scopes=scopes,
            assets=frozenset(),
            issued_at=self.simulator.clock.now(),
            access={f"access-{number}": self.simulator.clock.now() + 60},
            refresh={f"refresh-{number}": None},
        )
        self.simulator.grants[number] = theirs
        self.simulator.issued_to |= dict.fromkeys((*theirs.access, *theirs.refresh), number)
        if isinstance(self.simulator, MetaSimulator):
            self.simulator.consents[number, client_id] = Consent(seen_at=theirs.issued_at)
            for access in theirs.access:
                self.simulator.tokens[access] = Token(
                    value=access,
                    kind="USER",
                    client_id=client_id,
                    issued_at=theirs.issued_at,
                    person=theirs.person.id,
                    expires_at=theirs.issued_at + float(self.simulator.settings["long_life_s"]),
                    long=True,
                )
        return theirs

    def _seal(self, grant_id: str, column: str, token: str) -> bytes:
        return self.vault.seal(token, table="grant_", column=column, organization=None, row=grant_id)

    async def due(self, *ids: str, after: timedelta = timedelta(seconds=-1)) -> None:
        """Let these grants (or all) be due, in the order given."""
        change = update(Grant).values(due_at=now(after))
        if ids:
            change = change.where(col(Grant.id).in_(ids))
        async with self.database.system() as session:
            await session.exec(change, execution_options=UNSYNCHRONIZED)

    async def end_in(self, left: timedelta, *ids: str) -> None:
        """Let the access tokens of these grants (or all) end so soon, by the database's clock."""
        change = update(Grant).values(access_expires_at=now(left))
        if ids:
            change = change.where(col(Grant.id).in_(ids))
        async with self.database.system() as session:
            await session.exec(change, execution_options=UNSYNCHRONIZED)

    async def grants(self) -> list[Grant]:
        """Return every grant as it is now."""
        async with self.database.system(write=False) as session:
            return list(await session.exec(select(Grant).order_by(col(Grant.created_at))))

    async def grant(self, grant_id: str) -> Grant:
        """Return one grant as it is now."""
        async with self.database.system(write=False) as session:
            return (await session.exec(select(Grant).where(Grant.id == grant_id))).one()

    @asynccontextmanager
    async def nobody_writes(self, grant_id: str) -> AsyncIterator[None]:
        """Let every other writer of this grant wait while the block lasts."""
        unchanged = update(Grant).where(col(Grant.id) == grant_id).values(app=Grant.app)
        async with self.database.system() as session:
            await session.exec(unchanged, execution_options=UNSYNCHRONIZED)
            yield

    async def orphans_end(self) -> None:
        """Return when PostgreSQL has finished what a killed process had asked it for: nobody waits for it any more."""
        if self.database.dialect != "postgresql":
            return
        running = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()"
        )
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with self.database.system(write=False) as session:
                    if (await (await session.connection()).execute(running)).scalar_one() == 0:
                        return
                await asyncio.sleep(0.02)

    async def waiting(self) -> int:
        """Return how many grants are due and nobody's."""
        owed = select(func.count()).where(
            col(Grant.due_at) <= now(), or_(col(Grant.lease_until).is_(None), col(Grant.lease_until) < now())
        )
        async with self.database.system(write=False) as session:
            return (await session.exec(owed)).one()

    async def behind(self, generation: int) -> int:
        """Return how many grants have not come to this generation of their tokens."""
        older = select(func.count()).where(col(Grant.generation) < generation)
        async with self.database.system(write=False) as session:
            return (await session.exec(older)).one()

    async def come_to(self, left: int, generation: int, within_s: float = PATIENCE_S) -> None:
        """Return as soon as only so many grants have not come to this generation of their tokens."""
        async with asyncio.timeout(within_s):
            while True:
                if await self.behind(generation) == left:
                    return
                await asyncio.sleep(0.05)

    async def prompts(self) -> list[Notice]:
        """Return the cards people were shown: neither a card's later states nor the lines below it."""
        shown = select(Notice).where(
            col(Notice.edits).is_(None), col(Notice.thread_of).is_(None), Notice.slack_id != OPERATORS[0]
        )
        async with self.database.system(write=False) as session:
            return list(await session.exec(shown))

    async def pages(self) -> int:
        """Return how often the operator was called, by whichever process."""
        called = select(func.count()).where(Notice.slack_id == OPERATORS[0])
        async with self.database.system(write=False) as session:
            return (await session.exec(called)).one()

    @property
    def lease(self) -> timedelta:
        """Just longer than a grant belongs to the process that works on it."""
        return lease_for(PLATFORMS[self.platform]) + timedelta(seconds=1)

    # What the platform knows

    def refreshes(self) -> int:
        """Return how many refreshes the platform saw."""
        return len(self.asked_at())

    def tokens_asked(self) -> int:
        """Return with how many different tokens the platform was asked to refresh."""
        return len({call.body for call in self.simulator.requests if any(w in call.body for w in REFRESHES)})

    def asked_at(self) -> list[float]:
        """Return when the platform saw each refresh, by the clock that is moved."""
        return [call.at for call in self.simulator.requests if any(words in call.body for words in REFRESHES)]

    def revoked(self) -> int:
        """Return how many families the platform ended."""
        return sum(bool(theirs.dead) for theirs in self.simulator.grants.values())

    async def lost(self) -> list[str]:
        """Return the grants that we call healthy and whose tokens the platform would refuse."""
        accepted = {
            token for theirs in self.simulator.grants.values() if not theirs.dead for token in theirs.refresh
        }
        healthy = [grant for grant in await self.grants() if grant.status == GrantStatus.HEALTHY]
        pairs = [token_pair(self.vault, grant) for grant in healthy]
        return [
            grant.id
            for grant, pair in zip(healthy, pairs, strict=True)
            if pair.refresh is None or pair.refresh.reveal() not in accepted
        ]

    async def pages_come(self, within_s: float = PATIENCE_S) -> None:
        """Return as soon as the operator was called."""
        async with asyncio.timeout(within_s):
            while True:
                if await self.pages():
                    return
                await asyncio.sleep(0.02)

    async def trouble_is_met(self, within_s: float = PATIENCE_S) -> None:
        """Return as soon as a trouble that the operator knows of was met again, since time passed last."""
        lately = select(func.count()).where(col(OperatorAlert.last_seen_at) > now(-timedelta(minutes=30)))
        async with asyncio.timeout(within_s):
            while True:
                async with self.database.system(write=False) as session:
                    if (await session.exec(lately)).one():
                        return
                await asyncio.sleep(0.02)

    def busiest(self, per: timedelta) -> int:
        """Return the most refreshes the platform saw in any span of this length, by the clock that is moved."""
        times = sorted(self.asked_at())
        spans = (place - bisect_left(times, at - per.total_seconds()) + 1 for place, at in enumerate(times))
        return max(spans, default=0)

    @property
    def budget(self) -> Budget:
        """How many calls the platform takes, and in what time."""
        return self.parts.settings.platforms()[self.platform].budget

    # Time

    async def pass_time(self, span: timedelta) -> None:
        """Let time pass: the platform's clock goes on, everything stored moves into the past."""
        before = int(self._passed_s // 60)
        self._passed_s += span.total_seconds()
        minutes = int(self._passed_s // 60) - before
        self.simulator.clock.offset_s += span.total_seconds()
        for lane in self.parts.refresher.queues.values():
            lane._held_until -= span.total_seconds()
        async with self.database.system() as session:
            connection = await session.connection()
            for statement in aged(self.database.dialect, span, minutes):
                await connection.execute(text(statement))

    async def work(self, *, within: timedelta = timedelta(minutes=15)) -> timedelta:
        """Refresh until nothing is due; return how much time that took, by the clock that is moved."""
        passed, step = timedelta(0), timedelta(seconds=5)
        await self.parts.refresher.run()
        while await self.waiting() and passed < within:
            await self.pass_time(step)
            passed += step
            await self.parts.refresher.run()
        return passed

    async def until(
        self, holds: Callable[[Grant], bool], grant_id: str, within_s: float = PATIENCE_S
    ) -> Grant:
        """Return the grant as soon as this holds of it."""
        async with asyncio.timeout(within_s):
            while True:
                if holds(found := await self.grant(grant_id)):
                    return found
                await asyncio.sleep(0.005)

    async def idle(self, within_s: float = PATIENCE_S) -> None:
        """Return as soon as nothing is due and nobody works on anything."""
        busy = select(func.count()).where(or_(col(Grant.due_at) <= now(), col(Grant.lease_until) > now()))
        async with asyncio.timeout(within_s):
            while True:
                async with self.database.system(write=False) as session:
                    if not (await session.exec(busy)).one():
                        return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def open_house(
    database: Database, simulator: OAuthSimulator, *, platform: str = "", keys: str = ""
) -> AsyncIterator[House]:
    """Give an installation on a fresh database, with its platform running and these or new vault keys."""
    url, keys, key = await simulator.start(), keys or KeyRing.generate(), platform or simulator.name
    env = environment(url_of(database), keys, **{f"{key.upper()}_URL": url})
    settings, vault = Settings.from_env(env, REGISTRY), Vault(KeyRing.parse(keys))
    client = settings.platforms()[key].clients[key]
    simulator.register(client.client_id, client.client_secret, [client.redirect_uri])
    async with database.system() as session:
        await check_canaries(session, vault)
    member = await first_admin(database)
    try:
        async with open_session() as session:
            calls = Hurried(Carrier(client=session))
            http = httpx.AsyncClient(transport=calls, timeout=20.0)
            yield House(
                simulator=simulator,
                platform=key,
                env=env,
                database=database,
                vault=vault,
                parts=app.construct(settings, database, vault, session, http),
                organization_id=member.organization_id,
                membership_id=member.id,
                calls=calls,
                http=http,
            )
    finally:
        await simulator.stop()


class Hurried(httpx.AsyncBaseTransport):
    """Waits for answers no longer than it is told, because a test has less time than a product."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.within_s: float | None = None
        """None: as long as the product waits."""
        self.most = 0
        """The most calls that were in flight at once."""
        self._flying = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer. Raises `httpx.TimeoutException`."""
        if self.within_s is not None:
            request.extensions["timeout"] = httpx.Timeout(self.within_s).as_dict()
        self._flying += 1
        self.most = max(self.most, self._flying)
        try:
            return await self._inner.handle_async_request(request)
        finally:
            self._flying -= 1

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()
