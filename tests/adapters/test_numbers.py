"""Numbers from outside: whatever is sent, what comes out is in range or nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.base import PlatformError
from adapters.numbers import (
    LATEST_MOMENT,
    LONGEST_LIFETIME,
    LONGEST_WAIT,
    left_until,
    lifetime,
    moment_of,
    number,
    wait_of,
    wait_until,
    whole,
    written_moment,
)
from bot.slack.failures import failure
from tests.contract.answers import Answer
from tests.contract.wire import KEYS, Wire, client_of, tokens_for
from tests.counts import sampled
from tests.platforms import PLATFORMS

NONE: tuple[object, ...] = (
    None,
    True,
    False,
    "",
    "soon",
    [],
    [3600],
    {"seconds": 3600},
    float("nan"),
    float("inf"),
    10**400,
    b"60",
)
NONE_IN_TEXT = (
    "NaN",
    "Infinity",
    "-inf",
    "1e999",
    "9" * 5000,
    "0x10",
    "1;2",
    "60 s",
    "Wed, 25 Nov 2026 07:28:00 GMT",
)
IN_RANGE = (-1, 0, 1e-9, 0.5, 1, 3600, 3600.5, 1e9, 1e9 + 1, 2**32 + 1, 1e15, 1e300, 10**18, -(10**300))
EVERY = (*NONE, *NONE_IN_TEXT, *IN_RANGE, *map(str, IN_RANGE), time.time() + 600, time.time() - 600)

READERS: tuple[tuple[Callable[[object], Any], Any, Any], ...] = (
    (number, 0.0, 1e308),
    (whole, -(10**15), 10**15),
    (lifetime, timedelta(seconds=1), LONGEST_LIFETIME),
    (left_until, timedelta(days=-365 * 100), LONGEST_LIFETIME),
    (wait_of, timedelta(0), LONGEST_WAIT),
    (wait_until, timedelta(0), LONGEST_WAIT),
)


def test_whatever_is_sent_what_is_read_is_in_range_or_nothing(
    record_property: Callable[[str, object], None],
) -> None:
    faults = [
        f"{read.__name__}({str(raw)[:40]!r}) is {found}"
        for read, least, most in READERS
        for raw in EVERY
        if (found := read(raw)) is not None and not least <= found <= most
    ]
    moments = [found.timestamp() for raw in EVERY if (found := moment_of(raw)) is not None]

    assert faults == []
    assert all(0 <= moment <= LATEST_MOMENT for moment in moments)
    assert [read(raw) for read, *_ in READERS for raw in (*NONE, *NONE_IN_TEXT)].count(None) == len(
        READERS
    ) * (len(NONE) + len(NONE_IN_TEXT))
    record_property("counted", f"{len(EVERY) * (len(READERS) + 1)} odd numbers read, 0 out of range")


@pytest.mark.parametrize(
    ("read", "raw", "found"),
    [
        (lifetime, 3600, timedelta(hours=1)),
        (lifetime, "3600", timedelta(hours=1)),
        (lifetime, 10**18, LONGEST_LIFETIME),
        (wait_of, "7", timedelta(seconds=7)),
        (wait_of, 1e8, LONGEST_WAIT),
        (wait_until, "12", None),
        (whole, "190", 190),
        (whole, 0, 0),
    ],
)
def test_a_usual_number_is_read_as_it_is(
    read: Callable[[object], object], raw: object, found: object
) -> None:
    assert read(raw) == found


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else str(raw) if isinstance(raw, int | float) else json.dumps(str(raw))


def _answers(raw: object) -> Iterable[Answer]:
    """Yield answers with an odd number wherever a platform sends one."""
    as_json = json.dumps(None if isinstance(raw, bytes) else raw)
    body = (
        '{"access_token": "a", "expires_in": N, "refresh_expires_in": N, "refresh_token_expires_in": N,'
        ' "data": {"is_valid": true, "expires_at": N, "data_access_expires_at": N, "scopes": ["instagram_basic"]},'
        ' "is_valid": true, "success": true}'
    )
    yield Answer(name="token", content=body.replace("N", as_json).encode())
    error = '{"error": {"code": N, "error_subcode": N, "type": "OAuthException"}, "code": "x", "serviceErrorCode": N}'
    yield Answer(name="error", content=error.replace("N", as_json).encode(), status=400)
    names = ("retry-after", "x-ratelimit-reset", "x-rate-limit-reset", "x-user-limit-24hour-reset")
    headers = {name: _text(raw)[:4000].encode("ascii", "replace").decode() for name in names}
    headers |= {"x-user-limit-24hour-remaining": "0"}
    usage = '{"1": [{"estimated_time_to_regain_access": N}]}'.replace("N", as_json)
    if len(usage) < 4000:
        headers["x-business-use-case-usage"] = usage
    for status in (429, 503):
        yield Answer(name=str(status), content=b'{"error": {"code": 4}}', status=status, headers=headers)


async def test_no_number_of_a_platform_breaks_a_call(record_property: Callable[[str, object], None]) -> None:
    tries, faults = 0, []
    for key in KEYS:
        platform, client = PLATFORMS[key], client_of(PLATFORMS[key])
        for raw in sampled(EVERY, 4, KEYS.index(key) % 4):
            for answer in _answers(raw):
                adapter = Wire(platform, answer, otherwise=answer).adapter()
                for call in (adapter.refresh, adapter.discover):
                    tries += 1
                    try:
                        found = await call(client, tokens_for(client))
                    except PlatformError as error:
                        wait = error.retry_after
                        if wait is not None and not timedelta(0) < wait <= timedelta(days=1, hours=1):
                            faults.append(f"{key}, {answer.name}, {str(raw)[:20]}: waits {wait}")
                    except Exception as error:  # noqa: BLE001 - a crash is what this looks for
                        faults.append(f"{key}, {answer.name}, {str(raw)[:20]}: {type(error).__name__}")
                    else:
                        lives = [getattr(found, name, None) for name in LIVES]
                        if any(life and abs(life) > LONGEST_LIFETIME * 100 for life in lives):
                            faults.append(f"{key}, {answer.name}, {str(raw)[:20]}: lives {lives}")

    assert faults == []
    record_property("counted", f"{tries} platform answers with odd numbers, 0 crashes")


@pytest.mark.parametrize("key", ["facebook", "instagram"])
async def test_a_header_nested_without_end_is_a_limit_like_any_other(key: str) -> None:
    headers = {"x-business-use-case-usage": "[" * 8000, "retry-after": "60"}
    answer = Answer(name="nested", content=b'{"error": {"code": 4}}', status=429, headers=headers)
    client = client_of(PLATFORMS[key])
    adapter = Wire(PLATFORMS[key], answer, otherwise=answer).adapter()

    with pytest.raises(PlatformError) as limited:
        await adapter.discover(client, tokens_for(client))

    assert limited.value.retry_after == timedelta(seconds=60)


LIVES = ("expires_in", "refresh_expires_in", "data_access_expires_in")


def test_no_wait_that_slack_names_breaks_anything() -> None:
    for raw in EVERY:
        answer = AsyncSlackResponse(
            client=AsyncWebClient(),
            http_verb="POST",
            api_url="",
            req_args={},
            data={"ok": False, "error": "ratelimited"},
            headers={"Retry-After": _text(raw)},
            status_code=429,
        )
        wait = failure(SlackApiError("x", answer)).retry_after  # type: ignore[no-untyped-call]
        assert wait is None or timedelta(0) < wait < LONGEST_WAIT


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("2026-11-30T12:00:05+0000", datetime(2026, 11, 30, 12, 0, 5, tzinfo=UTC)),
        ("2026-11-30T14:00:05.5+02:00", datetime(2026, 11, 30, 12, 0, 5, 500_000, tzinfo=UTC)),
        ("2026-11-30T12:00:05Z", datetime(2026, 11, 30, 12, 0, 5, tzinfo=UTC)),
        ("2026-11-30T12:00:05", None),
        ("60000-11-30T12:00:05Z", None),
        ("2026-11-30T12:00:05+0000" + " " * 40, None),
        ("soon", None),
        (1_790_000_000, None),
        (None, None),
    ],
)
def test_a_written_moment_has_a_zone_or_is_none(raw: object, found: datetime | None) -> None:
    assert written_moment(raw) == found
