"""An installation with an account on each of the seven platforms, whose time passes when a test says so."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import httpx
from aiohttp import web
from sqlalchemy import text
from sqlmodel import col, func, select

from adapters.base import Content, Format, Media, Platform
from adapters.base.content import OptionValue
from adapters.registry import REGISTRY
from bot import app
from bot.ops.http import Carrier, open_session
from bot.parts import Parts
from bot.services.access import Actor, Sender
from bot.services.posts.contents import dump
from bot.services.posts.decisions import Decision
from bot.settings import Settings
from sandbox.browser import PLAIN
from sandbox.core import Fault
from sandbox.platforms.oauth import OAuthSimulator
from storage.discoveries import Found
from storage.engine.db import Database
from storage.engine.statements import database_time
from storage.grants import NewGrant
from storage.media import Files
from storage.media_store import MediaStore
from storage.models import Delivery, DeliveryStatus, DeliveryStep, Role, StepStatus, StoredFile, new_id
from storage.posts import NewPost, Posts, Target
from storage.vault import KeyRing, Vault, check_canaries
from tests.ageing import aged
from tests.crash.house import SIMULATORS, environment, url_of
from tests.crash.publisher import PUBLISHES
from tests.media import StoredMedia
from tests.patience import PATIENCE_S, until
from tests.publishing import sign_in
from tests.tenancy import connected, first_admin

MOST_ROUNDS = 60
"""Work that needs more rounds than this does not end."""
PERSONS = {
    "facebook": {"person": "ana", "assets": ("all",), "account": "Blue Door Bakery"},
    "instagram": {"person": "ana", "assets": ("all",)},
    "x": {"person": "4711"},
    "linkedin": {"person": "ana-ruiz"},
    "tiktok": {"person": "octa_demo"},
    "reddit": {"person": "octa_demo"},
    "youtube": {"person": "110000000000000000001"},
}
TIKTOK: Mapping[str, OptionValue] = {"privacy": "PUBLIC_TO_EVERYONE", "music_confirmation": True}
YOUTUBE = {"privacy": "unlisted", "made_for_kids": "no"}


def contents(files: StoredMedia) -> dict[str, Content]:
    """Return what is published on each platform: something with a file to upload."""
    picture, video = files.image(), files.video()
    return {
        "facebook": Content(format=Format.VIDEO, media=(video,)),
        "instagram": Content(format=Format.IMAGE, media=(picture,)),
        "x": Content(format=Format.IMAGE, media=(picture,)),
        "linkedin": Content(format=Format.IMAGE, media=(picture,)),
        "tiktok": Content(format=Format.VIDEO, media=(replace(video, frame_rate=30),), options=TIKTOK),
        "reddit": Content(format=Format.IMAGE, title="Mug", media=(picture,), place="octamugs"),
        "youtube": Content(format=Format.VIDEO, title="Mug", media=(video,), options=YOUTUBE),
    }


def marked(content: Content, mark: str) -> Content:
    """Return a content by whose words everybody recognizes it."""
    return replace(content, text=mark, title=mark if content.title else "")


@dataclass(kw_only=True)
class Held(Fault):
    """Keeps one request of a call that publishes until the test lets it go on."""

    times: int | None = 1
    came: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    def matches(self, request: web.Request) -> bool:
        """Tell whether this is the request."""
        return self.times != 0 and PUBLISHES in request.headers

    async def wait(self) -> None:
        """Wait until the test lets it go on."""
        self.came.set()
        await self.goes_on.wait()


@dataclass(kw_only=True)
class Newsroom:
    """The installation, and the platforms with what is live there."""

    simulators: Mapping[str, OAuthSimulator]
    env: Mapping[str, str]
    database: Database
    parts: Parts
    actor: Actor
    accounts: Mapping[str, str]
    """Our id of the account, by platform."""
    contents: Mapping[str, Content]
    marks: list[str] = field(default_factory=list)
    """Of everything that was scheduled."""
    asked: Counter[str] = field(default_factory=Counter)
    """How often a person was asked, by platform."""
    held: list[Held] = field(default_factory=list)
    _passed_s: float = 0.0

    async def schedule(self, mark: str) -> None:
        """Schedule a post to all seven, now."""
        self.marks.append(mark)
        async with self.database.system() as session:
            due_at = await database_time(session)
            targets = [
                Target(account_id=account, due_at=due_at, content=dump(marked(self.contents[platform], mark)))
                for platform, account in self.accounts.items()
            ]
            new = NewPost(draft_id=new_id("drf"), author=self.actor.membership_id, text=mark)
            post = await Posts(session).schedule(self.actor.organization_id, new, targets)
            keys = {file.key for content in self.contents.values() for file in content.all_media}
            await Files(session).use(self.actor.organization_id, post.id, keys)

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Let each platform keep the next request that publishes until the block ends, and then go on with it."""
        before = self._published()
        self.held = [Held() for _ in self.simulators]
        for simulator, fault in zip(self.simulators.values(), self.held, strict=True):
            simulator.faults.append(fault)
        yield
        for fault in self.held:
            fault.goes_on.set()
        await until(lambda: self._published() >= before + len(self.held))
        for simulator in self.simulators.values():
            simulator.faults.clear()

    async def all_held(self) -> None:
        """Return when every platform has got its request."""
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(fault.came.wait() for fault in self.held))

    def _published(self) -> int:
        """Return how many requests of calls that publish the platforms are done with."""
        return sum(
            PUBLISHES.lower() in call.headers for each in self.simulators.values() for call in each.requests
        )

    def live(self, platform: str, mark: str) -> int:
        """Return how often a post is live on a platform."""
        posts = self.simulators[platform].timeline.posts()
        return sum(mark in {post.text.strip(), post.title.strip()} for post in posts)

    def counts(self) -> Counter[int]:
        """Return how many deliveries are live how often."""
        return Counter(self.live(platform, mark) for platform in self.simulators for mark in self.marks)

    async def states(self) -> Counter[str]:
        """Return how many deliveries have each status."""
        async with self.database.system(write=False) as session:
            return Counter(await session.exec(select(Delivery.status)))

    async def pass_time(self, span: timedelta) -> None:
        """Let time pass: the platforms' clocks go on, everything stored moves into the past."""
        before = self._passed_s
        self._passed_s += span.total_seconds()
        minutes, hours = (int(self._passed_s // unit) - int(before // unit) for unit in (60, 3600))
        for simulator in self.simulators.values():
            simulator.clock.offset_s += span.total_seconds()
        async with self.database.system() as session:
            connection = await session.connection()
            for statement in aged(self.database.dialect, span, minutes, hours):
                await connection.execute(text(statement))

    async def receipts(self) -> int:
        """Return how many steps are live according to the ledger."""
        live = select(func.count()).where(DeliveryStep.status == StepStatus.SENT)
        async with self.database.system(write=False) as session:
            return (await session.exec(live)).one()

    async def work(self) -> None:
        """Do what is due, as a process that was started again does."""
        await self.parts.posts.delivering.run()
        await self.parts.posts.delivering.finish()

    async def settle(self) -> None:
        """Work until nothing is left to do, and answer all questions."""
        for _ in range(MOST_ROUNDS):
            await self.work()
            if (waits := await self._waits()) is not None:
                await self.pass_time(max(waits, timedelta(0)) + timedelta(seconds=0.1))
            elif not await self._answer():
                return
        raise AssertionError(f"there is always something left to do: {await self.states()}")

    async def _waits(self) -> timedelta | None:
        """Return in how long there is something to do for a delivery that is not sent; None: never by itself."""
        unsent = col(Delivery.status) != DeliveryStatus.SENT
        found = select(Delivery.work_at, Delivery.lease_until).where(unsent)
        async with self.database.system(write=False) as session:
            times = [
                max(work_at, lease or work_at) for work_at, lease in await session.exec(found) if work_at
            ]
            return min(times) - await database_time(session) if times else None

    async def _answer(self) -> bool:
        """Answer truthfully whether something is live; return False if nobody asks."""
        async with self.database.system(write=False) as session:
            questions = list(await session.exec(select(Delivery).where(col(Delivery.asks))))
        platforms = {account: platform for platform, account in self.accounts.items()}
        for delivery in questions:
            platform = platforms[delivery.account_id]
            self.asked[platform] += 1
            seen = self.live(platform, delivery.content["text"])
            decision = Decision.LIVE if seen else Decision.NOT_LIVE
            await self.parts.posts.decider.decide(self.actor, delivery.id, decision)
        return bool(questions)


@asynccontextmanager
async def open_newsroom(database: Database, folder: Path) -> AsyncIterator[Newsroom]:
    """Give an installation on a fresh database, with all platforms running and an account connected on each."""
    keys, simulators = KeyRing.generate(), {key: make() for key, make in SIMULATORS.items()}
    async with AsyncExitStack() as stack:
        listener = socket.create_server(("127.0.0.1", 0))
        public = f"http://localhost:{listener.getsockname()[1]}"
        places = {"PUBLIC_URL": public, "MEDIA_URL": folder.as_uri()}
        for key, simulator in simulators.items():
            places[f"{key.upper()}_URL"] = await simulator.start()
            stack.push_async_callback(simulator.stop)
            if "media_origin" in simulator.settings:
                simulator.settings["media_origin"] = public
        env = environment(url_of(database), keys, **places)
        settings, vault = Settings.from_env(env, REGISTRY), Vault(KeyRing.parse(keys))
        session = await stack.enter_async_context(open_session())
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=Carrier(client=session), timeout=20.0)
        )
        parts = app.construct(settings, database, vault, session, http)
        await _serve(parts.web, listener, stack)
        files = StoredMedia()
        async with database.system() as session_:
            await check_canaries(session_, vault)
        member = await first_admin(database)
        actor = Actor(
            sender=Sender(user_id="U1", team_id="T1", enterprise_id=None, channel_id=""),
            membership_id=member.id,
            organization_id=member.organization_id,
            organization="Acme",
            role=Role.ADMIN,
        )
        accounts = {
            key: await _connect(parts, vault, actor, simulator, REGISTRY.platforms[key])
            for key, simulator in simulators.items()
        }
        found = contents(files)
        for content in found.values():
            for file in content.all_media:
                await _store(database, MediaStore(str(folder)), actor, file, files.files[file.key])
        yield Newsroom(
            simulators=simulators,
            env=env,
            database=database,
            parts=parts,
            actor=actor,
            accounts=accounts,
            contents=found,
        )


async def _serve(pages: web.Application, listener: socket.socket, stack: AsyncExitStack) -> None:
    """Serve the product's pages, from which platforms fetch pictures."""
    runner = web.AppRunner(pages, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()


async def _connect(
    parts: Parts, vault: Vault, actor: Actor, simulator: OAuthSimulator, platform: Platform
) -> str:
    """Sign in at a platform, as a member does, and return our id of the account."""
    client = parts.settings.platforms()[platform.key].clients[platform.key]
    simulator.register(client.client_id, client.client_secret, [client.redirect_uri])
    adapter, person = parts.adapters[platform.key], PERSONS[platform.key]
    async with httpx.AsyncClient(verify=PLAIN) as browser:
        signed_in = await sign_in(
            browser,
            adapter,
            client.app,
            simulator,
            client=client,
            **person,  # type: ignore[arg-type]
        )
    tokens = signed_in.tokens
    async with parts.database.system() as session:
        new = NewGrant(
            connected_by=actor.membership_id,
            platform=platform.key,
            app=client.app.key,
            access=tokens.access_token,
            refresh=tokens.refresh_token,
            scopes=sorted(client.scopes),
            access_expires_in=tokens.expires_in,
            refresh_expires_in=None,
        )
        found = Found(
            remote_id=signed_in.account_id,
            kind="Account",
            name=platform.key,
            handle=signed_in.handle,
            token=tokens.access_token if platform.account_tokens else None,
        )
        person = (signed_in.account_id, platform.key)
        _, account = await connected(session, vault, actor.organization_id, new, person, found)
        return account.id


async def _store(database: Database, store: MediaStore, actor: Actor, file: Media, content: bytes) -> None:
    """Store a file of the organization, unless it is stored."""
    async with database.system() as session:
        if await Files(session).get(actor.organization_id, file.key) is not None:
            return
        stored = StoredFile(
            organization_id=actor.organization_id,
            key=file.key,
            name=file.name,
            kind=file.kind,
            type=file.type,
            size=file.size,
            sha256=hashlib.sha256(content).digest(),
            used_at=await database_time(session),
        )
        await Files(session).add(stored)
    await store.write(file.key, BytesIO(content))
