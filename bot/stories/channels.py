"""Which organization a channel is about: switching it, and deciding about somebody's request to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.access import members_with
from bot.services.acting import acting
from bot.services.errors import Limit, LimitReachedError, NotFoundError, NotMemberError, Thing
from bot.services.notifications import ChannelDecided, ChannelRequested
from bot.services.outbox import enqueue_dm, enqueue_dm_by_id
from bot.services.permissions import Permission, lowest_role
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Kind, Request, Routes, Say, Who
from bot.views import channels as views
from bot.views import kit
from storage.audit import SYSTEM, Audit
from storage.channels import REQUESTS_A_DAY, Channels, TooManyRequests
from storage.organization_summaries import summaries
from storage.organizations import Organizations
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from storage.engine.db import Database
    from storage.models import ChannelRequest, Membership, Organization

CHOOSES = lowest_role(Permission.CHOOSE_CHANNELS)
TOPIC = "Organizations and people"
ANSWERED = "That request was answered or has expired, or the channel is about something else by now."


class ChannelStory:
    """A channel means something to everybody in it, so its present organization has a say in every change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, routes: Routes) -> None:
        """Add this story to the table."""
        routes.command(
            "org switch",
            self.switch,
            permission=Who.ANYONE,
            hint="NAME",
            changes=True,
            topic=TOPIC,
            help="Choose which organization this channel is about.",
            aliases=("org default",),
        )
        routes.add(Kind.ACTION, "channel.switch", self.chosen, permission=Permission.CHOOSE_CHANNELS)
        routes.add(Kind.ACTION, "channel.approve", self.approve, permission=Permission.CHOOSE_CHANNELS)
        routes.add(Kind.ACTION, "channel.decline", self.decline, permission=Permission.CHOOSE_CHANNELS)

    async def switch(self, request: Request) -> Answer:
        """Make this channel about one of the sender's organizations, or ask its present one's admins to."""
        wanted = request.words.strip()
        seats = (await request.standing()).choices
        if not seats:
            raise NotMemberError
        found = [seat for seat in seats if seat.organization_name.casefold() == wanted.casefold()]
        if not found:
            known = kit.listed(seat.organization_name for seat in seats)
            raise BadInputError(f"Which one? Type `/octapost org switch NAME`; yours here: {known}.")
        if len(found) > 1:
            async with self._database.system(write=False) as session:
                about = await summaries(session, [seat.organization_id for seat in found])
            return Say(
                text="Which organization?", blocks=views.which(list(about.values()), request.sender.realm)
            )
        return await self._move(
            request, await request.act(found[0].organization_id, Permission.CHOOSE_CHANNELS)
        )

    async def chosen(self, request: Request) -> Answer:
        """Do it for the one of several with the same name that was chosen."""
        if request.target or not request.sender.channel_id:  # some other button's value, or no channel's
            raise NotFoundError(Thing.CHOICE)
        return await self._move(request, request.actor)

    async def _move(self, request: Request, actor: Actor) -> Answer:
        sender = request.sender
        async with acting(self._database, actor, Permission.CHOOSE_CHANNELS, system=True) as session:
            present = await Channels(session).present(sender.team_id, sender.channel_id)
            if present is not None and present.id != actor.organization_id:
                seat = await Channels(session).member(present.id, sender.realm, sender.user_id, CHOOSES)
                admins = await members_with(session, present.id, Permission.CHOOSE_CHANNELS)
                if seat is None and admins:  # without any, nobody could ever approve
                    return await self._ask(session, actor, present, admins)
                doer = seat.id if seat is not None else SYSTEM
                await Audit(session).write(present.id, doer, "channel given up", sender.channel_id)
            await Workspaces(session).set_channel_default(
                sender.team_id, sender.channel_id, actor.organization_id
            )
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "channel switched", sender.channel_id
            )
        return Say(text=f"In this channel, /octapost now means {actor.organization}.")

    async def _ask(
        self, session: AsyncSession, actor: Actor, present: Organization, admins: Sequence[Membership]
    ) -> Answer:
        sender = actor.sender
        try:
            made = await Channels(session).request(
                present.id,
                team_id=sender.team_id,
                channel_id=sender.channel_id,
                wanted_id=actor.organization_id,
                requested_by=actor.membership_id,
                realm=sender.realm,
                user_id=sender.user_id,
            )
        except TooManyRequests:
            raise LimitReachedError(Limit.CHANNEL_REQUESTS_A_DAY, REQUESTS_A_DAY) from None
        if made is None:
            raise BadInputError(
                f"The admins of {present.name} were asked for this within the last week. If it is urgent,"
                " speak to one of them."
            )
        wanted = (await summaries(session, [actor.organization_id]))[actor.organization_id]
        asked = ChannelRequested(
            request_id=made.id,
            organization_id=made.organization_id,
            organization=present.name,
            wanted=wanted,
            realm=made.realm,
            channel_id=made.channel_id,
            user_id=made.user_id,
        )
        for admin in admins:
            await enqueue_dm(session, admin, f"channel:{made.id}", asked)
        await Audit(session).write(
            actor.organization_id, actor.membership_id, "channel requested", sender.channel_id
        )
        return Say(
            text=f"This channel is about {present.name}, so I've asked its admins. It changes to {actor.organization}"
            " as soon as one of them approves."
        )

    async def approve(self, request: Request) -> Answer:
        """Let a channel be about the organization that somebody asked for."""
        actor = request.actor
        async with acting(self._database, actor, Permission.CHOOSE_CHANNELS, system=True) as session:
            channels = Channels(session)
            taken = await channels.approve(actor.organization_id, request.target)
            wanted = await self._wanted(session, taken) if taken is not None else None
            if taken is None or wanted is None:
                return Say(text=ANSWERED, replace=True)
            await Workspaces(session).set_channel_default(taken.team_id, taken.channel_id, wanted.id)
            audit = Audit(session)
            await audit.write(
                actor.organization_id, actor.membership_id, "channel given up", taken.channel_id
            )
            await audit.write(wanted.id, taken.requested_by, "channel switched", taken.channel_id)
            await self._tell(session, taken, wanted.name, approved=True)
        return Say(text=f"Approved: the channel is now about {wanted.name}.", replace=True)

    async def decline(self, request: Request) -> Answer:
        """Leave a channel as it is, and tell whoever asked."""
        actor = request.actor
        async with acting(self._database, actor, Permission.CHOOSE_CHANNELS, system=True) as session:
            declined = await Channels(session).decline(actor.organization_id, request.target)
            wanted = await Organizations(session).get(declined.wanted_id) if declined is not None else None
            if declined is None or wanted is None:
                return Say(text=ANSWERED, replace=True)
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "channel kept", declined.channel_id
            )
            await self._tell(session, declined, wanted.name, approved=False)
        return Say(text=f"Declined: the channel stays about {actor.organization}.", replace=True)

    async def _wanted(self, session: AsyncSession, request: ChannelRequest) -> Organization | None:
        """Return the organization a channel may now be about; None if the request is out of date.

        The channel may be about something else by now, and whoever asked no admin any more.
        """
        channels = Channels(session)
        present = await channels.present(request.team_id, request.channel_id)
        asker = await channels.member(request.wanted_id, request.realm, request.user_id, CHOOSES)
        linked = {each.id: each for each in await Workspaces(session).organizations(request.team_id)}
        if present is None or present.id != request.organization_id or asker is None:
            return None
        return linked.get(request.wanted_id)

    async def _tell(
        self, session: AsyncSession, request: ChannelRequest, wanted: str, *, approved: bool
    ) -> None:
        decided = ChannelDecided(channel_id=request.channel_id, wanted=wanted, approved=approved)
        key = f"channel-decided:{request.id}"
        await enqueue_dm_by_id(session, request.wanted_id, request.requested_by, key, decided)
