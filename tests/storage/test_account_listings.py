"""What a list of accounts shows: who connected each, and what is being done about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlmodel import col, update

from storage.account_listings import Listing, Listings
from storage.incidents import Incidents
from storage.memberships import Members
from storage.models import Incident, Membership, Role
from tests.storage.world import build

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault
    from tests.storage.world import World


async def listed(database: Database, world: World) -> Listing:
    async with database.organization(world.organization_id, write=False) as session:
        [one] = await Listings(session).all(world.organization_id)
    return one


async def change(database: Database, world: World, **values: object) -> None:
    """Change the world's incident, which is about the world's account unless `accounts` says otherwise."""
    async with database.organization(world.organization_id) as session:
        incident = await Incidents(session).get(world.organization_id, world.incident_id)
        assert incident is not None
        incident.accounts = {world.account_id: "Mugs"}
        for name, value in values.items():
            setattr(incident, name, value)


async def test_an_account_is_listed_with_its_open_incident_and_the_people(
    database: Database, vault: Vault
) -> None:
    world, other = await build(database, vault, "1"), await build(database, vault, "2")
    async with database.system() as session:
        helper = await Members(session).add(
            world.organization_id, realm="T1", user_id="UHELPER", team_id="T1", role=Role.ADMIN
        )
    await change(database, world, claimed_by=helper.id)
    await change(database, other)

    one = await listed(database, world)

    assert one.account.id == world.account_id
    assert one.grant is not None
    assert one.grant.id == world.grant_id
    assert one.connected_by == world.user_id
    assert one.incident is not None
    assert one.incident.id == world.incident_id
    assert one.claimed_by == "UHELPER"


async def test_what_is_resolved_and_who_has_left_is_not_listed(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    await change(database, world, claimed_by=world.membership_id)
    async with database.system() as session:
        gone = update(Membership).where(col(Membership.id) == world.membership_id)
        await session.exec(gone.values(ended_at=datetime.now(UTC)))

    left = await listed(database, world)
    await change(database, world, resolved_at=datetime.now(UTC))
    resolved = await listed(database, world)

    assert isinstance(left.incident, Incident)
    assert (left.connected_by, left.claimed_by) == (None, None)
    assert resolved.incident is None


async def test_an_incident_about_other_accounts_is_not_listed(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    await change(database, world, accounts={"acc_other": "Plates"})

    one = await listed(database, world)

    assert one.incident is None
    assert one.account.id == world.account_id
