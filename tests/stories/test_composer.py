"""The composer's forms: what single platforms need is asked, counted and kept, and arrives there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sandbox.core import Fault
from sandbox.member import text_of
from sandbox.slack.world import ADA
from storage.alert_settings import Alerts
from storage.models import Delivery, Draft, DraftLink, Organization
from tests.counts import in_full, sampled
from tests.media import jpeg
from tests.stories.test_posts import drafted, settled
from tests.uploads import UploadPage

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


def link_of(view: View) -> str:
    """Return the address behind the button of a modal."""
    return str(next(one["url"] for block in view.blocks for one in block.get("elements", ()) if "url" in one))


async def choose(browser: httpx.AsyncClient, path: str, page: str, **chosen: str) -> str:
    """Save settings on their page, and return what it says then."""
    token = page.split('name="form" value="')[1].split('"', maxsplit=1)[0]
    answer = await browser.post(f"{path}/settings", data={"form": token, **chosen})
    assert answer.status_code == 200
    return answer.text


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


async def test_settings_chosen_in_the_browser_are_in_the_form_and_in_the_post(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("tiktok")
    mug = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg")
    second = await ada.submit(await begun(ada, "Fresh mugs today"), {"compose.files": [mug.id]})
    await ada.press(second, "compose.settings")
    path = httpx.URL(link_of(await ada.modal_with("compose.settings_page"))).path
    await office.slack.close(ADA, await ada.modal_with("compose.settings_page"))

    async with office.browser() as browser:
        await office.sign_in(browser, path)
        page = (await browser.get(path)).text
        missing = await choose(browser, path, page, privacy="PUBLIC_TO_EVERYONE")
        both = await choose(
            browser, path, page, privacy="SELF_ONLY", commercial="yes", branded_content="yes", duet="yes"
        )
        saved = await choose(browser, path, page, privacy="SELF_ONLY", music_confirmation="yes")
        picture = await browser.get(f"{path}/files/0")
    drawn = await ada.modal_with("Only me")
    chosen = element(drawn, blocks(drawn, "privacy")[0])["initial_option"]["value"]
    shown = await ada.submit(drawn)

    assert "Octa Demo" in page
    assert "checked" not in page
    assert "Fresh mugs today" in page
    assert "Saved, but before the post can go out" in missing
    assert "Music Usage Confirmation" in missing
    assert "Who can see this post" in both.split("What goes out")[0]
    assert "<strong>Saved.</strong> Go back" in saved
    assert picture.content == jpeg()
    assert chosen == "SELF_ONLY"
    assert "on its way to 1 account" in text_of(shown)
    [delivery] = await office.rows(Delivery)
    assert delivery.content["options"]["privacy"] == "SELF_ONLY"
    assert delivery.content["options"]["music_confirmation"] is True


@in_full
async def test_a_form_from_before_the_browser_publishes_nothing_unseen(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("tiktok")
    mug = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg")
    second = await ada.submit(await begun(ada, "Fresh mugs today"), {"compose.files": [mug.id]})
    await ada.press(second, "compose.settings")
    path = httpx.URL(link_of(await ada.modal_with("compose.settings_page"))).path
    await office.slack.close(ADA, await ada.modal_with("compose.settings_page"))
    office.slack.faults.append(Fault(path="/views.update$", method="POST", status=503, times=1))

    async with office.browser() as browser:
        await office.sign_in(browser, path)
        page = (await browser.get(path)).text
        await choose(browser, path, page, privacy="SELF_ONLY", music_confirmation="yes")
    again = await ada.submit(
        second,
        {
            blocks(second, "privacy")[0]: {"compose.option": "PUBLIC_TO_EVERYONE"},
            blocks(second, "music_confirmation")[0]: {"compose.option": ["yes"]},
        },
    )

    assert "What you chose in the browser is in the form now" in text_of(again)
    assert element(again, blocks(again, "privacy")[0])["initial_option"]["value"] == "SELF_ONLY"
    assert await office.rows(Delivery) == []


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


async def test_a_time_that_the_clocks_skip_is_said_with_the_organizations_clock_beside_it(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.connect("x")
    [organization] = await office.rows(Organization)
    async with office.database.system() as session:
        await Alerts(session).save(organization.id, timezone="America/New_York")
    first = await begun(ada, "Mugs")

    await ada.press(first, "compose.when", int(datetime(2027, 3, 28, 1, 30, tzinfo=UTC).timestamp()))
    said = text_of(await ada.modal_with("doesn't exist"))

    assert "02:30 doesn't exist on 28 March, because the clocks go forward: it goes out at 03:30." in said
    assert "In your organization's time zone (America/New_York) that is Saturday, 27 March, 21:30." in said


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


async def test_a_file_from_the_upload_page_appears_in_the_open_form_and_nothing_typed_is_lost(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.connect("facebook", choose=1)
    first = await begun(ada, "Fresh mugs")
    await ada.press(first, "compose.upload")
    path = httpx.URL(link_of(await ada.modal_with("compose.upload_page"))).path
    await office.slack.close(ADA, await ada.modal_with("compose.upload_page"))
    await ada.press(first, "compose.text", "Fresh mugs, and blue ones")

    async with office.browser() as browser:
        await office.sign_in(browser, path)
        page = UploadPage(browser=browser, path=path)
        for name in ("one.jpg", "two.jpg"):
            await page.send(await page.announced(len(jpeg()), name), 0, jpeg())
        await page.checked()
    shown = await ada.modal_with("two.jpg")
    ticked = element(shown, blocks(shown, "kept")[0])
    attached = str(shown.blocks)
    await ada.press(shown, "compose.accounts", [element(shown, "accounts")["options"][0]["value"]])
    again = str((await ada.modal_with("compose.extras")).blocks)
    await ada.close(shown)

    assert "one.jpg" in attached
    assert "Fresh mugs, and blue ones" in attached
    assert ticked["options"] == ticked["initial_options"]
    assert "one.jpg" in again
    assert "two.jpg" in again
    links = await office.rows(DraftLink)
    assert [link.form["turn"] for link in links] == [0]


@in_full
async def test_a_file_arrives_in_the_second_form_too_and_a_closed_form_is_left_alone(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("facebook", choose=1)
    mug = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg")
    second = await ada.submit(await begun(ada, "Fresh mugs"), {"compose.files": [mug.id]})
    await ada.press(second, "compose.upload")
    path = httpx.URL(link_of(await ada.modal_with("compose.upload_page"))).path
    await office.slack.close(ADA, await ada.modal_with("compose.upload_page"))

    async with office.browser() as browser:
        await office.sign_in(browser, path)
        page = UploadPage(browser=browser, path=path)
        await page.send(await page.announced(len(jpeg()), "early.jpg"), 0, jpeg())
        shown = await ada.modal_with("What early.jpg shows")
        await ada.close(shown)
        await page.send(await page.announced(len(jpeg()), "late.jpg"), 0, jpeg())
        await page.checked()
        closed = office.slack.modal_of(ADA)
    await ada.press(await ada.command("posts drafts"), "compose.continue")

    assert closed is None
    assert "late.jpg" in str((await ada.modal_with("compose.accounts")).blocks)
