"""When a grant ends unless a person signs in again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.services.tokens.lifetimes import ends_at, fixed_length
from tests.platforms import PLATFORMS
from tests.states import NOON, account_state

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("platform", "facts", "end"),
    [
        ("linkedin", {"access_expires_at": NOON}, NOON),
        (
            "linkedin",
            {"access_expires_at": NOON, "refresh_sealed": b"r", "refresh_expires_at": NOON + DAY},
            NOON + DAY,
        ),
        ("x", {"access_expires_at": NOON, "refresh_sealed": b"r"}, None),
        ("facebook", {"access_expires_at": NOON}, None),
        ("instagram", {"access_expires_at": NOON, "data_access_expires_at": NOON + DAY}, NOON + DAY),
    ],
)
def test_what_ends_is_what_only_a_person_can_renew(
    platform: str, facts: Mapping[str, Any], end: datetime | None
) -> None:
    grant = account_state(platform, **facts).grant

    assert grant is not None
    assert ends_at(PLATFORMS[platform], grant) == end


@pytest.mark.parametrize(
    ("platform", "facts", "length"),
    [
        ("linkedin", {}, 60 * DAY),
        ("linkedin", {"refresh_sealed": b"r"}, None),
        ("instagram", {}, None),
        ("youtube", {"refresh_sealed": b"r"}, None),
    ],
)
def test_the_length_of_a_sign_in_is_known_where_nothing_renews_it(
    platform: str, facts: Mapping[str, Any], length: timedelta | None
) -> None:
    grant = account_state(platform, **facts).grant
    assert grant is not None

    assert fixed_length(PLATFORMS[platform], grant) == length
