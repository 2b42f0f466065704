"""Local times and the instants they mean, over changes of the clocks; weekly slots. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from storage.posts import APART

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

FARTHEST = timedelta(days=365)
"""How far ahead a post can be scheduled."""
WEEK = timedelta(days=7)
MOST_A_DAY = 24
_TIME = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?", re.IGNORECASE)


class Shift(StrEnum):
    """What a change of the clocks does to a local time."""

    NONE = "none"
    SKIPPED = "skipped"
    """It does not exist that day: it is moved forward by as much as the clocks are."""
    TWICE = "twice"
    """It exists twice that day: the first one is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """What a local time means."""

    at: datetime
    """In UTC."""
    shift: Shift = Shift.NONE


def meant(day: date, at: time, zone: ZoneInfo) -> Instant:
    """Return the instant that a local time means."""
    first, second = (datetime.combine(day, at, zone).replace(fold=fold) for fold in (0, 1))
    instant = first.astimezone(UTC)
    if first.utcoffset() == second.utcoffset():
        return Instant(at=instant)
    exists = instant.astimezone(zone).replace(tzinfo=None) == first.replace(tzinfo=None)
    return Instant(at=instant, shift=Shift.TWICE if exists else Shift.SKIPPED)


def shift_at(at: datetime, zone: ZoneInfo) -> Shift:
    """Return what a change of the clocks does to the local time of an instant, or to the one just before it.

    `SKIPPED`: the local time is one that people get who meant a time that the change skips.
    """
    local = at.astimezone(zone)
    naive = local.replace(tzinfo=None)
    if _ambiguous(naive, zone):
        return Shift.TWICE
    back = timedelta(hours=2)
    before, now = (at - back).astimezone(zone).utcoffset(), local.utcoffset()
    if before is None or now is None or now <= before:
        return Shift.NONE
    gap = now - before
    moved = meant((naive - gap).date(), (naive - gap).time(), zone)
    return Shift.SKIPPED if moved.shift is Shift.SKIPPED and moved.at == at.astimezone(UTC) else Shift.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Zones:
    """The time zones in which a member thinks of a post's time: IANA names."""

    reader: str
    organization: str = ""
    """Empty: the organization has chosen none."""


def skipped_before(at: datetime, zone: ZoneInfo) -> datetime:
    """Return the local time that a change of the clocks skips and that was moved to this instant."""
    local = at.astimezone(zone).replace(tzinfo=None)
    before = (at - timedelta(hours=2)).astimezone(zone).utcoffset() or timedelta(0)
    return local - ((at.astimezone(zone).utcoffset() or timedelta(0)) - before)


def is_first(at: datetime, zone: ZoneInfo) -> bool:
    """Tell whether an instant is the first of the two that its local time means, or the only one."""
    return at.astimezone(zone).fold == 0


def _ambiguous(naive: datetime, zone: ZoneInfo) -> bool:
    return meant(naive.date(), naive.time(), zone).shift is Shift.TWICE


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """The times at which an account publishes each week."""

    times: tuple[tuple[int, time], ...]
    """In order: the day, from 0 for Monday, and the local time."""
    zone: str

    @property
    def stored(self) -> list[str]:
        """The times as they are stored."""
        return [f"{day} {at:%H:%M}" for day, at in self.times]

    @classmethod
    def load(cls, stored: Sequence[str], zone: str) -> Weekly:
        """Return what `stored` gave these words for."""
        parts = (one.split(" ") for one in stored)
        return cls(times=tuple((int(day), time.fromisoformat(at)) for day, at in parts), zone=zone)

    def of_day(self, day: int) -> tuple[time, ...]:
        """Return the times of one day of the week."""
        return tuple(at for each, at in self.times if each == day)


def next_free(
    weekly: Weekly, taken: Collection[datetime], after: datetime, until: datetime
) -> datetime | None:
    """Return the first slot after a time, and not after another, that no post has; None if there is none."""
    return next((at for at in _slots(weekly, after, until) if not _near(at, taken)), None)


def _slots(weekly: Weekly, after: datetime, until: datetime) -> Iterator[datetime]:
    zone = ZoneInfo(weekly.zone)
    day, last = after.astimezone(zone).date(), until.astimezone(zone).date()
    while day <= last:
        instants = {meant(day, at, zone).at for at in weekly.of_day(day.weekday())}
        yield from (at for at in sorted(instants) if after < at <= until)
        day += timedelta(days=1)


def _near(at: datetime, taken: Collection[datetime]) -> bool:
    return any(abs(at - other) < APART for other in taken)


class TimesFault(StrEnum):
    """What is wrong with typed times."""

    UNREADABLE = "unreadable"
    TOO_CLOSE = "too_close"
    TOO_MANY = "too_many"


class TimesError(Exception):
    """What was typed is no list of times. `day`: of the week, from 0."""

    def __init__(self, fault: TimesFault, day: int, word: str = "") -> None:
        super().__init__(str(fault))
        self.fault, self.day, self.word = fault, day, word


def weekly_of(typed: Sequence[str], zone: str) -> Weekly:
    """Return the weekly times that people typed, such as "9:00, 17.30" or "9 am", for each day from Monday on.

    Raises:
        TimesError: One is no time, two are too close to each other, or a day has too many.

    """
    times = [(day, at) for day, text in enumerate(typed) for at in _times_of(text, day)]
    minutes = [(day * 24 + at.hour) * 60 + at.minute for day, at in times]
    apart = APART // timedelta(minutes=1)
    following = [*minutes[1:], *(first + WEEK // timedelta(minutes=1) for first in minutes[:1])]
    for (day, at), one, other in zip(times, minutes, following, strict=True):
        if other - one < apart:
            raise TimesError(TimesFault.TOO_CLOSE, day, f"{at:%H:%M}")
    return Weekly(times=tuple(times), zone=zone)


def _times_of(text: str, day: int) -> list[time]:
    words = [word.strip() for word in re.split(r"[,;\n]", text) if word.strip()]
    if len(words) > MOST_A_DAY:
        raise TimesError(TimesFault.TOO_MANY, day)
    return sorted({_time_of(word, day) for word in words})


def _time_of(word: str, day: int) -> time:
    found = _TIME.fullmatch(word)
    if found is None:
        raise TimesError(TimesFault.UNREADABLE, day, word)
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half and not 1 <= hour <= 12:
        raise TimesError(TimesFault.UNREADABLE, day, word)
    hour = hour % 12 + 12 * (half == "pm") if half else hour
    if hour > 23 or minute > 59:
        raise TimesError(TimesFault.UNREADABLE, day, word)
    return time(hour, minute)
