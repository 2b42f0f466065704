"""How a platform is doing for everybody, from the counts of its refreshes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.services.accounts.health import health_from
from storage.tallies import Tally

QUIET = Tally(fresh=0, dead=0, busy=0, other=0)


@pytest.mark.parametrize(
    ("minutes", "silent"),
    [
        pytest.param({100: {"busy": 2}}, None, id="two-are-weather"),
        pytest.param({100: {"busy": 3}}, 100, id="three-are-an-outage"),
        pytest.param({80: {"busy": 2}, 100: {"busy": 2}}, 80, id="it-began-with-the-first"),
        pytest.param({99: {"busy": 9}, 100: {"fresh": 1}}, None, id="one-answer-ends-it"),
        pytest.param(
            {99: {"fresh": 50}, 100: {"busy": 9}}, 100, id="what-was-answered-before-does-not-count"
        ),
        pytest.param({100: {"busy": 9, "fresh": 1}}, None, id="some-answers-in-the-same-minute"),
        pytest.param({99: {"dead": 1}, 100: {"busy": 2}}, None, id="a-death-is-an-answer"),
        pytest.param({60: {"busy": 9}}, None, id="long-ago-is-not-now"),
        pytest.param({100: {"other": 9}}, None, id="our-own-fault-is-no-outage"),
        pytest.param({}, None, id="nothing-counted"),
    ],
)
def test_a_platform_is_out_of_order_when_it_answers_nobody(
    minutes: Mapping[int, Mapping[str, int]], silent: int | None
) -> None:
    tallies = {minute: replace(QUIET, **counts) for minute, counts in minutes.items()}

    found = health_from(tallies, 100)

    assert found.silent_since == (None if silent is None else datetime.fromtimestamp(silent * 60, UTC))


def test_a_platform_that_calls_everybody_dead_is_doubted() -> None:
    found = health_from({100: replace(QUIET, dead=20, fresh=20)}, 100)

    assert found.doubted
    assert not found.fine
