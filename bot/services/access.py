"""The member behind a request, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.services.errors import AmbiguousOrganizationError, NotAllowedError, NotMemberError
from bot.services.permissions import Permission, allows, lowest_role
from storage.memberships import Members
from storage.models import Membership, Role
from storage.realms import realm_of
from storage.standing import Standing

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The Slack user behind a request, in their own workspace. Their role is not known yet."""

    user_id: str
    team_id: str
    """The workspace the request was made in."""
    enterprise_id: str | None
    channel_id: str
    claimed_team: str = ""
    """The workspace the payload says the person belongs to, until we know that it is one of the Grid's."""

    @property
    def realm(self) -> str:
        """Where `user_id` is unique: the Grid organization if there is one, else the workspace."""
        return realm_of(self.team_id, self.enterprise_id)


class ActorRef(Protocol):
    """The member who does something: an actor, or the ticket or attempt that a member made."""

    @property
    def organization_id(self) -> str:
        """The organization it happens in."""
        ...

    @property
    def membership_id(self) -> str:
        """The member."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A member, as of this request. Never cached, never taken from a message or modal."""

    sender: Sender
    membership_id: str
    organization_id: str
    organization: str
    role: Role

    def may(self, permission: Permission) -> bool:
        """Tell whether the role has `permission`. A change checks it again (`bot.services.acting`)."""
        return allows(self.role, permission)

    def require(self, permission: Permission) -> None:
        """Return if the role has `permission`.

        Raises:
            NotAllowedError: It does not.

        """
        if not self.may(permission):
            raise NotAllowedError(permission, self.organization, self.organization_id)


async def members_with(
    session: AsyncSession, organization_id: str, permission: Permission
) -> list[Membership]:
    """Return the members who have `permission`, owners first."""
    return await Members(session).with_role(organization_id, lowest_role(permission))


def sender_behind(member: Membership, team_id: str) -> Sender:
    """Return a member as the sender of a request from one of their workspaces."""
    enterprise_id = member.realm if member.realm != member.team_id else None
    return Sender(user_id=member.user_id, team_id=team_id, enterprise_id=enterprise_id, channel_id="")


def act_as(
    sender: Sender,
    standing: Standing,
    organization_id: str | None = None,
    permission: Permission | None = None,
) -> Actor:
    """Return the actor for one organization: the one named, else the default of this channel.

    Raises:
        NotMemberError: The person is in none, or not in the one named, which reads the same.
        NotAllowedError: Their role does not have `permission`.
        AmbiguousOrganizationError: Nothing says which of several is meant.

    """
    wanted = organization_id or standing.default_organization_id
    seat = next((s for s in standing.choices if s.organization_id == wanted), None)
    if seat is None and wanted is None and standing.choices:
        raise AmbiguousOrganizationError(tuple(s.organization_name for s in standing.choices))
    if seat is None:
        raise NotMemberError
    actor = Actor(
        sender=sender,
        membership_id=seat.membership_id,
        organization_id=seat.organization_id,
        organization=seat.organization_name,
        role=Role(seat.role),
    )
    if permission is not None:
        actor.require(permission)
    return actor
