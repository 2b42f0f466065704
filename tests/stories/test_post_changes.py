"""A post that was decided is edited, moved to another time, and written again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.member import text_of
from sandbox.slack.world import ADA
from storage.models import Delivery, DeliveryStatus, Draft, Post
from tests.counts import in_full
from tests.media import jpeg
from tests.stories.test_posts import page_owner, result, settled, written

if TYPE_CHECKING:
    from tests.application import Office


def at(days: int) -> int:
    """Return the time in so many days, as Slack sends it."""
    return int((datetime.now(UTC) + timedelta(days=days)).timestamp())


async def test_a_post_is_edited_in_the_form_it_was_written_in_with_everything_kept(office: Office) -> None:
    ada = await page_owner(office)
    picture = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg")
    described = await written(ada, "Fresh mugs today", accounts=2, files=[picture.id], when=at(1))
    await ada.submit(described, {"compose.alt": "Two blue mugs"})
    message = await result(ada, "Scheduled")

    await ada.press(message, "posts.edit")
    form = await ada.modal_with("compose.accounts")
    shown = text_of(form) + str(form.blocks)
    described = await ada.submit(form, {"compose.text": "Fresh cups today", "compose.when": at(0)})
    alt_text = str(described.blocks)
    await ada.submit(described)
    await settled(office)

    assert "Fresh mugs today" in shown
    assert "mugs.jpg" in shown
    assert "Two blue mugs" in alt_text
    published = office.world.platforms["facebook"].timeline.posts()
    assert [(one.text, len(one.media)) for one in published] == [("Fresh cups today", 1)] * 2
    assert await office.count(Post) == 1
    assert await office.rows(Draft) == []


@in_full
async def test_an_account_that_is_taken_out_of_a_post_gets_nothing(office: Office) -> None:
    ada = await page_owner(office)
    await written(ada, "Fresh mugs today", accounts=2, when=at(1))
    message = await result(ada, "Scheduled")

    await ada.press(message, "posts.edit")
    form = await ada.modal_with("compose.accounts")
    found = next(block["element"] for block in form.blocks if block.get("block_id") == "accounts")
    chosen = [found["options"][0]["value"]]
    await ada.submit(form, {"compose.accounts": chosen, "compose.when": at(0)})
    await settled(office)

    published = office.world.platforms["facebook"].timeline.posts()
    assert [one.text for one in published] == ["Fresh mugs today"]
    states = sorted(row.status for row in await office.rows(Delivery))
    assert states == [DeliveryStatus.CANCELLED, DeliveryStatus.SENT]


@in_full
async def test_an_edit_that_comes_after_the_post_went_out_is_refused_and_keeps_what_was_typed(
    office: Office,
) -> None:
    ada = await page_owner(office)
    await written(ada, "Fresh mugs today", when=at(1))
    message = await result(ada, "Scheduled")
    await ada.press(message, "posts.edit")
    form = await ada.modal_with("compose.accounts")

    await ada.press(message, "posts.publish")
    await settled(office)
    refused = await ada.submit(form, {"compose.text": "Fresh cups today"})

    assert "Someone changed this post while you were editing it" in text_of(refused)
    assert "Fresh cups today" in str(refused.blocks)
    published = office.world.platforms["facebook"].timeline.posts()
    assert [one.text for one in published] == ["Fresh mugs today"]


async def test_a_post_gets_another_time(office: Office) -> None:
    ada = await page_owner(office)
    await written(ada, "Fresh mugs today", accounts=2, when=at(1))
    message = await result(ada, "Scheduled")

    await ada.press(message, "posts.reschedule")
    form = await ada.modal_with("posts.when")
    refused = str((await ada.submit(form, {"posts.when": at(-1)})).errors)
    moved = await ada.submit(form, {"posts.when": at(3)})

    assert "That time has passed" in refused
    assert "It now goes out" in text_of(moved)
    rows = await office.rows(Delivery)
    assert len(rows) == 2
    assert all(datetime.now(UTC) + timedelta(days=2) < row.due_at for row in rows)


async def test_a_duplicate_says_the_same_and_goes_out_on_its_own(office: Office) -> None:
    ada = await page_owner(office)
    await written(ada, "Fresh mugs today")
    message = await result(ada, "✅ Live")

    await ada.press(message, "posts.duplicate")
    form = await ada.modal_with("compose.accounts")
    shown = str(form.blocks)
    await ada.submit(form, {"compose.text": "Fresh cups today"})
    await settled(office)

    assert "Fresh mugs today" in shown
    published = office.world.platforms["facebook"].timeline.posts()
    assert {one.text for one in published} == {"Fresh mugs today", "Fresh cups today"}
    assert await office.count(Post) == 2


async def test_several_posts_are_cancelled_at_once_and_what_could_not_be_is_named(office: Office) -> None:
    ada = await page_owner(office)
    for days, text in enumerate(("Fresh mugs today", "Fresh cups today"), start=1):
        await written(ada, text, when=at(days))
        await result(ada, text)
    listed = await ada.command("posts")

    await ada.press(listed, "posts.several")
    form = await ada.modal_with("posts.chosen")
    boxes = next(block["element"] for block in form.blocks if block.get("block_id") == "posts")
    chosen = [option["value"] for option in boxes["options"]]
    await ada.press(listed, "posts.cancel")
    done = text_of(await ada.submit(form, {"posts.chosen": chosen, "posts.what": "cancel"}))

    assert "1 of 2 posts cancelled" in done
    assert "Fresh" in done
    assert [row.status for row in await office.rows(Delivery)] == [DeliveryStatus.CANCELLED] * 2
