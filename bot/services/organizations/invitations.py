"""Inviting people into an organization, and telling people what their place in one is. Called in a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

from bot.services.permissions import Permission, lowest_role
from bot.views import invitations as views
from bot.views import kit
from storage.audit import Audit
from storage.invitations import Invitations
from storage.memberships import Members
from storage.models import Role, new_id
from storage.organization_summaries import summaries
from storage.outbox import Notices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.notifications import Message


class Person(Protocol):
    """Somebody with a place in an organization, or with an invitation to one."""

    organization_id: str
    realm: str
    user_id: str
    team_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What came of inviting one person."""

    before: Role | None
    """The role of somebody who is a member already, and changed at once; None: they have to accept."""
    after: Role
    told: bool = True
    """False: the person declined lately and gets no message."""


async def invite(session: AsyncSession, actor: Actor, user_ids: Sequence[str], role: Role) -> list[Invited]:
    """Invite people of the actor's workspace, and say what came of it for each, in order.

    Whoever is a member keeps the higher of the two roles: an invitation takes nothing away. Needs a system
    session, for the organization's summary.
    """
    return [await _invite(session, actor, user_id, role) for user_id in user_ids]


async def _invite(session: AsyncSession, actor: Actor, user_id: str, role: Role) -> Invited:
    sender, organization_id = actor.sender, actor.organization_id
    members = Members(session)
    known = await members.find(organization_id, sender.realm, user_id)
    if known is not None:
        before = Role(known.role)
        if before < role:
            await members.set_role(organization_id, known.id, role)
            await Audit(session).write(
                organization_id, actor.membership_id, "role changed", known.id, role=role.word
            )
            await tell(session, known, views.role_changed(actor.organization, role, f"<@{sender.user_id}>"))
        return Invited(before=before, after=max(before, role))
    invitations = Invitations(session)
    invitation = await invitations.invite(
        organization_id,
        realm=sender.realm,
        user_id=user_id,
        team_id=sender.team_id,
        role=role,
        invited_by=actor.membership_id,
    )
    await Audit(session).write(
        organization_id, actor.membership_id, "person invited", invitation.id, role=role.word
    )
    told = not await invitations.declined_lately(organization_id, invitation.id)
    if told:
        summary = (await summaries(session, [organization_id]))[organization_id]
        asked = views.Asked(organization=summary, invitation=invitation, by=f"<@{sender.user_id}>")
        await tell(session, invitation, views.message(asked))
    return Invited(before=None, after=role, told=told)


async def tell(session: AsyncSession, person: Person, message: Message) -> None:
    """Owe somebody a direct message about their place in an organization: one a day.

    What comes later on the same day (UTC) changes that message, which notifies nobody.
    """
    put = partial(
        Notices(session).put,
        slack_id=person.team_id,
        channel=person.user_id,
        body=message.body,
        organization_id=person.organization_id,
    )
    key = f"place:{person.organization_id}:{person.realm}:{person.user_id}:{datetime.now(UTC):%Y-%m-%d}"
    if not await put(key=key):
        await put(key=f"{key}:{new_id('edt')}", edits=key)


async def waiting_for(session: AsyncSession, realm: str, user_id: str) -> list[views.Asked]:
    """Return the invitations a person can accept. Needs a system session."""
    found = await Invitations(session).of_person(realm, user_id, lowest_role(Permission.INVITE))
    about = await summaries(session, {invitation.organization_id for invitation, _ in found})
    return [
        views.Asked(
            organization=about[invitation.organization_id], invitation=invitation, by=kit.mention(inviter)
        )
        for invitation, inviter in found
    ]
