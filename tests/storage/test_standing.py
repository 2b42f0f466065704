"""What a person may act for in a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.memberships import Members
from storage.models import Role
from storage.organizations import Organizations
from storage.standing import Seat
from storage.workspaces import Workspaces
from tests.rows import channel_default, seats
from tests.storage.world import join, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database


async def standing(database: Database, user: str = "U1", channel: str = "C1", team: str = "T1") -> Any:
    async with database.system(write=False) as session:
        return await Members(session).resolve("T1", user, team, channel)


async def test_where_somebody_stands_takes_channel_workspace_and_membership_together(
    database: Database,
) -> None:
    alpha, beta, other = [await tenant(database, name) for name in ("Alpha", "Beta", "Other")]
    async with database.system() as session:
        workspaces = Workspaces(session)
        await workspaces.ensure("T1", None, "Octa")
        for organization in (alpha, beta, other):
            await workspaces.link("T1", organization)
    nobody = await standing(database)
    member = await join(database, beta, "U1", Role.ADMIN)
    only = await standing(database)
    await join(database, alpha, "U1", Role.OWNER)
    undecided = await standing(database)
    async with database.system() as session:
        await Workspaces(session).set_default("T1", alpha)
        await Workspaces(session).set_default("T9", alpha)
        await Workspaces(session).set_channel_default("T1", "C1", other)
        await Workspaces(session).set_channel_default("T1", "C1", beta)
        await Workspaces(session).set_channel_default("T1", "C2", other)
        assert await channel_default(session, "T1", "C1") == beta
        assert await channel_default(session, "T1", "C3") is None

    assert (nobody.choices, nobody.default_organization_id) == ((), None)
    assert only.choices == (
        Seat(membership_id=member.id, organization_id=beta, organization_name="Beta", role=Role.ADMIN),
    )
    assert only.default_organization_id == beta
    assert [seat.organization_name for seat in undecided.choices] == ["Alpha", "Beta"]
    assert undecided.default_organization_id is None
    assert (await standing(database, channel="C1")).default_organization_id == beta
    assert (await standing(database, channel="C2")).default_organization_id == alpha
    assert (await standing(database, channel="C3")).default_organization_id == alpha
    assert (await standing(database, user="U2")).choices == ()
    assert (await standing(database, team="T2")).choices == ()


async def test_the_hot_question_is_one_query_and_agrees_with_the_slow_one(database: Database) -> None:
    organizations = [await tenant(database, name) for name in "ba"]
    async with database.system() as session:
        for organization in organizations:
            await Workspaces(session).link("T1", organization)
    for organization in organizations:
        await join(database, organization, "U1")
    await join(database, await tenant(database, "not linked"), "U1")

    async with database.system(write=False) as session:
        slow = await seats(session, "T1", "U1", "T1")
    quick = (await standing(database)).choices

    assert [organization.name for _, organization in slow] == ["a", "b"]
    assert [seat.membership_id for seat in quick] == [member.id for member, _ in slow]


async def test_those_who_left_and_deleted_organizations_have_no_seat(database: Database) -> None:
    left, deleted = await tenant(database, "Left"), await tenant(database, "Deleted")
    async with database.system() as session:
        for organization in (left, deleted):
            await Workspaces(session).link("T1", organization)
    member = await join(database, left, "U1")
    await join(database, deleted, "U1")
    async with database.system() as session:
        await Members(session).end(left, member.id)
        await Organizations(session).delete(deleted)

    assert (await standing(database)).choices == ()
