"""What becomes due about one incident: quiet hours, a snooze or a claim end, or no one picked it up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.services.access import members_with
from bot.services.incidents.notifications import ClaimExpired, OwnersAsked, SnoozeEnded
from bot.services.incidents.quiet_hours import waits_too_long
from bot.services.permissions import Permission
from storage.audit import SYSTEM, Audit
from storage.memberships import Members
from storage.models import Resolution
from storage.organizations import Organizations

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.incidents.cards import Cards
    from bot.services.incidents.reviews import Reviews
    from storage.incidents import EscalationPolicy
    from storage.models import Incident


class Escalation:
    """Moves an incident on when its time has come. A second call changes nothing."""

    def __init__(self, cards: Cards, reviews: Reviews, policy: EscalationPolicy) -> None:
        self._cards = cards
        self._reviews = reviews
        self._policy = policy

    async def look(self, session: AsyncSession, incident: Incident) -> None:
        """Do what has become due for one incident, which is locked."""
        moment = datetime.now(UTC)
        if await Organizations(session).get(incident.organization_id) is None:
            if incident.open:
                await self._reviews.resolve(session, incident, Resolution.DELETED, None)
            incident.card.quiet_until = None
        elif incident.card.quiet_until is not None and incident.card.quiet_until <= moment:
            incident.card.quiet_until = None
            await self._cards.update(session, incident)
        elif not incident.open:
            return
        elif incident.snoozed_until is not None:
            if incident.snoozed_until <= moment:
                incident.snoozed_until = None
                reply = None if _ended_meanwhile(incident, moment) else SnoozeEnded()
                await self._cards.update(session, incident, reply)
        elif incident.claimed_by is not None:
            await self._expire_claim(session, incident, moment - self._policy.claim_lapses_after)
        elif incident.escalated_at is None and waits_too_long(incident, moment, self._policy):
            await self._escalate(session, incident, moment)

    async def _expire_claim(self, session: AsyncSession, incident: Incident, before: datetime) -> None:
        """End a claim that was made before then, or by somebody who has left."""
        claimer = await Members(session).get(incident.organization_id, incident.claimed_by or "")
        too_old = incident.claimed_at is not None and incident.claimed_at <= before
        if claimer is not None and not too_old:
            return
        incident.claimed_by = incident.claimed_at = None
        await Audit(session).write(incident.organization_id, SYSTEM, "incident claim lapsed", incident.id)
        expired = ClaimExpired(by=claimer.user_id if claimer is not None else None)
        await self._cards.update(session, incident, expired)

    async def _escalate(self, session: AsyncSession, incident: Incident, moment: datetime) -> None:
        """Ask the owners, or where there is none the admins; during quiet hours, when they end."""
        quiet = await self._cards.quiet_until(session, incident, moment)
        if quiet is not None:
            incident.card.quiet_until = quiet
            return
        incident.escalated_at = moment
        organization_id = incident.organization_id
        owners = await Members(session).owners(organization_id) or await members_with(
            session, organization_id, Permission.HANDLE_INCIDENTS
        )
        await Audit(session).write(organization_id, SYSTEM, "incident escalated", incident.id)
        # Each is asked once: below the card where it is with them, else in a message of their own, because they may
        # not be in the card's channel.
        holders = tuple(owner.user_id for owner in owners if owner.id == incident.card.holder)
        await self._cards.update(session, incident, OwnersAsked(owners=holders) if holders else None)
        for owner in owners:
            if owner.id != incident.card.holder:
                await self._cards.request(session, incident, owner, None, f"owners:{incident.id}")


def _ended_meanwhile(incident: Incident, moment: datetime) -> bool:
    """Tell whether the reminders are about to say that the sign-in, or what it showed, has ended."""
    return bool(incident.reminder_day) and incident.deadline is not None and incident.deadline <= moment
