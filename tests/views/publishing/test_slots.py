"""The next posting time is said with what a change of the clocks does to it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.views.publishing import slots
from tests.views.publishing.test_agenda import profiles


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2027, 3, 28, 1, 30, tzinfo=UTC), "the clocks go forward that night"),
        (datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "the clocks go back that night"),
        (datetime(2027, 6, 1, 7, tzinfo=UTC), ""),
    ],
)
def test_a_time_in_a_gap_or_an_overlap_says_so(at: datetime, said: str) -> None:
    shown = str(slots.saved(profiles(1), {"acc_0": at}, "Europe/Berlin"))

    assert "Mugs 0" in shown
    assert ("the clocks" in shown, said in shown) == (bool(said), True)
