"""What is written is stored as it is, and a copy of it decides nothing that each post decides anew."""

from __future__ import annotations

from adapters.base import Choice, Live, OptionValue
from bot.services.posts.drafts import (
    ChosenPlace,
    Details,
    Extra,
    ThreadPart,
    Written,
    dump,
    for_another_post,
    load,
)
from tests.composing import picture, publisher

LIVE = Live(
    choices={"flair": (Choice(value="f1", label="News"),)}, required=frozenset({"flair"}), rules={"a": ("b",)}
)
FILLED = Written(
    text="Mugs",
    media=(picture(),),
    extras=(Extra.LINK, Extra.THREAD),
    link="https://example.com/mugs",
    accounts=("acc_1", "acc_2"),
    details={
        "acc_1": Details(
            title="Mugs",
            places=(ChosenPlace(id="mugs", name="r/mugs", options={"flair": "f1"}, live=LIVE),),
            own_text="Other mugs",
            thread=(ThreadPart(text="More", files=("p1",)),),
            cover=picture("c1"),
            options={"nsfw": True, "tags": ("a", "b"), "thumb_offset": 1500},
        )
    },
)


def test_what_was_stored_comes_back_the_same() -> None:
    assert load(dump(FILLED)) == FILLED


def test_a_cover_counts_among_the_files() -> None:
    assert [one.key for one in FILLED.files] == ["p1", "c1"]


def test_a_copy_leaves_out_what_tiktok_wants_decided_for_each_post() -> None:
    chosen: dict[str, OptionValue] = {
        "privacy": "SELF_ONLY",
        "comments": True,
        "music_confirmation": True,
        "commercial": True,
    }
    written = Written(text="Mugs", details={"acc_1": Details(title="Mugs", options=chosen, live=LIVE)})

    copied = for_another_post(written, {"acc_1": publisher("tiktok").facts})

    assert copied.details == {"acc_1": Details(title="Mugs")}


def test_a_copy_keeps_what_other_platforms_were_told_but_not_their_answers() -> None:
    copied = for_another_post(FILLED, {"acc_1": publisher("reddit").facts})

    assert copied.details["acc_1"].options == {"nsfw": True}
    assert copied.details["acc_1"].places == (ChosenPlace(id="mugs", name="r/mugs", options={"flair": "f1"}),)


def test_a_copy_has_no_details_of_an_account_that_is_gone() -> None:
    assert for_another_post(FILLED, {}).details == {}
