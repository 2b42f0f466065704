"""Asking for access after a refusal, and the owners' answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.permissions import LOWEST, Permission, role_called
from bot.slack.routes import Answer, Kind, Request, Say, UpdateModal, Who, on
from bot.views import access_requests as views
from bot.views import kit

if TYPE_CHECKING:
    from bot.services.organizations.access_requests import AccessService


@dataclass(frozen=True)
class AccessStory:
    """Passes requests for access on, and answers them."""

    access: AccessService

    @on(Kind.ACTION, "access.request", Who.ANYONE)
    async def request(self, request: Request) -> Answer:
        """Ask the owners of the organization that the button names for the role that it names."""
        organization_id, _, word = request.target.partition(":")
        asked = await self.access.request(request.sender, organization_id, role_called(word) or LOWEST)
        said = views.asked(asked)
        if request.place == "modal":
            return UpdateModal(kit.modal("Octapost", said.blocks))
        return Say.of(said)

    @on(Kind.ACTION, "access.approve", Permission.INVITE)
    async def approve(self, request: Request) -> Answer:
        """Give the person the role they asked for."""
        answered = await self.access.approve(request.actor, request.target)
        if answered is None:
            return Say(text=views.OVER, replace=True)
        return Say.of(views.answered(answered), replace=True)

    @on(Kind.ACTION, "access.decline", Permission.INVITE)
    async def decline(self, request: Request) -> Answer:
        """Decline the request."""
        answered = await self.access.decline(request.actor, request.target)
        if answered is None:
            return Say(text=views.OVER, replace=True)
        return Say.of(views.answered(answered), replace=True)
