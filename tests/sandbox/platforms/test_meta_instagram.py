"""Publishing on the simulated Instagram, with our adapter over real HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from aiohttp import web

from adapters.base import (
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
)
from adapters.instagram import PLATFORM
from adapters.instagram.publishing import InstagramPublisher
from sandbox.browser import PLAIN
from sandbox.platforms.fetching import FetchRefused, fetch
from sandbox.platforms.meta.simulator import MetaSimulator, jpeg_size
from tests.media import StoredMedia, jpeg, png
from tests.publishing import Delivery
from tests.sandbox.platforms.meta_pages import BLUE_DOOR, delivery_of, measured

POST = Step(kind=StepKind.POST)
ROBOT = "facebookexternalhit/1.1"


@dataclass(slots=True)
class Site:
    """Our own server, from which Instagram fetches pictures."""

    media: StoredMedia = field(default_factory=StoredMedia)
    robots: str = "User-agent: *\nAllow: /"
    kinds: dict[str, str] = field(default_factory=dict)
    agents: list[str] = field(default_factory=list)

    async def file(self, request: web.Request) -> web.Response:
        """Answer with a stored file."""
        key = request.match_info["key"]
        self.agents.append(request.headers["User-Agent"])
        if key == "moved":
            raise web.HTTPFound("/file-0")
        if key not in self.media.files:
            raise web.HTTPNotFound
        return web.Response(body=self.media.files[key], content_type=self.kinds.get(key, "image/jpeg"))

    async def rules(self, _: web.Request) -> web.Response:
        """Answer with what robots may read."""
        return web.Response(text=self.robots)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site, app = Site(), web.Application()
    app.add_routes([web.get("/robots.txt", site.rules), web.get("/{key}", site.file)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.media.origin = f"http://localhost:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()


@pytest.fixture
async def meta(site: Site) -> AsyncIterator[MetaSimulator]:
    simulator = MetaSimulator()
    simulator.settings["media_origin"] = site.media.origin
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def publisher() -> AsyncIterator[InstagramPublisher]:
    async with httpx.AsyncClient(verify=PLAIN) as http:
        yield InstagramPublisher(http)


@pytest.fixture
def delivery(meta: MetaSimulator, site: Site) -> Delivery:
    found = delivery_of(meta, PLATFORM, meta.pages[BLUE_DOOR].instagram_id)
    found.media = site.media
    return found


def content_of(format: Format, delivery: Delivery) -> Content:  # noqa: A002 - the field's name
    media = delivery.media
    match format:
        case Format.IMAGE:
            return Content(format=format, text="One mug", media=(media.image(alt_text="A mug"),))
        case Format.CAROUSEL:
            return Content(format=format, text="Mugs", media=(media.image(alt_text="A mug"), media.video()))
    return Content(
        format=format,
        text="Moving mugs",
        media=(media.video(),),
        cover=media.image(),
        options={"share_to_feed": False, "collaborators": ("mia_chen",)},
    )


async def prepared(
    meta: MetaSimulator, publisher: InstagramPublisher, delivery: Delivery, content: Content, handles: Handles
) -> Handles:
    """Prepare until the containers are ready; the platform's clock goes on as we are told to wait."""
    for _ in range(5):
        found = await publisher.prepare(delivery.of(content), handles)
        if found.again_in is None:
            return found.handles
        handles = found.handles
        meta.clock.offset_s += found.again_in.total_seconds()
    raise AssertionError("it is never ready")


@pytest.mark.parametrize("format", [*InstagramPublisher.facts.formats])
async def test_every_format_becomes_one_post_that_can_be_looked_at(
    meta: MetaSimulator,
    site: Site,
    publisher: InstagramPublisher,
    delivery: Delivery,
    format: Format,  # noqa: A002
) -> None:
    content = content_of(format, delivery)

    handles = await prepared(meta, publisher, delivery, content, {})
    assert meta.timeline.posts() == []
    receipt = await publisher.send(delivery.of(content), handles, POST)
    found = await publisher.look(delivery.of(content), handles, POST, datetime.now(UTC))

    (post,) = meta.timeline.posts(delivery.account_id)
    assert post.text == content.text
    assert [one.file.sha256 for one in post.media] == [
        hashlib.sha256(site.media.files[one.key]).hexdigest() for one in content.media
    ]
    assert [one.alt_text for one in post.media] == [one.alt_text for one in content.media]
    assert isinstance(receipt, Receipt)
    assert found == Finding(outcome=Outcome.LIVE, receipt=receipt)
    assert set(site.agents) == {ROBOT}
    async with httpx.AsyncClient(verify=PLAIN) as browser:
        page = await browser.get(receipt.url)
        assert page.status_code == httpx.codes.OK
        assert "@bluedoorbakery" in page.text
        assert "on Instagram (sandbox)</title>" in page.text
        assert page.text.count("<img") + page.text.count("<video") == len(content.media)


async def test_a_reel_keeps_its_own_fields(
    meta: MetaSimulator, publisher: InstagramPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.REEL, delivery)

    handles = await prepared(meta, publisher, delivery, content, {})
    await publisher.send(delivery.of(content), handles, POST)

    (post,) = meta.timeline.posts()
    assert post.options == {"share_to_feed": "false", "collaborators": "@mia_chen"}


async def test_a_video_that_was_cut_inside_of_its_body_is_continued(
    meta: MetaSimulator, publisher: InstagramPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.REEL, delivery)
    await publisher.prepare(delivery.of(content), {})
    (container,) = meta.containers.values()
    assert container.video is not None
    whole = container.video.file.content
    assert whole is not None
    container.video.file, container.ready_at = type(container.video.file)(), None
    container.video.file.add(whole[:1500])

    await publisher.prepare(delivery.of(content), delivery.kept[0])

    assert container.video.file.content == whole
    assert delivery.media.reads[-1] == (content.media[0].key, 1500, None)


async def test_a_container_of_yesterday_is_made_again(
    meta: MetaSimulator, publisher: InstagramPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.REEL, delivery)
    found = await publisher.prepare(delivery.of(content), {})
    meta.clock.offset_s += 86_500

    with pytest.raises(Expired):
        await publisher.prepare(delivery.of(content), found.handles)
    with pytest.raises(Expired):
        await publisher.send(delivery.of(content), found.handles, POST)
    assert meta.timeline.posts() == []


async def test_a_container_that_is_not_ready_is_not_published(
    meta: MetaSimulator, publisher: InstagramPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.REEL, delivery)
    found = await publisher.prepare(delivery.of(content), {})

    with pytest.raises(Busy, match="2207027"):
        await publisher.send(delivery.of(content), found.handles, POST)
    assert meta.timeline.posts() == []


async def test_a_container_that_is_published_already_is_a_duplicate_that_is_found(
    meta: MetaSimulator, publisher: InstagramPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.IMAGE, delivery)
    handles = await prepared(meta, publisher, delivery, content, {})
    await publisher.send(delivery.of(content), handles, POST)

    with pytest.raises(OutcomeUnknown, match="duplicate"):
        await publisher.send(delivery.of(content), handles, POST)
    finding = await publisher.look(delivery.of(content), handles, POST, datetime.now(UTC))

    assert finding.outcome is Outcome.LIVE
    assert len(meta.timeline.posts()) == 1


@pytest.mark.parametrize(("code", "error"), [(2207026, Rejected), (2207053, Expired)])
async def test_a_container_that_fails_says_with_which_code(
    meta: MetaSimulator,
    publisher: InstagramPublisher,
    delivery: Delivery,
    code: int,
    error: type[Exception],
) -> None:
    meta.settings["container_fails"] = code

    with pytest.raises(error, match=str(code)):
        await prepared(meta, publisher, delivery, content_of(Format.REEL, delivery), {})


@pytest.mark.parametrize(("format", "seconds"), [(Format.REEL, 901), (Format.REEL, 2), (Format.CAROUSEL, 61)])
async def test_a_video_of_another_length_is_refused(
    meta: MetaSimulator,
    publisher: InstagramPublisher,
    delivery: Delivery,
    format: Format,  # noqa: A002
    seconds: int,
) -> None:
    content = content_of(format, delivery)
    delivery.media.files[content.media[-1].key] = measured(seconds)

    with pytest.raises(Rejected, match="2207026"):
        await prepared(meta, publisher, delivery, content, {})


async def test_the_quota_ends_publishing(
    meta: MetaSimulator, publisher: InstagramPublisher, delivery: Delivery
) -> None:
    meta.settings["quota_total"] = 1
    content, outgoing = content_of(Format.IMAGE, delivery), delivery.of(content_of(Format.IMAGE, delivery))
    before = await publisher.live(outgoing.client, outgoing.tokens, delivery.account_id)
    handles = await prepared(meta, publisher, delivery, content, {})
    await publisher.send(delivery.of(content), handles, POST)
    after = await publisher.live(outgoing.client, outgoing.tokens, delivery.account_id)
    handles = await prepared(meta, publisher, delivery, content, {})

    with pytest.raises(Busy, match="2207042"):
        await publisher.send(delivery.of(content), handles, POST)

    assert (before.posts_left, before.refuses) == (1, "")
    assert (after.posts_left, after.refuses) == (0, "2207042")
    meta.clock.offset_s += 86_401
    handles = await prepared(meta, publisher, delivery, content, {})
    await publisher.send(delivery.of(content), handles, POST)
    assert len(meta.timeline.posts()) == 2


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        pytest.param(png(), "image/png", "2207005", id="png"),
        pytest.param(png(), "image/jpeg", "2207005", id="png-called-jpeg"),
        pytest.param(jpeg(), "text/html", "2207005", id="jpeg-called-page"),
        pytest.param(b"\xff\xd8\xff", "image/jpeg", "2207005", id="cut"),
        pytest.param(jpeg(640, 1000), "image/jpeg", "2207009", id="too-tall"),
        pytest.param(jpeg(640, 320), "image/jpeg", "2207009", id="too-wide"),
        pytest.param(jpeg() + bytes(8_000_000), "image/jpeg", "2207004", id="too-large"),
    ],
)
async def test_a_picture_that_does_not_fit_is_refused(
    site: Site, publisher: InstagramPublisher, delivery: Delivery, content: bytes, kind: str, code: str
) -> None:
    media = delivery.media.image(content)
    site.kinds[media.key] = kind

    with pytest.raises(Rejected, match=code):
        await publisher.prepare(delivery.of(Content(format=Format.IMAGE, media=(media,))), {})


async def test_a_picture_that_cannot_be_fetched_is_asked_for_again_later(
    site: Site, publisher: InstagramPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.IMAGE, delivery)
    site.robots = "User-agent: *\nDisallow: /"

    with pytest.raises(Busy, match="2207052"):
        await publisher.prepare(delivery.of(content), {})


@pytest.mark.parametrize(
    "url",
    [
        "{origin}/moved",
        "{origin}/missing",
        "{origin}",
        "https://127.0.0.1/file-0",
        "http://10.0.0.1/file-0",
        "https://example.com/file-0",
        "{origin}.evil.example/file-0",
        "http://ana@localhost/file-0",
        "{origin}/fäile-0",
        "",
    ],
)
async def test_a_platform_fetches_from_the_public_address_only(site: Site, url: str) -> None:
    site.media.image()

    with pytest.raises(FetchRefused):
        await fetch(
            url.format(origin=site.media.origin), public=site.media.origin, agent=ROBOT, most_bytes=10**6
        )


async def test_a_removed_post_is_gone(
    meta: MetaSimulator, publisher: InstagramPublisher, delivery: Delivery
) -> None:
    content = content_of(Format.IMAGE, delivery)
    handles = await prepared(meta, publisher, delivery, content, {})
    receipt = await publisher.send(delivery.of(content), handles, POST)
    assert isinstance(receipt, Receipt)
    outgoing = delivery.of(content)

    before = await publisher.presence(outgoing.client, outgoing.tokens, delivery.account_id, [receipt])
    meta.timeline.remove(receipt.id, "owner")
    after = await publisher.presence(outgoing.client, outgoing.tokens, delivery.account_id, [receipt])

    assert (before, after) == ((Presence.THERE,), (Presence.GONE,))


async def test_publishing_needs_its_permission(
    meta: MetaSimulator, publisher: InstagramPublisher, delivery: Delivery
) -> None:
    meta._consent("ana", delivery.client.client_id).permissions["instagram_content_publish"] = "declined"

    with pytest.raises(Rejected, match="200"):
        await publisher.prepare(delivery.of(content_of(Format.IMAGE, delivery)), {})


@pytest.mark.parametrize("size", [(640, 480), (64, 1000)])
def test_the_size_of_a_jpeg_is_read_from_its_frame(size: tuple[int, int]) -> None:
    assert jpeg_size(jpeg(*size)) == size


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", png(), jpeg()[:20], b"\xff\xd8" + b"\0" * 40])
def test_what_is_no_jpeg_has_no_size(content: bytes) -> None:
    assert jpeg_size(content) is None
