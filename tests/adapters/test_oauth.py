"""How long a platform's headers ask us to wait: spans are spans, moments are moments, and a day is the longest."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from adapters.meta.graph import verdict_on
from adapters.oauth import refusal_of, retry_after
from tests.platforms import PLATFORMS

DAY_S = 86_400


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("307", 307, id="a-span"),
        pytest.param("999999999", DAY_S, id="a-long-span"),
        pytest.param("now + 307", 307, id="a-moment"),
        pytest.param(f"now + {9 * DAY_S}", DAY_S, id="a-far-moment"),
        pytest.param(str(1000 * time.time()), DAY_S, id="milliseconds"),
        pytest.param("1763900000", None, id="a-moment-that-is-over"),
        pytest.param("-5", None, id="below-zero"),
        pytest.param("1e400", None, id="without-end"),
        pytest.param("nan", None, id="no-number"),
        pytest.param("Wed, 25 Nov 2026 07:28:00 GMT", None, id="a-date"),
    ],
)
@pytest.mark.parametrize("header", ["retry-after", "x-ratelimit-reset"])
def test_a_wait_is_read_for_what_it_is(header: str, value: str, seconds: int | None) -> None:
    span = value.removeprefix("now + ")
    sent = value if span == value else str(time.time() + float(span))

    wait = retry_after(httpx.Response(503, headers={header: sent}))

    assert (None if wait is None else wait.total_seconds()) == pytest.approx(seconds, abs=60)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_platform_puts_a_refresh_off_for_more_than_a_day(platform: str) -> None:
    moment = {"x-ratelimit-reset": str(int(time.time()) + 400 * DAY_S)}

    wait = refusal_of(PLATFORMS[platform], httpx.Response(503, headers=moment)).retry_after

    assert wait is not None
    assert wait.total_seconds() == DAY_S


def test_a_limit_of_meta_lasts_a_day_at_most() -> None:
    usage = '{"1": [{"estimated_time_to_regain_access": 525600}]}'
    answer = httpx.Response(
        400, json={"error": {"code": 80001}}, headers={"X-Business-Use-Case-Usage": usage}
    )

    wait = verdict_on(answer).retry_after

    assert wait is not None
    assert wait.total_seconds() == DAY_S


def test_x_says_with_every_answer_when_its_window_begins_anew_and_only_in_a_limit_is_it_a_wait() -> None:
    headers = {"x-rate-limit-reset": str(int(time.time()) + 600)}

    waits = [
        refusal_of(PLATFORMS["x"], httpx.Response(status, headers=headers)).retry_after
        for status in (429, 503)
    ]

    assert waits[0] is not None
    assert waits[0].total_seconds() == pytest.approx(600, abs=5)
    assert waits[1] is None


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wait_is_as_long_as_the_platform_says_however_wrong_our_clock_is(hours: int) -> None:
    there = datetime.now(UTC) + timedelta(hours=hours)
    ends = str(int(there.timestamp()) + 600)
    date = {"date": format_datetime(there, usegmt=True)}

    waits = [
        retry_after(httpx.Response(503, headers=date | {"retry-after": ends})),
        retry_after(httpx.Response(503, headers=date | {"x-ratelimit-reset": ends})),
        refusal_of(
            PLATFORMS["x"], httpx.Response(429, headers=date | {"x-rate-limit-reset": ends})
        ).retry_after,
    ]

    assert [wait and wait.total_seconds() for wait in waits] == [pytest.approx(600, abs=5)] * 3


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Nov 2026 07:28:00 GMT", "0"])
def test_a_date_that_is_none_leaves_our_own_clock(date: str) -> None:
    ends = str(int(time.time()) + 600)

    wait = retry_after(httpx.Response(503, headers={"date": date, "retry-after": ends}))

    assert wait is not None
    assert wait.total_seconds() == pytest.approx(600, abs=5)
