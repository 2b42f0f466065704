"""Incidents: what needs a person in an organization.

Rows are locked when they are read: of two transactions that change the same incident at once, the second sees what the
first has done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, exists, or_
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import col, select, update

from storage.account_labels import labels
from storage.engine.statements import insert_once, now
from storage.models import (
    Account,
    Grant,
    Incident,
    IncidentCard,
    IncidentKind,
    Membership,
    Notice,
    Organization,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

_FRESH = {"populate_existing": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicy:
    """When an incident that nobody works on is escalated to the owners, and how long a claim holds."""

    unclaimed_after: timedelta = timedelta(hours=24)
    """A grant that has ended is escalated when nobody has claimed the incident for this long."""
    final_window: timedelta = timedelta(hours=12)
    """A grant that is about to end is escalated this long before, when nobody has claimed it for as long."""
    claim_lapses_after: timedelta = timedelta(hours=24)
    """A claim that nothing came of ends after this long."""


_OWN_CARD = col(IncidentCard.incident_id) == col(Incident.id)
_OPEN = (
    select(Incident)
    .where(col(Incident.organization_id) == bindparam("organization_id"), col(Incident.resolved_at).is_(None))
    .order_by(col(Incident.since), col(Incident.id))
)
_OPEN_LOCKED = _OPEN.with_for_update()
_ONE = select(Incident).where(
    col(Incident.organization_id) == bindparam("organization_id"),
    col(Incident.id) == bindparam("incident_id"),
)
_ONE_LOCKED = _ONE.with_for_update()


class Incidents:
    """The incidents of organizations."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open(
        self,
        organization_id: str,
        *,
        grant: Grant,
        kind: IncidentKind,
        accounts: Sequence[Account],
        code: str = "",
    ) -> tuple[Incident, bool]:
        """Return the organization's open incident about the grant, and whether it is a new one.

        Of any number of callers at once one opens it, about `accounts` (one or more) and for the reason
        `code`; the others get that one as it is.

        Raises:
            LookupError: The incident was resolved between two statements.

        """
        fresh = Incident(
            organization_id=organization_id,
            grant_id=grant.id,
            generation=grant.generation,
            kind=kind,
            platform=grant.platform,
            accounts=labels(accounts),
            connected_by=accounts[0].connected_by,
            code=code,
        )
        statement = insert_once(self._session, Incident).values(**fresh.model_dump() | {"since": now()})
        opened = await self._session.exec(
            statement.on_conflict_do_nothing().returning(Incident), execution_options=_FRESH
        )
        incident: Incident | None = opened.scalar_one_or_none()
        if incident is not None:
            card = IncidentCard(incident_id=incident.id, organization_id=organization_id)
            self._session.add(card)  # inserted with the first flush, which mostly knows where it goes
            set_committed_value(incident, "card", card)
            return incident, True
        there = await self.of_grant(organization_id, grant.id)
        if there is None:
            raise LookupError("the incident was resolved between two statements")
        return there, False

    async def of_grant(self, organization_id: str, grant_id: str) -> Incident | None:
        """Return the open incident about a grant, locked, or None."""
        found = select(Incident).where(
            Incident.organization_id == organization_id,
            Incident.grant_id == grant_id,
            col(Incident.resolved_at).is_(None),
        )
        return (await self._session.exec(found.with_for_update(), execution_options=_FRESH)).one_or_none()

    async def get(self, organization_id: str, incident_id: str, *, lock: bool = True) -> Incident | None:
        """Return an incident, open or not, locked unless it is only looked at, or None."""
        asked = {"organization_id": organization_id, "incident_id": incident_id}
        found = await self._session.exec(
            _ONE_LOCKED if lock else _ONE, params=asked, execution_options=_FRESH
        )
        return found.one_or_none()

    async def all_open(self, organization_id: str, *, lock: bool = True) -> list[Incident]:
        """Return the open incidents, locked unless they are only shown, the oldest first."""
        found = await self._session.exec(
            _OPEN_LOCKED if lock else _OPEN,
            params={"organization_id": organization_id},
            execution_options=_FRESH,
        )
        return list(found)

    async def held_by(self, organization_id: str, membership_id: str) -> list[Incident]:
        """Return the incidents with something to do whose card is in this member's direct messages, locked."""
        shown = await self.shown(organization_id)
        return [incident for incident in shown if incident.card.holder == membership_id]

    async def shown(self, organization_id: str) -> list[Incident]:
        """Return the incidents with something to do whose card is in Slack, locked, the oldest first."""
        shown = (
            select(Incident)
            .where(
                Incident.organization_id == organization_id,
                or_(col(Incident.resolved_at).is_(None), _awaits_late_answer()),
            )
            .join(IncidentCard, and_(_OWN_CARD, col(IncidentCard.channel) != ""))
            .order_by(col(Incident.since), col(Incident.id))
            .with_for_update()
        )
        return list(await self._session.exec(shown, execution_options=_FRESH))

    async def left_behind(self, organization_id: str, channel_id: str) -> list[Incident]:
        """Return the incidents, open or not, with an earlier card in this channel that is out of date, locked."""
        found = (
            select(Incident)
            .join(IncidentCard, and_(_OWN_CARD, col(IncidentCard.stale_message_key) != ""))
            .join(Notice, col(Notice.key) == col(IncidentCard.stale_message_key))
            .where(
                Incident.organization_id == organization_id,
                Notice.channel == channel_id,
            )
            .order_by(col(Incident.since), col(Incident.id))
            .with_for_update(of=Incident)
        )
        return list(await self._session.exec(found, execution_options=_FRESH))

    async def warned_of(self, grant_ids: Sequence[str]) -> set[str]:
        """Return which of these grants have an open incident in any organization. System session."""
        found = select(Incident.grant_id).where(
            col(Incident.grant_id).in_(grant_ids), col(Incident.resolved_at).is_(None)
        )
        return {grant_id for grant_id in await self._session.exec(found) if grant_id is not None}

    async def try_again(self, organization_ids: Sequence[str]) -> None:
        """Make cards of these organizations due now that could not be delivered to anybody. System session."""
        still_open = select(Incident.id).where(
            col(Incident.organization_id).in_(organization_ids), col(Incident.resolved_at).is_(None)
        )
        untold = update(IncidentCard).where(
            col(IncidentCard.incident_id).in_(still_open), col(IncidentCard.channel) == ""
        )
        await self._session.exec(
            untold.values(quiet_until=now()), execution_options={"synchronize_session": False}
        )

    async def due(self, policy: EscalationPolicy) -> list[tuple[str, str]]:
        """Return the (organization, incident) ids of the incidents with something to do. System session.

        A snooze, a claim or quiet hours have ended, nobody has claimed it for too long, the member who claimed it has
        left, or its organization was deleted.
        """
        needed = and_(
            col(Incident.kind) == IncidentKind.NEEDS_RECONNECT,
            col(Incident.since) <= now(-policy.unclaimed_after),
        )
        ends = and_(
            col(Incident.kind) == IncidentKind.EXPIRING,
            col(Incident.deadline) <= now(policy.final_window),
            col(Incident.since) <= now(-policy.final_window),
        )
        nobody = and_(
            or_(needed, ends),
            col(Incident.claimed_by).is_(None),
            col(Incident.snoozed_until).is_(None),
            col(Incident.escalated_at).is_(None),
            col(IncidentCard.quiet_until).is_(None),
            col(IncidentCard.number) > 0,
        )
        left = exists().where(
            col(Membership.id) == col(Incident.claimed_by), col(Membership.ended_at).is_not(None)
        )
        found = (
            select(Incident.organization_id, Incident.id)
            .join(IncidentCard, _OWN_CARD)
            .join(Organization, col(Organization.id) == col(Incident.organization_id))
            .where(
                or_(
                    col(IncidentCard.quiet_until) <= now(),
                    and_(
                        col(Incident.resolved_at).is_(None),
                        or_(
                            col(Incident.snoozed_until) <= now(),
                            col(Incident.claimed_at) <= now(-policy.claim_lapses_after),
                            nobody,
                            left,
                            col(Organization.deleted_at).is_not(None),
                        ),
                    ),
                )
            )
            .order_by(col(Incident.since), col(Incident.id))
        )
        return [(row[0], row[1]) for row in await self._session.exec(found)]


def _awaits_late_answer() -> ColumnElement[bool]:
    return and_(col(Incident.late_posts) > 0, col(Incident.late_answer) == "")
