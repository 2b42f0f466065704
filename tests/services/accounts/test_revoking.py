"""Sign-ins that nobody holds any more: what their platform is asked, how often, and when their tokens go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest_asyncio
from sqlmodel import col, select, update

from adapters.registry import REGISTRY
from bot.services.accounts.revoking import REFUSALS, RevocationResult, Revoking
from sandbox.core import Fault
from sandbox.platforms.reddit.simulator import RedditSimulator
from sandbox.platforms.tiktok.simulator import TikTokSimulator
from sandbox.platforms.x.simulator import XSimulator
from sandbox.platforms.youtube.simulator import YouTubeSimulator
from storage.deletions import Deletions
from storage.engine.db import Database
from storage.grants import Grants
from storage.models import Grant, Organization, Revocation
from storage.revocations import TOKENS_KEPT, Revocations
from storage.vault import Vault
from tests.services.tokens.test_refreshing import Works, open_works
from tests.storage.world import run_sql

REVOKE = "revoke"
UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A platform, and the queue of sign-ins to revoke there."""

    works: Works
    revoking: Revoking
    deletion_id: str

    async def put(self, person: str) -> Grant:
        """Let a person sign in, and their sign-in be in the queue for a deletion's receipt."""
        grant = await self.works.grant(person, due=False)
        await self.take(grant)
        return grant

    async def take(self, grant: Grant) -> None:
        works = self.works
        await run_sql(works.database, "DELETE FROM account WHERE grant_id = :id", id=grant.id)
        async with works.database.system() as session:
            grants = Grants(session, works.vault)
            people = await grants.people_behind([works.membership_id])
            released = await grants.release(works.organization_id, grant.id)
            assert released is not None
            revocations = Revocations(session, works.vault)
            assert await revocations.put(released, people, deletion_id=self.deletion_id, accounts=["A"])

    async def rows(self) -> list[Revocation]:
        async with self.works.database.system(write=False) as session:
            return list(await session.exec(select(Revocation)))

    async def settled(self) -> Revocation:
        """Return the only row, which is settled, and check that its tokens are gone."""
        [row] = await self.rows()
        assert row.outcome
        assert (row.access_sealed, row.refresh_sealed, row.external_id, row.people) == (None, None, None, [])
        return row

    async def pass_time(self, span: timedelta) -> None:
        """Let what waits be due so much earlier."""
        async with self.works.database.system() as session:
            for row in await session.exec(select(Revocation).where(Revocation.outcome == "")):
                moved = {"expires_at": row.expires_at - span, "due_at": row.due_at and row.due_at - span}
                change = update(Revocation).where(col(Revocation.id) == row.id).values(**moved)
                await session.exec(change, execution_options=UNSYNCHRONIZED)

    def asked(self) -> int:
        return len(self.works.simulator.calls(REVOKE))

    def alive(self) -> int:
        return sum(not family.dead for family in self.works.simulator.grants.values())


async def queue_of(works: Works) -> Queue:
    async with works.database.system() as session:
        deletion = await Deletions(session).begin(Organization(name="Former"), 1, [])
    revoking = Revoking(
        catalog=works.catalog,
        adapters=REGISTRY.adapters(works.http),
        queues=works.refresher.queues,
        database=works.database,
        vault=works.vault,
    )
    return Queue(works=works, revoking=revoking, deletion_id=deletion.id)


@pytest_asyncio.fixture
async def x(database: Database, vault: Vault) -> AsyncIterator[Queue]:
    async with AsyncExitStack() as stack:
        yield await queue_of(await open_works(stack, XSimulator(), database, vault))


@pytest_asyncio.fixture
async def tiktok(sqlite_database: Database, vault: Vault) -> AsyncIterator[Queue]:
    async with AsyncExitStack() as stack:
        yield await queue_of(await open_works(stack, TikTokSimulator(), sqlite_database, vault))


@pytest_asyncio.fixture
async def reddit(sqlite_database: Database, vault: Vault) -> AsyncIterator[Queue]:
    async with AsyncExitStack() as stack:
        yield await queue_of(await open_works(stack, RedditSimulator(), sqlite_database, vault))


@pytest_asyncio.fixture
async def youtube(sqlite_database: Database, vault: Vault) -> AsyncIterator[Queue]:
    async with AsyncExitStack() as stack:
        yield await queue_of(await open_works(stack, YouTubeSimulator(), sqlite_database, vault))


async def test_a_sign_in_is_revoked_and_its_tokens_are_destroyed(x: Queue) -> None:
    await x.put("4711")

    await x.revoking.run()

    assert (await x.settled()).outcome == RevocationResult.REVOKED
    assert x.alive() == 0


async def test_a_platform_that_is_away_is_asked_again_until_it_answers(x: Queue) -> None:
    x.works.simulator.faults.append(Fault(path=REVOKE, status=503))
    await x.put("4711")

    await x.revoking.run()
    [waiting] = await x.rows()
    await x.pass_time(timedelta(hours=2))
    x.works.simulator.faults.clear()
    await x.revoking.run()

    assert (waiting.outcome, waiting.attempts, waiting.code) == ("", 1, "http_503")
    assert (await x.settled()).outcome == RevocationResult.REVOKED
    assert x.alive() == 0


async def test_after_72_hours_the_tokens_go_without_an_answer(x: Queue) -> None:
    x.works.simulator.faults.append(Fault(path=REVOKE, status=503))
    await x.put("4711")

    await x.revoking.run()
    asked = x.asked()
    await x.pass_time(TOKENS_KEPT)
    await x.revoking.run()

    row = await x.settled()
    assert (row.outcome, row.code, x.asked()) == (RevocationResult.UNANSWERED, "http_503", asked)


async def test_a_refusal_counts_when_it_is_repeated(x: Queue) -> None:
    x.works.simulator.faults.append(Fault(path=REVOKE, status=403, body='{"error": "forbidden"}'))
    await x.put("4711")

    outcomes = []
    for _ in range(REFUSALS):
        await x.revoking.run()
        outcomes.append((await x.rows())[0].outcome)
        await x.pass_time(timedelta(hours=2))

    assert outcomes == ["", "", RevocationResult.REFUSED]


async def test_who_has_signed_in_again_keeps_what_they_got(x: Queue) -> None:
    await x.put("4711")
    again = await x.works.grant("4711", due=False)

    await x.revoking.run()

    assert (await x.settled()).outcome == RevocationResult.STILL_USED
    assert x.asked() == 0
    assert (await x.works.look(again.id)).access_sealed == again.access_sealed


async def test_an_expired_access_token_is_renewed_before_it_is_revoked(tiktok: Queue) -> None:
    # TikTok takes the access token, and doesn't document what it answers to one that has expired.
    await tiktok.put(next(iter(tiktok.works.simulator.people)))
    await run_sql(tiktok.works.database, "UPDATE revocation SET access_expires_at = created_at")
    before = tiktok.works.refreshes()

    await tiktok.revoking.run()

    assert tiktok.works.refreshes() == before + 1
    assert (await tiktok.settled()).outcome == RevocationResult.REVOKED
    assert tiktok.alive() == 0


async def test_what_reddit_no_longer_renews_is_revoked_by_its_refresh_token(reddit: Queue) -> None:
    # Reddit answers a dead refresh token with a general 400, and the revocation of any token with 204.
    await reddit.put("octa_demo")
    await run_sql(reddit.works.database, "UPDATE revocation SET access_expires_at = created_at")
    [grant] = reddit.works.simulator.grants.values()
    reddit.works.simulator.end(grant, "removed at Reddit")

    await reddit.revoking.run()

    assert (await reddit.settled()).outcome == RevocationResult.REVOKED


async def test_other_channels_of_the_same_login_are_not_ended_with_one(youtube: Queue) -> None:
    # Google ends everything that a login allowed, and doesn't tell which channels share one.
    one, another, *_ = youtube.works.simulator.people
    first = await youtube.works.grant(one, due=False)
    other = await youtube.works.grant(another, due=False)
    await youtube.take(first)

    await youtube.revoking.run()

    assert (await youtube.settled()).outcome == RevocationResult.SAME_PERSON
    assert youtube.asked() == 0
    assert (await youtube.works.look(other.id)).access_sealed is not None


async def test_the_tokens_of_a_refresh_that_was_under_way_are_the_ones_that_are_revoked(x: Queue) -> None:
    grant = await x.works.grant("4711")
    x.works.simulator.faults.append(Fault(path=x.works.simulator.rules.token_path, delay_s=0.5, times=1))
    refreshing = asyncio.create_task(x.works.refresher.run())
    while (await x.works.look(grant.id)).lease_until is None:  # noqa: ASYNC110 - a row has no event
        await asyncio.sleep(0.01)

    await x.take(await x.works.look(grant.id))
    await x.revoking.run()
    early = x.asked()
    await refreshing
    [row] = await x.rows()
    async with x.works.database.system(write=False) as session:
        newest = Revocations(session, x.works.vault).tokens(row).access.reveal()
    await x.pass_time(timedelta(hours=1))
    await x.revoking.run()

    [family] = x.works.simulator.grants.values()
    assert early == 0
    assert newest in family.access
    assert newest == list(family.access)[-1]
    assert (await x.settled()).outcome == RevocationResult.REVOKED
    assert x.alive() == 0
