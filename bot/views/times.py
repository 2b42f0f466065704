"""Times and lengths of time in words."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from storage.models import utc_now

if TYPE_CHECKING:
    from datetime import date, datetime


def in_days(days: int) -> str:
    """Return a number of days in words."""
    return f"{days} days" if days > 1 else "1 day"


def in_words(span: timedelta) -> str:
    """Return a length of time in words, rounded to hours, and from two days on to days."""
    hours = span.total_seconds() / 3600
    if hours < 1:
        return "less than an hour"
    if round(hours) < 48:
        return f"{round(hours)} hours" if round(hours) > 1 else "1 hour"
    return f"{round(hours / 24)} days"


def days_until(end: datetime) -> int:
    """Return how many days there are until then, counting the one that has begun."""
    return max(1, ceil((end - utc_now()) / timedelta(days=1)))


def moment(at: datetime) -> str:
    """Return a date and time in every reader's own time zone; clients that can't show it get UTC."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{at:%d %b %Y %H:%M} UTC>"


def clock(at: datetime) -> str:
    """Return a time of day in every reader's own time zone; clients that can't show it get `at` as it is."""
    return f"<!date^{int(at.timestamp())}^{{time}}|{at:%H:%M}>"


def day_heading(day: date, today: date) -> str:
    """Return a day in words, with its year if that is not today's."""
    days = (day - today).days
    if days in {0, 1}:
        return "Tomorrow" if days else "Today"
    return f"{day:%A}, {day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")
