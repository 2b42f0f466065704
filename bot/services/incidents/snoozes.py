"""How long an incident can be snoozed. A new choice is one line here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from storage.models import IncidentKind

if TYPE_CHECKING:
    from datetime import datetime

    from storage.models import Incident

SNOOZES: dict[str, timedelta | None] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "deadline": None,
}
"""By the key that a card's menu carries, in the menu's order; None: until the sign-in ends."""


def choices(incident: Incident) -> dict[str, timedelta | None]:
    """Return the snoozes an incident offers: until its end only while the end is ahead."""
    ends = incident.kind == IncidentKind.EXPIRING and incident.reminder_day != 0
    return {key: span for key, span in SNOOZES.items() if span is not None or ends}


def snoozed_until(incident: Incident, choice: str, moment: datetime) -> datetime | None:
    """Return when a snooze that is chosen at `moment` ends; None if it cannot be chosen."""
    span = SNOOZES.get(choice, timedelta(0))
    until = incident.deadline if span is None else moment + span
    return until if until is not None and until > moment else None
