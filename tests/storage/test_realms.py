"""A workspace joins a Grid: where its people's ids are unique from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.browsers import Browsers
from storage.invitations import Invitations
from storage.memberships import Members
from storage.models import Role, Workspace
from storage.organizations import Organizations
from storage.realms import left_behind, move, people_of, realm_of
from storage.standing import standing
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.models import Membership

TEAM, GRID, OTHER = "T1", "E1", "T2"


async def organization(database: Database, name: str = "Acme") -> str:
    """Return an organization of TEAM."""
    async with database.system() as session:
        await Workspaces(session).ensure(TEAM, None, "Acme")
        found = await Organizations(session).create(name)
        await Workspaces(session).link(TEAM, found.id)
    return found.id


async def member(
    database: Database, organization_id: str, user_id: str, role: Role = Role.MEMBER, realm: str = TEAM
) -> Membership:
    async with database.system() as session:
        return await Members(session).add(
            organization_id, realm=realm, user_id=user_id, team_id=TEAM, role=role
        )


async def moved(database: Database, ids: dict[str, str]) -> tuple[int, int]:
    """Move, and return how many memberships moved and how many ended."""
    async with database.system() as session:
        found = await move(session, TEAM, GRID, ids)
    return len(found.memberships), len(found.ended)


async def roles(database: Database, realm: str, user_id: str) -> list[Role]:
    return [seat.role for seat in (await standing(database.autocommit, realm, user_id, TEAM, "C1")).choices]


@pytest.mark.parametrize(("enterprise", "realm"), [(None, "T1"), ("", "T1"), ("E1", "E1")])
def test_ids_are_unique_in_the_grid_if_there_is_one(enterprise: str | None, realm: str) -> None:
    assert realm_of("T1", enterprise) == realm


async def test_members_keep_their_roles_under_their_new_ids(database: Database) -> None:
    acme = await organization(database)
    await member(database, acme, "U1", Role.OWNER)
    await member(database, acme, "U2", Role.ADMIN)

    assert await left_behind(database.autocommit, TEAM)
    assert await moved(database, {"U1": "W1", "U2": "U2"}) == (2, 0)

    assert await roles(database, GRID, "W1") == [Role.OWNER]
    assert await roles(database, GRID, "U2") == [Role.ADMIN]
    assert await roles(database, TEAM, "U1") == []
    assert not await left_behind(database.autocommit, TEAM)


async def test_another_realm_is_not_touched(database: Database) -> None:
    acme = await organization(database)
    await member(database, acme, "U1", Role.OWNER)
    await member(database, acme, "U1", Role.MEMBER, OTHER)

    await moved(database, {"U1": "W1"})

    assert await roles(database, OTHER, "U1") == [Role.MEMBER]


@pytest.mark.parametrize(("before", "inside"), [(Role.OWNER, Role.MEMBER), (Role.MEMBER, Role.OWNER)])
async def test_who_was_in_it_twice_is_in_it_once_with_the_higher_role(
    database: Database, before: Role, inside: Role
) -> None:
    acme = await organization(database)
    await member(database, acme, "U1", before)
    await member(database, acme, "W1", inside, GRID)

    assert await moved(database, {"U1": "W1"}) == (0, 1)

    assert await roles(database, GRID, "W1") == [Role.OWNER]
    assert not await left_behind(database.autocommit, TEAM)


async def test_a_membership_that_ended_in_the_grid_comes_back_with_the_role_of_the_workspace(
    database: Database,
) -> None:
    acme = await organization(database)
    await member(database, acme, "U1", Role.ADMIN)
    await member(database, acme, "U2", Role.OWNER)
    gone = await member(database, acme, "W1", Role.OWNER, GRID)
    async with database.system() as session:
        await Members(session).end(acme, gone.id)

    await moved(database, {"U1": "W1", "U2": "W2"})

    assert await roles(database, GRID, "W1") == [Role.ADMIN]


async def test_whom_the_grid_does_not_know_is_a_member_no_more(database: Database) -> None:
    acme = await organization(database)
    await member(database, acme, "U1", Role.OWNER)
    await member(database, acme, "U2", Role.ADMIN)

    assert await moved(database, {"U1": "W1"}) == (1, 1)

    assert await roles(database, TEAM, "U2") == []
    assert not await left_behind(database.autocommit, TEAM)


async def test_invitations_and_proven_browsers_move_too(database: Database) -> None:
    acme = await organization(database)
    owner = await member(database, acme, "U1", Role.OWNER)
    async with database.system() as session:
        for user_id in ("U2", "U3"):
            await Invitations(session).invite(
                acme, realm=TEAM, user_id=user_id, team_id=TEAM, role=Role.ADMIN, invited_by=owner.id
            )
        await Browsers(session).prove("a-browser", TEAM, TEAM, "U2")
        assert await people_of(session, TEAM) == ["U1", "U2", "U3"]

    await moved(database, {"U1": "W1", "U2": "W2"})

    async with database.system() as session:
        assert len(await Invitations(session).of_person(GRID, "W2", Role.OWNER)) == 1
        assert await people_of(session, TEAM) == []
        assert await people_of(session, GRID) == ["W1", "W2"]


async def test_the_workspace_is_known_to_be_in_the_grid(database: Database) -> None:
    acme = await organization(database)
    await member(database, acme, "U1", Role.OWNER)

    await moved(database, {"U1": "W1"})

    async with database.system(write=False) as session:
        found = await session.get(Workspace, TEAM)
    assert found is not None
    assert found.enterprise_id == GRID


async def test_a_second_move_changes_nothing(database: Database) -> None:
    acme = await organization(database)
    await member(database, acme, "U1", Role.OWNER)

    await moved(database, {"U1": "W1"})

    assert await moved(database, {"U1": "W1"}) == (0, 0)
    assert await roles(database, GRID, "W1") == [Role.OWNER]
