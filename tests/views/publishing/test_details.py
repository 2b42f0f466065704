"""The second form asks for what each account needs, on as many pages as Slack's limits make it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import Choice, Live, MediaKind, OptionValue
from bot.services.posts.candidates import Candidate, problems
from bot.services.posts.drafts import ChosenPlace, Details, Extra, ThreadPart, Written
from bot.views.publishing.composer import FirstForm, form
from bot.views.publishing.details import SecondForm, asks_more, groups, pages
from bot.views.publishing.entries import Entries, second_form
from sandbox.slack.blocks import view_faults
from sandbox.slack.views import VIEW_BYTES
from storage.models import Role
from tests.composing import account, chosen, pairs, picture, state, video
from tests.counts import tries

METADATA = "org_00000000000000000000/drf_00000000000000000000:C0123ABCD"
LEVELS = Live(
    choices={"privacy": tuple(Choice(value=level) for level in ("PUBLIC_TO_EVERYONE", "SELF_ONLY"))},
    off=frozenset({"duet", "stitch"}),
)


def shown(written: Written, *platforms: str) -> list[dict[str, Any]]:
    """Return the pages for one account of each of these platforms."""
    found = chosen(written, *(account(name, number) for number, name in enumerate(platforms, 1)))
    return drawn(found, written)


def drawn(found: list[Candidate], written: Written) -> list[dict[str, Any]]:
    wrong = list(problems(pairs(found), written))
    return pages(found, written, SecondForm(metadata=METADATA, may_attach=True, problems=wrong))


def names(page: dict[str, Any]) -> list[str]:
    return [block["block_id"] for block in page["blocks"] if block["type"] == "input"]


def text(page: dict[str, Any]) -> str:
    return json.dumps(page, ensure_ascii=False)


def test_nothing_is_asked_where_a_text_is_all_there_is() -> None:
    written = Written(text="Mugs")

    assert not asks_more(chosen(written, account("facebook"), account("linkedin")), written)
    assert asks_more(chosen(written, account("x")), written)


def test_accounts_of_a_platform_are_filled_in_together_unless_each_has_its_own() -> None:
    written = Written(text="Mugs", media=(video(),))
    accounts = [account(name, n) for name in ("youtube", "x", "tiktok") for n in (1, 2)]

    found = [[one.account_id for one in group] for group in groups(chosen(written, *accounts))]

    assert found == [
        ["acc_youtube1", "acc_youtube2"],
        ["acc_x1"],
        ["acc_x2"],
        ["acc_tiktok1"],
        ["acc_tiktok2"],
    ]


def test_what_is_filled_in_together_is_stored_for_each() -> None:
    written = Written(media=(video(),))
    found = chosen(written, account("youtube", 1), account("youtube", 2))
    entered = Entries(state(title__acc_youtube1="Mugs", privacy__acc_youtube1=("private",)))

    filled = second_form(entered, written, found)

    assert filled.of("acc_youtube1") == filled.of("acc_youtube2")
    assert filled.of("acc_youtube2") == Details(title="Mugs", options={"privacy": "private"})


def test_tiktok_is_asked_by_the_rules_of_its_audit() -> None:
    written = Written(text="Mugs", media=(video(),), details={"acc_tiktok1": Details(live=LEVELS)})

    [page] = shown(written, "tiktok")

    by_name = {block["block_id"]: block for block in page["blocks"] if block["type"] == "input"}
    privacy = by_name["privacy:acc_tiktok1"]
    assert "initial_option" not in privacy["element"]
    assert [one["value"] for one in privacy["element"]["options"]] == ["PUBLIC_TO_EVERYONE", "SELF_ONLY"]
    assert not privacy["optional"]
    assert not by_name["music_confirmation:acc_tiktok1"]["optional"]
    assert all("initial_options" not in block["element"] for block in by_name.values())
    assert "duet:acc_tiktok1" not in by_name
    assert "branded_content:acc_tiktok1" not in by_name
    assert "Switched off in this account's settings on TikTok: Allow duets and Allow stitches." in text(page)
    assert "Until TikTok has reviewed this installation" in text(page)


def test_only_me_is_left_out_and_named_as_soon_as_a_paid_partnership_is_chosen() -> None:
    options: dict[str, OptionValue] = {"commercial": True, "branded_content": True}
    written = Written(media=(video(),), details={"acc_tiktok1": Details(live=LEVELS, options=options)})

    [page] = shown(written, "tiktok")

    privacy = next(block for block in page["blocks"] if block.get("block_id") == "privacy:acc_tiktok1")
    assert [one["value"] for one in privacy["element"]["options"]] == ["PUBLIC_TO_EVERYONE"]
    assert privacy["hint"]["text"] == "“Only me” can't be chosen with “Paid partnership with another brand”."


def test_only_me_is_gone_once_a_paid_partnership_is_ticked_after_it() -> None:
    options: dict[str, OptionValue] = {"privacy": "SELF_ONLY", "commercial": True}
    written = Written(media=(video(),), details={"acc_tiktok1": Details(live=LEVELS, options=options)})
    ticked = {"compose.option": {"selected_options": [{"value": "yes"}]}}
    boxes = {f"{name}:acc_tiktok1": ticked for name in ("commercial", "branded_content")}
    entered = Entries({**state(privacy__acc_tiktok1=("SELF_ONLY",)), **boxes})

    filled = second_form(entered, written, chosen(written, account("tiktok", 1)))

    assert filled.of("acc_tiktok1").options == {"commercial": True, "branded_content": True}


def test_a_paid_partnership_that_is_not_disclosed_forbids_nothing() -> None:
    options: dict[str, OptionValue] = {"privacy": "SELF_ONLY", "branded_content": True, "commercial": False}
    written = Written(media=(video(),), details={"acc_tiktok1": Details(live=LEVELS, options=options)})

    [page] = shown(written, "tiktok")

    privacy = next(block for block in page["blocks"] if block.get("block_id") == "privacy:acc_tiktok1")
    assert privacy["element"]["initial_option"]["value"] == "SELF_ONLY"


def test_a_platform_that_does_not_answer_can_be_asked_again() -> None:
    [page] = shown(Written(media=(video(),)), "tiktok")

    assert "TikTok isn't answering" in text(page)
    assert "compose.ask" in text(page)
    assert "privacy:acc_tiktok1" not in names(page)


def test_each_subreddit_is_asked_for_its_own_flair() -> None:
    live = Live(choices={"flair": (Choice(value="f1", label="News"),)}, required=frozenset({"flair"}))
    places = (
        ChosenPlace(id="mugs", name="r/mugs", live=live),
        ChosenPlace(id="cups", name="r/cups", live=Live(off=frozenset({"flair"}))),
    )
    written = Written(text="Mugs", details={"acc_reddit1": Details(places=places)})

    [page] = shown(written, "reddit")

    assert "flair:acc_reddit1:mugs" in names(page)
    assert "flair:acc_reddit1:cups" not in names(page)
    place = next(block for block in page["blocks"] if block.get("block_id") == "place:acc_reddit1")
    assert place["element"]["max_selected_items"] == 3


def test_more_flairs_than_slack_lists_are_searched() -> None:
    live = Live(choices={"flair": tuple(Choice(value=str(n), label=f"Flair {n}") for n in range(101))})
    written = Written(
        text="Mugs", details={"acc_reddit1": Details(places=(ChosenPlace(id="mugs", live=live),))}
    )

    [page] = shown(written, "reddit")

    flair = next(block for block in page["blocks"] if block.get("block_id") == "flair:acc_reddit1:mugs")
    assert flair["element"]["type"] == "external_select"


def test_an_account_that_repeats_a_text_gets_a_field_for_another_one() -> None:
    [page] = shown(Written(text="Mugs"), "x", "x")

    assert "own:acc_x1" not in names(page)
    assert "own:acc_x2" in names(page)
    assert "X doesn't allow the same text on several accounts" in text(page)


def test_a_text_that_only_one_platform_finds_too_long_is_changed_there() -> None:
    [page] = shown(Written(text="a" * 300), "x", "facebook")

    assert "own:acc_x1" in names(page)
    assert "text" not in names(page)


def test_a_video_on_reddit_needs_a_cover() -> None:
    [page] = shown(Written(text="Mugs", media=(video(),)), "reddit")

    cover = next(block for block in page["blocks"] if block.get("block_id") == "cover:acc_reddit1:")
    assert not cover["optional"]


def test_a_thread_has_a_text_and_files_for_each_part() -> None:
    parts = (ThreadPart(text="Two", files=("p1",)), ThreadPart(text="Three"))
    written = Written(
        text="One",
        media=(picture(),),
        extras=(Extra.THREAD,),
        details={"acc_x1": Details(thread=parts)},
    )

    [page] = shown(written, "x")

    assert [name for name in names(page) if name.startswith(("own", "part"))] == [
        "own:acc_x1",
        "part:acc_x1:2",
        "part_files:acc_x1:2",
        "part:acc_x1:3",
        "part_files:acc_x1:3",
    ]
    assert "compose.more_parts" in text(page)


PLATFORMS = ("facebook", "instagram", "x", "linkedin", "tiktok", "reddit", "youtube")


@settings(max_examples=tries(300, 4), deadline=None)
@given(data=st.data())
def test_no_form_breaks_a_limit_of_slack(data: st.DataObject) -> None:
    written, accounts = data.draw(everything())
    able = chosen(written, *accounts)
    wrong = list(problems(pairs([one for one in able if one.unsuited is None]), written))
    shown = FirstForm(
        role=Role.OWNER, metadata=METADATA, may_attach=True, problems=wrong, alerts=["x" * 400] * 10
    )

    first = form(able, written, shown)
    found = [one for one in able if one.unsuited is None]
    second = pages(found, written, SecondForm(metadata=METADATA, may_attach=True, problems=wrong))

    for view in (first, *second):
        assert view_faults(view) == []
        assert len(json.dumps(view)) < VIEW_BYTES
        assert len(view["blocks"]) <= 100
    every = [name for page in second for name in names(page)]
    assert len(every) == len(set(every))


@st.composite
def everything(draw: st.DrawFn) -> tuple[Written, list[Any]]:
    """Return a post with a hundred accounts of long names, and anything in its fields."""
    many = draw(st.sampled_from([1, 7, 100]))
    platforms = draw(st.sampled_from([PLATFORMS, *[(one,) for one in PLATFORMS]]))
    name = draw(st.sampled_from(["Mugs", "M" * 300, "🎉" * 90, "*<!channel>* `x`", "\u202eeman"]))
    accounts = [account(platforms[n % len(platforms)], n, name=name) for n in range(many)]
    long = draw(st.sampled_from(["", "Mugs", "x" * 3001, "y" * 63_206, "🎉" * 3000]))
    media = draw(
        st.sampled_from(
            [
                (),
                (video(),),
                (video(width=1080, height=1080),),
                tuple(picture(f"p{n}", name) for n in range(20)),
                (replace(picture(), kind=MediaKind.DOCUMENT, type="application/pdf", name=name),),
            ]
        )
    )
    flairs = tuple(Choice(value=str(n), label=name) for n in range(draw(st.sampled_from([1, 100, 350]))))
    live = draw(
        st.sampled_from(
            [None, LEVELS, Live(choices={"flair": flairs}), Live(refuses="BANNED_FROM_SUBREDDIT")]
        )
    )
    details = Details(
        title=long,
        places=tuple(ChosenPlace(id=f"p{n}", name=name, live=live) for n in range(draw(st.integers(0, 3)))),
        options={"collaborators": (long,), "tags": (long,) * 3, "commercial": True, "branded_content": True},
        own_text=draw(st.sampled_from([None, long])),
        thread=(ThreadPart(text=long, files=("p1",)),) * draw(st.sampled_from([0, 3, 40])),
        cover=draw(st.sampled_from([None, picture("cover", name)])),
        live=live,
    )
    extras = tuple(draw(st.sets(st.sampled_from(list(Extra)))))
    written = Written(
        text=long,
        media=media,
        extras=extras,
        link=long,
        first_comment=long,
        reel=draw(st.booleans()),
        accounts=tuple(one.account.id for one in accounts),
        details={one.account.id: details for one in accounts},
    )
    return written, accounts


@pytest.mark.parametrize("number", [0, 1])
def test_each_page_carries_its_number(number: int) -> None:
    found = chosen(Written(media=(video(),)), *(account("tiktok", n) for n in range(40)))

    assert drawn(found, Written(media=(video(),)))[number]["private_metadata"] == f"{METADATA}:{number}"
