"""Snoozes: what a card offers, what can be chosen, and until when it lasts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.services.incidents.snoozes import SNOOZES, choices, snoozed_until
from storage.models import utc_now
from tests.changes import play
from tests.counts import in_full
from tests.states import NOON, incident_card

DAY = timedelta(days=1)
THREE_DAYS = """
from datetime import timedelta

from bot.services.incidents.snoozes import snoozed_until
from bot.views.incidents import card
from tests.states import NOON, incident_card

ended = incident_card()
print([option["text"]["text"] for option in card(ended).blocks[-1]["elements"][2]["options"]])
print(snoozed_until(ended.incident, "three_days", NOON) - NOON)
"""


@pytest.mark.parametrize("choice", SNOOZES)
def test_everything_that_a_card_offers_can_be_chosen(choice: str) -> None:
    ends = NOON + 5 * DAY
    incident = incident_card(ends=ends).incident

    until = snoozed_until(incident, choice, NOON)

    assert choice in choices(incident)
    assert until == NOON + (SNOOZES[choice] or 5 * DAY)


def test_a_snooze_until_the_end_needs_an_end_that_is_ahead() -> None:
    ended, passed = incident_card().incident, incident_card(ends=NOON - DAY).incident

    assert "deadline" not in choices(ended)
    assert snoozed_until(ended, "deadline", NOON) is None
    assert snoozed_until(passed, "deadline", NOON) is None
    assert snoozed_until(ended, "forever", utc_now()) is None


@in_full
async def test_a_snooze_of_three_days_is_one_line(tmp_path: Path) -> None:
    printed = await play(tmp_path, THREE_DAYS, "bot/services/incidents/snoozes.py")

    assert printed == "['For 1 hour', 'For 1 day', 'For 3 days'] 3 days, 0:00:00"
