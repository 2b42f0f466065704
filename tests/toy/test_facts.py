"""Three facts about a platform that are independent of each other, each asked where it matters."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.base import Platform
from bot.services.tokens.lifetimes import ends_at, lapsed, only_data_ends
from storage.models import Grant, GrantStatus
from tests.toy.adapter import PLATFORM

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOWED = replace(PLATFORM, data_access_window=90 * DAY)
WITH_ACCOUNT_TOKENS = replace(PLATFORM, account_tokens=True)
SHORT_LIVED = replace(PLATFORM, access_lifetime=timedelta(hours=1))


def grant(*, token: timedelta, data: timedelta | None = None) -> Grant:
    """Return a grant whose token ends in `token`, and whose data is shown for `data`."""
    return Grant(
        platform="toy",
        app="toy",
        status=GrantStatus.HEALTHY,
        access_expires_at=NOW + token,
        data_access_expires_at=None if data is None else NOW + data,
    )


@pytest.mark.parametrize(
    ("platform", "held", "end", "data_only"),
    [
        pytest.param(PLATFORM, grant(token=60 * DAY), 60 * DAY, False, id="exchange"),
        pytest.param(SHORT_LIVED, grant(token=DAY / 24), None, False, id="exchanged-before-any-warning"),
        pytest.param(WITH_ACCOUNT_TOKENS, grant(token=60 * DAY), None, False, id="accounts-work-without-it"),
        pytest.param(WINDOWED, grant(token=60 * DAY), 60 * DAY, False, id="no-window-is-known"),
        pytest.param(WINDOWED, grant(token=60 * DAY, data=DAY), DAY, True, id="the-window-ends-first"),
        pytest.param(WINDOWED, grant(token=DAY, data=60 * DAY), DAY, False, id="the-token-ends-first"),
        pytest.param(
            replace(WINDOWED, account_tokens=True),
            grant(token=DAY, data=60 * DAY),
            60 * DAY,
            True,
            id="only-the-window-counts",
        ),
    ],
)
def test_what_ends_first_and_matters_is_what_people_are_warned_of(
    platform: Platform, held: Grant, end: timedelta | None, data_only: bool
) -> None:
    assert ends_at(platform, held) == (None if end is None else NOW + end)
    assert only_data_ends(platform, held) is data_only


@pytest.mark.parametrize(
    ("platform", "over"),
    [
        pytest.param(PLATFORM, True, id="exchange"),
        pytest.param(WINDOWED, True, id="a-window"),
        pytest.param(WITH_ACCOUNT_TOKENS, False, id="account-tokens"),
    ],
)
def test_a_grant_lapses_with_its_token_unless_accounts_have_their_own(platform: Platform, over: bool) -> None:
    held = grant(token=-DAY, data=30 * DAY)

    assert lapsed(platform, held, NOW) is over
