"""Times and lengths of time in words."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from storage.models import utc_now

if TYPE_CHECKING:
    from datetime import datetime


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
