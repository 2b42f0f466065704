"""Who can help a person who was refused, and their requests to be let in or to get a higher role.

A refusal names people and never an organization: whoever reads it may not be in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from bot.services.access import Sender, members_with
from bot.services.acting import acting
from bot.services.errors import (
    ExternalUserError,
    Ineligible,
    IneligiblePersonError,
    Limit,
    LimitReachedError,
    NotAllowedError,
    NotFoundError,
    NotMemberError,
    Thing,
)
from bot.services.organizations.invitations import invitations_for
from bot.services.organizations.notifications import AccessAnswered, AccessDecided, AccessRequested
from bot.services.outbox import Conversation, enqueue, enqueue_dm
from bot.services.permissions import LOWEST, Permission, lowest_role
from storage.access_requests import (
    REQUESTS_A_DAY,
    AccessRequests,
    NewAccessRequest,
    TooManyAccessRequests,
)
from storage.audit import SYSTEM, Audit
from storage.channels import Channels
from storage.memberships import Members
from storage.models import Role
from storage.outbox import Notices
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.errors import ServiceError
    from bot.services.notifications import InvitationReceived
    from bot.services.organizations.people import People
    from storage.engine.db import Database
    from storage.models import AccessRequest, Membership, Organization

DOORS_SHOWN = 5


class Asks(Enum):
    """What a person who was refused can ask the owners for."""

    ROLE = auto()
    HELP = auto()
    """They are a guest, who can have no role."""
    NOTHING = auto()
    """They are from another company: they can only speak to the owners themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The owners of one organization."""

    organization_id: str
    owners: tuple[str, ...]
    """The user ids of those whom the reader's Slack knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoCanHelp:
    """Whom a person who was refused can ask, and for what."""

    asks: Asks
    role: Role
    """The role that would do, where they ask for one."""
    member: bool
    """They are in the organization already."""
    doors: Sequence[Door]
    """One for each organization they can ask, the channel's first."""
    invitations: Sequence[InvitationReceived] = ()
    """What they only have to accept."""


class Asked(Enum):
    """What came of asking for access."""

    SENT = auto()
    WAITS = auto()
    """They asked within the last week: it wasn't answered yet, or was declined."""
    HAS_IT = auto()
    """They have the role already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessAsked:
    """What the person who asked for access is told."""

    came_to: Asked
    owners: tuple[str, ...]
    """The user ids of those whom their Slack knows."""


@dataclass(frozen=True)
class AccessService:
    """Says who can help, and passes requests for access on to the owners."""

    database: Database
    people: People

    async def who_can_help(self, error: ServiceError, sender: Sender) -> WhoCanHelp | None:
        """Return whom to ask after this refusal; None: nobody can help with it.

        `sender` is who was refused, or for an ExternalUserError the workspace in which that was, without a person.
        """
        match error:
            case NotAllowedError(needed=needed, organization_id=str(organization_id)) if organization_id:
                async with self.database.system(write=False) as session:
                    door = await _door(session, organization_id, sender)
                doors = [] if door is None else [door]
                return WhoCanHelp(asks=Asks.ROLE, role=lowest_role(needed), member=True, doors=doors)
            case NotMemberError():
                helpers = await self.of_no_member(sender)
                async with self.database.system(write=False) as session:
                    invitations = await invitations_for(session, sender.realm, sender.user_id)
                return replace(helpers, invitations=invitations)
            case IneligiblePersonError(why=why, name=""):
                asks = _asks(why)
            case ExternalUserError():
                asks = Asks.NOTHING
            case _:
                return None
        doors = await self._doors(sender)
        return WhoCanHelp(asks=asks, role=LOWEST, member=False, doors=doors)

    async def of_no_member(self, sender: Sender) -> WhoCanHelp:
        """Return whom somebody can ask who is a member of no organization here."""
        asks = _asks(await self.people.why_not_a_member(sender))
        return WhoCanHelp(asks=asks, role=LOWEST, member=False, doors=await self._doors(sender))

    async def _doors(self, sender: Sender) -> list[Door]:
        """Return the owners of the organizations here that the sender is neither in nor invited to.

        Nobody is repeated.
        """
        found: dict[tuple[str, ...], Door] = {}
        async with self.database.system(write=False) as session:
            open_ = await invitations_for(session, sender.realm, sender.user_id)
            invited = {each.organization.organization_id for each in open_}
            here = await Workspaces(session).organizations(sender.team_id)
            first = await Channels(session).organization_of(sender.team_id, sender.channel_id)
            for organization in sorted(here, key=lambda each: each.id != first):
                member = await Members(session).find(organization.id, sender.realm, sender.user_id)
                if member is not None or organization.id in invited:
                    continue
                door = await _door(session, organization.id, sender)
                if door is not None:
                    found.setdefault(door.owners, door)
        return list(found.values())[:DOORS_SHOWN]

    async def request(self, sender: Sender, organization_id: str, role: Role) -> AccessAsked:
        """Ask the owners of an organization to give the sender a role; a guest asks for help instead.

        Raises:
            NotFoundError: No such organization can be used from the sender's workspace, or it has no owner.
            IneligiblePersonError: The sender is from another company.
            LimitReachedError: They have asked several times today.

        """
        why_not = await self.people.why_not_a_member(sender)
        if why_not not in {None, Ineligible.GUEST}:
            raise IneligiblePersonError(why_not)
        async with self.database.system() as session:
            here = await Workspaces(session).organizations(sender.team_id)
            organization = next((each for each in here if each.id == organization_id), None)
            if organization is None:
                raise NotFoundError(Thing.CHOICE)
            owners = await members_with(session, organization_id, Permission.INVITE)
            if not owners:
                raise NotFoundError(Thing.CHOICE)
            known = tuple(each.user_id for each in owners if each.realm == sender.realm)
            member = await Members(session).find(organization_id, sender.realm, sender.user_id)
            if member is not None and member.role >= role:
                return AccessAsked(came_to=Asked.HAS_IT, owners=known)
            wanted = None if why_not is Ineligible.GUEST else int(role)
            made = await _put(session, organization_id, sender, wanted)
            if made is None:
                return AccessAsked(came_to=Asked.WAITS, owners=known)
            await _tell_owners(session, made, organization, owners, member=member is not None)
            by = SYSTEM if member is None else member.id
            await Audit(session).write(organization_id, by, "access requested", made.id)
            return AccessAsked(came_to=Asked.SENT, owners=known)

    async def approve(self, actor: Actor, request_id: str) -> AccessAnswered | None:
        """Give whoever asked the role they asked for, and tell them; None: the request is not open any more.

        Raises:
            IneligiblePersonError: They can't be a member any more.

        """
        asked = await self._open(actor, request_id)
        if asked is None or asked.role is None:
            return None
        grid = asked.realm if asked.realm != asked.team_id else None
        there = Sender(user_id="", team_id=asked.team_id, enterprise_id=grid, channel_id="")
        await self.people.names(there, [asked.user_id])
        async with acting(self.database, actor, Permission.INVITE, system=True) as session:
            taken = await AccessRequests(session).approve(actor.organization_id, request_id)
            if taken is None or taken.role is None:
                return None
            member = await Members(session).add(
                actor.organization_id,
                realm=taken.realm,
                user_id=taken.user_id,
                team_id=taken.team_id,
                role=Role(taken.role),
            )
            role = Role(member.role)
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "access granted", member.id, role=role.word
            )
            return await _answer(session, actor, taken, role)

    async def decline(self, actor: Actor, request_id: str) -> AccessAnswered | None:
        """Decline a request, and tell whoever made it; None: it is not open any more."""
        async with acting(self.database, actor, Permission.INVITE, system=True) as session:
            declined = await AccessRequests(session).decline(actor.organization_id, request_id)
            if declined is None:
                return None
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "access declined", declined.id
            )
            return await _answer(session, actor, declined, None)

    async def _open(self, actor: Actor, request_id: str) -> AccessRequest | None:
        """Return the request if it is open. Whoever may no longer answer it learns nothing of it."""
        async with acting(self.database, actor, Permission.INVITE) as session:
            return await AccessRequests(session).find(actor.organization_id, request_id)


def _asks(why_not: Ineligible | None) -> Asks:
    """Return what a person can ask for who is no member, and perhaps can't be one."""
    if why_not is None:
        return Asks.ROLE
    return Asks.HELP if why_not is Ineligible.GUEST else Asks.NOTHING


async def _door(session: AsyncSession, organization_id: str, sender: Sender) -> Door | None:
    """Return an organization's owners; None if it has none left."""
    owners = await members_with(session, organization_id, Permission.INVITE)
    if not owners:
        return None
    known = tuple(each.user_id for each in owners if each.realm == sender.realm)
    return Door(organization_id=organization_id, owners=known)


async def _put(
    session: AsyncSession, organization_id: str, sender: Sender, role: int | None
) -> AccessRequest | None:
    new = NewAccessRequest(realm=sender.realm, user_id=sender.user_id, team_id=sender.team_id, role=role)
    try:
        return await AccessRequests(session).request(organization_id, new)
    except TooManyAccessRequests:
        raise LimitReachedError(Limit.ACCESS_REQUESTS_A_DAY, REQUESTS_A_DAY) from None


async def _tell_owners(
    session: AsyncSession,
    request: AccessRequest,
    organization: Organization,
    owners: Sequence[Membership],
    *,
    member: bool,
) -> None:
    asked = AccessRequested(
        request_id=request.id,
        organization_id=organization.id,
        organization=organization.name,
        user_id=request.user_id,
        role=request.role,
        member=member,
    )
    for owner in owners:
        await enqueue_dm(session, owner, _key(request), asked)


async def _answer(
    session: AsyncSession, actor: Actor, request: AccessRequest, role: Role | None
) -> AccessAnswered:
    """Tell whoever asked, and let the request say in every owner's messages who answered it."""
    by = actor.sender.user_id
    answered = AccessAnswered(
        organization=actor.organization, user_id=request.user_id, role=role, answered_by=by
    )
    for owner in await members_with(session, actor.organization_id, Permission.INVITE):
        asked = await Notices(session).get(f"{_key(request)}:{owner.id}")
        if asked is not None:
            there = Conversation(
                slack_id=asked.slack_id, id=asked.channel, organization_id=actor.organization_id
            )
            await enqueue(session, there, f"{asked.key}:answered", answered, edits=asked.key)
    decided = AccessDecided(organization=actor.organization, role=role, answered_by=by)
    to = Conversation(slack_id=request.team_id, id=request.user_id, organization_id=actor.organization_id)
    await enqueue(session, to, f"{_key(request)}:decided", decided)
    return answered


def _key(request: AccessRequest) -> str:
    return f"access:{request.id}"
