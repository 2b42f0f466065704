"""A slot is always in the future, in the weekly times of its zone over every change of the clocks, and has one post."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.services.posts.schedule import (
    Instant,
    Shift,
    TimesError,
    TimesFault,
    Weekly,
    meant,
    next_free,
    shift_at,
    weekly_of,
)
from storage.posts import APART, free_time
from tests.counts import tries

YEAR = timedelta(days=365)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Africa/Casablanca",
    "America/Santiago",
)
MINUTES = st.integers(0, 7 * 24 * 12 - 1).map(lambda n: n * 5)
WEEKS = st.builds(
    lambda minutes, zone: Weekly(
        times=tuple((m // 1440, time(m % 1440 // 60, m % 60)) for m in sorted(minutes)), zone=zone
    ),
    st.sets(MINUTES, min_size=1, max_size=9),
    st.sampled_from(ZONES),
)
MOMENTS = st.integers(1_767_000_000, 1_890_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))
"""From December 2025 to November 2029."""


UNHURRIED = settings(deadline=None, max_examples=tries(100, 12), suppress_health_check=[HealthCheck.too_slow])
"""No property depends on how busy the machine is."""


@UNHURRIED
@given(weekly=WEEKS, after=MOMENTS, posts=st.integers(1, 30))
def test_slots_are_in_the_future_in_the_weekly_times_and_never_taken_twice(
    weekly: Weekly, after: datetime, posts: int
) -> None:
    zone = ZoneInfo(weekly.zone)
    taken: list[datetime] = []
    for _ in range(posts):
        found = next_free(weekly, taken, after, after + YEAR)
        assert found is not None
        taken.append(found)

    assert taken == sorted(taken)
    assert all(after < at <= after + YEAR for at in taken)
    assert all(later - at >= APART for at, later in pairwise(taken))
    for at in taken:
        local = at.astimezone(zone)
        asked = [meant(local.date(), each, zone) for each in weekly.of_day(local.weekday())]
        assert at in [one.at for one in asked]
        assert (local.weekday(), local.time()) in weekly.times or shift_at(at, zone) is Shift.SKIPPED


@UNHURRIED
@given(weekly=WEEKS, after=MOMENTS)
def test_no_free_slot_is_passed_over(weekly: Weekly, after: datetime) -> None:
    zone = ZoneInfo(weekly.zone)

    found = next_free(weekly, [], after, after + YEAR)

    assert found is not None
    days = (after.astimezone(zone).date() + timedelta(days=n) for n in range(-1, 10))
    every = [meant(day, at, zone).at for day in days for at in weekly.of_day(day.weekday())]
    assert [at for at in every if after < at < found] == []


@UNHURRIED
@given(day=st.dates(date(2026, 1, 1), date(2030, 1, 1)), at=st.times(), zone=st.sampled_from(ZONES))
def test_a_local_time_means_itself_or_is_moved_over_a_gap(day: date, at: time, zone: str) -> None:
    found = meant(day, at, ZoneInfo(zone))

    local = found.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if found.shift is Shift.SKIPPED:
        assert timedelta(0) < local - datetime.combine(day, at) <= timedelta(hours=1)
    else:
        assert local == datetime.combine(day, at)
    assert shift_at(found.at, ZoneInfo(zone)) is found.shift or found.shift is Shift.NONE


@pytest.mark.parametrize(
    ("day", "at", "zone", "expected"),
    [
        (date(2027, 3, 28), time(2, 30), "Europe/Berlin", ("2027-03-28T01:30+00:00", Shift.SKIPPED)),
        (date(2027, 10, 31), time(2, 30), "Europe/Berlin", ("2027-10-31T00:30+00:00", Shift.TWICE)),
        (date(2027, 3, 14), time(2, 15), "America/New_York", ("2027-03-14T07:15+00:00", Shift.SKIPPED)),
        (
            date(2027, 10, 3),
            time(2, 15),
            "Australia/Lord_Howe",
            ("2027-10-02T15:45+00:00", Shift.SKIPPED),
        ),
        (date(2027, 4, 4), time(1, 45), "Australia/Lord_Howe", ("2027-04-03T14:45+00:00", Shift.TWICE)),
        (date(2027, 6, 1), time(9), "Asia/Kathmandu", ("2027-06-01T03:15+00:00", Shift.NONE)),
        (date(2027, 1, 1), time(0, 30), "Pacific/Kiritimati", ("2026-12-31T10:30+00:00", Shift.NONE)),
        (date(2027, 1, 1), time(23, 30), "Pacific/Pago_Pago", ("2027-01-02T10:30+00:00", Shift.NONE)),
    ],
)
def test_gaps_go_forward_overlaps_are_the_first_and_far_zones_are_right(
    day: date, at: time, zone: str, expected: tuple[str, Shift]
) -> None:
    found = meant(day, at, ZoneInfo(zone))

    assert found == Instant(at=datetime.fromisoformat(expected[0]), shift=expected[1])
    assert shift_at(found.at, ZoneInfo(zone)) is expected[1]


def test_a_slot_keeps_its_local_time_when_the_clocks_change() -> None:
    monday_nine = Weekly(times=((0, time(9)),), zone="Europe/Berlin")

    winter = next_free(monday_nine, [], datetime(2027, 3, 20, tzinfo=UTC), datetime(2027, 4, 30, tzinfo=UTC))
    assert winter is not None
    summer = next_free(monday_nine, [winter], winter, winter + YEAR)

    assert winter == datetime(2027, 3, 22, 8, tzinfo=UTC)
    assert summer == datetime(2027, 3, 29, 7, tzinfo=UTC)


def test_a_post_at_any_time_near_a_slot_takes_it_and_a_full_year_has_none() -> None:
    daily = weekly_of(["9", "", "", "", "", "", ""], "UTC")
    monday = datetime(2026, 11, 30, 9, tzinfo=UTC)

    beside = next_free(daily, [monday + timedelta(minutes=2)], monday - timedelta(hours=1), monday + YEAR)
    full = next_free(daily, [monday + timedelta(days=7) * n for n in range(53)], monday, monday + YEAR)

    assert beside == monday + timedelta(days=7)
    assert full is None


def test_times_are_read_as_people_type_them() -> None:
    found = weekly_of(["17.30, 9:00", "9 am; 12pm,12 am", "", "", "", "", "7"], "UTC")

    assert found.stored == ["0 09:00", "0 17:30", "1 00:00", "1 09:00", "1 12:00", "6 07:00"]
    assert Weekly.load(found.stored, "UTC") == found


@pytest.mark.parametrize(
    ("typed", "fault", "day", "word"),
    [
        (["", "noon"], TimesFault.UNREADABLE, 1, "noon"),
        (["24:00"], TimesFault.UNREADABLE, 0, "24:00"),
        (["13 pm"], TimesFault.UNREADABLE, 0, "13 pm"),
        (["9:60"], TimesFault.UNREADABLE, 0, "9:60"),
        (["9:00, 9:04"], TimesFault.TOO_CLOSE, 0, "09:00"),
        (["0:00", "", "", "", "", "", "23:57"], TimesFault.TOO_CLOSE, 6, "23:57"),
        ([", ".join(f"{n // 6}:{n % 6}0" for n in range(25))], TimesFault.TOO_MANY, 0, ""),
    ],
)
def test_what_is_no_time_is_named(typed: list[str], fault: TimesFault, day: int, word: str) -> None:
    with pytest.raises(TimesError) as raised:
        weekly_of(typed, "UTC")

    assert (raised.value.fault, raised.value.day, raised.value.word) == (fault, day, word)


class Calendar(RuleBasedStateMachine):
    """An account's week over months: posts take its next free time, or any, are cancelled, and the week changes."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = datetime(2026, 1, 1, tzinfo=UTC)
        self.weekly = Weekly(times=(), zone="UTC")
        self.posts: list[datetime] = []

    @initialize(weekly=WEEKS, clock=MOMENTS)
    def begin(self, weekly: Weekly, clock: datetime) -> None:
        """Choose the week, and when it all begins."""
        self.weekly, self.clock = weekly, clock

    @rule(weekly=WEEKS)
    def change_the_week(self, weekly: Weekly) -> None:
        """Choose other times, perhaps in another zone. Posts keep theirs."""
        self.weekly = weekly

    @rule(days=st.integers(0, 60), minutes=st.integers(0, 1439))
    def time_passes(self, days: int, minutes: int) -> None:
        """Let time pass; what was due is out."""
        self.clock += timedelta(days=days, minutes=minutes)
        self.posts = [at for at in self.posts if at > self.clock - APART]

    @rule()
    def take_the_next_free_time(self) -> None:
        """Schedule a post at the next free time: none before it was free, and nothing is near it."""
        found = next_free(self.weekly, self.posts, self.clock, self.clock + YEAR)

        assert found is not None
        assert self.clock < found <= self.clock + YEAR
        assert all(abs(found - other) >= APART for other in self.posts)
        assert [
            at for at in self._times(found) if all(abs(at - other) >= APART for other in self.posts)
        ] == []
        self.posts.append(found)

    def _times(self, until: datetime) -> list[datetime]:
        """Return every time of the week from now to before `until`."""
        zone = ZoneInfo(self.weekly.zone)
        day, times = self.clock.astimezone(zone).date(), list[datetime]()
        while day <= until.astimezone(zone).date():
            times += [meant(day, at, zone).at for at in self.weekly.of_day(day.weekday())]
            day += timedelta(days=1)
        return [at for at in times if self.clock < at < until]

    @rule(ahead=st.integers(0, 60 * 24 * 14))
    def choose_a_time(self, ahead: int) -> None:
        """Schedule a post at some time, or at the next that no other post is near."""
        self.posts.append(free_time(self.clock + timedelta(minutes=ahead), self.posts))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Cancel a post: its time is free again."""
        if self.posts:
            self.posts.remove(data.draw(st.sampled_from(self.posts)))

    @invariant()
    def posts_are_apart(self) -> None:
        """No two posts of the account are close to each other."""
        assert all(later - at >= APART for at, later in pairwise(sorted(self.posts)))


def test_posts_stay_apart_while_people_schedule_cancel_and_change_the_week() -> None:
    run_state_machine_as_test(
        Calendar,
        settings=settings(
            max_examples=tries(100, 10),
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
