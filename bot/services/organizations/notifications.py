"""What people are told about members who come and go, and about those who want to."""

from __future__ import annotations

from dataclasses import dataclass

from bot.services.notifications import Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequested(Notification):
    """Somebody asks for access; the owners decide."""

    KIND = "access_requested"
    request_id: str
    organization_id: str
    organization: str
    user_id: str
    role: int | None
    """The role they ask for; None: they are a guest, who can have none, and ask for help."""
    member: bool
    """They are a member already, with a lower role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessAnswered(Notification):
    """Takes the place of a request in each owner's messages, once one of them has answered it."""

    KIND = "access_answered"
    organization: str
    user_id: str
    role: int | None
    """The role they have now; None: the request was declined."""
    answered_by: str
    """The user id of the owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessDecided(Notification):
    """An owner answered a request; whoever made it is told."""

    KIND = "access_decided"
    organization: str
    role: int | None
    """The role they have now; None: the request was declined."""
    answered_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberReturned(Notification):
    """A member whom Slack had deactivated is back, with the role they had; the admins are told."""

    KIND = "member_returned"
    user_id: str
    organization: str
    role: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved(Notification):
    """A member was removed by somebody else; they are told."""

    KIND = "member_removed"
    organization: str
    removed_by: str
    """The user id of whoever removed them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationGone(Notification):
    """Stands where a message offered to do something for an organization that was deleted since."""

    KIND = "organization_gone"
    organization: str
