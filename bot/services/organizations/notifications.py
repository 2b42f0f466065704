"""What people are told about members who come and go."""

from __future__ import annotations

from dataclasses import dataclass

from bot.services.notifications import Notification


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
