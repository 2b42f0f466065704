"""Numbers that came from outside, made safe once: every adapter and the Slack side read them through this.

A platform or a proxy may send anything: text, a fraction, `true`, NaN, Infinity, 400 digits, a moment in
the year 60000. What is no number in range is None, and what is too long is cut to what anyone promises.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

LONGEST_LIFETIME = timedelta(days=400)
"""No platform promises more (TikTok's older 365 days is the longest); larger answers are clamped."""
LONGEST_WAIT = timedelta(days=1)
EARLIEST_MOMENT = 1e9
"""More seconds than this are no span but a moment, in Unix time: the first was in 2001."""
LATEST_MOMENT = float(2**32)
"""Unix time in the year 2106. Nobody speaks of later moments."""
LONGEST_TEXT = 40
"""Characters: a number in text is shorter."""


def number(raw: object) -> float | None:
    """Return a finite number above 0, also one sent as text; None for everything else."""
    found = _finite(raw)
    return found if found is not None and found > 0 else None


def whole(raw: object) -> int | None:
    """Return the whole part of a number, such as an error's; None for what is none or has more than 15 digits."""
    found = _finite(raw)
    return int(found) if found is not None and abs(found) < 1e15 else None


def lifetime(raw: object) -> timedelta | None:
    """Return a lifetime from seconds: at least one, and at most what anyone promises."""
    seconds = number(raw)
    if seconds is None:
        return None
    return timedelta(seconds=min(max(seconds, 1.0), LONGEST_LIFETIME.total_seconds()))


def left_until(raw: object) -> timedelta | None:
    """Return the time from now to a moment in Unix time, at most a lifetime; negative once it has passed."""
    moment = moment_of(raw)
    return None if moment is None else min(moment - datetime.now(UTC), LONGEST_LIFETIME)


def wait_of(raw: object, asked_at: datetime | None = None) -> timedelta | None:
    """Return how long we are asked to wait, from seconds or from a Unix time; at most a day.

    `asked_at` is the time by the clock of whoever asks, as ours may be an hour off; without it ours counts.

    None for what is no number, or has passed. No limit of any platform lasts longer, and a refresh that is put
    off for longer may come after the token's end.
    """
    seconds = number(raw)
    if seconds is not None and seconds > EARLIEST_MOMENT:
        return wait_until(seconds, asked_at)
    return None if seconds is None else _wait(seconds)


def wait_until(raw: object, asked_at: datetime | None = None) -> timedelta | None:
    """Return how long we are asked to wait, from the Unix time of its end; at most a day, None once it has passed."""
    moment = number(raw)
    asked_at = asked_at or datetime.now(UTC)
    seconds = None if moment is None else number(moment - asked_at.timestamp())
    return None if seconds is None else _wait(seconds)


def moment_of(raw: object) -> datetime | None:
    """Return the moment that a Unix time names, or None for what is none."""
    seconds = number(raw)
    return None if seconds is None or seconds > LATEST_MOMENT else datetime.fromtimestamp(seconds, UTC)


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
