"""Invitations into an organization: made and withdrawn by its owners, answered by the invited person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from bot.services.acting import acting
from bot.services.errors import NotAllowedError, NotFoundError, NotMemberError, Thing
from bot.services.notifications import InvitationAnswered, InvitationReceived, RoleChanged
from bot.services.outbox import Conversation, enqueue, enqueue_dm_by_id
from bot.services.permissions import Permission, lowest_role
from storage.audit import SYSTEM, Audit
from storage.invitations import Invitations
from storage.memberships import Members
from storage.models import Role, new_id
from storage.organization_summaries import summaries
from storage.organizations import Organizations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor, Sender
    from bot.services.notifications import Notification
    from bot.services.organizations.people import People
    from storage.engine.db import Database
    from storage.models import Invitation
    from storage.organization_summaries import Summary


class Person(Protocol):
    """Someone with a membership of an organization, or with an invitation to one."""

    organization_id: str
    realm: str
    user_id: str
    team_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What came of inviting one person."""

    name: str
    before: Role | None
    """The role of someone who is a member already, and got the higher one at once; None: they have to accept."""
    after: Role
    told: bool = True
    """False: the person declined lately and gets no message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What a person who accepted an invitation is now."""

    organization_id: str
    organization: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inviter:
    organization_id: str
    membership_id: str


@dataclass(frozen=True)
class InvitationService:
    """Invites people, and lets the invited person answer."""

    database: Database
    people: People

    async def invite(self, actor: Actor, user_ids: Sequence[str], role: Role) -> list[Invited]:
        """Invite people of the actor's workspace; return what came of it for each, in order.

        A member keeps the higher of the two roles: an invitation takes nothing away.

        Raises:
            IneligiblePersonError: One of them cannot be a member; nobody was invited.

        """
        names = await self.people.names(actor.sender, user_ids)
        async with acting(self.database, actor, Permission.INVITE, system=True) as session:
            return [
                await self._invite(session, actor, user_id, role, name)
                for user_id, name in zip(user_ids, names, strict=True)
            ]

    async def withdraw(self, actor: Actor, invitation_id: str) -> None:
        """End an open invitation of the actor's organization.

        Raises:
            NotFoundError: It is not open.

        """
        async with acting(self.database, actor, Permission.INVITE) as session:
            withdrawn = await Invitations(session).withdraw(actor.organization_id, invitation_id)
            if withdrawn is None:
                raise NotFoundError(Thing.INVITATION)
            await record_withdrawal(session, actor, withdrawn)

    async def accept(self, sender: Sender, invitation_id: str) -> Joined | None:
        """Make the invited person a member and tell whoever invited them.

        None if the invitation is not open, or whoever made it can no longer invite.
        """
        async with self.database.system(write=False) as session:
            found = await Invitations(session).find(invitation_id, sender.realm, sender.user_id)
        if found is None:
            return None
        inviter = _Inviter(organization_id=found.organization_id, membership_id=found.invited_by)
        try:
            async with acting(self.database, inviter, Permission.INVITE, system=True) as session:
                return await self._join(session, sender, invitation_id)
        except (NotMemberError, NotAllowedError):
            return None

    async def decline(self, sender: Sender, invitation_id: str) -> str | None:
        """End the invitation, tell whoever made it, and return the organization's name; None if it is not open.

        For 30 days another invitation to this organization sends the person no message.
        """
        async with self.database.system() as session:
            ended = await Invitations(session).decline(invitation_id, sender.realm, sender.user_id)
            organization = await Organizations(session).get(ended.organization_id) if ended else None
            if ended is None or organization is None:
                return None
            await Audit(session).write(organization.id, SYSTEM, "invitation declined", ended.id)
            await _tell_inviter(session, ended, organization.name, None)
            return organization.name

    async def _invite(
        self, session: AsyncSession, actor: Actor, user_id: str, role: Role, name: str
    ) -> Invited:
        sender, organization_id = actor.sender, actor.organization_id
        members, audit = Members(session), Audit(session)
        known = await members.find(organization_id, sender.realm, user_id)
        if known is not None:
            before = Role(known.role)
            if before < role:
                await members.set_role(organization_id, known.id, role)
                await audit.write(
                    organization_id, actor.membership_id, "role changed", known.id, role=role.word
                )
                changed = RoleChanged(organization=actor.organization, role=role, changed_by=sender.user_id)
                await tell(session, known, changed)
            return Invited(name=name, before=before, after=max(before, role))
        invitations = Invitations(session)
        invitation = await invitations.invite(
            organization_id,
            realm=sender.realm,
            user_id=user_id,
            team_id=sender.team_id,
            role=role,
            invited_by=actor.membership_id,
        )
        await audit.write(
            organization_id, actor.membership_id, "person invited", invitation.id, role=role.word
        )
        told = not await invitations.declined_lately(organization_id, invitation.id)
        if told:
            summary = (await summaries(session, [organization_id]))[organization_id]
            await tell(session, invitation, received(invitation, summary, sender.user_id))
        return Invited(name=name, before=None, after=role, told=told)

    async def _join(self, session: AsyncSession, sender: Sender, invitation_id: str) -> Joined | None:
        taken = await Invitations(session).accept(invitation_id, sender.realm, sender.user_id)
        organization = await Organizations(session).get(taken.organization_id) if taken else None
        if taken is None or organization is None:
            return None
        member = await Members(session).add(
            organization.id,
            realm=sender.realm,
            user_id=sender.user_id,
            team_id=taken.team_id,
            role=Role(taken.role),
        )
        role = Role(member.role)
        await Audit(session).write(organization.id, member.id, "member added", taken.id, role=role.word)
        await _tell_inviter(session, taken, organization.name, role)
        return Joined(organization_id=organization.id, organization=organization.name, role=role)


async def record_withdrawal(session: AsyncSession, actor: Actor, invitation: Invitation) -> None:
    """Write into the audit trail that the actor withdrew an invitation."""
    await Audit(session).write(
        actor.organization_id, actor.membership_id, "invitation withdrawn", invitation.id
    )


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


async def invitations_for(session: AsyncSession, realm: str, user_id: str) -> list[InvitationReceived]:
    """Return the invitations a person can accept. Needs a system session."""
    found = await Invitations(session).of_person(realm, user_id, lowest_role(Permission.INVITE))
    about = await summaries(session, {invitation.organization_id for invitation, _ in found})
    return [
        received(invitation, about[invitation.organization_id], inviter.user_id if inviter else None)
        for invitation, inviter in found
    ]


async def _tell_inviter(
    session: AsyncSession, invitation: Invitation, organization: str, role: Role | None
) -> None:
    answered = InvitationAnswered(organization=organization, user_id=invitation.user_id, role=role)
    key = f"answered:{invitation.id}:{invitation.expires_at:%Y%m%d%H%M%S%f}"
    await enqueue_dm_by_id(session, invitation.organization_id, invitation.invited_by, key, answered)
