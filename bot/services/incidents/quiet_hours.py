"""When people are told: quiet hours and the time of the digest, in the organization's time zone, and escalation."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from storage.folding import fold
from storage.models import IncidentKind

if TYPE_CHECKING:
    from storage.incidents import EscalationPolicy
    from storage.models import AlertSettings, Incident

DIGEST_HOUR = time(9)
"""The local time of a digest; a weekly one is sent on Mondays."""
MONDAY = 0


def waits_too_long(incident: Incident, moment: datetime, policy: EscalationPolicy) -> bool:
    """Tell whether an incident that nobody has claimed must go to the owners now."""
    if incident.kind == IncidentKind.NEEDS_RECONNECT:
        return incident.since <= moment - policy.unclaimed_after
    near = incident.deadline is not None and incident.deadline <= moment + policy.final_window
    return near and incident.since <= moment - policy.final_window


def quiet_until(settings: AlertSettings, moment: datetime) -> datetime | None:
    """Return when the quiet hours that `moment` falls into end; None if it falls into none."""
    if not settings.quiet_from or settings.quiet_from == settings.quiet_to:
        return None
    zone = zone_of(settings)
    begins, ends = time.fromisoformat(settings.quiet_from), time.fromisoformat(settings.quiet_to)
    here = moment.astimezone(zone)
    for day in (here.date() - timedelta(days=1), here.date()):
        last = day if begins < ends else day + timedelta(days=1)
        start, end = _at(day, begins, zone), _at(last, ends, zone)
        if start <= moment < end:
            return end
    return None


def digest_slot(settings: AlertSettings, moment: datetime) -> datetime:
    """Return the time of the latest digest that was due at or before `moment`."""
    zone = zone_of(settings)
    day = moment.astimezone(zone).date()
    while _at(day, DIGEST_HOUR, zone) > moment or (settings.digest == "weekly" and day.weekday() != MONDAY):
        day -= timedelta(days=1)
    return _at(day, DIGEST_HOUR, zone)


def _at(day: date, hour: time, zone: ZoneInfo) -> datetime:
    """Return a local time in UTC; a time that a clock change skips becomes an hour later."""
    return datetime.combine(day, hour, zone).astimezone(UTC)


def zone_of(settings: AlertSettings) -> ZoneInfo:
    """Return the organization's time zone; UTC if this machine does not know it."""
    try:
        return ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@cache
def zones() -> tuple[str, ...]:
    """Return the names of all time zones in order, such as `Europe/Berlin`; UTC is last."""
    cities = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return (*sorted(cities), "UTC")


def zones_like(words: str) -> list[str]:
    """Return the names of the time zones in which these words occur."""
    wanted = fold(words).replace(" ", "_")
    return [name for name in zones() if wanted in fold(name)]
