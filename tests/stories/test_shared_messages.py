"""A message in Slack is published, and whoever wrote it can object."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.member import text_of
from sandbox.slack.world import ADA, OTTO
from storage.models import Delivery, DeliveryStatus, Draft
from tests.counts import in_full
from tests.media import jpeg
from tests.stories.test_posts import page_owner, result, settled

if TYPE_CHECKING:
    from sandbox.member import Member
    from sandbox.slack.state import Message, View
    from tests.application import Office

SHORTCUT = "octapost_publish_message"


async def chosen(office: Office, member: Member, message: Message) -> View:
    """Choose "Publish this message", and return the form."""
    await office.slack.shortcut(member.user_id, SHORTCUT, message=message)
    return await member.modal_with("compose.accounts")


async def publish(member: Member, view: View, *, agreed: bool = False) -> View:
    """Submit the form for the first account, with the box ticked if there is one."""
    found = next(block["element"] for block in view.blocks if block.get("block_id") == "accounts")
    values: dict[str, object] = {"compose.accounts": [found["options"][0]["value"]]}
    return await member.submit(view, values | ({"compose.agreed": ["yes"]} if agreed else {}))


async def colleague(office: Office, ada: Member) -> Member:
    """Give Otto as a member of Ada's organization."""
    otto = await office.person(OTTO)
    await ada.command("org invite <@U0OTTO|otto>")
    await otto.accept()
    return otto


async def told(otto: Member, words: str) -> Message:
    """Return Otto's direct message that says this, as soon as it arrives."""
    return await otto.slack.until(
        lambda: next((one for one in otto.direct_messages() if words in text_of(one)), None)
    )


async def test_ones_own_message_goes_out_with_its_picture(office: Office) -> None:
    ada = await page_owner(office)
    picture = office.slack.upload(ADA, "mugs.jpg", jpeg(), "image/jpeg", alt_txt="Six mugs")
    message = await office.slack.say(
        ADA, ada.channel_id, "*Fresh* mugs &amp; cups :tada:", files=[picture.id]
    )

    view = await chosen(office, ada, message)
    assert "mugs.jpg" in text_of(view)
    assert "compose.agreed" not in str(view.blocks)
    described = await publish(ada, view)
    await ada.submit(described)
    await settled(office)

    [post] = office.world.platforms["facebook"].timeline.posts()
    assert (post.text, [one.alt_text for one in post.media]) == ("Fresh mugs & cups 🎉", ["Six mugs"])


async def test_whoever_wrote_it_is_told_and_stops_it_until_an_admin_decides(office: Office) -> None:
    ada = await page_owner(office)
    otto = await colleague(office, ada)
    message = await office.slack.say(OTTO, ada.channel_id, "We sold 100 mugs")

    view = await chosen(office, ada, message)
    assert "<@U0OTTO> wrote this message" in text_of(view)
    await publish(ada, view, agreed=True)
    asked = await told(otto, "is publishing your message for Acme")
    [row] = await office.rows(Delivery)
    assert row.due_at >= datetime.now(UTC) + timedelta(minutes=4)

    await otto.press(asked, "post.object")
    await told(otto, "You objected")
    stopped = await result(ada, "asked not to publish it")
    [row] = await office.rows(Delivery)
    assert (row.status, office.world.platforms["facebook"].timeline.posts()) == (DeliveryStatus.OBJECTED, [])

    await ada.press(stopped, "post.publish")
    await result(ada, "✅ Live")
    assert [one.text for one in office.world.platforms["facebook"].timeline.posts()] == ["We sold 100 mugs"]


@in_full
async def test_a_message_of_a_private_channel_needs_a_yes_and_its_place_stays_unnamed(office: Office) -> None:
    ada = await page_owner(office)
    message = await office.slack.say(ADA, "C0ACMEPRI", "We sold 100 mugs")

    view = await chosen(office, ada, message)
    refused = await publish(ada, view)
    assert "private conversation" in text_of(view)
    assert "agreed" in refused.errors

    await publish(ada, refused, agreed=True)
    await told(ada, "✅ Live")
    await settled(office)
    [post] = await office.rows(Delivery)
    assert post.status == DeliveryStatus.SENT
    assert "leadership" not in str([one.blocks for one in ada.direct_messages()])


@in_full
async def test_the_words_of_somebody_who_cannot_be_told_are_published_only_knowingly(office: Office) -> None:
    ada = await page_owner(office)
    message = await office.slack.say(OTTO, ada.channel_id, "We sold 100 mugs")

    view = await chosen(office, ada, message)

    assert "I can't tell whoever wrote it" in text_of(view)
    assert "compose.agreed" in str(view.blocks)


@in_full
async def test_what_the_message_said_is_kept_if_the_form_is_closed(office: Office) -> None:
    ada = await page_owner(office)
    message = await office.slack.say(ADA, ada.channel_id, "We sold 100 mugs")

    await ada.close(await chosen(office, ada, message))
    await office.slack.shortcut(ADA, "octapost_compose")
    view = await ada.modal_with("We sold 100 mugs")

    assert len(await office.rows(Draft)) == 1
    assert "compose.accounts" in str(view.blocks)
