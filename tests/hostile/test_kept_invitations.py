"""Invitations that outlive what they rested on: somebody is removed, or the inviter is, and the offer lies waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlmodel import col, delete, select, update

from sandbox.slack.world import ACME, ADA, OLGA, OTTO
from storage.engine.statements import now
from storage.join_codes import JoinCodes
from storage.memberships import Members
from storage.models import Invitation, Membership, Organization, Role
from tests.application import Office
from tests.hostile.slack_side import Desk, changed, dump, first_organization, seat

Way = Callable[[Desk, Membership], Awaitable[None]]
INVITE = f"org invite <@{OTTO}> owner"


async def joins_by_a_code_and_is_removed(desk: Desk, owner: Membership) -> None:
    """Otto never answers: he comes in by another door, is put out, and tries the first one."""
    organization = owner.organization_id
    async with desk.office.database.organization(organization) as session:
        code = await JoinCodes(session).create(organization, Role.MEMBER, owner.id)
    await desk.send(desk.command(OTTO, f"org join {code}"))
    await desk.send(desk.command(ADA, f"org remove <@{OTTO}>"))


async def joins_by_a_code_and_is_removed_in_the_menu(desk: Desk, owner: Membership) -> None:
    organization = owner.organization_id
    async with desk.office.database.organization(organization) as session:
        code = await JoinCodes(session).create(organization, Role.MEMBER, owner.id)
    await desk.send(desk.command(OTTO, f"org join {code}"))
    async with desk.office.database.organization(organization, write=False) as session:
        otto = await Members(session).find(organization, ACME, OTTO)
    assert otto is not None
    await desk.send(desk.action(ADA, "org.change", f"{organization}/{otto.id}:remove"))


async def inviter_is_removed(desk: Desk, _owner: Membership) -> None:
    await desk.send(desk.command(ADA, f"org remove <@{OLGA}>"))


async def inviter_steps_down_and_comes_back(desk: Desk, _owner: Membership) -> None:
    for role in ("member", "owner"):
        await desk.send(desk.command(ADA, f"org role <@{OLGA}> {role}"))


async def leaves_slack_and_comes_back(desk: Desk, _owner: Membership) -> None:
    user = {"id": OTTO, "team_id": ACME, "deleted": True}
    await desk.send(desk.event({"type": "user_change", "user": user, "event_ts": "1.1"}))


async def organization_is_deleted(desk: Desk, owner: Membership) -> None:
    async with desk.office.database.system() as session:
        gone = update(Organization).where(col(Organization.id) == owner.organization_id)
        await session.exec(gone.values(deleted_at=now()))


WAYS: tuple[Way, ...] = (
    joins_by_a_code_and_is_removed,
    joins_by_a_code_and_is_removed_in_the_menu,
    inviter_is_removed,
    inviter_steps_down_and_comes_back,
    leaves_slack_and_comes_back,
    organization_is_deleted,
)


async def afresh(office: Office, organization_id: str) -> None:
    """Forget what became of Otto, and let Olga be an owner."""
    await seat(office, organization_id, OLGA, ACME, Role.OWNER)
    async with office.database.system() as session:
        members = Members(session)
        if otto := await members.find(organization_id, ACME, OTTO):
            await members.end(organization_id, otto.id)
        await session.exec(delete(Invitation))


async def test_no_invitation_lets_in_whom_nobody_stands_for_any_more(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    await office.installed()
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    owner = await first_organization(office, ACME)
    let_in = []

    for way in WAYS:
        await afresh(office, owner.organization_id)
        await desk.send(desk.command(OLGA, INVITE))
        async with office.database.system(write=False) as session:
            kept = (await session.exec(select(Invitation.id))).one()
        await way(desk, owner)
        before = await dump(office.database)
        shown = await desk.send(desk.command(OTTO, "org"))
        await desk.send(desk.action(OTTO, "invitation.accept", kept))
        if shown.outcomes != ("not_member",) or changed(before, await dump(office.database)):
            let_in.append(way.__name__)

    assert let_in == []
    record_property(
        "counted",
        f"{len(WAYS)} invitations that rest on nothing: 0 let anybody in ({office.database.dialect})",
    )
