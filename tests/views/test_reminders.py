"""The words of a reminder, by the platform and the days that are left."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.services.incidents.reasons import DATA_ACCESS
from bot.views import reminders
from bot.views.incidents import card
from storage.models import utc_now
from tests.changes import play
from tests.counts import in_full
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

    assert card(incident_card(ends=ends)).text == f"Reconnect Ana Ruiz (LinkedIn) for Acme {words}."


@pytest.mark.parametrize(
    ("platform", "code", "lasts", "words"),
    [
        ("linkedin", "", 60, "LinkedIn makes you sign in again every 60 days. It takes a minute."),
        ("linkedin", "", None, "LinkedIn makes you sign in again from time to time. It takes a minute."),
        (
            "tiktok",
            "",
            None,
            "TikTok hasn't renewed this sign-in for weeks. Signing in again takes a minute.",
        ),
        (
            "instagram",
            DATA_ACCESS,
            None,
            "Instagram shows us data for 90 days after each sign-in. Signing in again takes a minute.",
        ),
    ],
)
def test_the_reason_for_an_end_names_the_length_where_it_is_known(
    platform: str, code: str, lasts: int | None, words: str
) -> None:
    days = None if lasts is None else timedelta(days=lasts)

    assert reminders.why(PLATFORMS[platform], code, days) == words


@in_full
async def test_another_sentence_for_one_platform_and_day_is_a_change_of_one_file(tmp_path: Path) -> None:
    printed = await play(tmp_path, LINKEDIN_DAY_SEVEN, "bot/views/reminders.py")

    assert "Reconnect Ana Ruiz (LinkedIn) this week." in printed
    assert "Reconnect Ana Ruiz (LinkedIn) for Acme within 3 days." in printed
    assert "Reconnect Ana Ruiz (YouTube) for Acme within 7 days." in printed
