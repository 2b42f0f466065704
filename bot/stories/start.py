"""`/octapost` alone: how things stand, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.services.errors import AmbiguousOrganizationError
from bot.services.permissions import Permission
from bot.slack.routes import Answer, Kind, Request, Say, Who, command, on
from bot.views import invitations
from bot.views import start as views

if TYPE_CHECKING:
    from bot.services.access import Actor
    from bot.services.accounts.profiles import AccountProfiles
    from bot.services.organizations.organizations import OrganizationService

TOPIC = "Help"


class Start:
    """Answers a person who hasn't said what they want."""

    def __init__(self, profiles: AccountProfiles, organizations: OrganizationService) -> None:
        self._profiles = profiles
        self._organizations = organizations

    @command("", Who.ANYONE, topic=TOPIC, help="How your accounts are, and what to do next.")
    async def start(self, request: Request) -> Answer:
        """Answer with the channel's organization; to a person who is in none, with their invitations.

        Raises:
            NotMemberError: They have none either.

        """
        standing = await request.standing()
        if not standing.choices:
            found = await self._organizations.overview(request.sender, standing)
            if found.invitations:
                return Say(text=views.INVITED, blocks=invitations.cards(found.invitations))
        try:
            actor = await request.act()
        except AmbiguousOrganizationError:
            return Say.of(views.which(standing.choices))
        return await self._card(request, actor)

    @on(Kind.ACTION, "start.organization", Permission.SEE_ACCOUNTS, changes=False)
    async def chosen(self, request: Request) -> Answer:
        """Answer for the organization that was chosen."""
        return replace(await self._card(request, request.actor), replace=True)

    async def _card(self, request: Request, actor: Actor) -> Say:
        seats = (await request.standing()).choices
        seat = next(seat for seat in seats if seat.organization_id == actor.organization_id)
        return Say.of(views.card(seat, await self._profiles.all(actor)))
