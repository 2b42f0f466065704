"""Answering an invitation: Accept or Decline, in the direct message, on the home tab and in `/octapost org`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.errors import NotAllowedError, NotMemberError
from bot.services.notifications import InvitationAnswered
from bot.services.outbox import enqueue_dm_by_id
from bot.services.permissions import Permission
from bot.slack.routes import Answer, Kind, Request, Routes, Say, Who
from bot.views import invitations as views
from storage.audit import SYSTEM, Audit
from storage.invitations import Invitations
from storage.memberships import Members
from storage.models import Role
from storage.organizations import Organizations

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.home import HomeTab
    from storage.engine.db import Database
    from storage.models import Invitation


@dataclass(frozen=True, slots=True, kw_only=True)
class Inviter:
    """The owner on whose word somebody joins."""

    organization_id: str
    membership_id: str


class InvitationStory:
    """What an invited person can do. They are no member, so what they press names only the invitation."""

    def __init__(self, home: HomeTab, database: Database) -> None:
        self._home = home
        self._database = database

    def register(self, routes: Routes) -> None:
        """Add this story to the table."""
        routes.add(Kind.ACTION, "invitation.accept", self.accept, permission=Who.ANYONE)
        routes.add(Kind.ACTION, "invitation.decline", self.decline, permission=Who.ANYONE)

    async def accept(self, request: Request) -> Answer:
        """Make the person a member, if the invitation stands and whoever made it may still invite."""
        sender = request.sender
        async with self._database.system(write=False) as session:
            found = await Invitations(session).find(request.target, sender.realm, sender.user_id)
        if found is None:
            return await self._answer(request, views.NO_LONGER_STANDS)
        inviter = Inviter(organization_id=found.organization_id, membership_id=found.invited_by)
        try:
            async with acting(self._database, inviter, Permission.INVITE, system=True) as session:
                joined = await self._join(session, request)
        except (NotMemberError, NotAllowedError):
            joined = None
        if joined is None:
            return await self._answer(request, views.NO_LONGER_STANDS)
        return await self._answer(request, views.accepted(*joined), found.organization_id)

    async def _join(self, session: AsyncSession, request: Request) -> tuple[str, Role] | None:
        sender = request.sender
        taken = await Invitations(session).accept(request.target, sender.realm, sender.user_id)
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
        await self._tell_inviter(session, taken, organization.name, role)
        return organization.name, role

    async def decline(self, request: Request) -> Answer:
        """End the invitation; for 30 days no other one to this organization becomes a message."""
        sender = request.sender
        async with self._database.system() as session:
            ended = await Invitations(session).decline(request.target, sender.realm, sender.user_id)
            organization = await Organizations(session).get(ended.organization_id) if ended else None
            if ended is not None and organization is not None:
                await Audit(session).write(organization.id, SYSTEM, "invitation declined", ended.id)
                await self._tell_inviter(session, ended, organization.name, None)
        if organization is None:
            return await self._answer(request, views.NO_LONGER_STANDS)
        return await self._answer(request, views.declined(organization.name))

    async def _tell_inviter(
        self, session: AsyncSession, invitation: Invitation, organization: str, role: Role | None
    ) -> None:
        answered = InvitationAnswered(organization=organization, user_id=invitation.user_id, role=role)
        key = f"answered:{invitation.id}:{invitation.expires_at:%Y%m%d%H%M%S}"
        await enqueue_dm_by_id(session, invitation.organization_id, invitation.invited_by, key, answered)

    async def _answer(self, request: Request, text: str, organization_id: str | None = None) -> Answer:
        """Say what came of it where the button was: in place of the message, or on a home tab drawn again."""
        if request.place == "home":
            await self._home.redraw(request.sender, organization_id)
            return Say(text=text)
        return Say(text=text, replace=True)
