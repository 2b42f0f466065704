"""The promises of `Publisher`, kept by every platform against its simulator: for each format, prepared, sent, found.

A platform is one row: its simulator, whose account, and a content for each of its formats.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
import pytest

from adapters.base import (
    App,
    Busy,
    Content,
    Format,
    Outcome,
    OutcomeUnknown,
    Part,
    PlatformError,
    Presence,
    Receipt,
    Rejected,
)
from adapters.facebook import PLATFORM as FACEBOOK
from adapters.instagram import PLATFORM as INSTAGRAM
from adapters.linkedin import PLATFORM as LINKEDIN
from adapters.reddit import PLATFORM as REDDIT
from adapters.registry import REGISTRY
from adapters.tiktok import PLATFORM as TIKTOK
from adapters.tiktok.uploads import CHUNK as TIKTOK_CHUNK
from adapters.x import PLATFORM as X
from adapters.youtube import PLATFORM as YOUTUBE
from adapters.youtube.publishing import CHUNK as YOUTUBE_CHUNK
from sandbox.browser import PLAIN
from sandbox.platforms.linkedin.simulator import LinkedInSimulator
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.reddit.simulator import RedditSimulator
from sandbox.platforms.tiktok.simulator import TikTokSimulator
from sandbox.platforms.x.simulator import XSimulator
from sandbox.platforms.youtube.simulator import YouTubeSimulator
from tests.counts import sampled
from tests.credentials import client_of, registered
from tests.media import StoredMedia
from tests.publishing import Publishing, Wire, served, sign_in

Make = Callable[[StoredMedia], Content]
Count = Callable[[str, object], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A platform to publish to."""

    app: App
    simulator: type[OAuthSimulator]
    person: str
    account: str = ""
    """Its id or name. Empty: the first one."""
    assets: tuple[str, ...] = ()
    """What is ticked on the consent page."""
    fetches: str = ""
    """The setting with the origin from which the platform fetches pictures. Empty: it fetches none."""
    formats: Mapping[str, Make]
    settings: Mapping[str, object] = field(default_factory=dict)
    readable: bool = True
    refuses_duplicates: bool = True


def _thread(media: StoredMedia) -> Content:
    parts = (
        Part(text="First", media=(media.image(alt_text="A mug"),)),
        Part(text="Again"),
        Part(text="Again", media=(media.video(),)),
    )
    return Content(format=Format.THREAD, thread=parts, first_comment="See example.com")


LINKEDIN_FORMATS: Mapping[str, Make] = {
    "text": lambda _: Content(format=Format.TEXT, text="Bread (today) & #bakery: a_b* <3 \\o/ {x} C#\nBye"),
    "image": lambda media: Content(format=Format.IMAGE, text="Mug", media=(media.image(alt_text="A (mug)"),)),
    "images": lambda media: Content(
        format=Format.CAROUSEL, media=(media.image(), media.picture(), media.gif())
    ),
    "video": lambda media: Content(
        format=Format.VIDEO, text="Clip", title="Clip", media=(media.video(4_500_000),)
    ),
    "document": lambda media: Content(
        format=Format.DOCUMENT, text="The menu", title="Menu (new)", media=(media.document(),)
    ),
    "link": lambda media: Content(
        format=Format.LINK, text="Read", title="A page", link="https://example.com/a?b=1", cover=media.image()
    ),
}


def _tiktok(media: StoredMedia, size: int | None = None) -> Content:
    return Content(
        format=Format.VIDEO,
        text="Clip",
        media=(replace(media.video(size), frame_rate=30),),
        options={"privacy": "PUBLIC_TO_EVERYONE", "music_confirmation": True},
    )


def _youtube(media: StoredMedia, size: int | None = None) -> Content:
    return Content(
        format=Format.VIDEO,
        title="Clip",
        text="All colours.",
        media=(media.video(size),),
        options={"privacy": "unlisted", "made_for_kids": "no"},
    )


ROWS = {
    "x": Row(
        app=X.apps[0],
        simulator=XSimulator,
        person="4711",
        formats={
            "text": lambda _: Content(
                format=Format.TEXT,
                text="Mugs & more: https://example.com/a?b=1, Example.com 👋 <3",
                options={"reply_settings": "following", "made_with_ai": True},
            ),
            "image": lambda media: Content(
                format=Format.IMAGE, text="Mug", media=(media.image(alt_text="A mug"),)
            ),
            "images": lambda media: Content(
                format=Format.CAROUSEL, media=(media.image(), media.picture(), media.image(), media.image())
            ),
            "gif": lambda media: Content(format=Format.GIF, text="Wave", media=(media.gif(),)),
            "video": lambda media: Content(
                format=Format.VIDEO,
                text="Clip",
                media=(media.video(2_500_000),),
                first_comment="More soon",
            ),
            "thread": _thread,
        },
    ),
    "linkedin": Row(
        app=LINKEDIN.apps[0],
        simulator=LinkedInSimulator,
        person="ana-ruiz",
        formats=LINKEDIN_FORMATS,
        readable=False,
    ),
    "linkedin-page": Row(
        app=LINKEDIN.apps[1],
        simulator=LinkedInSimulator,
        person="ana-ruiz",
        account="Blue Door",
        formats=LINKEDIN_FORMATS,
    ),
    "reddit": Row(
        app=REDDIT.apps[0],
        simulator=RedditSimulator,
        person="octa_demo",
        formats={
            "text": lambda _: Content(
                format=Format.TEXT,
                title="Mugs & more",
                text="**All** of <them>",
                first_comment="Ask *me*",
                place="octamugs",
                options={"flair": "ca999154-c1b0-11e7-b30b-0eb8423d5ed8", "nsfw": True, "spoiler": True},
            ),
            "link": lambda _: Content(
                format=Format.LINK, title="Mugs", link="https://example.com/a?b=1&c=2", place="octalinks"
            ),
            "image": lambda media: Content(
                format=Format.IMAGE, title="A mug", text="Blue", media=(media.image(),), place="octamugs"
            ),
            "gallery": lambda media: Content(
                format=Format.CAROUSEL, title="Mugs", media=(media.image(), media.picture(), media.gif())
            ),
            "video": lambda media: Content(
                format=Format.VIDEO,
                title="Clip",
                media=(media.video(1_500_000),),
                cover=media.image(),
                place="octamugs",
                first_comment="Sound on",
            ),
        },
        refuses_duplicates=False,
    ),
    # Photos are fetched from the app, so they are tried beside it: tests/sandbox/platforms/test_tiktok_publishing.py.
    "tiktok": Row(
        app=TIKTOK.apps[0],
        simulator=TikTokSimulator,
        person="octa_demo",
        formats={"video": _tiktok, "large video": lambda media: _tiktok(media, 2 * TIKTOK_CHUNK)},
        settings={"inits_a_minute": 100},
        refuses_duplicates=False,
    ),
    "youtube": Row(
        app=YOUTUBE.apps[0],
        simulator=YouTubeSimulator,
        person="110000000000000000001",
        formats={
            "video": _youtube,
            "large video": lambda media: _youtube(media, YOUTUBE_CHUNK + 1),
            "short": lambda media: replace(_youtube(media), format=Format.REEL),
        },
        refuses_duplicates=False,
    ),
    "facebook": Row(
        app=FACEBOOK.apps[0],
        simulator=MetaSimulator,
        person="ana",
        assets=("all",),
        account="Blue Door Bakery",
        settings={"chunk_bytes": 2000},
        formats={
            "text": lambda _: Content(format=Format.TEXT, text="Fresh mugs & more 👋\n\nFrom 8:00"),
            "link": lambda _: Content(format=Format.LINK, text="Read", link="https://example.com/a?b=1#c"),
            "photo": lambda media: Content(
                format=Format.IMAGE, text="Mug", media=(media.image(alt_text="A mug"),)
            ),
            "photos": lambda media: Content(
                format=Format.CAROUSEL, media=(media.image(), media.picture(alt_text="A mug"))
            ),
            "video": lambda media: Content(
                format=Format.VIDEO, title="Mugs", text="All of them", media=(media.video(),)
            ),
            "reel": lambda media: Content(
                format=Format.REEL,
                text="All of them",
                media=(replace(media.video(), width=1080, height=1920),),
            ),
        },
    ),
    "instagram": Row(
        app=INSTAGRAM.apps[0],
        simulator=MetaSimulator,
        person="ana",
        assets=("all",),
        fetches="media_origin",
        refuses_duplicates=False,
        formats={
            "image": lambda media: Content(
                format=Format.IMAGE,
                text="Mug #fresh",
                media=(media.image(alt_text="A mug"),),
                options={"collaborators": ("mia_chen",)},
            ),
            "carousel": lambda media: Content(
                format=Format.CAROUSEL, text="Mugs", media=(media.image(alt_text="A mug"), media.video())
            ),
            "reel": lambda media: Content(
                format=Format.REEL,
                text="All of them",
                media=(media.video(),),
                cover=media.image(),
                options={"share_to_feed": False},
            ),
        },
    ),
}
CASES = [pytest.param(row, name, id=f"{key}-{name}") for key, row in ROWS.items() for name in row.formats]
EACH = pytest.mark.parametrize(("row", "name"), CASES)
SOME = pytest.mark.parametrize(("row", "name"), sampled(CASES, 6))


EACH_ROW = pytest.mark.parametrize("row", [pytest.param(row, id=key) for key, row in ROWS.items()])


@asynccontextmanager
async def stage(row: Row) -> AsyncIterator[tuple[Publishing, Wire]]:
    """Run the platform with an account that is signed in, and a wire to it."""
    wire = Wire()
    async with (
        registered(row.simulator(), client_of(row.app)) as simulator,
        httpx.AsyncClient(transport=wire) as http,
        httpx.AsyncClient(verify=PLAIN) as browser,
        AsyncExitStack() as stack,
    ):
        simulator.settings |= row.settings
        key = next(key for key, platform in PLATFORM_OF.items() if row.app in platform)
        adapter = REGISTRY.adapters(http)[key]
        delivery = await sign_in(
            browser,
            adapter,
            row.app,
            simulator,
            person=row.person,
            assets=row.assets,
            account=row.account,
        )
        if row.fetches:
            simulator.settings[row.fetches] = await stack.enter_async_context(served(delivery.media))
        wire.carried.clear()
        yield Publishing(adapter=adapter, simulator=simulator, delivery=delivery), wire


PLATFORM_OF = {platform.key: platform.apps for platform in REGISTRY.platforms.values()}


async def shown(receipt: Receipt) -> int:
    """Return the status of a permalink."""
    async with httpx.AsyncClient(verify=PLAIN) as browser:
        return (await browser.get(receipt.url)).status_code


@EACH
async def test_each_format_is_prepared_sent_found_and_there(row: Row, name: str) -> None:
    async with stage(row) as (publishing, _):
        content, since = row.formats[name](publishing.delivery.media), publishing.now()
        publisher, steps = publishing.publisher, publishing.publisher.steps(content)
        handles, receipts = await publishing.publish(content)

        assert publisher.check(content) == ()
        assert len({receipt.id for receipt in receipts}) == len(receipts) == len(steps)
        assert len(publishing.simulator.timeline.posts()) == len(steps)
        assert {await shown(receipt) for receipt in receipts} == {httpx.codes.OK}
        for number, step in enumerate(steps):
            finding = await publishing.look(content, handles, step, receipts[:number], since)
            expected = Outcome.LIVE if row.readable else Outcome.UNREADABLE
            assert finding.outcome is expected
            assert finding.receipt is None or finding.receipt.id == receipts[number].id
        client, tokens = publishing.delivery.client, publishing.delivery.tokens
        there = await publisher.presence(client, tokens, publishing.delivery.account_id, receipts)
        assert set(there) == {Presence.THERE if row.readable else Presence.UNREADABLE}


@SOME
async def test_a_preparation_that_is_cut_at_any_request_goes_on(
    row: Row, name: str, record_property: Count
) -> None:
    async with stage(row) as (publishing, wire):
        content = row.formats[name](publishing.delivery.media)
        await publishing.prepare(content)
        whole, writes = len(wire.carried), sum(one.method != "GET" for one in wire.carried)
        for at in range(whole):
            for wire.after in (False, True):
                publishing.delivery.kept.clear()
                wire.carried.clear()
                wire.cut_at = at

                with pytest.raises(PlatformError) as cut:
                    await publishing.prepare(content)
                wire.cut_at = None
                kept = publishing.delivery.kept[-1] if publishing.delivery.kept else {}
                handles = await publishing.prepare(content, kept)

                assert isinstance(cut.value, Busy)
                # The one that was cut may come again with the one that opened it. Looking is not uploading.
                written = [one for one in wire.carried if one.method != "GET"]
                assert len(written) <= writes + 2, "what was uploaded is uploaded again"
        assert publishing.simulator.timeline.posts() == []

        receipts: list[Receipt] = []
        for step in publishing.publisher.steps(content):
            if whole == 0:
                handles = await publishing.prepare(content)
            receipts.append(await publishing.send(content, handles, step, receipts))

        assert len(publishing.simulator.timeline.posts()) == len(receipts)
        record_property(
            "counted",
            f"publishing: {row.app.key} {name} cut at {whole} requests, before and after, 0 posts too many",
        )


@SOME
async def test_a_lost_answer_is_found_and_not_sent_again(row: Row, name: str) -> None:
    async with stage(row) as (publishing, wire):
        content = row.formats[name](publishing.delivery.media)
        handles, publisher = await publishing.prepare(content), publishing.publisher
        receipts: list[Receipt] = []
        for number, step in enumerate(publisher.steps(content)):
            since, wire.cut_at, wire.after = publishing.now(), 0, True

            with pytest.raises(OutcomeUnknown):
                await publisher.send(publishing.delivery.of(content, receipts), handles, step)
            wire.cut_at = None
            finding = await publishing.look(content, handles, step, receipts, since)

            assert len(publishing.simulator.timeline.posts()) == number + 1
            if not row.readable:
                assert finding.outcome is Outcome.UNREADABLE
                return
            assert finding.receipt is not None
            receipts.append(finding.receipt)
        assert len({receipt.id for receipt in receipts}) == len(receipts)


@SOME
async def test_what_never_arrived_is_not_found(row: Row, name: str) -> None:
    async with stage(row) as (publishing, wire):
        content = row.formats[name](publishing.delivery.media)
        handles, publisher = await publishing.prepare(content), publishing.publisher
        step, since, wire.cut_at = publisher.steps(content)[0], publishing.now(), 0

        with pytest.raises(Busy):
            await publisher.send(publishing.delivery.of(content), handles, step)
        wire.cut_at = None
        finding = await publisher.look(publishing.delivery.of(content), handles, step, since)

        assert finding.outcome in {Outcome.NOT_FOUND, Outcome.NOT_SENT, Outcome.UNREADABLE}
        assert publishing.simulator.timeline.posts() == []


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=key) for key, row in ROWS.items() if row.refuses_duplicates]
)
async def test_a_duplicate_may_be_ours_and_is_never_sent_a_second_time(row: Row) -> None:
    async with stage(row) as (publishing, _):
        content = replace(
            row.formats["text"](publishing.delivery.media), text="The same again", first_comment=""
        )
        handles, _receipts = await publishing.publish(content)

        with pytest.raises(OutcomeUnknown) as refusal:
            await publishing.send(content, handles, publishing.publisher.steps(content)[0], [])

        assert refusal.value.code == "duplicate"
        assert len(publishing.simulator.timeline.posts()) == 1


@EACH_ROW
async def test_what_was_removed_is_gone(row: Row) -> None:
    async with stage(row) as (publishing, _):
        content = next(iter(row.formats.values()))(publishing.delivery.media)
        delivery, publisher = publishing.delivery, publishing.publisher
        _handles, receipts = await publishing.publish(content)

        for receipt in receipts:
            assert publishing.simulator.timeline.remove(receipt.id, "moderator")
        found = await publisher.presence(delivery.client, delivery.tokens, delivery.account_id, receipts)

        assert set(found) == {Presence.GONE if row.readable else Presence.UNREADABLE}


@EACH_ROW
async def test_a_live_post_is_edited_and_deleted_where_the_platform_can(row: Row) -> None:
    async with stage(row) as (publishing, _):
        content = replace(next(iter(row.formats.values()))(publishing.delivery.media), first_comment="")
        delivery, publisher = publishing.delivery, publishing.publisher
        _handles, [receipt] = await publishing.publish(content)
        outgoing = delivery.of(replace(content, text="Now (better) #mugs"))
        arguments = (delivery.client, delivery.tokens, delivery.account_id, receipt)

        for can, change in (
            (publisher.facts.can_edit, publisher.edit(outgoing, receipt)),
            (publisher.facts.can_delete, publisher.delete(*arguments)),
            (publisher.facts.can_delete, publisher.delete(*arguments)),
        ):
            texts = [post.text for post in publishing.simulator.timeline.posts()]
            if can:
                await change
            else:
                with pytest.raises(Rejected):
                    await change
                assert [post.text for post in publishing.simulator.timeline.posts()] == texts

        left = publishing.simulator.timeline.posts()
        assert (left == []) is publisher.facts.can_delete
        post = publishing.simulator.timeline.get(receipt.id)
        assert post is None or (post.text == "Now (better) #mugs") is publisher.facts.can_edit
