"""Lengths of time in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.views.times import in_words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(minutes=59), "less than an hour"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=1, minutes=29), "1 hour"),
        (timedelta(hours=1, minutes=31), "2 hours"),
        (timedelta(hours=47, minutes=20), "47 hours"),
        (timedelta(hours=47, minutes=50), "2 days"),
        (timedelta(days=59, hours=23), "60 days"),
        (timedelta(days=365), "365 days"),
    ],
)
def test_a_span_is_said_as_people_say_it(span: timedelta, words: str) -> None:
    assert in_words(span) == words
