"""Reads numbers that come from outside: every adapter and the Slack side use these functions.

A platform or a proxy may send anything: text, a fraction, `true`, NaN, Infinity, 400 digits, a time in the year
60000. What is not a number in range becomes None; what is too long is cut to the longest value in use.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

LONGEST_LIFETIME = timedelta(days=400)
"""Longer than any lifetime that a platform documents (LinkedIn: 365 days); larger values are cut to it."""
LONGEST_WAIT = timedelta(days=1)
EARLIEST_MOMENT = 1e9
"""A larger number is a Unix time (from 2001 on), not a number of seconds to wait."""
LATEST_MOMENT = float(2**32)
"""Unix time in the year 2106. A later time is not a real one."""
LONGEST_TEXT = 40
"""In characters. A number in text is shorter."""


def number(raw: object) -> float | None:
    """Return a finite number above 0, also if it was sent as text. None for everything else."""
    found = _finite(raw)
    return found if found is not None and found > 0 else None


def whole(raw: object) -> int | None:
    """Return the integer part of a number. None for what is not one or has more than 15 digits."""
    found = _finite(raw)
    return int(found) if found is not None and abs(found) < 1e15 else None


def lifetime(raw: object) -> timedelta | None:
    """Return a lifetime given in seconds: at least one second, at most LONGEST_LIFETIME. None: not a number."""
    seconds = number(raw)
    if seconds is None:
        return None
    return timedelta(seconds=min(max(seconds, 1.0), LONGEST_LIFETIME.total_seconds()))


def left_until(raw: object) -> timedelta | None:
    """Return the time from now to a Unix time, at most LONGEST_LIFETIME; negative if it has passed."""
    moment = moment_of(raw)
    return None if moment is None else min(moment - datetime.now(UTC), LONGEST_LIFETIME)


def wait_of(raw: object, asked_at: datetime | None = None) -> timedelta | None:
    """Return how long we are asked to wait, given in seconds or as a Unix time; at most LONGEST_WAIT.

    `asked_at` is the platform's time when it asked, because our clock may be wrong. None: our time.

    None for what is not a number or has passed. A day is enough: no platform's limit lasts longer, and a refresh
    that waits longer may come after the token has ended.
    """
    seconds = number(raw)
    if seconds is not None and seconds > EARLIEST_MOMENT:
        return wait_until(seconds, asked_at)
    return None if seconds is None else _wait(seconds)


def wait_until(raw: object, asked_at: datetime | None = None) -> timedelta | None:
    """Return how long we are asked to wait until a Unix time; at most LONGEST_WAIT, None if it has passed."""
    moment = number(raw)
    asked_at = asked_at or datetime.now(UTC)
    seconds = None if moment is None else number(moment - asked_at.timestamp())
    return None if seconds is None else _wait(seconds)


def moment_of(raw: object) -> datetime | None:
    """Return a Unix time as a datetime, or None for what is not one."""
    seconds = number(raw)
    return None if seconds is None or seconds > LATEST_MOMENT else datetime.fromtimestamp(seconds, UTC)


def written_moment(raw: object) -> datetime | None:
    """Return a time in ISO 8601 that names its zone, such as 2026-11-30T12:00:05+0000. None for everything else."""
    if not isinstance(raw, str) or len(raw) > LONGEST_TEXT:
        return None
    try:
        found = datetime.fromisoformat(raw)
    except ValueError:
        return None
    return None if found.tzinfo is None else found


def _wait(seconds: float) -> timedelta:
    return timedelta(seconds=min(max(seconds, 0.001), LONGEST_WAIT.total_seconds()))


def _finite(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    if isinstance(raw, str) and len(raw) > LONGEST_TEXT:
        return None
    try:
        found = float(raw)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
