"""How X counts a text, judged by the test cases that twitter-text publishes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from adapters.x.text import urls_in, weighted_length
from tests.counts import sampled

CASES: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "twitter_text.json").read_text())
LONG = 25_000


@pytest.mark.parametrize(
    ("text", "length"), [pytest.param(text, length, id=name) for name, text, length in CASES["lengths"]]
)
def test_a_text_is_as_long_as_twitter_text_says(text: str, length: int) -> None:
    assert weighted_length(text) == length


@pytest.mark.parametrize(
    ("text", "urls"), [pytest.param(text, urls, id=name) for name, text, urls in CASES["urls"]]
)
def test_the_addresses_are_those_that_twitter_text_finds(text: str, urls: list[str]) -> None:
    assert urls_in(text) == urls


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("Hello, world! 👋", 16),
        ("", 0),
        ("x" * 280, 280),
        ("See octapost.example", 20),
        ("See octapost.com", 27),
        ("\u0065\u0301", 1),
        ("日本.jp", 7),
    ],
)
def test_a_bare_domain_counts_as_an_address_only_with_a_real_ending(text: str, length: int) -> None:
    assert weighted_length(text) == length


@pytest.mark.parametrize(
    "piece",
    sampled(
        [
            "Lorem ipsum 👍 für é ",
            "see a.com/b, or https://t.co/c ",
            "a.",
            "日本.",
            "日本.com ",
            "http://a.co/(a",
            "a.com.",
        ],
        3,
    ),
)
def test_a_text_ten_times_as_long_takes_about_ten_times_as_long(piece: str) -> None:
    text = piece * (LONG // len(piece))

    def fastest(text: str) -> float:
        spans = []
        for _ in range(7):
            began = time.thread_time()
            weighted_length(text)
            spans.append(time.thread_time() - began)
        return min(spans)

    # Time that grows with the square would be a hundred times as long.
    assert fastest(text) < 60 * max(fastest(text[: LONG // 10]), 0.0002)
