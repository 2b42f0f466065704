"""Invitations: no memberships, good for a week, answered once, and quiet after a refusal."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import col, update

from storage.engine.statements import now
from storage.invitations import Invitations
from storage.memberships import Members
from storage.models import Invitation, Membership, Role
from storage.organizations import Organizations
from storage.standing import standing
from storage.workspaces import Workspaces
from tests.databases import another
from tests.storage.world import expire

if TYPE_CHECKING:
    from storage.engine.db import Database


async def owned(database: Database, name: str = "Acme") -> Membership:
    """Return the owner of a new organization of workspace T1."""
    async with database.system() as session:
        organization = await Organizations(session).create(name)
        await Workspaces(session).link("T1", organization.id)
        return await Members(session).add(
            organization.id, realm="T1", user_id="UOWNER", team_id="T1", role=Role.OWNER
        )


async def invited(database: Database, owner: Membership, role: Role = Role.ADMIN) -> Invitation:
    async with database.organization(owner.organization_id) as session:
        return await Invitations(session).invite(
            owner.organization_id,
            realm="T1",
            user_id="UOTTO",
            team_id="T1",
            role=role,
            invited_by=owner.id,
        )


async def offered(database: Database, user_id: str = "UOTTO") -> list[str]:
    async with database.system(write=False) as session:
        return [found.id for found, _ in await Invitations(session).of_person("T1", user_id, Role.OWNER)]


async def test_an_invitation_is_no_membership(database: Database) -> None:
    owner = await owned(database)
    invitation = await invited(database, owner)

    async with database.system(write=False) as session:
        members = Members(session)
        assert [each.id for each in await members.all(owner.organization_id)] == [owner.id]
        assert await members.find(owner.organization_id, "T1", "UOTTO") is None
        assert (await standing(session, "T1", "UOTTO", "T1", "C1")).choices == ()
    assert await offered(database) == [invitation.id]
    assert await offered(database, "UOTHER") == []


async def test_inviting_again_keeps_the_id_and_takes_the_newest_role(database: Database) -> None:
    owner = await owned(database)
    first = await invited(database, owner, Role.OWNER)

    second = await invited(database, owner, Role.MEMBER)

    assert (second.id, second.role) == (first.id, Role.MEMBER)


async def test_of_sixteen_answers_to_one_invitation_one_counts(database: Database) -> None:
    owner = await owned(database)
    invitation = await invited(database, owner)
    databases = (database, another(database))

    async def answer(number: int) -> Any:
        async with databases[number % 2].system() as session:
            invitations = Invitations(session)
            way = invitations.accept if number % 4 < 2 else invitations.decline
            return await way(invitation.id, "T1", "UOTTO")

    answers = await asyncio.gather(*map(answer, range(16)))

    await databases[1].close()
    assert len([each for each in answers if each is not None]) == 1


async def test_an_acceptance_and_a_departure_at_the_same_moment_do_not_wait_for_each_other(
    database: Database,
) -> None:
    owner, elsewhere, accepted = await owned(database), another(database), asyncio.Event()
    member: Any = {"realm": "T1", "user_id": "UOTTO", "team_id": "T1", "role": Role.MEMBER}
    async with database.system() as session:
        await Members(session).add(owner.organization_id, **member)
    invitation = await invited(database, owner)

    async def accept() -> None:
        async with database.system() as session:
            await Invitations(session).accept(invitation.id, "T1", "UOTTO")
            accepted.set()
            await asyncio.sleep(0.3)  # long enough for the other one to get in the way
            await Members(session).add(owner.organization_id, **member)

    async def leave() -> None:
        await accepted.wait()
        async with elsewhere.system() as session:
            await Members(session).end_person("T1", "UOTTO")

    outcomes = await asyncio.gather(accept(), leave(), return_exceptions=True)

    await elsewhere.close()
    assert [each for each in outcomes if each is not None] == []


async def test_what_expired_was_withdrawn_or_is_somebody_elses_cannot_be_accepted(database: Database) -> None:
    owner = await owned(database)
    invitation = await invited(database, owner)
    async with database.system() as session:
        assert await Invitations(session).accept(invitation.id, "T1", "UOTHER") is None
        assert await Invitations(session).accept(invitation.id, "T9", "UOTTO") is None
    async with database.organization(owner.organization_id) as session:
        assert await Invitations(session).withdraw(owner.organization_id, invitation.id) is not None
        assert await Invitations(session).withdraw(owner.organization_id, invitation.id) is None
    async with database.system() as session:
        assert await Invitations(session).accept(invitation.id, "T1", "UOTTO") is None
    await invited(database, owner)
    await expire(database, Invitation)

    async with database.system() as session:
        assert await Invitations(session).accept(invitation.id, "T1", "UOTTO") is None
    assert await offered(database) == []


async def test_an_invitation_is_shown_only_while_whoever_made_it_is_an_owner(database: Database) -> None:
    owner = await owned(database)
    await invited(database, owner)
    async with database.system() as session:
        members = Members(session)
        await members.add(owner.organization_id, realm="T1", user_id="U2", team_id="T1", role=Role.OWNER)
        await members.set_role(owner.organization_id, owner.id, Role.ADMIN)

    assert await offered(database) == []


async def test_a_refusal_is_remembered_for_thirty_days_and_then_swept(database: Database) -> None:
    owner = await owned(database)
    invitation = await invited(database, owner)
    async with database.system() as session:
        invitations = Invitations(session)
        assert await invitations.decline(invitation.id, "T1", "UOTTO") is not None
        assert await invitations.sweep() == 0
    again = await invited(database, owner)
    async with database.system() as session:
        invitations = Invitations(session)
        assert again.id == invitation.id
        assert await invitations.declined_lately(owner.organization_id, again.id)
        long_ago = update(Invitation).values(declined_at=now(-timedelta(days=31)))
        await session.exec(long_ago.where(col(Invitation.id) == again.id))
        assert not await invitations.declined_lately(owner.organization_id, again.id)
        assert await invitations.sweep() == 0
    await expire(database, Invitation)

    async with database.system() as session:
        assert await Invitations(session).sweep() == 1
