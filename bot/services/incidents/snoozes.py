"""How long an incident can be snoozed. Menu, wording and validation all come from `SNOOZES`."""

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
"""The key that the menu on a card sends, in the menu's order, and the time; None: until the sign-in ends."""


def choices(incident: Incident) -> dict[str, timedelta | None]:
    """Return the snoozes that an incident offers: "until it ends" only while that is ahead."""
    ends = incident.kind == IncidentKind.EXPIRING and incident.reminder_day != 0
    return {key: span for key, span in SNOOZES.items() if span is not None or ends}


def snoozed_until(incident: Incident, choice: str, moment: datetime) -> datetime | None:
    """Return when a snooze ends that is chosen at `moment`; None if there is no such choice."""
    span = SNOOZES.get(choice, timedelta(0))
    until = incident.deadline if span is None else moment + span
    return until if until is not None and until > moment else None
