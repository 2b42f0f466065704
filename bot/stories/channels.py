"""Choosing which organization a channel is about, and deciding about somebody's request to change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.errors import NotAllowedError, NotFoundError, NotMemberError, Thing
from bot.services.organizations.channels import Requested
from bot.services.permissions import Permission, allows
from bot.slack.routes import Answer, Kind, Request, Say, Who, command, on
from bot.views import channels as views
from bot.views.organizations import TOPIC
from storage.folding import fold, near

if TYPE_CHECKING:
    from bot.services.access import Actor
    from bot.services.organizations.channels import ChannelService
    from bot.services.organizations.organizations import OrganizationService
    from bot.views.kit import Message
    from storage.standing import Standing


@dataclass(frozen=True)
class ChannelStory:
    """Switches channels between organizations."""

    channels: ChannelService
    organizations: OrganizationService

    @command(
        "org switch",
        Who.ANYONE,
        hint="[NAME]",
        changes=True,
        topic=TOPIC,
        help="Set the default organization for this channel.",
        aliases=("org default",),
        asks=Permission.SEE_ACCOUNTS,
    )
    async def switch(self, request: Request) -> Answer:
        """Switch this channel to one of the sender's organizations, or ask the admins of its present one to.

        Raises:
            NotMemberError: The sender is a member of none.
            NotAllowedError: Their role doesn't let them choose for a channel.

        """
        wanted, standing = fold(request.words), await request.standing()
        seats = standing.choices
        if not seats:
            raise NotMemberError
        found = [seat for seat in seats if fold(seat.organization_name) == wanted]
        if not found:
            return Say.of(self._choose(request, standing))
        if len(found) > 1:
            alike = await self.organizations.same_name([seat.organization_id for seat in found])
            return Say.of(views.which(alike, request.sender.realm))
        actor = await request.act(found[0].organization_id, Permission.CHOOSE_CHANNELS)
        return await self._switch(actor)

    def _choose(self, request: Request, standing: Standing) -> Message:
        able = [seat for seat in standing.choices if allows(seat.role, Permission.CHOOSE_CHANNELS)]
        if not able:
            first = standing.choices[0]
            raise NotAllowedError(Permission.CHOOSE_CHANNELS, first.organization_name, first.organization_id)
        names = {seat.organization_name: seat for seat in able}
        meant = [names[name] for name in near(request.words, names)]
        return views.choose(able, meant, request.words.strip())

    async def _switch(self, actor: Actor) -> Say:
        """Switch the channel to the actor's organization, and tell everyone in it."""
        result = await self.channels.switch(actor)
        if isinstance(result, Requested):
            return Say(text=views.requested(result))
        return Say.of(views.switched(result, actor.sender.user_id), everyone=True)

    @on(Kind.ACTION, "channel.switch", Permission.CHOOSE_CHANNELS)
    async def chosen(self, request: Request) -> Answer:
        """Switch to the organization that was chosen in a list.

        Raises:
            NotFoundError: The button is not the one of this question.

        """
        if request.target or not request.sender.channel_id:  # from another button, or not in a channel
            raise NotFoundError(Thing.CHOICE)
        return await self._switch(request.actor)

    @on(Kind.ACTION, "channel.approve", Permission.CHOOSE_CHANNELS)
    async def approve(self, request: Request) -> Answer:
        """Switch a channel to the organization that somebody requested."""
        wanted = await self.channels.approve(request.actor, request.target)
        return Say(text=views.approved(wanted) if wanted is not None else views.ANSWERED, replace=True)

    @on(Kind.ACTION, "channel.decline", Permission.CHOOSE_CHANNELS)
    async def decline(self, request: Request) -> Answer:
        """Decline a request, and leave the channel as it is."""
        kept = await self.channels.decline(request.actor, request.target)
        text = views.declined(request.actor.organization) if kept else views.ANSWERED
        return Say(text=text, replace=True)
