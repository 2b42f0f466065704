"""Which grants may end together because one person connected them, where a platform does not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.accounts import Accounts
from storage.discoveries import Found
from storage.grants import Grants, NewGrant
from storage.memberships import Members
from storage.models import Role
from storage.organizations import Organizations
from tests.storage.world import run_sql

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.models import Grant, Membership
    from storage.vault import Vault


async def member(database: Database, name: str, user_id: str, realm: str = "T1") -> Membership:
    """Return somebody's membership of an organization of their own."""
    async with database.system() as session:
        organization = await Organizations(session).create(name)
        return await Members(session).add(
            organization.id, realm=realm, user_id=user_id, team_id=realm, role=Role.OWNER
        )


async def grant_of(
    database: Database, vault: Vault, by: Membership, who: str, platform: str = "youtube"
) -> Grant:
    """Return a settled grant that this member connected."""
    async with database.system() as session:
        repository = Grants(session, vault)
        pending = await repository.create_pending(
            by.organization_id,
            NewGrant(
                connected_by=by.id,
                platform=platform,
                app=platform,
                access="a",
                refresh="r",
                scopes=[],
                access_expires_in=None,
                refresh_expires_in=None,
            ),
        )
        return await repository.activate(
            by.organization_id, pending.id, external_id=who, external_name=who, scopes=[]
        )


async def others(database: Database, vault: Vault, grant: Grant, *people: str) -> int:
    async with database.system(write=False) as session:
        grants = Grants(session, vault)
        return await grants.connected_by_same(grant.platform, await grants.people_behind(people), grant.id)


async def test_another_grant_of_the_same_person_counts_in_whatever_organization(
    database: Database, vault: Vault
) -> None:
    ada, ada_elsewhere = await member(database, "A", "U1"), await member(database, "B", "U1")
    first = await grant_of(database, vault, ada, "channel 1")

    assert await others(database, vault, first, ada.id) == 0
    await grant_of(database, vault, ada, "channel 2")
    await grant_of(database, vault, ada_elsewhere, "channel 3")

    assert await others(database, vault, first, ada.id) == 2


async def test_people_of_other_realms_and_other_platforms_do_not_count(
    database: Database, vault: Vault
) -> None:
    ada = await member(database, "A", "U1")
    first = await grant_of(database, vault, ada, "channel 1")
    await grant_of(database, vault, await member(database, "B", "U1", realm="T2"), "channel 2")
    await grant_of(database, vault, await member(database, "C", "U2"), "channel 3")
    await grant_of(database, vault, ada, "somebody", platform="x")

    assert await others(database, vault, first, ada.id) == 0


async def test_a_grant_that_has_ended_or_that_nobody_holds_does_not_count(
    database: Database, vault: Vault
) -> None:
    ada = await member(database, "A", "U1")
    first = await grant_of(database, vault, ada, "channel 1")
    released = await grant_of(database, vault, ada, "channel 2")
    ended = await grant_of(database, vault, ada, "channel 3")
    async with database.system() as session:
        await Grants(session, vault).release(ada.organization_id, released.id)
    await run_sql(database, "UPDATE grant_ SET status = 'ended' WHERE id = :id", id=ended.id)

    assert await others(database, vault, first, ada.id) == 0


async def test_where_nobody_knows_who_connected_it_every_live_grant_counts(
    database: Database, vault: Vault
) -> None:
    first = await grant_of(database, vault, await member(database, "A", "U1"), "channel 1")
    await grant_of(database, vault, await member(database, "B", "U2"), "channel 2")

    assert await others(database, vault, first) == 1


async def test_a_grant_knows_the_members_through_whom_its_organizations_got_it(
    database: Database, vault: Vault
) -> None:
    ada, bea = await member(database, "A", "U1"), await member(database, "B", "U2")
    shared = await grant_of(database, vault, ada, "channel 1")
    await grant_of(database, vault, bea, "channel 1")

    async with database.system(write=False) as session:
        found = await Grants(session, vault).connected_by(shared.id)

    assert found == {ada.id, bea.id}


async def test_connected_accounts_of_a_grant_are_counted_in_all_organizations(
    database: Database, vault: Vault
) -> None:
    ada, bea = await member(database, "A", "U1"), await member(database, "B", "U2")
    grant = await grant_of(database, vault, ada, "channel 1")
    await grant_of(database, vault, bea, "channel 1")
    async with database.system() as session:
        accounts = Accounts(session, vault)
        found = Found(remote_id="1", kind="Channel", name="1")
        for one in (ada, bea):
            await accounts.attach(one.organization_id, grant=grant, connected_by=one.id, found=found)

    async with database.system(write=False) as session:
        assert await Grants(session, vault).uses(grant.id) == 2
