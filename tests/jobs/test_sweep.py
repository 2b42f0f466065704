"""Consents that nobody needs are ended, those that somebody needs again are not, and one bad row stops nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest_asyncio
from sqlmodel import col, select, update
from structlog.testing import capture_logs

from adapters.registry import REGISTRY
from bot.jobs.sweep import Sweeper
from bot.services.accounts.disconnecting import Disconnecting
from bot.services.accounts.revoking import RevocationResult, Revoking
from bot.services.incidents.incidents import IncidentService
from bot.services.media.inspecting import Inspector
from bot.services.media.intake import Intake
from bot.services.media.sweeping import MediaSweeper
from bot.services.media.uploading import Uploading, UploadLimits
from sandbox.core import Fault
from sandbox.platforms.x.simulator import XSimulator
from storage.engine.db import Database
from storage.engine.statements import now
from storage.media_store import MediaStore
from storage.models import Grant, GrantStatus, VerdictTally
from storage.tallies import Outcome, Tallies
from storage.vault import Vault
from tests.counts import in_full
from tests.patience import PATIENCE_S
from tests.services.tokens.test_refreshing import Works, open_works
from tests.storage.world import backdate, pending_grant, run_sql

REVOKE = "/oauth2/revoke"


@pytest_asyncio.fixture
async def x(database: Database, vault: Vault) -> AsyncIterator[Works]:
    async with AsyncExitStack() as stack:
        yield await open_works(stack, XSimulator(), database, vault)


@pytest_asyncio.fixture
async def slow_x(sqlite_database: Database, vault: Vault) -> AsyncIterator[Works]:
    """Give an X that takes 0.5 s to revoke anything."""
    async with AsyncExitStack() as stack:
        works = await open_works(stack, XSimulator(), sqlite_database, vault)
        works.simulator.faults.append(Fault(path=REVOKE, delay_s=0.5))
        yield works


def disconnections(works: Works) -> Disconnecting:
    return Disconnecting(
        catalog=works.catalog,
        revoking=Revoking(
            catalog=works.catalog,
            adapters=REGISTRY.adapters(works.http),
            queues=works.refresher.queues,
            database=works.database,
            vault=works.vault,
        ),
        incidents=IncidentService(works.catalog, works.vault),
        database=works.database,
        vault=works.vault,
    )


class NoForms:
    """Nobody has a form open."""

    async def changed(self, organization_id: str, draft_id: str) -> None:
        """Do nothing."""


def sweeper(works: Works) -> Sweeper:
    store = MediaStore("/dev/null/none")
    uploading = Uploading(
        database=works.database,
        store=store,
        intake=Intake(database=works.database, store=store, inspector=Inspector()),
        adapters={},
        limits=UploadLimits(quota=0, at_once=0, free=0),
        forms=NoForms(),
    )
    files = MediaSweeper(database=works.database, store=store, uploading=uploading, kept=timedelta(days=30))
    return Sweeper(works.database, works.vault, disconnections(works), files)


async def unneeded(works: Works, person: str) -> Grant:
    """Return a grant that no account lives on."""
    grant = await works.grant(person, due=False)
    await run_sql(works.database, "DELETE FROM account WHERE grant_id = :id", id=grant.id)
    return grant


async def everything(works: Works) -> list[Grant]:
    async with works.database.system(write=False) as session:
        return list(await session.exec(select(Grant)))


async def test_who_signs_in_again_while_their_platform_is_told_keeps_what_they_got(slow_x: Works) -> None:
    x, grant = slow_x, await unneeded(slow_x, "4711")

    ending = asyncio.create_task(disconnections(x).end_grant(grant))
    async with asyncio.timeout(PATIENCE_S):
        while not x.simulator.calls(REVOKE):  # noqa: ASYNC110 - the simulator has no event for it
            await asyncio.sleep(0.01)
    again = await x.grant("4711")

    assert await ending == RevocationResult.REVOKED
    [after] = await everything(x)
    assert (after.id, after.status) == (again.id, GrantStatus.HEALTHY)
    assert after.access_sealed == again.access_sealed
    assert after.due_at is not None


@in_full
async def test_what_was_signed_in_for_since_it_was_listed_is_not_revoked(x: Works) -> None:
    listed = await unneeded(x, "4711")
    again = await x.grant("4711")

    result = await disconnections(x).end_grant(listed)

    assert result == RevocationResult.STILL_USED
    assert x.simulator.calls(REVOKE) == []
    [after] = await everything(x)
    assert after.access_sealed == again.access_sealed


async def test_a_consent_nobody_chose_from_is_ended_although_it_was_refreshed_all_day(x: Works) -> None:
    await unneeded(x, "4711")
    await backdate(x.database, Grant, "consented_at", timedelta(hours=25))
    await backdate(x.database, Grant, "due_at", timedelta(seconds=1))
    await x.refresher.run()

    await sweeper(x).run()

    assert await everything(x) == []
    assert x.simulator.calls(REVOKE) != []


async def test_a_grant_of_a_platform_we_dont_know_does_not_hide_the_later_ones(x: Works) -> None:
    async with x.database.system() as session:
        odd = await pending_grant(session, x.vault, x.organization_id, platform="myspace")
    await unneeded(x, "4711")
    await backdate(x.database, Grant, "consented_at", timedelta(hours=25))
    first = update(Grant).where(col(Grant.id) == odd.id).values(consented_at=now(-timedelta(hours=26)))
    async with x.database.system() as session:
        await session.exec(first, execution_options={"synchronize_session": False})

    with capture_logs() as logs:
        await sweeper(x).run()

    assert await everything(x) == []
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["revocation.unexpected_error"]
    queued = await run_sql(x.database, "SELECT grant_id, code FROM revocation")
    assert queued == [(odd.id, "unexpected")]


async def test_what_the_breaker_counted_is_forgotten_after_a_day(x: Works) -> None:
    this = int(time.time() // 60)
    async with x.database.system() as session:
        for minute in (this - 1442, this - 1438, this):
            await Tallies(session).count("x", minute, {Outcome.FRESH: 1})

    await sweeper(x).run()

    async with x.database.system(write=False) as session:
        kept = await session.exec(select(VerdictTally.minute).order_by(col(VerdictTally.minute)))
        assert list(kept) == [this - 1438, this]
