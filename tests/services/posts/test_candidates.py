"""Which accounts can take a post, and what must change before their platforms do."""

from __future__ import annotations

from datetime import timedelta

from adapters.base import Choice, Defect, Live, OptionValue
from bot.services.posts.candidates import Unsuited, problems
from bot.services.posts.drafts import ChosenPlace, Details, Extra, ThreadPart, Written
from tests.composing import account, chosen, pairs, video
from tests.states import NOON


def defects(written: Written, *platforms: str) -> list[tuple[str, Defect, str]]:
    """Return what is wrong, by account."""
    accounts = [account(name, number) for number, name in enumerate(platforms, 1)]
    return [
        (one.candidate.account_id, problem.defect, problem.field)
        for one in problems(pairs(chosen(written, *accounts)), written)
        for problem in one.problems
    ]


def test_the_same_text_on_two_accounts_of_x_is_refused_for_the_second() -> None:
    assert defects(Written(text="Fresh mugs"), "x", "facebook", "x") == [("acc_x3", Defect.SAME_TEXT, "text")]


def test_a_thread_with_the_same_words_is_the_same_text() -> None:
    parts = {f"acc_x{n}": Details(thread=(ThreadPart(text="two"),)) for n in (1, 2)}

    assert defects(Written(text="One", extras=(Extra.THREAD,), details=parts), "x", "x") == [
        ("acc_x2", Defect.SAME_TEXT, "text")
    ]


def test_another_text_for_the_second_account_is_taken() -> None:
    written = Written(text="Fresh mugs", details={"acc_x2": Details(own_text="More mugs")})

    assert defects(written, "x", "x") == []


def test_a_post_goes_to_three_subreddits_of_all_accounts_together() -> None:
    places = tuple(ChosenPlace(id=name) for name in ("a", "b"))
    details = {f"acc_reddit{n}": Details(title="Mugs", places=places) for n in (1, 2)}

    assert defects(Written(text="Mugs", details=details), "reddit", "reddit") == [
        ("acc_reddit2", Defect.TOO_MANY, "place")
    ]


def test_an_account_with_places_needs_one() -> None:
    written = Written(text="Mugs", details={"acc_reddit1": Details(title="Mugs")})

    assert (("acc_reddit1", Defect.MISSING, "place")) in defects(written, "reddit")


def test_a_place_that_wants_a_flair_is_named_with_what_it_wants() -> None:
    live = Live(choices={"flair": (Choice(value="f1"),)}, required=frozenset({"flair"}))
    place = ChosenPlace(id="mugs", name="r/mugs", live=live)
    written = Written(text="Mugs", details={"acc_reddit1": Details(title="Mugs", places=(place,))})

    [found] = problems(pairs(chosen(written, account("reddit"))), written)

    assert (found.place, [(one.defect, one.field) for one in found.problems]) == (
        "r/mugs",
        [(Defect.MISSING, "flair")],
    )


def test_a_refusal_for_today_says_nothing_about_a_post_for_next_week() -> None:
    options: dict[str, OptionValue] = {"privacy": "SELF_ONLY", "music_confirmation": True}
    filled = {"acc_tiktok1": Details(live=Live(refuses="spam_risk_too_many_posts"), options=options)}
    now = Written(text="Mugs", media=(video(),), details=filled)
    later = Written(text="Mugs", media=(video(),), details=filled, due_at=NOON + timedelta(days=7))

    found = {
        written.due_at: [one.refused for one in problems(pairs(chosen(written, account("tiktok"))), written)]
        for written in (now, later)
    }

    assert found == {None: ["spam_risk_too_many_posts"], later.due_at: []}


def test_a_place_that_banned_the_account_refuses_next_week_too() -> None:
    place = ChosenPlace(id="mugs", name="r/mugs", live=Live(refuses="BANNED_FROM_SUBREDDIT"))
    details = {"acc_reddit1": Details(title="Mugs", places=(place,))}
    written = Written(text="Mugs", details=details, due_at=NOON)

    [found] = problems(pairs(chosen(written, account("reddit"))), written)

    assert found.refused == "BANNED_FROM_SUBREDDIT"


def test_what_an_account_has_switched_off_is_not_asked_for() -> None:
    filled = {"acc_tiktok1": Details(live=Live(off=frozenset({"duet"})), options={"commercial": True})}

    [one] = chosen(Written(media=(video(),), details=filled), account("tiktok"))

    asked = [option.key for option in one.options]
    assert "duet" not in asked
    assert one.off == ("duet",)
    assert {"your_brand", "branded_content"} <= set(asked)
    assert "branded_policy" not in asked


def test_a_text_alone_is_nothing_for_a_platform_of_videos() -> None:
    assert [one.unsuited for one in chosen(Written(text="Mugs"), account("youtube"))] == [
        Unsuited.NEEDS_MEDIA
    ]
