"""A text of any length comes out of the forms as it went in."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.views.publishing.texts import MOST_TEXT, fields, joined, pieces
from tests.counts import tries


@settings(max_examples=tries(2000, 20), deadline=None)
@given(st.lists(st.sampled_from(["\n\n", "\n", "mug", "x" * 1500, "y" * 3000]), max_size=12))
def test_pieces_put_together_are_the_text(words: list[str]) -> None:
    text = "".join(words).strip("\n")

    found = pieces(text)

    assert joined(found) == text
    assert all(len(piece) <= MOST_TEXT for piece in found)


def test_a_text_is_divided_between_paragraphs() -> None:
    assert pieces("a" * 2000 + "\n\n" + "b" * 2000) == ["a" * 2000, "b" * 2000]


def test_another_field_is_there_when_it_was_asked_for() -> None:
    assert [one["block_id"] for one in fields("text", "Text", "compose.text", "Mugs", more=True)] == [
        "text",
        "text:1",
    ]


def test_a_field_that_was_emptied_leaves_no_gap() -> None:
    assert joined(["Mugs", "", "Cups"]) == "Mugs\n\nCups"
