"""What an answer means for a delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.base import (
    Busy,
    Expired,
    Finding,
    GrantDead,
    Misconfigured,
    Outcome,
    PlatformError,
    Rejected,
    TokenRefused,
)
from bot.services.posts.policy import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    LOOKS,
    MOST_EXPIRED,
    OUR_FAULT_PAUSE,
    PROCESSED_WITHIN,
    Decision,
    Judgement,
    Move,
    Verdict,
    after,
    first_check_in,
    judge,
    next_check_in,
    next_watch_in,
    pause,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(hours=24)


@pytest.mark.parametrize(
    ("error", "failures", "decision"),
    [
        (Busy("http_503"), 0, Decision(move=Move.AGAIN, again_in=FIRST_PAUSE)),
        (Busy("http_503"), 3, Decision(move=Move.AGAIN, again_in=FIRST_PAUSE * 8)),
        (Busy("http_503"), 99, Decision(move=Move.AGAIN, again_in=LONGEST_PAUSE)),
        (
            Busy("quota", retry_after=timedelta(hours=3)),
            0,
            Decision(move=Move.AGAIN, again_in=timedelta(hours=3)),
        ),
        (Busy("soon", retry_after=timedelta(0)), 0, Decision(move=Move.AGAIN, again_in=FIRST_PAUSE)),
        (TokenRefused("unauthorized"), 1, Decision(move=Move.AGAIN, again_in=FIRST_PAUSE * 2)),
        (Rejected("spam"), 0, Decision(move=Move.FAIL)),
        (GrantDead("ended"), 0, Decision(move=Move.PARK)),
        (Misconfigured("credits"), 0, Decision(move=Move.OPERATOR, again_in=OUR_FAULT_PAUSE)),
        (Expired("gone"), 0, Decision(move=Move.ANEW)),
        (Expired("gone"), 2, Decision(move=Move.ANEW, again_in=pause(2))),
        (Expired("gone"), MOST_EXPIRED, Decision(move=Move.FAIL, again_in=pause(MOST_EXPIRED))),
    ],
)
def test_each_error_has_one_consequence(error: PlatformError, failures: int, decision: Decision) -> None:
    assert after(error, failures) == decision


def test_an_error_of_no_known_kind_is_tried_again() -> None:
    assert after(PlatformError("new"), 0).move is Move.AGAIN


@pytest.mark.parametrize(
    ("finding", "looks", "since", "judgement"),
    [
        (Finding(outcome=Outcome.LIVE), 2, MINUTE, Judgement(verdict=Verdict.SENT)),
        (Finding(outcome=Outcome.NOT_SENT), 0, MINUTE, Judgement(verdict=Verdict.SEND_AGAIN)),
        (Finding(outcome=Outcome.REFUSED), 0, MINUTE, Judgement(verdict=Verdict.FAIL)),
        (Finding(outcome=Outcome.UNREADABLE), 0, MINUTE, Judgement(verdict=Verdict.ASK)),
        (
            Finding(outcome=Outcome.PROCESSING),
            0,
            MINUTE * 4,
            Judgement(verdict=Verdict.LOOK_AGAIN, again_in=MINUTE),
        ),
        (
            Finding(outcome=Outcome.PROCESSING, again_in=MINUTE * 3),
            0,
            MINUTE,
            Judgement(verdict=Verdict.LOOK_AGAIN, again_in=MINUTE * 3),
        ),
        (Finding(outcome=Outcome.PROCESSING), 0, PROCESSED_WITHIN, Judgement(verdict=Verdict.ASK)),
        (
            Finding(outcome=Outcome.NOT_FOUND),
            0,
            MINUTE,
            Judgement(verdict=Verdict.LOOK_AGAIN, again_in=LOOKS[1], missed=True),
        ),
        (
            Finding(outcome=Outcome.NOT_FOUND),
            1,
            MINUTE,
            Judgement(verdict=Verdict.LOOK_AGAIN, again_in=LOOKS[2], missed=True),
        ),
        (Finding(outcome=Outcome.NOT_FOUND), 2, MINUTE, Judgement(verdict=Verdict.ASK, missed=True)),
    ],
)
def test_each_finding_has_one_consequence(
    finding: Finding, looks: int, since: timedelta, judgement: Judgement
) -> None:
    assert judge(finding, looks=looks, since=since) == judgement


def test_the_three_looks_are_over_in_half_an_hour() -> None:
    assert sum(LOOKS, timedelta(0)) <= timedelta(minutes=31)


@pytest.mark.parametrize(
    ("due_in", "check_in"),
    [
        (10 * MINUTE, None),
        (11 * MINUTE, timedelta(0)),
        (DAY, timedelta(0)),
        (DAY + 6 * HOUR, 6 * HOUR),
    ],
)
def test_the_first_check_is_a_day_ahead_or_at_once(due_in: timedelta, check_in: timedelta | None) -> None:
    assert first_check_in(due_in) == check_in


@pytest.mark.parametrize(
    ("due_in", "check_in"),
    [
        (DAY + HOUR, HOUR),
        (DAY + 2 * MINUTE, 23 * HOUR + 2 * MINUTE),
        (DAY, 23 * HOUR),
        (HOUR + 2 * MINUTE, 52 * MINUTE),
        (13 * MINUTE, 3 * MINUTE),
        (12 * MINUTE, None),
    ],
)
def test_checks_follow_an_hour_and_ten_minutes_ahead(due_in: timedelta, check_in: timedelta | None) -> None:
    assert next_check_in(due_in) == check_in


@pytest.mark.parametrize(
    ("age", "watch_in"),
    [
        (timedelta(0), 10 * MINUTE),
        (7 * MINUTE, 3 * MINUTE),
        (8 * MINUTE, 52 * MINUTE),
        (HOUR, 23 * HOUR),
        (DAY - 2 * MINUTE, None),
    ],
)
def test_a_live_post_is_looked_at_after_ten_minutes_an_hour_and_a_day(
    age: timedelta, watch_in: timedelta | None
) -> None:
    assert next_watch_in(age) == watch_in
