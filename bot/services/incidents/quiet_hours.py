"""When people are told things: quiet hours and the digest's, in their own time zone, and what waited too long."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from storage.models import IncidentKind

if TYPE_CHECKING:
    from storage.incidents import EscalationPolicy
    from storage.models import AlertSettings, Incident

DIGEST_HOUR = time(9)
"""When a digest is said, by the organization's clock; a weekly one on Mondays."""
MONDAY = 0


def waits_too_long(incident: Incident, moment: datetime, policy: EscalationPolicy) -> bool:
    """Tell whether it is time to bring before the owners what nobody has taken."""
    if incident.kind == IncidentKind.NEEDS_RECONNECT:
        return incident.since <= moment - policy.unclaimed_after
    near = incident.deadline is not None and incident.deadline <= moment + policy.final_window
    return near and incident.since <= moment - policy.final_window


def quiet_until(settings: AlertSettings, moment: datetime) -> datetime | None:
    """Return when the quiet hours around `moment` end, or None outside them."""
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
    """Return the latest moment, not after `moment`, at which a digest was to be said."""
    zone = zone_of(settings)
    day = moment.astimezone(zone).date()
    while _at(day, DIGEST_HOUR, zone) > moment or (settings.digest == "weekly" and day.weekday() != MONDAY):
        day -= timedelta(days=1)
    return _at(day, DIGEST_HOUR, zone)


def _at(day: date, hour: time, zone: ZoneInfo) -> datetime:
    """Return that hour as UTC; one that a change of the clock leaves out comes an hour later."""
    return datetime.combine(day, hour, zone).astimezone(UTC)


def zone_of(settings: AlertSettings) -> ZoneInfo:
    """Return the organization's time zone; UTC where this machine doesn't know it any more."""
    try:
        return ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@cache
def zones() -> tuple[str, ...]:
    """Return the names of all time zones, as `Europe/Berlin`, by name."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return (*sorted(places), "UTC")
