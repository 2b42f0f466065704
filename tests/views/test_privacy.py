"""The privacy page promises the periods that the code keeps."""

from __future__ import annotations

from bot.jobs.sweep import CARDS_KEPT, SAID_KEPT
from bot.views import privacy
from bot.web.browsers import COOKIE_LIFE


def test_the_periods_are_those_of_the_code() -> None:
    said = " ".join(why for _, why in privacy.STORED)

    assert f"Kept {SAID_KEPT.days} days, alert cards {CARDS_KEPT.days} days." in said
    assert f"Kept {COOKIE_LIFE.total_seconds() / 3600:.0f} hours" in said
