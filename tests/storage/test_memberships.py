"""Members, their roles, and the last owner."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from storage.memberships import LastOwner, Members
from storage.models import Membership, Role
from tests.storage.world import join, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database


async def test_adding_somebody_again_revives_or_raises_but_never_lowers(database: Database) -> None:
    organization = await tenant(database)
    first = await join(database, organization, "U1", Role.ADMIN)
    lower = await join(database, organization, "U1", Role.MEMBER, team_id="T2")
    assert (lower.id, lower.role, lower.team_id) == (first.id, Role.ADMIN, "T2")
    higher = await join(database, organization, "U1", Role.OWNER)
    assert higher.role == Role.OWNER
    await join(database, organization, "U2", Role.OWNER)
    async with database.organization(organization) as session:
        assert await Members(session).end(organization, first.id)
        assert await Members(session).find(organization, "T1", "U1") is None
        assert await Members(session).get(organization, first.id) is None

    revived = await join(database, organization, "U1", Role.MEMBER)

    assert (revived.id, revived.role, revived.ended_at) == (first.id, Role.MEMBER, None)


async def test_members_come_owners_first(database: Database) -> None:
    organization = await tenant(database)
    roles = {"U1": Role.MEMBER, "U2": Role.ADMIN, "U3": Role.OWNER, "U4": Role.MEMBER, "U5": Role.OWNER}
    for user, role in roles.items():
        await join(database, organization, user, role)

    async with database.organization(organization, write=False) as session:
        members = Members(session)
        listed = [
            [each.user_id for each in group]
            for group in (
                await members.all(organization),
                await members.with_role(organization, Role.ADMIN),
                await members.owners(organization),
            )
        ]
        owners = await members.count_owners(organization)

    assert listed == [["U3", "U5", "U2", "U1", "U4"], ["U3", "U5", "U2"], ["U3", "U5"]]
    assert owners == 2


async def test_the_last_owner_neither_leaves_nor_steps_down(database: Database) -> None:
    organization = await tenant(database)
    owner = await join(database, organization, "U1", Role.OWNER)
    await join(database, organization, "U2", Role.ADMIN)

    async with database.organization(organization) as session:
        with pytest.raises(LastOwner):
            await Members(session).end(organization, owner.id)
        with pytest.raises(LastOwner):
            await Members(session).set_role(organization, owner.id, Role.ADMIN)
    async with database.organization(organization) as session:
        kept = await Members(session).set_role(organization, owner.id, Role.OWNER)
        count = await Members(session).count_owners(organization)

    assert (kept, count) == (True, 1)


async def test_when_all_owners_leave_at_once_one_is_kept(database: Database) -> None:
    organization = await tenant(database)
    owners = [await join(database, organization, f"U{number}", Role.OWNER) for number in range(8)]

    async def leave(owner: Membership) -> bool:
        try:
            async with database.organization(organization) as session:
                if owner.user_id < "U4":
                    return await Members(session).end(organization, owner.id)
                return await Members(session).set_role(organization, owner.id, Role.MEMBER)
        except LastOwner:
            return False

    left = await asyncio.gather(*map(leave, owners))

    assert sum(left) == 7
    async with database.organization(organization, write=False) as session:
        assert await Members(session).count_owners(organization) == 1


async def test_roles_change_and_absent_members_change_nothing(database: Database) -> None:
    organization = await tenant(database)
    await join(database, organization, "U1", Role.OWNER)
    member = await join(database, organization, "U2")

    async with database.organization(organization) as session:
        members = Members(session)
        answers = [
            await members.set_role(organization, member.id, Role.ADMIN),
            await members.set_role(organization, "mem_absent", Role.ADMIN),
            await members.end(organization, member.id),
            await members.end(organization, member.id),
            await members.set_role(organization, member.id, Role.OWNER),
        ]

    assert answers == [True, False, True, False, False]


async def test_somebody_who_leaves_slack_leaves_every_organization_even_as_last_owner(
    database: Database,
) -> None:
    organizations = [await tenant(database, name) for name in "ab"]
    for organization in organizations:
        await join(database, organization, "U1", Role.OWNER)
    await join(database, organizations[0], "U2")

    async with database.system() as session:
        ended = await Members(session).end_person("T1", "U1")
        again = await Members(session).end_person("T1", "U1")
        left = [each.user_id for each in await Members(session).all(organizations[0])]

    assert {each.organization_id for each in ended} == set(organizations)
    assert all(each.ended_at is not None for each in ended)
    assert (again, left) == ([], ["U2"])
