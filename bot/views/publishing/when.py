"""What a chosen time means: on the organization's clock, and where the clocks change."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.services.posts.schedule import Shift, is_first, shift_at, skipped_before

if TYPE_CHECKING:
    from datetime import datetime

    from bot.services.posts.schedule import Zones


def notes(due_at: datetime | None, zones: Zones | None) -> list[str]:
    """Return what a member should know about the time they chose, as plain sentences."""
    if due_at is None or zones is None:
        return []
    return [*_clocks(due_at, ZoneInfo(zones.reader)), *_elsewhere(due_at, zones)]


def _clocks(due_at: datetime, zone: ZoneInfo) -> list[str]:
    local = due_at.astimezone(zone)
    day = f"{local.day} {local:%B}"
    match shift_at(due_at, zone):
        case Shift.SKIPPED:
            missing = skipped_before(due_at, zone)
            return [
                f"{missing:%H:%M} doesn't exist on {day}, because the clocks go forward: it goes out at {local:%H:%M}."
            ]
        case Shift.TWICE:
            which = "first" if is_first(due_at, zone) else "second"
            return [
                f"{local:%H:%M} happens twice on {day}, because the clocks go back: the {which} one is meant."
            ]
        case _:
            return []


def _elsewhere(due_at: datetime, zones: Zones) -> list[str]:
    """Return the same time on the organization's clock, if that shows another one."""
    if not zones.organization:
        return []
    theirs, ours = (due_at.astimezone(ZoneInfo(zone)) for zone in (zones.organization, zones.reader))
    if theirs.utcoffset() == ours.utcoffset():
        return []
    said = f"{theirs:%A}, {theirs.day} {theirs:%B}, {theirs:%H:%M}"
    return [f"In your organization's time zone ({zones.organization}) that is {said}."]
