"""Texts are counted as each platform counts, and what a post costs or loses is said."""

from __future__ import annotations

from bot.services.posts.drafts import Details, Extra, ThreadPart, Written
from bot.views.publishing.counters import MOST_LINES, counters
from tests.composing import account, chosen, picture, video


def said(written: Written, *platforms: str) -> str:
    """Return the lines about these accounts."""
    accounts = [account(name, number) for number, name in enumerate(platforms, 1)]
    blocks = counters(chosen(written, *accounts), written)
    return "\n".join(block["elements"][0]["text"] for block in blocks)


def test_each_platform_counts_its_own_way() -> None:
    text = said(Written(text="é 🎉", media=(video(),), details={}), "youtube", "x")

    assert "YouTube: 7 of 5,000 bytes" in text
    assert "X: 4 of 280" in text


def test_a_text_that_is_too_long_says_by_how_much() -> None:
    assert "X: ⚠️ 300 of 280, 20 too many" in said(Written(text="a" * 300), "x")


def test_a_link_on_x_costs_more_and_both_prices_are_said() -> None:
    assert "X charges $0.20 with this link, $0.015 without." in said(Written(text="https://example.com"), "x")
    assert "X charges $0.015." in said(Written(text="Mugs"), "x")


def test_every_part_of_a_thread_is_counted() -> None:
    details = {"acc_x1": Details(thread=(ThreadPart(text="b" * 290),))}

    text = said(Written(text="aa", extras=(Extra.THREAD,), details=details), "x")

    assert "X, 2 parts: 2 of 280 · ⚠️ 290 of 280, 10 too many" in text
    assert "X charges $0.03." in text


def test_what_a_platform_does_not_take_is_said() -> None:
    written = Written(
        text="Mugs",
        media=(picture(),),
        extras=(Extra.COMMENT, Extra.LINK),
        first_comment="More",
        link="https://example.com",
    )

    text = said(written, "instagram")

    assert "Instagram: the link goes at the end of the text." in text
    assert "Instagram doesn't let apps write the first comment." in text


def test_a_draft_of_a_video_has_no_text() -> None:
    written = Written(text="Mugs", media=(video(),), details={"acc_tiktok1": Details(as_draft=True)})

    assert said(written, "tiktok") == ("TikTok: video drafts have no text. Write it in the TikTok app.")


def test_nothing_is_counted_before_an_account_is_chosen() -> None:
    assert counters([], Written(text="Mugs")) == []


def test_many_texts_are_not_more_lines_than_people_read() -> None:
    details = {f"acc_x{n}": Details(own_text="a" * n) for n in range(1, 40)}

    lines = said(Written(text="a", details=details), *["x"] * 39).split("\n")

    assert len(lines) == MOST_LINES + 1
    assert lines[-1].startswith("and ")
