"""Who is asking, and may they?"""

from __future__ import annotations

from dataclasses import dataclass

from bot.services.errors import AmbiguousOrganizationError, NotAllowedError, NotMemberError
from storage.models import Membership, Role
from storage.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The Slack person behind a request, in their own workspace. Nothing about roles is known yet."""

    user_id: str
    team_id: str
    """The workspace the request speaks of."""
    enterprise_id: str | None
    channel_id: str
    said_team: str = ""
    """A workspace the payload says the person is of, where it has yet to be shown to be one of the Grid's."""

    @property
    def realm(self) -> str:
        """Where `user_id` is unique: the Grid organization if there is one, else the workspace."""
        return self.enterprise_id or self.team_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A member, as of this request. Never cached, never taken from a message or modal."""

    sender: Sender
    membership_id: str
    organization_id: str
    organization: str
    role: Role
    needed: Role
    """The least role that may do what was asked for; a change requires it again (`bot.services.acting`)."""


def sender_behind(member: Membership, team_id: str) -> Sender:
    """Return a member as if they had sent a request from a workspace of theirs."""
    enterprise_id = member.realm if member.realm != member.team_id else None
    return Sender(user_id=member.user_id, team_id=team_id, enterprise_id=enterprise_id, channel_id="")


def act_as(
    sender: Sender, standing: Standing, organization_id: str | None = None, *, needed: Role = Role.MEMBER
) -> Actor:
    """Return the actor for one organization: the one named, else the default of this channel.

    Raises NotMemberError when the person is in none (or not in the one named: that reads the same), NotAllowedError
    when their role is below `needed`, and AmbiguousOrganizationError when nothing says which of several is meant.
    """
    wanted = organization_id or standing.default_organization_id
    seat = next((s for s in standing.choices if s.organization_id == wanted), None)
    if seat is None and wanted is None and standing.choices:
        raise AmbiguousOrganizationError(tuple(s.organization_name for s in standing.choices))
    if seat is None:
        raise NotMemberError
    if seat.role < needed:
        raise NotAllowedError(needed, seat.organization_name)
    return Actor(
        sender=sender,
        membership_id=seat.membership_id,
        organization_id=seat.organization_id,
        organization=seat.organization_name,
        role=Role(seat.role),
        needed=needed,
    )
