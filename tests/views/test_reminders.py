"""The words of a reminder, by the platform and the days that are left."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.views import reminders
from bot.views.incidents import card
from storage.models import utc_now
from tests.changes import play
from tests.platforms import PLATFORMS
from tests.states import incident_card

LINKEDIN_DAY_SEVEN = """
from datetime import timedelta

from bot.views.incidents import card
from storage.models import utc_now
from tests.states import incident_card

for platform, days in (("linkedin", 7), ("linkedin", 3), ("youtube", 7)):
    print(card(incident_card(platform, ends=utc_now() + timedelta(days=days) - timedelta(hours=1))).text)
"""


@pytest.mark.parametrize(("days", "words"), [(14, "within 14 days"), (1, "within 1 day")])
def test_a_card_says_how_many_days_are_left(days: int, words: str) -> None:
    ends = utc_now() + timedelta(days=days) - timedelta(hours=1)

    assert card(incident_card(ends=ends)).text == f"LinkedIn: Ana Ruiz of Acme must be reconnected {words}."


@pytest.mark.parametrize(
    ("platform", "words"),
    [
        (
            "linkedin",
            "LinkedIn ends sign-ins after a time, and only a person can renew this one; it takes a minute.",
        ),
        ("tiktok", "TikTok hasn't renewed this sign-in for weeks; signing in again takes a minute."),
    ],
)
def test_only_where_no_renewal_moves_the_end_is_it_called_the_platform_s_rule(
    platform: str, words: str
) -> None:
    assert reminders.why(PLATFORMS[platform], "") == words


async def test_another_sentence_for_one_platform_and_day_is_a_change_of_one_file(tmp_path: Path) -> None:
    printed = await play(tmp_path, LINKEDIN_DAY_SEVEN, "bot/views/reminders.py")

    assert "Reconnect Ana Ruiz (LinkedIn) this week." in printed
    assert "LinkedIn: Ana Ruiz of Acme must be reconnected within 3 days." in printed
    assert "YouTube: Ana Ruiz of Acme must be reconnected within 7 days." in printed
