"""Inviting people into an organization, and telling people what their place in one is. Called in a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from bot.services.notifications import InvitationReceived, RoleChanged
from bot.services.outbox import Conversation, enqueue
from bot.services.permissions import Permission, lowest_role
from storage.audit import Audit
from storage.invitations import Invitations
from storage.memberships import Members
from storage.models import Role, new_id
from storage.organization_summaries import summaries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.notifications import Notification
    from storage.models import Invitation
    from storage.organization_summaries import Summary


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
            changed = RoleChanged(organization=actor.organization, role=role, changed_by=sender.user_id)
            await tell(session, known, changed)
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
        await tell(session, invitation, received(invitation, summary, sender.user_id))
    return Invited(before=None, after=role, told=told)


async def tell(session: AsyncSession, person: Person, about: Notification) -> None:
    """Send somebody a direct message about their place in an organization, at most one a day.

    Later news on the same day (UTC) replaces that message, which notifies nobody.
    """
    organization_id = person.organization_id
    to = Conversation(slack_id=person.team_id, id=person.user_id, organization_id=organization_id)
    key = f"place:{organization_id}:{person.realm}:{person.user_id}:{datetime.now(UTC):%Y-%m-%d}"
    if not await enqueue(session, to, key, about):
        await enqueue(session, to, f"{key}:{new_id('edt')}", about, edits=key)


def received(invitation: Invitation, organization: Summary, by: str | None) -> InvitationReceived:
    """Return an invitation as the invited person sees it. `by` is the user id of whoever made it."""
    return InvitationReceived(
        invitation_id=invitation.id,
        organization=organization,
        realm=invitation.realm,
        role=invitation.role,
        expires_at=invitation.expires_at,
        invited_by=by,
    )


async def waiting_for(session: AsyncSession, realm: str, user_id: str) -> list[InvitationReceived]:
    """Return the invitations a person can accept. Needs a system session."""
    found = await Invitations(session).of_person(realm, user_id, lowest_role(Permission.INVITE))
    about = await summaries(session, {invitation.organization_id for invitation, _ in found})
    return [
        received(invitation, about[invitation.organization_id], inviter.user_id if inviter else None)
        for invitation, inviter in found
    ]
