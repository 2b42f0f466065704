"""The simulated TikTok takes, refuses, reviews and shows posts as TikTok documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.base import (
    Busy,
    Content,
    Expired,
    Finding,
    Format,
    Live,
    Misconfigured,
    Outcome,
    OutcomeUnknown,
    Presence,
    Rejected,
    Step,
    StepKind,
)
from adapters.tiktok import PLATFORM
from adapters.tiktok.account import TikTok
from adapters.tiktok.publishing import TikTokPublisher
from adapters.tiktok.uploads import CHUNK
from sandbox.browser import PLAIN
from sandbox.core import Fault
from sandbox.platforms.tiktok.posts import chunks_fit
from sandbox.platforms.tiktok.simulator import TikTokSimulator
from tests.credentials import client_of, registered
from tests.media import jpeg, png
from tests.patience import PATIENCE_S
from tests.publishing import Delivery, sign_in

OCTA, PENNY = "octa_demo", "private_penny"
POST = Step(kind=StepKind.POST)
SIZE = 2 * CHUNK + 100
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
FILES: Mapping[str, tuple[bytes, str]] = {
    "one.jpg": (jpeg(), "image/jpeg"),
    "two.jpg": (jpeg(320, 320), "image/jpeg"),
    "three.png": (png(), "image/png"),
}


@pytest.fixture
async def tiktok() -> AsyncIterator[TikTokSimulator]:
    async with registered(TikTokSimulator(), client_of(PLATFORM.apps[0])) as simulator:
        simulator.settings |= {"processing_s": 0, "moderation_s": 0, "looks_a_minute": 10_000}
        yield simulator


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN) as found:
        yield found


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> TikTokPublisher:
    return TikTok(http).publisher


@pytest.fixture
async def host(tiktok: TikTokSimulator) -> AsyncIterator[str]:
    """Serve the photos as the app does, and verify its address at TikTok."""

    async def file(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name == "moved.jpg":
            raise web.HTTPFound("one.jpg")
        if name not in FILES:
            raise web.HTTPNotFound
        content, kind = FILES[name]
        return web.Response(body=content, content_type=kind)

    app = web.Application()
    app.add_routes([web.get("/{name}", file)])
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    origin = f"http://127.0.0.1:{server.port}"
    tiktok.settings["media_origin"] = origin
    yield origin
    await server.close()


async def signed_in(tiktok: TikTokSimulator, http: httpx.AsyncClient, person: str = OCTA) -> Delivery:
    return await sign_in(http, TikTok(http), PLATFORM.apps[0], tiktok, person=person)


@pytest.fixture
async def delivery(tiktok: TikTokSimulator, http: httpx.AsyncClient) -> Delivery:
    return await signed_in(tiktok, http)


def video_of(delivery: Delivery, size: int | None = None, **options: Any) -> Content:
    video = replace(delivery.media.video(size), frame_rate=30)
    chosen = {"privacy": "PUBLIC_TO_EVERYONE", "music_confirmation": True, "comments": True, **options}
    return Content(format=Format.VIDEO, text="Our new mug #coffee", media=(video,), options=chosen)


def photos_of(delivery: Delivery, host: str, *names: str) -> Content:
    delivery.media.origin = host
    media = tuple(replace(delivery.media.image(), key=name) for name in names)
    return Content(
        format=Format.CAROUSEL,
        title="Autumn set",
        text="Five mugs",
        media=media,
        options={"privacy": "PUBLIC_TO_EVERYONE", "music_confirmation": True},
    )


async def publish(publisher: TikTokPublisher, delivery: Delivery, content: Content) -> Finding:
    prepared = await publisher.prepare(delivery.of(content), {})
    accepted = await publisher.send(delivery.of(content), prepared.handles, POST)
    outgoing = delivery.of(content)

    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await publisher.look(outgoing, accepted.handles, POST, SINCE)
            if found.outcome is not Outcome.PROCESSING:
                return found
            await asyncio.sleep(0.01)


async def test_a_video_is_published_and_shown(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery, http: httpx.AsyncClient
) -> None:
    content = video_of(delivery, ai_generated=True)
    found = await publish(publisher, delivery, content)
    assert found.receipt is not None
    page = await http.get(found.receipt.url)

    [post] = tiktok.timeline.posts(delivery.account_id)
    assert (found.outcome, found.receipt.id, found.receipt.note) == (Outcome.LIVE, post.id, "")
    assert post.text == "Our new mug #coffee"
    assert post.media[0].file.content == delivery.media.files[content.media[0].key]
    assert dict(post.options) == {
        "privacy": "PUBLIC_TO_EVERYONE",
        "disable_comment": "false",
        "disable_duet": "true",
        "disable_stitch": "true",
        "is_aigc": "true",
    }
    assert found.receipt.url == post.url == f"{tiktok.url}/@octademo/video/{post.id}"
    assert page.status_code == 200
    assert "Our new mug" in page.text


async def test_a_large_video_goes_on_where_it_was_cut(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery
) -> None:
    content = video_of(delivery, SIZE)
    tiktok.faults.append(Fault(method="PUT", lose_answer=True, times=1))
    with pytest.raises(Busy):
        await publisher.prepare(delivery.of(content), {})
    prepared = await publisher.prepare(delivery.of(content), delivery.kept[-1])
    before = tiktok.timeline.posts()
    await publisher.send(delivery.of(content), prepared.handles, POST)

    [post] = tiktok.timeline.posts()
    key = content.media[0].key
    assert before == []
    assert post.media[0].file.size == SIZE
    assert delivery.media.reads == [(key, 0, CHUNK), (key, CHUNK, CHUNK + 100)]


async def test_a_chunk_that_breaks_off_is_dropped(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery, http: httpx.AsyncClient
) -> None:
    content = video_of(delivery)
    file = delivery.media.files[content.media[0].key]
    prepared = await publisher.prepare(delivery.of(content), {})

    async def broken() -> AsyncIterator[bytes]:
        yield file[:100]
        raise ConnectionError

    size = {"Content-Length": str(len(file)), "Content-Range": f"bytes 0-{len(file) - 1}/{len(file)}"}
    kind = {"Content-Type": "video/mp4"}
    with pytest.raises(ConnectionError):
        await http.put(prepared.handles["upload_url"], content=broken(), headers=size | kind)
    found = await publisher.look(delivery.of(content), prepared.handles, POST, SINCE)
    await publisher.send(delivery.of(content), prepared.handles, POST)

    [post] = tiktok.timeline.posts()
    assert found.outcome is Outcome.NOT_SENT
    assert post.media[0].file.content == file


async def test_a_lost_answer_to_the_last_chunk_is_found_and_the_post_is_there_once(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery
) -> None:
    content = video_of(delivery)
    prepared = await publisher.prepare(delivery.of(content), {})
    tiktok.faults.append(Fault(method="PUT", lose_answer=True, times=1))
    with pytest.raises(OutcomeUnknown):
        await publisher.send(delivery.of(content), prepared.handles, POST)
    found = await publisher.look(delivery.of(content), prepared.handles, POST, SINCE)
    again = await publisher.send(delivery.of(content), prepared.handles, POST)

    assert found.outcome is Outcome.LIVE
    assert again.handles == prepared.handles
    assert len(tiktok.timeline.posts()) == 1


async def test_a_public_post_gets_its_id_after_the_review_and_a_private_one_never(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery
) -> None:
    tiktok.settings["moderation_s"] = 60
    public, private = video_of(delivery), video_of(delivery, privacy="SELF_ONLY")
    first = await publish(publisher, delivery, public)
    handles = delivery.kept[-1]
    hidden = await publish(publisher, delivery, private)
    tiktok.clock.offset_s = 61
    later = await publisher.look(delivery.of(public), handles, POST, SINCE)

    notes = [found.receipt.note for found in (first, hidden, later) if found.receipt is not None]
    assert notes == ["link_later", "only_me", ""]
    assert [found.again_in is None for found in (first, hidden, later)] == [False, True, True]


async def test_processing_takes_its_time(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery
) -> None:
    tiktok.settings["processing_s"] = 30
    content = video_of(delivery)
    prepared = await publisher.prepare(delivery.of(content), {})
    await publisher.send(delivery.of(content), prepared.handles, POST)
    found = await publisher.look(delivery.of(content), prepared.handles, POST, SINCE)
    tiktok.clock.offset_s = 31
    later = await publisher.look(delivery.of(content), prepared.handles, POST, SINCE)

    assert (found.outcome, later.outcome) == (Outcome.PROCESSING, Outcome.LIVE)


async def test_photos_are_fetched_and_shown(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery, host: str
) -> None:
    found = await publish(publisher, delivery, photos_of(delivery, host, "one.jpg", "two.jpg"))

    [post] = tiktok.timeline.posts(delivery.account_id)
    assert found.receipt is not None
    assert (post.title, post.text) == ("Autumn set", "Five mugs")
    assert [one.file.content for one in post.media] == [FILES["one.jpg"][0], FILES["two.jpg"][0]]
    assert found.receipt.url == f"{tiktok.url}/@octademo/photo/{post.id}"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("three.png", "file_format_check_failed"),
        ("moved.jpg", "photo_pull_failed"),
        ("gone.jpg", "photo_pull_failed"),
    ],
)
async def test_photos_that_tiktok_cannot_use_are_refused_after_it_fetched_them(
    tiktok: TikTokSimulator,
    publisher: TikTokPublisher,
    delivery: Delivery,
    host: str,
    name: str,
    reason: str,
) -> None:
    found = await publish(publisher, delivery, photos_of(delivery, host, "one.jpg", name))

    assert found == Finding(outcome=Outcome.REFUSED, code=reason)
    assert tiktok.timeline.posts() == []


@pytest.mark.parametrize("elsewhere", ["http://127.0.0.1:1", "https://192.168.0.1", "https://example.com"])
async def test_nothing_is_fetched_from_an_address_that_is_not_the_apps_own(
    publisher: TikTokPublisher, delivery: Delivery, host: str, elsewhere: str
) -> None:
    content = photos_of(delivery, elsewhere, "one.jpg", "two.jpg")
    prepared = await publisher.prepare(delivery.of(content), {})

    assert not elsewhere.startswith(host)
    with pytest.raises(Misconfigured, match="url_ownership_unverified"):
        await publisher.send(delivery.of(content), prepared.handles, POST)


@pytest.mark.parametrize("kind", ["video", "photos"])
async def test_a_draft_goes_to_the_inbox(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery, host: str, kind: str
) -> None:
    photos = replace(photos_of(delivery, host, "one.jpg"), format=Format.DRAFT, options={})
    video = replace(video_of(delivery), format=Format.DRAFT, text="", options={})
    found = await publish(publisher, delivery, video if kind == "video" else photos)

    [post] = tiktok.timeline.posts()
    assert post.place == "inbox"
    assert found.receipt is not None
    assert (found.outcome, found.receipt.id, found.receipt.note) == (Outcome.LIVE, "", "in_inbox")


async def test_an_upload_lives_for_an_hour(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery
) -> None:
    content = video_of(delivery)
    prepared = await publisher.prepare(delivery.of(content), {})
    tiktok.settings["upload_life_s"] = 0

    with pytest.raises(Expired):
        await publisher.send(delivery.of(content), prepared.handles, POST)


async def test_the_limits_of_a_day_and_a_minute_are_kept(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery
) -> None:
    tiktok.settings |= {"posts_a_day": 1, "drafts_a_day": 0}
    await publish(publisher, delivery, video_of(delivery))
    with pytest.raises(Busy, match="spam_risk_too_many_posts"):
        await publisher.prepare(delivery.of(video_of(delivery)), {})
    draft = replace(video_of(delivery), format=Format.DRAFT, text="", options={})
    with pytest.raises(Rejected, match="spam_risk_too_many_pending_share"):
        await publisher.prepare(delivery.of(draft), {})
    tiktok.settings["inits_a_minute"] = 2

    with pytest.raises(Busy, match="rate_limit_exceeded"):
        await publisher.prepare(delivery.of(video_of(delivery)), {})


async def test_an_app_that_is_not_audited_posts_only_to_private_accounts_and_for_them_alone(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, http: httpx.AsyncClient
) -> None:
    tiktok.settings["audited"] = False
    public, private = await signed_in(tiktok, http), await signed_in(tiktok, http, PENNY)
    for delivery, privacy in ((public, "SELF_ONLY"), (private, "FOLLOWER_OF_CREATOR")):
        with pytest.raises(Rejected, match="unaudited_client_can_only_post_to_private_accounts"):
            await publisher.prepare(delivery.of(video_of(delivery, privacy=privacy)), {})
    found = await publish(publisher, private, video_of(private, privacy="SELF_ONLY"))

    assert found.outcome is Outcome.LIVE


async def test_creator_info_is_the_same_for_composing_and_posting(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, http: httpx.AsyncClient
) -> None:
    delivery = await signed_in(tiktok, http, PENNY)
    live = await publisher.live(delivery.client, delivery.tokens, delivery.account_id)
    with pytest.raises(Rejected, match="settings_changed"):
        await publisher.prepare(delivery.of(video_of(delivery)), {})
    tiktok.settings["creator_error"] = "spam_risk_user_banned_from_posting"
    banned = await publisher.live(delivery.client, delivery.tokens, delivery.account_id)

    levels = [choice.value for choice in live.choices["privacy"]]
    assert levels == ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
    assert live.off == {"duet", "stitch"}
    assert banned == Live(refuses="spam_risk_user_banned_from_posting")


async def test_a_post_that_was_removed_is_gone(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery
) -> None:
    found = await publish(publisher, delivery, video_of(delivery))
    assert found.receipt is not None
    who = (delivery.client, delivery.tokens, delivery.account_id)
    before = await publisher.presence(*who, [found.receipt])
    tiktok.timeline.remove(found.receipt.id, "owner")

    assert (before, await publisher.presence(*who, [found.receipt])) == ((Presence.THERE,), (Presence.GONE,))


async def test_a_post_that_tiktok_fails_to_process_is_refused(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery
) -> None:
    tiktok.settings["fail_reason"] = "frame_rate_check_failed"
    found = await publish(publisher, delivery, video_of(delivery))

    assert found == Finding(outcome=Outcome.REFUSED, code="frame_rate_check_failed")
    assert tiktok.timeline.posts() == []


@pytest.mark.parametrize(
    ("size", "chunk", "count", "fits"),
    [
        (4_000_000, 4_000_000, 1, True),
        (4_000_000, 2_000_000, 2, False),
        (50_000_123, 10_000_000, 5, True),
        (50_000_123, 10_000_000, 6, False),
        (50_000_000, 4_000_000, 12, False),
        (60_000_000, 60_000_000, 1, True),
        (70_000_000, 70_000_000, 1, False),
        (4_000_000_000, 5_000_000, 800, True),
        (6_000_000_000, 5_000_000, 1200, False),
        (0, 0, 0, False),
    ],
)
def test_chunks_keep_tiktoks_rules(size: int, chunk: int, count: int, fits: bool) -> None:
    assert chunks_fit(size, chunk, count) is fits


async def test_chunks_come_in_order_whole_and_to_their_own_address(
    tiktok: TikTokSimulator, publisher: TikTokPublisher, delivery: Delivery, http: httpx.AsyncClient
) -> None:
    prepared = await publisher.prepare(delivery.of(video_of(delivery, 10)), {})
    [opened] = tiktok.published.values()
    url, size = prepared.handles["upload_url"], opened.size

    async def put(address: str, span: str, kind: str = "video/mp4") -> int:
        headers = {"Content-Type": kind, "Content-Range": span}
        return (await http.put(address, content=b"x" * size, headers=headers)).status_code

    whole = f"bytes 0-{size - 1}/{size}"
    answers = [
        await put(f"{url}x", whole),
        await put(url, "nonsense"),
        await put(url, whole, "text/plain"),
        await put(url, f"bytes 1-{size}/{size}"),
        await put(url, whole),
        await put(url, whole),
    ]

    assert answers == [404, 400, 400, 416, 201, 416]
    assert len(tiktok.timeline.posts()) == 1
