"""Accepting or declining an invitation, in the direct message, on the home tab or in `/octapost org`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.routes import Answer, Kind, Request, Say, Who, on
from bot.views import invitations as views

if TYPE_CHECKING:
    from bot.services.organizations.invitations import InvitationService
    from bot.slack.home_tab import HomeTab


@dataclass(frozen=True)
class InvitationStory:
    """Handles the buttons of an invitation. The person is not a member yet, so a button names only the invitation."""

    invitations: InvitationService
    home: HomeTab

    @on(Kind.ACTION, "invitation.accept", Who.ANYONE)
    async def accept(self, request: Request) -> Answer:
        """Make the person a member."""
        joined = await self.invitations.accept(request.sender, request.target)
        if joined is None:
            return await self._answer(request, views.NO_LONGER_STANDS)
        text = views.accepted(joined.organization, joined.role)
        return await self._answer(request, text, joined.organization_id)

    @on(Kind.ACTION, "invitation.decline", Who.ANYONE)
    async def decline(self, request: Request) -> Answer:
        """End the invitation."""
        organization = await self.invitations.decline(request.sender, request.target)
        if organization is None:
            return await self._answer(request, views.NO_LONGER_STANDS)
        return await self._answer(request, views.declined(organization))

    async def _answer(self, request: Request, text: str, organization_id: str | None = None) -> Answer:
        """Answer where the button was: replace the message, or draw the home tab again."""
        if request.place == "home":
            await self.home.redraw(request.sender, organization_id)
            return Say(text=text)
        return Say(text=text, replace=True)
