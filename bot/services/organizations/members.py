"""The members of an organization: who they are, their roles, and their removal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from bot.services.access import members_with
from bot.services.acting import acting
from bot.services.errors import LastOwnerError, NotFoundError, Thing, UnknownMemberError
from bot.services.notifications import MemberResigned, RoleChanged
from bot.services.organizations.invitations import record_withdrawal, tell
from bot.services.organizations.notifications import MemberRemoved
from bot.services.outbox import enqueue_dm
from bot.services.permissions import Permission, allows
from storage.audit import Audit
from storage.invitations import Invitations
from storage.memberships import LastOwner, Members
from storage.models import Role
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.incidents.cards import Cards
    from storage.engine.db import Database
    from storage.models import Invitation, Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Who is in an organization, as one of them sees it."""

    organization_id: str
    organization: str
    role: Role
    """The reader's own."""
    members: Sequence[Membership]
    invitations: Sequence[Invitation]
    """Those that were not answered yet."""
    workspaces: Mapping[str, str]
    """Names of the workspaces of members who come from another one than the reader, by id."""


class Removed(Enum):
    """What ended when an owner removed a person."""

    MEMBERSHIP = auto()
    INVITATION = auto()


@dataclass(frozen=True)
class MemberService:
    """Lists members, changes their roles and removes them."""

    database: Database
    cards: Cards

    async def roster(self, actor: Actor) -> Roster:
        """Return who is in the actor's organization."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            people = await Members(session).all(actor.organization_id)
            invited = await Invitations(session).open(actor.organization_id)
        elsewhere = {member.team_id for member in people if member.realm != actor.sender.realm}
        async with self.database.system(write=False) as session:
            homes = [await Workspaces(session).get(team_id) for team_id in elsewhere]
        return Roster(
            organization_id=actor.organization_id,
            organization=actor.organization,
            role=actor.role,
            members=people,
            invitations=invited,
            workspaces={home.team_id: home.name for home in homes if home is not None},
        )

    async def current(self, actor: Actor) -> Actor | None:
        """Return the actor as of now: they may just have changed their own role; None if they left."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            member = await Members(session).get(actor.organization_id, actor.membership_id)
        return None if member is None else replace(actor, role=Role(member.role))

    async def set_role(self, actor: Actor, membership_id: str, role: Role) -> None:
        """Change a member's role and tell them.

        Raises:
            NotFoundError: There is no such member.
            LastOwnerError: The organization would be left without an owner.

        """
        async with acting(self.database, actor, Permission.MANAGE_MEMBERS) as session:
            await self._set_role(session, actor, membership_id, role)

    async def set_role_of_person(self, actor: Actor, user_id: str, role: Role) -> None:
        """Change the role of a Slack user of the actor's workspace and tell them.

        Raises:
            UnknownMemberError: They are not a member.
            LastOwnerError: The organization would be left without an owner.

        """
        async with acting(self.database, actor, Permission.MANAGE_MEMBERS) as session:
            member = await self._member(session, actor, user_id)
            await self._set_role(session, actor, member.id, role)

    async def remove(self, actor: Actor, membership_id: str) -> None:
        """End a membership. The accounts the person connected stay.

        Raises:
            NotFoundError: There is no such member.
            LastOwnerError: The organization would be left without an owner.

        """
        async with acting(self.database, actor, Permission.MANAGE_MEMBERS) as session:
            await self._end(session, actor, membership_id)

    async def remove_person(self, actor: Actor, user_id: str) -> Removed:
        """End the invitation or the membership of a Slack user of the actor's workspace.

        Raises:
            UnknownMemberError: They are neither invited nor a member.
            LastOwnerError: The organization would be left without an owner.

        """
        async with acting(self.database, actor, Permission.MANAGE_MEMBERS) as session:
            withdrawn = await Invitations(session).withdraw_from(
                actor.organization_id, actor.sender.realm, user_id
            )
            if withdrawn is not None:
                await record_withdrawal(session, actor, withdrawn)
                return Removed.INVITATION
            member = await self._member(session, actor, user_id)
            await self._end(session, actor, member.id)
            return Removed.MEMBERSHIP

    async def leave(self, actor: Actor) -> None:
        """End the actor's own membership and tell the admins. The accounts they connected stay.

        Raises:
            LastOwnerError: The organization would be left without an owner.

        """
        organization_id, permission = actor.organization_id, Permission.LEAVE_ORGANIZATION
        async with acting(self.database, actor, permission, alone=True) as session:
            try:
                await Members(session).end(organization_id, actor.membership_id)
            except LastOwner:
                raise LastOwnerError(actor.organization) from None
            await self.cards.on_member_left(session, organization_id, actor.membership_id)
            line = await Audit(session).write(
                organization_id, actor.membership_id, "member left", actor.membership_id
            )
            left = MemberResigned(user_id=actor.sender.user_id, organization=actor.organization)
            for admin in await members_with(session, organization_id, Permission.RECEIVE_NOTICES):
                await enqueue_dm(session, admin, f"resigned:{line.id}", left)

    async def owners(self, actor: Actor) -> int:
        """Return how many owners the actor's organization has."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            return await Members(session).count_owners(actor.organization_id)

    async def _member(self, session: AsyncSession, actor: Actor, user_id: str) -> Membership:
        found = await Members(session).find(actor.organization_id, actor.sender.realm, user_id)
        if found is None:
            raise UnknownMemberError(actor.organization)
        return found

    async def _set_role(self, session: AsyncSession, actor: Actor, membership_id: str, role: Role) -> None:
        members, organization_id = Members(session), actor.organization_id
        try:
            done = await members.set_role(organization_id, membership_id, role)
        except LastOwner:
            raise LastOwnerError(actor.organization) from None
        if not done:
            raise NotFoundError(Thing.MEMBER)
        if not allows(role, Permission.INVITE):
            await members.end_offers([membership_id])
        if not allows(role, Permission.HANDLE_INCIDENTS):
            await self.cards.on_member_left(session, organization_id, membership_id)
        await Audit(session).write(
            organization_id, actor.membership_id, "role changed", membership_id, role=role.word
        )
        member = await members.get(organization_id, membership_id)
        if member is not None and member.id != actor.membership_id:
            by = actor.sender.user_id
            await tell(
                session, member, RoleChanged(organization=actor.organization, role=role, changed_by=by)
            )

    async def _end(self, session: AsyncSession, actor: Actor, membership_id: str) -> None:
        organization_id, members = actor.organization_id, Members(session)
        member = await members.get(organization_id, membership_id)
        try:
            done = await members.end(organization_id, membership_id)
        except LastOwner:
            raise LastOwnerError(actor.organization) from None
        if member is None or not done:
            raise NotFoundError(Thing.MEMBER)
        await self.cards.on_member_left(session, organization_id, membership_id)
        await Audit(session).write(organization_id, actor.membership_id, "member removed", membership_id)
        if member.id != actor.membership_id:
            by = actor.sender.user_id
            await tell(session, member, MemberRemoved(organization=actor.organization, removed_by=by))
