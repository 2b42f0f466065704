"""Transactions on behalf of a member: the role counts when something is written, not when it was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from storage.acting import MembershipEnded, RoleTooLow, acting
from storage.audit import Audit
from storage.engine.db import Database
from storage.memberships import LastOwner, Members
from storage.models import Membership, Role
from storage.organizations import Organizations
from tests.counts import tries
from tests.storage.world import tenant


async def join(database: Database, organization: str, user_id: str, role: Role) -> Membership:
    async with database.organization(organization) as session:
        return await Members(session).add(organization, realm="T1", user_id=user_id, team_id="T1", role=role)


async def act(database: Database, member: Membership, needed: Role = Role.ADMIN) -> None:
    async with acting(database, member.organization_id, member.id, needed) as session:
        await Audit(session).write(member.organization_id, member.id, "acted")


@pytest.mark.parametrize("system", [False, True])
async def test_a_member_may_do_what_their_role_allows(database: Database, system: bool) -> None:
    organization = await tenant(database, "Acme")
    admin = await join(database, organization, "U1", Role.ADMIN)

    async with acting(database, organization, admin.id, Role.ADMIN, system=system) as session:
        line = await Audit(session).write(organization, admin.id, "acted")

    assert line.actor == admin.id


async def test_a_role_that_is_too_low_is_refused_with_the_organizations_name(database: Database) -> None:
    organization = await tenant(database, "Acme")
    admin = await join(database, organization, "U1", Role.ADMIN)

    with pytest.raises(RoleTooLow) as refused:
        await act(database, admin, Role.OWNER)

    assert refused.value.organization == "Acme"


async def test_whoever_left_or_belongs_elsewhere_changes_nothing(database: Database) -> None:
    organization, other, deleted = [await tenant(database, name) for name in "abc"]
    gone = await join(database, organization, "U1", Role.ADMIN)
    stranger = await join(database, other, "U2", Role.OWNER)
    late = await join(database, deleted, "U3", Role.OWNER)
    async with database.system() as session:
        await Members(session).end(organization, gone.id)
        await Organizations(session).delete(deleted)

    for organization_id, member in ((organization, gone), (organization, stranger), (deleted, late)):
        with pytest.raises(MembershipEnded):
            async with acting(database, organization_id, member.id, Role.MEMBER):
                pass


@pytest.mark.parametrize("removes", [True, False], ids=["removed", "made a member"])
async def test_a_role_cannot_be_lost_between_the_check_and_the_commit(
    database: Database, removes: bool
) -> None:
    organization = await tenant(database, "Acme")
    admin = await join(database, organization, "U1", Role.ADMIN)
    happened: list[str] = []

    async def lose() -> None:
        async with database.organization(organization) as session:
            if removes:
                await Members(session).end(organization, admin.id)
            else:
                await Members(session).set_role(organization, admin.id, Role.MEMBER)
            happened.append("lost")

    async with acting(database, organization, admin.id, Role.ADMIN) as session:
        losing = asyncio.create_task(lose())
        done, _ = await asyncio.wait([losing], timeout=0.2)
        await Audit(session).write(organization, admin.id, "acted")
        happened.append("acted")
    await losing

    assert done == set()
    assert happened == ["acted", "lost"]
    with pytest.raises(MembershipEnded if removes else RoleTooLow):
        await act(database, admin)


async def test_owners_who_remove_each_other_at_once_leave_one(
    database: Database, record_property: Callable[[str, object], None]
) -> None:
    rounds, owners_left = tries(50, 5), []

    async def remove(by: Membership, whom: Membership) -> str:
        try:
            async with acting(database, by.organization_id, by.id, Role.OWNER) as session:
                await Members(session).end(by.organization_id, whom.id)
                await Audit(session).write(by.organization_id, by.id, "member removed")
        except (MembershipEnded, LastOwner) as refusal:
            return type(refusal).__name__
        return "removed"

    for number in range(rounds):
        organization = await tenant(database, f"Acme {number}")
        owners = [await join(database, organization, f"U{each}", Role.OWNER) for each in range(4)]
        pairs = [(a, b) for a in owners for b in owners if a is not b]
        outcomes = await asyncio.gather(*(remove(a, b) for a, b in pairs))
        async with database.organization(organization, write=False) as session:
            owners_left.append(await Members(session).count_owners(organization))
        assert outcomes.count("removed") >= 3

    assert owners_left == [1] * rounds
    record_property(
        "counted",
        f"{rounds * 12} removals among owners at once, one owner left each time ({database.dialect})",
    )


async def test_admins_who_act_while_they_are_removed_never_block_each_other_for_good(
    database: Database,
) -> None:
    organization = await tenant(database, "Acme")
    owner = await join(database, organization, "U0", Role.OWNER)
    admins = [await join(database, organization, f"U{each + 1}", Role.ADMIN) for each in range(6)]

    async def remove(admin: Membership) -> None:
        async with acting(database, organization, owner.id, Role.OWNER) as session:
            await Members(session).end(organization, admin.id)
            await Audit(session).write(organization, owner.id, "member removed", admin.id)

    outcomes = await asyncio.gather(
        *(act(database, admin) for admin in admins for _ in range(3)),
        *(remove(admin) for admin in admins),
        return_exceptions=True,
    )

    assert {type(each) for each in outcomes} <= {type(None), MembershipEnded}
    assert outcomes[-len(admins) :] == [None] * len(admins)
