"""What is said of a chosen time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.services.posts.schedule import Zones
from bot.views.publishing.when import notes


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (
            datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
            ["02:30 doesn't exist on 28 March, because the clocks go forward: it goes out at 03:30."],
        ),
        (
            datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
            ["02:30 happens twice on 31 October, because the clocks go back: the first one is meant."],
        ),
        (
            datetime(2027, 10, 31, 1, 30, tzinfo=UTC),
            ["02:30 happens twice on 31 October, because the clocks go back: the second one is meant."],
        ),
        (datetime(2027, 10, 31, 2, 30, tzinfo=UTC), []),
        (datetime(2027, 6, 1, 12, tzinfo=UTC), []),
    ],
)
def test_a_change_of_the_clocks_is_said_before_it_matters(at: datetime, said: list[str]) -> None:
    assert notes(at, Zones(reader="Europe/Berlin")) == said


@pytest.mark.parametrize(
    ("organization", "said"),
    [
        (
            "America/New_York",
            [
                "In your organization's time zone (America/New_York) that is Monday, 30 November, 23:30.",
            ],
        ),
        ("Europe/Paris", []),
        ("", []),
    ],
)
def test_the_organizations_clock_is_shown_where_it_differs(organization: str, said: list[str]) -> None:
    at = datetime(2026, 12, 1, 4, 30, tzinfo=UTC)

    assert notes(at, Zones(reader="Europe/Berlin", organization=organization)) == said


def test_without_a_time_there_is_nothing_to_say() -> None:
    assert notes(None, Zones(reader="Europe/Berlin", organization="Asia/Tokyo")) == []
