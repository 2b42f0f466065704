"""What a one-time link is for, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.base import Platform
from bot.services.accounts.sign_in_as import SignInAs
from storage.models import ConnectionAttempt, Membership, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A one-time link that still works, and what it is for."""

    asked: Ticket | ConnectionAttempt
    """The link, or the trip that this browser began with it."""
    member: Membership
    """Whom it was made for."""
    organization: str
    platform: Platform
    sign_in_as: SignInAs | None = None
    """For a reconnect, whom to sign in as."""

    @property
    def reference(self) -> str:
        """Enough of the link's hash to follow it through the log."""
        return (self.asked.ticket_hash or b"").hex()[:12]
