"""Publishing on the simulated Pages, with our adapter over real HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.base import (
    Accepted,
    Busy,
    Content,
    Expired,
    Finding,
    Format,
    Handles,
    Outcome,
    OutcomeUnknown,
    Presence,
    Receipt,
    Rejected,
    Step,
    StepKind,
    TokenRefused,
)
from adapters.facebook import PLATFORM
from adapters.facebook.publishing import FacebookPublisher
from sandbox.browser import PLAIN
from sandbox.platforms.meta.simulator import MetaSimulator
from tests.media import jpeg, mp4
from tests.publishing import Delivery
from tests.sandbox.platforms.meta_pages import BLUE_DOOR, HARBOR, delivery_of, measured

POST = Step(kind=StepKind.POST)
HELLO = Content(format=Format.TEXT, text="Hello")
CHUNK = 2000
"""Bytes, so that the clip takes three."""


@pytest.fixture
async def meta() -> AsyncIterator[MetaSimulator]:
    simulator = MetaSimulator()
    simulator.settings["chunk_bytes"] = CHUNK
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def publisher() -> AsyncIterator[FacebookPublisher]:
    async with httpx.AsyncClient(verify=PLAIN) as http:
        yield FacebookPublisher(http)


@pytest.fixture
def delivery(meta: MetaSimulator) -> Delivery:
    return delivery_of(meta, PLATFORM)


def content_of(format: Format, delivery: Delivery) -> Content:  # noqa: A002 - the field's name
    media = delivery.media
    match format:
        case Format.LINK:
            return Content(format=format, text="Read", link="https://example.com/a")
        case Format.IMAGE:
            return Content(format=format, text="One mug", media=(media.image(alt_text="A mug"),))
        case Format.CAROUSEL:
            pictures = (media.image(jpeg(640, 480)), media.picture(), media.image(alt_text="A mug"))
            return Content(format=format, text="Three mugs", media=pictures)
        case Format.VIDEO | Format.REEL:
            return Content(format=format, title="Mugs", text="Moving mugs", media=(media.video(),))
    return HELLO


async def settled(
    publisher: FacebookPublisher,
    meta: MetaSimulator,
    delivery: Delivery,
    content: Content,
    handles: Handles,
) -> Finding:
    """Look, and once more after the platform's own time."""
    outgoing, since = delivery.of(content), datetime.now(UTC)
    finding = await publisher.look(outgoing, handles, POST, since)
    if finding.outcome is Outcome.PROCESSING:
        meta.clock.offset_s += meta.settings["processing_s"]
        finding = await publisher.look(outgoing, handles, POST, since)
    return finding


@pytest.mark.parametrize("format", [*FacebookPublisher.facts.formats])
async def test_every_format_becomes_one_post_that_can_be_looked_at(
    meta: MetaSimulator,
    publisher: FacebookPublisher,
    delivery: Delivery,
    format: Format,  # noqa: A002
) -> None:
    content = content_of(format, delivery)

    prepared = await publisher.prepare(delivery.of(content), {})
    assert meta.timeline.posts() == []
    receipt = await publisher.send(delivery.of(content), prepared.handles, POST)
    finding = await settled(publisher, meta, delivery, content, prepared.handles)

    (post,) = meta.timeline.posts(BLUE_DOOR)
    assert (post.text, post.title, post.link) == (content.text, content.title, content.link)
    assert [one.file.sha256 for one in post.media] == [
        hashlib.sha256(delivery.media.files[one.key]).hexdigest() for one in content.media
    ]
    assert [one.alt_text for one in post.media] == [one.alt_text for one in content.media]
    assert finding.outcome is Outcome.LIVE
    assert finding.receipt is not None
    assert isinstance(receipt, Accepted) or finding.receipt == receipt
    async with httpx.AsyncClient(verify=PLAIN) as browser:
        page = await browser.get(finding.receipt.url)
        assert page.status_code == httpx.codes.OK
        assert content.text in page.text
        assert "on Facebook (sandbox)</title>" in page.text
        assert page.text.count("<img") + page.text.count("<video") == len(content.media)


async def test_a_chunk_whose_answer_was_lost_is_not_stored_twice(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.VIDEO, delivery)
    prepared = await publisher.prepare(delivery.of(content), {})
    first = delivery.kept[0]

    again = await publisher.prepare(delivery.of(content), first)

    assert again.handles == prepared.handles
    assert [video.file.size for video in meta.videos.values()] == [len(mp4())]


async def test_a_reel_that_was_cut_inside_of_its_body_is_continued(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.REEL, delivery)
    await publisher.prepare(delivery.of(content), {})
    (video,) = meta.videos.values()
    video.file = type(video.file)()
    video.file.add(mp4()[:1500])

    await publisher.prepare(delivery.of(content), delivery.kept[0])

    assert video.file.content == mp4()
    assert delivery.media.reads[-1] == (content.media[0].key, 1500, None)


async def test_the_same_text_again_is_a_duplicate_that_is_found(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery
) -> None:
    await publisher.send(delivery.of(HELLO), {}, POST)

    with pytest.raises(OutcomeUnknown, match="duplicate"):
        await publisher.send(delivery.of(HELLO), {}, POST)
    finding = await publisher.look(delivery.of(HELLO), {}, POST, datetime.now(UTC))

    assert finding.outcome is Outcome.LIVE
    assert len(meta.timeline.posts()) == 1


async def test_what_was_uploaded_a_day_ago_is_uploaded_again(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery
) -> None:
    video, reel = content_of(Format.VIDEO, delivery), content_of(Format.REEL, delivery)
    await publisher.prepare(delivery.of(video), {})
    begun = delivery.kept[0]
    delivery.kept.clear()
    await publisher.prepare(delivery.of(reel), {})
    meta.clock.offset_s += timedelta(days=1, minutes=1).total_seconds()

    for content, kept in ((video, begun), (reel, delivery.kept[0])):
        with pytest.raises(Expired):
            await publisher.prepare(delivery.of(content), kept)


@pytest.mark.parametrize("format", [Format.CAROUSEL, Format.VIDEO, Format.REEL])
async def test_what_was_ready_a_day_ago_is_not_published_but_prepared_again(
    meta: MetaSimulator,
    publisher: FacebookPublisher,
    delivery: Delivery,
    format: Format,  # noqa: A002
) -> None:
    content = content_of(format, delivery)
    prepared = await publisher.prepare(delivery.of(content), {})
    meta.clock.offset_s += timedelta(days=1, minutes=1).total_seconds()

    with pytest.raises(Expired):
        await publisher.send(delivery.of(content), prepared.handles, POST)
    again = await publisher.prepare(delivery.of(content), {})
    await publisher.send(delivery.of(content), again.handles, POST)

    assert len(meta.timeline.posts()) == 1


async def test_a_video_that_cannot_be_processed_is_refused(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.VIDEO, delivery)
    delivery.media.files[content.media[0].key] = jpeg()[:2000].ljust(content.media[0].size, b"\0")

    prepared = await publisher.prepare(delivery.of(content), {})
    await publisher.send(delivery.of(content), prepared.handles, POST)
    finding = await settled(publisher, meta, delivery, content, prepared.handles)

    assert finding == Finding(outcome=Outcome.REFUSED, code="video_error")
    assert meta.timeline.posts() == []


@pytest.mark.parametrize(("seconds", "width"), [(91, 360), (2, 360), (30, 640)])
async def test_a_reel_of_another_length_or_shape_is_refused(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery, seconds: int, width: int
) -> None:
    content = content_of(Format.REEL, delivery)
    delivery.media.files[content.media[0].key] = measured(seconds, width)

    prepared = await publisher.prepare(delivery.of(content), {})
    await publisher.send(delivery.of(content), prepared.handles, POST)
    finding = await settled(publisher, meta, delivery, content, prepared.handles)

    assert finding.outcome is Outcome.REFUSED
    assert meta.timeline.posts() == []


async def test_a_photo_that_is_none_is_refused(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery
) -> None:
    content = Content(format=Format.IMAGE, media=(delivery.media.image(b"%PDF-1.4 not a photo"),))

    with pytest.raises(Rejected, match="1366046"):
        await publisher.prepare(delivery.of(content), {})
    assert meta.photos == {}


async def test_a_lost_role_and_a_lost_permission_are_told_apart(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery
) -> None:
    consent = meta._consent("ana", delivery.client.client_id)
    consent.permissions["pages_manage_posts"] = "declined"
    with pytest.raises(Rejected, match="200"):
        await publisher.send(delivery.of(HELLO), {}, POST)
    consent.permissions["pages_manage_posts"] = "granted"
    meta.pages[BLUE_DOOR].roles["ana"] = ("ANALYZE",)
    with pytest.raises(Rejected, match="200"):
        await publisher.send(delivery.of(HELLO), {}, POST)
    del meta.pages[BLUE_DOOR].roles["ana"]

    with pytest.raises(TokenRefused):
        await publisher.send(delivery.of(HELLO), {}, POST)


async def test_a_token_publishes_on_its_own_page_only(
    publisher: FacebookPublisher, delivery: Delivery
) -> None:
    with pytest.raises(Rejected, match="100_33"):
        await publisher.send(replace(delivery.of(HELLO), account_id=HARBOR), {}, POST)


async def test_a_live_post_is_edited_seen_removed_and_deleted(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery
) -> None:
    outgoing = delivery.of(HELLO)
    receipts = []
    for text in ("One", "Two", "Three"):
        receipt = await publisher.send(delivery.of(replace(HELLO, text=text)), {}, POST)
        assert isinstance(receipt, Receipt)
        receipts.append(receipt)
    client, tokens = outgoing.client, outgoing.tokens

    await publisher.edit(delivery.of(replace(HELLO, text="Uno")), receipts[0])
    await publisher.delete(client, tokens, BLUE_DOOR, receipts[1])
    await publisher.delete(client, tokens, BLUE_DOOR, receipts[1])
    meta.timeline.remove(receipts[2].id, "owner")
    found = await publisher.presence(client, tokens, BLUE_DOOR, receipts)
    meta._consent("ana", client.client_id).permissions["pages_read_engagement"] = "declined"
    blind = await publisher.presence(client, tokens, BLUE_DOOR, receipts)

    assert [post.text for post in meta.timeline.posts()] == ["Uno"]
    assert found == (Presence.THERE, Presence.GONE, Presence.GONE)
    assert blind == (Presence.UNREADABLE,) * 3


async def test_a_live_video_is_edited_and_deleted_too(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.REEL, delivery)
    prepared = await publisher.prepare(delivery.of(content), {})
    await publisher.send(delivery.of(content), prepared.handles, POST)
    finding = await settled(publisher, meta, delivery, content, prepared.handles)
    assert finding.receipt is not None
    outgoing = delivery.of(replace(content, text="Other words"))

    await publisher.edit(outgoing, finding.receipt)
    edited = [post.text for post in meta.timeline.posts()]
    await publisher.delete(outgoing.client, outgoing.tokens, BLUE_DOOR, finding.receipt)

    assert edited == ["Other words"]
    assert meta.timeline.posts() == []
    assert await publisher.presence(outgoing.client, outgoing.tokens, BLUE_DOOR, [finding.receipt]) == (
        Presence.GONE,
    )


async def test_thirty_reels_a_day_are_the_most(
    meta: MetaSimulator, publisher: FacebookPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.REEL, delivery)
    prepared = await publisher.prepare(delivery.of(content), {})
    (video,) = meta.videos.values()
    for n in range(30):
        meta.videos[f"{n}"] = replace(video, id=f"{n}", finished_at=meta.clock.now())

    with pytest.raises(Busy):
        await publisher.send(delivery.of(content), prepared.handles, POST)


async def test_a_page_that_may_be_published_to_is_live(
    publisher: FacebookPublisher, delivery: Delivery
) -> None:
    outgoing = delivery.of(HELLO)

    live = await publisher.live(outgoing.client, outgoing.tokens, BLUE_DOOR)

    assert live.refuses == ""
