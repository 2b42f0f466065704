"""Which organization a channel means: choosing one, and asking for a channel that means another.

A channel means something to everybody in it, so the organization it means now has a say in every change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.access import members_with
from bot.services.acting import acting
from bot.services.errors import ChannelAlreadyRequestedError, Limit, LimitReachedError
from bot.services.notifications import ChannelDecided, ChannelRequested
from bot.services.outbox import enqueue_dm, enqueue_dm_by_id
from bot.services.permissions import Permission, lowest_role
from storage.audit import SYSTEM, Audit
from storage.channels import REQUESTS_A_DAY, Channels, NewChannelRequest, TooManyRequests
from storage.organization_summaries import summaries
from storage.organizations import Organizations
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from storage.engine.db import Database
    from storage.models import ChannelRequest, Membership, Organization

CHOOSER = lowest_role(Permission.CHOOSE_CHANNELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """The channel means this organization now."""

    organization: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """The channel means another organization, whose admins were asked."""

    organization: str
    """The one that was asked for."""
    present: str


@dataclass(frozen=True)
class ChannelService:
    """Changes what a channel means, and what came of requests to."""

    database: Database

    async def switch(self, actor: Actor) -> Switched | Requested:
        """Let the actor's channel mean their organization, or ask its present one's admins to.

        Raises:
            ChannelAlreadyRequestedError: They were asked within the last week.
            LimitReachedError: The actor has asked for several channels today.

        """
        sender = actor.sender
        async with acting(self.database, actor, Permission.CHOOSE_CHANNELS, system=True) as session:
            channels, audit = Channels(session), Audit(session)
            present = await channels.present(sender.team_id, sender.channel_id)
            if present is not None and present.id != actor.organization_id:
                seat = await channels.member(present.id, sender.realm, sender.user_id, CHOOSER)
                admins = await members_with(session, present.id, Permission.CHOOSE_CHANNELS)
                if seat is None and admins:  # without any, nobody could ever approve
                    await _request(session, actor, present, admins)
                    return Requested(organization=actor.organization, present=present.name)
                by = seat.id if seat is not None else SYSTEM
                await audit.write(present.id, by, "channel given up", sender.channel_id)
            await Workspaces(session).set_channel_default(
                sender.team_id, sender.channel_id, actor.organization_id
            )
            await audit.write(
                actor.organization_id, actor.membership_id, "channel switched", sender.channel_id
            )
        return Switched(organization=actor.organization)

    async def approve(self, actor: Actor, request_id: str) -> str | None:
        """Let a channel mean the organization that was asked for; return its name.

        None if the request was answered, has expired or is out of date.
        """
        async with acting(self.database, actor, Permission.CHOOSE_CHANNELS, system=True) as session:
            taken = await Channels(session).approve(actor.organization_id, request_id)
            wanted = await _wanted(session, taken) if taken is not None else None
            if taken is None or wanted is None:
                return None
            await Workspaces(session).set_channel_default(taken.team_id, taken.channel_id, wanted.id)
            audit = Audit(session)
            await audit.write(
                actor.organization_id, actor.membership_id, "channel given up", taken.channel_id
            )
            await audit.write(wanted.id, taken.requested_by, "channel switched", taken.channel_id)
            await _tell(session, taken, wanted.name, approved=True)
            return wanted.name

    async def decline(self, actor: Actor, request_id: str) -> bool:
        """Keep a channel, and tell whoever asked; False if the request was answered or has expired."""
        async with acting(self.database, actor, Permission.CHOOSE_CHANNELS, system=True) as session:
            declined = await Channels(session).decline(actor.organization_id, request_id)
            wanted = await Organizations(session).get(declined.wanted_id) if declined is not None else None
            if declined is None or wanted is None:
                return False
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "channel kept", declined.channel_id
            )
            await _tell(session, declined, wanted.name, approved=False)
            return True


async def _request(
    session: AsyncSession, actor: Actor, present: Organization, admins: Sequence[Membership]
) -> None:
    sender = actor.sender
    try:
        made = await Channels(session).request(
            present.id,
            NewChannelRequest(
                team_id=sender.team_id,
                channel_id=sender.channel_id,
                wanted_id=actor.organization_id,
                requested_by=actor.membership_id,
                realm=sender.realm,
                user_id=sender.user_id,
            ),
        )
    except TooManyRequests:
        raise LimitReachedError(Limit.CHANNEL_REQUESTS_A_DAY, REQUESTS_A_DAY) from None
    if made is None:
        raise ChannelAlreadyRequestedError(present.name)
    asked = ChannelRequested(
        request_id=made.id,
        organization_id=made.organization_id,
        organization=present.name,
        wanted=(await summaries(session, [actor.organization_id]))[actor.organization_id],
        realm=made.realm,
        channel_id=made.channel_id,
        user_id=made.user_id,
    )
    for admin in admins:
        await enqueue_dm(session, admin, f"channel:{made.id}", asked)
    await Audit(session).write(
        actor.organization_id, actor.membership_id, "channel requested", sender.channel_id
    )


async def _wanted(session: AsyncSession, request: ChannelRequest) -> Organization | None:
    """Return the organization a channel may now mean; None if the request is out of date.

    The channel may mean something else by now, and whoever asked may no longer choose.
    """
    channels = Channels(session)
    present = await channels.present(request.team_id, request.channel_id)
    asker = await channels.member(request.wanted_id, request.realm, request.user_id, CHOOSER)
    linked = {each.id: each for each in await Workspaces(session).organizations(request.team_id)}
    if present is None or present.id != request.organization_id or asker is None:
        return None
    return linked.get(request.wanted_id)


async def _tell(session: AsyncSession, request: ChannelRequest, wanted: str, *, approved: bool) -> None:
    decided = ChannelDecided(channel_id=request.channel_id, wanted=wanted, approved=approved)
    key = f"channel-decided:{request.id}"
    await enqueue_dm_by_id(session, request.wanted_id, request.requested_by, key, decided)
