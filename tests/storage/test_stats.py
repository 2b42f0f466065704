"""The numbers an operator watches, counted over all organizations."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, update

from storage.engine.statements import now
from storage.models import Grant
from storage.stats import GrantCount, Stats
from tests.storage.world import pending_grant, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault


async def put(database: Database, vault: Vault, platform: str, **values: object) -> None:
    """Store a grant with these values, for an organization of its own."""
    organization = await tenant(database)
    async with database.system() as session:
        grant = await pending_grant(session, vault, organization, platform=platform)
        change = update(Grant).where(col(Grant.id) == grant.id).values(**values)
        await session.exec(change, execution_options={"synchronize_session": False})


async def test_the_longest_due_grant_of_each_platform_is_found(database: Database, vault: Vault) -> None:
    for minutes in (5, 40, 20):
        await put(database, vault, "x", due_at=now(timedelta(minutes=-minutes)))
    await put(database, vault, "reddit", due_at=now(timedelta(minutes=5)))
    await put(database, vault, "youtube", due_at=None)

    async with database.system(write=False) as session:
        waiting = await Stats(session).waiting({"reddit": ["reddit"], "x": ["x"], "youtube": ["youtube"]})
        elsewhere = await Stats(session).waiting({"x": ["another_app"]})

    assert list(waiting) == ["x"]
    assert elsewhere == {}
    assert timedelta(minutes=40) <= waiting["x"] < timedelta(minutes=41)


async def test_grants_are_counted_by_platform_and_status(database: Database, vault: Vault) -> None:
    await put(database, vault, "x", status="healthy", in_doubt=True)
    await put(database, vault, "x", status="healthy")
    await put(database, vault, "x", status="needs_reconnect")
    await put(database, vault, "reddit", status="healthy")

    async with database.system(write=False) as session:
        measures = Stats(session)
        crowds, in_doubt = await measures.grant_counts(), await measures.in_doubt()

    assert sorted(crowds, key=lambda crowd: (crowd.platform, crowd.status)) == [
        GrantCount(platform="reddit", status="healthy", grants=1),
        GrantCount(platform="x", status="healthy", grants=2),
        GrantCount(platform="x", status="needs_reconnect", grants=1),
    ]
    assert in_doubt == {"x": 1}


async def test_nothing_is_measured_as_nothing(database: Database) -> None:
    async with database.system(write=False) as session:
        measures = Stats(session)

        assert await measures.waiting({"x": ["x"]}) == {}
        assert await measures.grant_counts() == []
        assert await measures.in_doubt() == {}
