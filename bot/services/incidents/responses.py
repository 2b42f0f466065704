"""What members do about an incident: claim it, snooze it, ask someone else, decide about late posts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.services.access import members_with
from bot.services.acting import acting
from bot.services.errors import AlreadyResolvedError, NotFoundError, Thing
from bot.services.incidents.notifications import (
    Claimed,
    ClaimReleased,
    LatePostsDecided,
    LinkSent,
    Snoozed,
)
from bot.services.incidents.snoozes import snoozed_until
from bot.services.permissions import Permission, allows
from storage.audit import Audit
from storage.incidents import Incidents
from storage.memberships import Members
from storage.models import LateAnswer, new_id
from storage.posts import Posts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.incidents.card_facts import CardReader, IncidentCard
    from bot.services.incidents.cards import Cards
    from bot.services.incidents.notifications import Reply
    from storage.engine.db import Database
    from storage.models import Incident, Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimResult:
    """Whether a member has the incident now; if not, who has it (None: a member who has left)."""

    granted: bool
    holder: Membership | None = None


class Ineligible(StrEnum):
    """Why somebody cannot be asked to reconnect."""

    NO_MEMBER = "no_member"
    MAY_NOT_RECONNECT = "may_not_reconnect"


class IneligibleError(Exception):
    """The person who was chosen cannot be asked to reconnect."""

    def __init__(self, why: Ineligible) -> None:
        super().__init__(str(why))
        self.why = why


class IncidentResponses:
    """The use cases behind a card's buttons. Built once, in `bot.app`."""

    def __init__(self, cards: Cards, reader: CardReader, database: Database) -> None:
        self._cards = cards
        self._reader = reader
        self._database = database

    async def card(self, actor: Actor, incident_id: str, *, still_open: bool = False) -> IncidentCard:
        """Return the facts of an incident of the actor's organization.

        Raises:
            NotFoundError: There is none.
            AlreadyResolvedError: It is over, and `still_open` was asked for.

        """
        async with self._database.organization(actor.organization_id, write=False) as session:
            find = _open if still_open else _known
            return await self._reader.facts(session, await find(session, actor, incident_id, lock=False))

    async def eligible(self, actor: Actor) -> Sequence[Membership]:
        """Return the members of the actor's organization who can reconnect, owners first."""
        async with self._database.organization(actor.organization_id, write=False) as session:
            return await members_with(session, actor.organization_id, Permission.CONNECT_ACCOUNTS)

    async def claim(self, actor: Actor, incident_id: str) -> ClaimResult:
        """Let the actor work on the incident, unless somebody does already.

        Raises:
            NotFoundError: There is none in this organization.
            AlreadyResolvedError: It is over.

        """
        async with acting(self._database, actor, Permission.HANDLE_INCIDENTS) as session:
            incident = await _open(session, actor, incident_id)
            if incident.claimed_by is None:
                incident.claimed_by, incident.claimed_at = actor.membership_id, datetime.now(UTC)
                incident.snoozed_until = None
                claimed = Claimed(by=await _user_id(session, actor))
                await self._record(session, incident, actor, "incident claimed", claimed)
            elif incident.claimed_by != actor.membership_id:
                holder = await Members(session).get(actor.organization_id, incident.claimed_by)
                return ClaimResult(granted=False, holder=holder)
        return ClaimResult(granted=True)

    async def release(self, actor: Actor, incident_id: str) -> None:
        """End the claim on the incident, whoever made it.

        Raises:
            NotFoundError: There is none in this organization.
            AlreadyResolvedError: It is over.

        """
        async with acting(self._database, actor, Permission.HANDLE_INCIDENTS) as session:
            incident = await _open(session, actor, incident_id)
            if incident.claimed_by is not None:
                incident.claimed_by = incident.claimed_at = None
                released = ClaimReleased(by=await _user_id(session, actor))
                await self._record(session, incident, actor, "incident returned", released)

    async def snooze(self, actor: Actor, incident_id: str, choice: str) -> None:
        """Be silent about the incident for the time that was chosen.

        Raises:
            NotFoundError: There is none in this organization, or no such choice.
            AlreadyResolvedError: It is over.

        """
        async with acting(self._database, actor, Permission.HANDLE_INCIDENTS) as session:
            incident = await _open(session, actor, incident_id)
            until = snoozed_until(incident, choice, datetime.now(UTC))
            if until is None:
                raise NotFoundError(Thing.CHOICE)
            incident.snoozed_until, incident.claimed_by, incident.claimed_at = until, None, None
            snoozed = Snoozed(by=await _user_id(session, actor), until=until)
            await self._record(session, incident, actor, "incident snoozed", snoozed)

    async def request(self, actor: Actor, incident_id: str, user_id: str) -> None:
        """Ask one member to reconnect, with a button that makes a link of their own.

        Raises:
            NotFoundError: There is no such incident in this organization.
            AlreadyResolvedError: It is over.
            IneligibleError: The person is no member, or may not reconnect.

        """
        async with acting(self._database, actor, Permission.HANDLE_INCIDENTS) as session:
            incident = await _open(session, actor, incident_id)
            member = await Members(session).find(actor.organization_id, actor.sender.realm, user_id)
            if member is None:
                raise IneligibleError(Ineligible.NO_MEMBER)
            if not allows(member.role, Permission.CONNECT_ACCOUNTS):
                raise IneligibleError(Ineligible.MAY_NOT_RECONNECT)
            key = f"please:{new_id('ask')}"
            await self._cards.request(session, incident, member, actor.sender.user_id, key)
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "link sent", incident.id, to=member.id
            )
            sent = LinkSent(by=await _user_id(session, actor), user_id=member.user_id)
            await self._cards.update(session, incident, sent)

    async def decide_late_posts(self, actor: Actor, incident_id: str, answer: LateAnswer) -> None:
        """Publish or discard the late posts that the incident's card asks about.

        Raises:
            NotFoundError: There is no such incident in this organization.
            AlreadyResolvedError: There are none any more.

        """
        organization_id = actor.organization_id
        async with acting(self._database, actor, Permission.RELEASE_LATE_POSTS) as session:
            # Without a lock: everybody changes posts before cards.
            seen = await _known(session, actor, incident_id, lock=False)
            posts = Posts(session)
            settle = posts.publish_late if answer is LateAnswer.RELEASED else posts.discard_late
            settled = await settle(organization_id, seen.renewed)
            incident = await Incidents(session).get(organization_id, incident_id)
            if not settled or incident is None:
                raise AlreadyResolvedError
            incident.late_answer, incident.late_posts = answer, settled
            incident.late_by = actor.membership_id
            await Audit(session).write(
                organization_id, actor.membership_id, f"late posts {answer}", incident.id, posts=settled
            )
            decided = LatePostsDecided(answer=answer, posts=settled, by=await _user_id(session, actor))
            await self._cards.update(session, incident, decided)

    async def _record(
        self, session: AsyncSession, incident: Incident, actor: Actor, what: str, reply: Reply
    ) -> None:
        await Audit(session).write(incident.organization_id, actor.membership_id, what, incident.id)
        await self._cards.update(session, incident, reply)


async def _user_id(session: AsyncSession, actor: Actor) -> str | None:
    """Return the user id under which the organization knows the actor."""
    member = await Members(session).get(actor.organization_id, actor.membership_id)
    return member.user_id if member is not None else None


async def _known(session: AsyncSession, actor: Actor, incident_id: str, *, lock: bool = True) -> Incident:
    found = await Incidents(session).get(actor.organization_id, incident_id, lock=lock)
    if found is None:
        raise NotFoundError(Thing.INCIDENT)
    return found


async def _open(session: AsyncSession, actor: Actor, incident_id: str, *, lock: bool = True) -> Incident:
    found = await _known(session, actor, incident_id, lock=lock)
    if not found.open:
        raise AlreadyResolvedError
    return found
