"""The composer's forms: what single platforms need is asked, counted and kept, and arrives there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.core import Fault
from sandbox.member import text_of
from sandbox.slack.world import ADA
from storage.models import Delivery, Draft
from tests.counts import in_full, sampled
from tests.media import jpeg
from tests.stories.test_posts import drafted, settled

if TYPE_CHECKING:
    from sandbox.member import Member
    from sandbox.slack.state import View
    from tests.application import Office


def element(view: View, block_id: str) -> dict[str, Any]:
    """Return the input of a block."""
    return next(block["element"] for block in view.blocks if block.get("block_id") == block_id)


def blocks(view: View, name: str) -> list[str]:
    """Return the ids of the inputs for a field, one for each account or part."""
    ids = [str(block.get("block_id")) for block in view.blocks]
    return [one for one in ids if one.partition(":")[0] == name]


async def begun(ada: Member, text: str, *, extras: tuple[str, ...] = ()) -> View:
    """Return the form with a text, its first account chosen, and what else was ticked."""
    view = await ada.modal_by(f"post {text}")
    account = element(view, "accounts")["options"][0]["value"]
    await ada.press(view, "compose.accounts", [account])
    view = await ada.modal_with("compose.extras")
    if extras:
        await ada.press(view, "compose.extras", list(extras))
    return await ada.modal_with("compose.extras")


async def test_a_thread_on_x_is_written_part_by_part(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("x")
    mug = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg")

    first = await begun(ada, "Fresh mugs today", extras=("thread", "comment"))
    counted = text_of(first)
    second = await ada.submit(first, {"compose.files": [mug.id], "compose.comment": "Open until six"})
    [part] = blocks(second, "part")
    await ada.press(second, "compose.part", "And blue ones")
    await ada.press(second, "compose.more_parts")
    second = await ada.modal_with("Part 3")
    second.values[part.replace("part:", "part_files:")]["compose.part_files"]["selected_options"] = element(
        second, part.replace("part:", "part_files:")
    )["options"]
    shown = await ada.submit(second, {blocks(second, "part")[1]: {"compose.part": "Come and see"}})
    await settled(office)

    assert "X, 1 part: 16 of 280" in counted
    assert "on its way to 1 account" in text_of(shown)
    posts = office.x.timeline.posts()
    assert [(post.text, len(post.media)) for post in posts] == [
        ("Fresh mugs today", 0),
        ("And blue ones", 1),
        ("Come and see", 0),
        ("Open until six", 0),
    ]


@pytest.mark.unrecorded("the address of a post on Reddit is different each time")
async def test_a_subreddit_is_asked_for_its_flair_and_gets_it(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("reddit")

    second = await ada.submit(await begun(ada, "A story about mugs"))
    most = element(second, blocks(second, "place")[0])["max_selected_items"]
    found = await ada.slack.suggest(ADA, second, "compose.place", "octastories")
    await ada.press(second, "compose.place", [one["value"] for one in found[:1]])
    second = await ada.modal_with("Flair in r/OctaStories")
    [flair] = blocks(second, "flair")
    fiction = element(second, flair)["options"][0]
    shown = await ada.submit(
        second, {"compose.title": "The mug", flair: {"compose.option": fiction["value"]}}
    )
    await settled(office)

    [post] = office.world.platforms["reddit"].timeline.posts()
    assert most == 3
    assert fiction["text"]["text"] == "Fiction"
    assert "on its way to 1 account" in text_of(shown)
    assert (post.title, post.place, post.options) == ("The mug", "r/OctaStories", {"Flair": "Fiction"})


@in_full
async def test_tiktok_that_does_not_answer_is_asked_again_and_nothing_is_chosen_beforehand(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.connect("tiktok")
    mug = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg")
    silent = Fault(path="/creator_info/query/$", method="POST", status=503, times=1)
    office.world.platforms["tiktok"].faults.append(silent)

    second = await ada.submit(await begun(ada, "Fresh mugs today"), {"compose.files": [mug.id]})
    said = text_of(second)
    await ada.press(second, "compose.ask")
    second = await ada.modal_with("Who can see this post")
    [privacy] = blocks(second, "privacy")
    levels = element(second, privacy)
    refused = await ada.submit(second)
    errors = refused.errors
    await ada.submit(
        refused,
        {
            privacy: {"compose.option": "SELF_ONLY"},
            blocks(second, "music_confirmation")[0]: {"compose.option": ["yes"]},
        },
    )

    [delivery] = await office.rows(Delivery)
    assert "TikTok isn't answering" in said
    assert "initial_option" not in levels
    assert {name.partition(":")[0] for name in errors} == {"privacy", "music_confirmation"}
    assert delivery.content["options"]["privacy"] == "SELF_ONLY"
    assert delivery.content["options"]["music_confirmation"] is True
    assert delivery.content["options"]["commercial"] is False


@in_full
async def test_a_link_on_linkedin_has_a_title_and_a_picture_and_a_long_text_arrives_whole(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.connect("linkedin", app="linkedin")
    mug = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg")
    text = "Mugs. " * 200

    first = await begun(ada, text.strip(), extras=("link", "longer"))
    second = await ada.submit(
        first,
        {"compose.link": "https://example.com/mugs", "text:1": {"compose.text": "And that is that."}},
    )
    shown = await ada.submit(second, {"compose.title": "All our mugs", "compose.cover": [mug.id]})
    await settled(office)

    [post] = office.world.platforms["linkedin"].timeline.posts()
    assert "on its way to 1 account" in text_of(shown)
    assert (post.link, post.title) == ("https://example.com/mugs", "All our mugs")
    assert post.text == f"{text.strip()}\n\nAnd that is that."


async def test_texts_are_counted_when_something_else_is_pressed_and_never_while_one_types(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.connect("x")
    first = await begun(ada, "Mugs")
    before = text_of(first)

    await ada.press(first, "compose.text", "See https://example.com/a/very/long/address")
    await drafted(office)
    typed = text_of(await ada.modal_with("compose.extras"))
    await ada.press(first, "compose.when", None)
    counted = text_of(await ada.modal_with("with this link"))

    assert "X: 4 of 280" in before
    assert "X: 4 of 280" in typed
    assert "X: 27 of 280" in counted
    assert "X charges $0.20 with this link, $0.015 without." in counted


@pytest.mark.parametrize("told", sampled(["state", "bare", "nothing"], 3, 2))
async def test_closing_a_form_loses_nothing_whatever_slack_says_of_it(office: Office, told: str) -> None:
    ada = await office.installed()
    await ada.connect("x")
    office.slack.settings["view_closed"] = told
    first = await begun(ada, "Fresh mugs", extras=("thread",))
    second = await ada.submit(first)
    await ada.press(second, "compose.part", "And blue ones")
    await ada.close(second)
    drafts = await ada.command("posts drafts")
    await ada.press(drafts, "compose.continue")
    again = await ada.modal_with("compose.accounts")
    page = await ada.submit(again)

    [draft] = await office.rows(Draft)
    assert draft.written["text"] == "Fresh mugs"
    assert "Fresh mugs" in str(again.blocks)
    assert "And blue ones" in str(page.blocks)


@pytest.mark.parametrize(
    "told", [pytest.param("state", marks=in_full), pytest.param("bare", marks=in_full), "nothing"]
)
async def test_a_text_typed_after_the_command_is_a_draft_even_if_the_form_is_closed_untouched(
    office: Office, told: str
) -> None:
    ada = await office.installed()
    await ada.connect("x")
    office.slack.settings["view_closed"] = told

    await ada.close(await ada.modal_by("post Fresh mugs today"))
    await ada.close(await ada.modal_by("post Fresh mugs today"))
    home = await office.slack.open_home(ADA)
    assert home is not None
    await ada.press(home, "compose.start")
    again = await ada.modal_with("compose.accounts")

    [draft] = await office.rows(Draft)
    assert draft.written["text"] == "Fresh mugs today"
    assert "Fresh mugs today" in str(again.blocks)
