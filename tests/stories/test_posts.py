"""A post is written in Slack, goes out once, and people see what became of it."""

from __future__ import annotations

import asyncio
import copy
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from sqlmodel import col, select, update

from sandbox.browser import Consent
from sandbox.core import Fault
from sandbox.member import text_of
from sandbox.slack.world import ADA
from storage.engine.statements import now
from storage.models import Delivery, Draft, Notice, Post
from tests.counts import in_full
from tests.media import jpeg, mp4, pdf, png
from tests.patience import PATIENCE_S
from tests.uploads import UploadPage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.member import Member
    from sandbox.slack.state import Message, View
    from tests.application import Office


async def page_owner(office: Office) -> Member:
    """Give Ada with two Facebook Pages connected, in a channel that has the app."""
    ada = await office.installed()
    await office.slack.invite(ada.channel_id)
    await ada.connect("facebook", choose=2)
    return ada


async def written(
    ada: Member, text: str, accounts: int = 1, *, files: Sequence[str] = (), when: int | None = None
) -> View:
    """Write a post in the composer for the first accounts, and return what is shown after it."""
    view = await ada.modal_by(f"post {text}")
    found = next(block["element"] for block in view.blocks if block.get("block_id") == "accounts")
    chosen = [one["value"] for one in found["options"][:accounts]]
    return await ada.submit(
        view, {"compose.accounts": chosen, "compose.files": list(files), "compose.when": when}
    )


def _first_account(form: View) -> str:
    found = next(block["element"] for block in form.blocks if block.get("block_id") == "accounts")
    return str(found["options"][0]["value"])


async def settled(
    office: Office, *, but: tuple[str, ...] = ("scheduled", "preparing", "ready", "sending")
) -> None:
    """Return when no delivery is on its way, and everybody has read what became of them."""
    on_their_way = select(Delivery.id).where(col(Delivery.status).in_(but))
    unsaid = select(Notice.key).where(col(Notice.due_at) <= now(timedelta(minutes=1)))
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with office.database.system(write=False) as session:
                left = [*await session.exec(on_their_way), *await session.exec(unsaid)]
            if not left:
                return
            await asyncio.sleep(0.05)


async def result(ada: Member, words: str) -> Message:
    """Return the message about the post in the channel where it was written, as soon as it says this."""

    def found() -> Message | None:
        messages = ada.slack.messages(ada.channel_id, ada.user_id)
        return next((one for one in messages if words in text_of(one)), None)

    return await ada.slack.until(found)


async def test_a_post_goes_out_to_two_pages_and_the_channel_hears_it(office: Office) -> None:
    ada = await page_owner(office)

    shown = await written(ada, "Fresh mugs today", accounts=2)
    await settled(office)

    published = office.world.platforms["facebook"].timeline.posts()
    assert "on its way to 2 accounts" in text_of(shown)
    assert [post.text for post in published] == ["Fresh mugs today"] * 2
    message = await result(ada, "Live on 2 accounts")
    assert "Fresh mugs today" in text_of(message)


@in_full
async def test_a_form_that_is_submitted_twice_publishes_once(office: Office) -> None:
    ada = await page_owner(office)
    view = await ada.modal_by("post Fresh mugs today")
    found = next(block["element"] for block in view.blocks if block.get("block_id") == "accounts")
    chosen = {"compose.accounts": [found["options"][0]["value"]]}

    second_tab = copy.deepcopy(view)
    await ada.submit(view, chosen)
    await ada.submit(second_tab, chosen)
    await result(ada, "✅ Live")

    await settled(office)

    assert await office.count(Post) == 1
    assert await office.rows(Draft) == []
    assert [post.text for post in office.world.platforms["facebook"].timeline.posts()] == ["Fresh mugs today"]


@in_full
async def test_an_answer_that_gets_lost_leaves_one_post_and_one_link(office: Office) -> None:
    ada = await page_owner(office)
    facebook = office.world.platforms["facebook"]
    facebook.faults.append(Fault(path="/feed$", method="POST", lose_answer=True, times=1))

    await written(ada, "Fresh mugs today")
    await result(ada, "didn't confirm")
    await hurry(office)
    await settled(office, but=("unknown",))

    assert [post.text for post in facebook.timeline.posts()] == ["Fresh mugs today"]
    await result(ada, "✅ Live")


async def test_a_refusal_says_why_and_can_be_tried_again(office: Office) -> None:
    ada = await page_owner(office)
    facebook = office.world.platforms["facebook"]
    refusal = {"error": {"code": 368, "message": "blocked", "type": "OAuthException"}}
    facebook.faults.append(Fault(path="/feed$", method="POST", status=400, body=json.dumps(refusal), times=1))

    await written(ada, "Fresh mugs today")
    message = await result(ada, "blocked this Page from posting")
    await ada.press(message, "post.publish")
    message = await result(ada, "✅ Live")

    assert [post.text for post in facebook.timeline.posts()] == ["Fresh mugs today"]
    assert "post.publish" not in str(message.blocks)


async def test_a_post_for_later_waits_and_can_be_cancelled(office: Office) -> None:
    ada = await page_owner(office)
    tomorrow = int((datetime.now(UTC) + timedelta(days=1)).timestamp())

    shown = await written(ada, "Fresh mugs today", when=tomorrow)
    message = await result(ada, "Scheduled")
    await ada.press(message, "post.cancel")
    await result(ada, "Cancelled")

    assert "It goes out to 1 account" in text_of(shown)
    assert office.world.platforms["facebook"].timeline.posts() == []


@in_full
async def test_what_was_typed_is_there_again_after_the_form_was_closed(office: Office) -> None:
    ada = await page_owner(office)
    view = await ada.modal_by("post")

    await ada.press(view, "compose.text", "Half a sentence")
    await drafted(office)
    await ada.close(view)
    await office.slack.shortcut(ADA, "octapost_compose")
    view = await ada.modal_with("compose.accounts")

    assert "Half a sentence" in str(view.blocks)


async def drafted(office: Office) -> None:
    """Return when there is a draft."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await office.rows(Draft):
                return
            await asyncio.sleep(0.05)


async def hurry(office: Office) -> None:
    """Let the time of every delivery's next work come."""
    async with office.database.system() as session:
        soon = update(Delivery).where(col(Delivery.work_at).is_not(None)).values(work_at=now())
        await session.exec(soon, execution_options={"synchronize_session": False})


@in_full
async def test_the_form_says_which_accounts_cannot_take_a_text(office: Office) -> None:
    ada = await page_owner(office)
    await ada.connect("youtube")

    view = await ada.modal_by("post")

    assert "YouTube" in text_of(view)


@in_full
async def test_a_channel_without_the_app_gets_nothing_and_the_author_a_message(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("facebook", choose=1)
    seen = len(ada.direct_messages())

    await written(ada, "Fresh mugs today")

    message = await ada.next_message(seen)
    assert "Fresh mugs today" in text_of(message)
    assert len(office.world.platforms["facebook"].timeline.posts()) <= 1


async def test_a_picture_attached_in_the_form_arrives_as_it_is(office: Office) -> None:
    ada = await page_owner(office)
    picture = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg")

    described = await written(ada, "Fresh mugs today", files=[picture.id])
    shown = await ada.submit(described, {"compose.alt": "Two blue mugs"})
    await settled(office)

    [post] = office.world.platforms["facebook"].timeline.posts()
    assert "on its way to 1 account" in text_of(shown)
    assert (post.text, [one.file.content for one in post.media]) == ("Fresh mugs today", [jpeg()])


async def test_a_picture_that_a_platform_does_not_take_is_converted_and_the_form_says_so(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.connect("instagram", Consent(person="ana"))
    picture = office.slack.upload(ADA, "mugs.png", png(), "image/png")

    described = await written(ada, "Fresh mugs today", files=[picture.id])
    said = text_of(described)
    await ada.submit(described)
    await settled(office)

    [post] = office.world.platforms["instagram"].timeline.posts()
    [shown] = post.media
    assert "mugs.png will be converted: PNG to JPEG." in said
    assert shown.type == "image/jpeg"


@in_full
async def test_a_file_that_is_not_taken_leaves_everything_else_in_the_form(office: Office) -> None:
    ada = await page_owner(office)
    good = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg")
    wrong = office.slack.upload(ADA, "cups.jpg", png(), "image/jpeg")

    again = await written(ada, "Fresh mugs today", files=[good.id, wrong.id])
    said = text_of(again)
    described = await ada.submit(again)
    shown = await ada.submit(described)
    await settled(office)

    assert "cups.jpg is really a PNG" in said
    assert "mugs.jpg" in said
    assert "on its way to 1 account" in text_of(shown)
    [post] = office.world.platforms["facebook"].timeline.posts()
    assert (post.text, [one.file.content for one in post.media]) == ("Fresh mugs today", [jpeg()])


@in_full
async def test_files_an_account_does_not_take_are_said_beside_it(office: Office) -> None:
    ada = await page_owner(office)
    paper = office.slack.upload(ADA, "prices.pdf", pdf(), "application/pdf")

    again = await written(ada, "Fresh mugs today", files=[paper.id])

    assert "doesn't take these files in one post" in text_of(again)
    assert "prices.pdf" in text_of(again)


@in_full
async def test_two_pictures_become_one_post_in_their_order(office: Office) -> None:
    ada = await page_owner(office)
    pictures = [
        office.slack.upload(ADA, f"{width}.jpg", jpeg(width), "image/jpeg", alt_txt=f"{width} wide")
        for width in (640, 800)
    ]

    described = await written(ada, "Fresh mugs today", files=[one.id for one in pictures])
    said = text_of(described) + str(described.blocks)
    await ada.submit(described)
    await settled(office)

    [post] = office.world.platforms["facebook"].timeline.posts()
    assert "800 wide" in said
    assert [one.file.content for one in post.media] == [jpeg(640), jpeg(800)]


@in_full
async def test_a_video_arrives_as_it_is(office: Office) -> None:
    ada = await page_owner(office)
    clip = office.slack.upload(ADA, "mugs.mp4", mp4(), "video/mp4")

    asked = await written(ada, "Fresh mugs today", files=[clip.id])
    said = text_of(asked)
    await ada.submit(asked)
    await settled(office)

    assert "Reel or Short" in said
    [post] = office.world.platforms["facebook"].timeline.posts()
    assert [one.file.content for one in post.media] == [mp4()]


@in_full
async def test_a_text_that_a_platform_finds_too_long_can_be_shortened_where_it_says_so(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.connect("x")

    asked = await written(ada, "Fresh mugs today. " * 20)
    told = text_of(asked)
    shown = await ada.submit(asked, {"compose.text": "Fresh mugs today"})
    await settled(office)

    assert "too long: X takes 280" in told
    assert "on its way to 1 account" in text_of(shown)
    assert [post.text for post in office.world.platforms["x"].timeline.posts()] == ["Fresh mugs today"]


@in_full
async def test_a_time_that_has_passed_is_refused_in_the_form_that_asked_for_it(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("x")
    view = await ada.modal_by("post Fresh mugs today")
    found = next(block["element"] for block in view.blocks if block.get("block_id") == "accounts")
    yesterday = int((datetime.now(UTC) - timedelta(days=1)).timestamp())

    refused = await ada.submit(
        view, {"compose.accounts": [found["options"][0]["value"]], "compose.when": yesterday}
    )

    assert "That time has passed" in str(refused.errors)


async def test_the_list_of_posts_cancels_one_and_a_draft_goes_on_where_it_was_left(office: Office) -> None:
    ada = await page_owner(office)
    tomorrow = int((datetime.now(UTC) + timedelta(days=1)).timestamp())
    await written(ada, "Fresh mugs today", accounts=2, when=tomorrow)
    view = await ada.modal_by("post")
    await ada.press(view, "compose.text", "Half a sentence")
    await drafted(office)
    await ada.close(view)

    listed = await ada.command("posts")
    before = text_of(listed)
    await ada.press(listed, "posts.cancel")
    await result(ada, "Cancelled")
    drafts = await ada.command("posts drafts")
    await ada.press(drafts, "compose.continue")
    view = await ada.modal_with("compose.accounts")
    await ada.close(view)
    await ada.press(drafts, "compose.discard")

    assert "Scheduled" in before
    assert "Fresh mugs today" in before
    assert "Nothing is scheduled" in text_of(listed)
    assert "Half a sentence" in str(view.blocks)
    assert "You have no drafts" in text_of(await ada.command("posts drafts"))
    assert "Choose one of drafts" in text_of(await ada.command("posts everything"))
    assert await office.rows(Draft) == []


async def test_a_large_file_comes_through_the_upload_page(office: Office) -> None:
    ada = await page_owner(office)
    form = await ada.modal_by("post Fresh mugs today")
    await ada.press(form, "compose.upload")
    asked = await ada.modal_with("compose.upload_page")
    url = next(one["url"] for block in asked.blocks for one in block.get("elements", ()) if "url" in one)
    await office.slack.close(ADA, asked)

    async with office.browser() as browser:
        await office.sign_in(browser, httpx.URL(url).path)
        page = UploadPage(browser=browser, path=httpx.URL(url).path)
        file = await page.announced(len(mp4()))
        await page.send(file, 0, mp4()[:-1])
        early = await ada.submit(form, {"compose.accounts": [_first_account(form)]})
        said = text_of(early)
        await page.send(file, len(mp4()) - 1, mp4()[-1:])
        await page.checked()
    details = await ada.submit(early)
    await ada.submit(details)
    await settled(office)

    assert "clip.mp4 is still being uploaded" in said
    [post] = office.world.platforms["facebook"].timeline.posts()
    assert [one.file.content for one in post.media] == [mp4()]
