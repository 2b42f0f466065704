"""Instagram: what is sent to publish on a professional account, and what each answer means."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters.base import (
    Busy,
    Content,
    Defect,
    Expired,
    Finding,
    Format,
    Media,
    MediaKind,
    Outcome,
    OutcomeUnknown,
    PlatformError,
    Presence,
    Receipt,
    Rejected,
    Step,
    StepKind,
)
from adapters.instagram import PLATFORM
from adapters.instagram.account import Instagram
from adapters.instagram.containers import why_failed
from adapters.instagram.publishing import NOT_THERE, InstagramPublisher
from adapters.instagram.refusals import CONTAINER_FAILED, PUBLISHING
from tests.adapters.meta.graph import ROOT, client_of, failure, graph
from tests.adapters.meta.posts import delivery_of, form_of
from tests.media import mp4
from tests.publishing import Delivery

ACCOUNT = "17841"
POST = Step(kind=StepKind.POST)
SINCE = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
UPLOAD = "https://rupload.facebook.com/ig-api-upload/v26.0/1790"
PERMALINK = "https://www.instagram.com/p/abc/"
READY = {"container": "1790", "container_ready": "yes"}
FINISHED = {"id": "1790", "status_code": "FINISHED", "status": "Finished"}


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> InstagramPublisher:
    found = Instagram(http).publisher
    assert isinstance(found, InstagramPublisher)
    return found


@pytest.fixture
def delivery() -> Delivery:
    return delivery_of(client_of(PLATFORM), ACCOUNT)


def image(delivery: Delivery, **changes: Any) -> Content:
    media = delivery.media.image(alt_text="A mug")
    return replace(Content(format=Format.IMAGE, text="Mugs", media=(media,)), **changes)


def reel(delivery: Delivery, **changes: Any) -> Content:
    return replace(Content(format=Format.REEL, text="Mugs", media=(delivery.media.video(),)), **changes)


def made(httpx_mock: HTTPXMock, container: str, **answer: Any) -> None:
    graph(httpx_mock, f"/{ACCOUNT}/media", {"id": container} | answer, method="POST")


def asked(httpx_mock: HTTPXMock) -> list[str]:
    return [f"{r.method} {r.url.path.removeprefix('/v26.0')}" for r in httpx_mock.get_requests()]


# What is sent


async def test_an_image_is_fetched_from_our_address_and_published(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = image(delivery, options={"collaborators": ("@octa.demo", "mia_chen")})
    made(httpx_mock, "1790")
    graph(httpx_mock, "/1790", FINISHED)
    graph(httpx_mock, f"/{ACCOUNT}/media_publish", {"id": "1800"}, method="POST")
    graph(httpx_mock, "/1800", {"id": "1800", "permalink": PERMALINK})

    prepared = await publisher.prepare(delivery.of(content), {})
    receipt = await publisher.send(delivery.of(content), prepared.handles, POST)

    make, _, publish, _ = httpx_mock.get_requests()
    assert prepared.again_in is None
    assert form_of(make) == {
        "image_url": f"https://media.example.com/{content.media[0].key}",
        "alt_text": "A mug",
        "caption": "Mugs",
        "collaborators": json.dumps(["octa.demo", "mia_chen"]),
    }
    assert form_of(publish) == {"creation_id": "1790"}
    assert receipt == Receipt(id="1800", url=PERMALINK)
    assert make.headers["authorization"] == "Bearer EAAGpage"


@pytest.mark.parametrize(
    ("changes", "form"),
    [
        pytest.param({}, {"share_to_feed": "true"}, id="plain"),
        pytest.param({"options": {"share_to_feed": False}}, {"share_to_feed": "false"}, id="reels-only"),
        pytest.param(
            {"options": {"thumb_offset": 1500}},
            {"share_to_feed": "true", "thumb_offset": "1500"},
            id="cover-frame",
        ),
    ],
)
async def test_a_reel_is_uploaded_by_its_bytes(
    publisher: InstagramPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    changes: Mapping[str, Any],
    form: dict[str, str],
) -> None:
    made(httpx_mock, "1790", uri=UPLOAD)
    httpx_mock.add_response(method="POST", url=UPLOAD, json={"success": True})
    graph(httpx_mock, "/1790", FINISHED | {"status_code": "IN_PROGRESS"})

    prepared = await publisher.prepare(delivery.of(reel(delivery, **changes)), {})

    make, upload, _ = httpx_mock.get_requests()
    assert form_of(make) == {"media_type": "REELS", "upload_type": "resumable", "caption": "Mugs"} | form
    assert upload.content == mp4()
    assert (upload.headers["offset"], upload.headers["file_size"]) == ("0", str(len(mp4())))
    assert upload.headers["authorization"] == "OAuth EAAGpage"
    assert prepared.again_in is not None


async def test_a_reels_cover_is_fetched_from_our_address(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    cover = delivery.media.image()
    made(httpx_mock, "1790", uri=UPLOAD)
    httpx_mock.add_response(method="POST", url=UPLOAD, json={"success": True})
    graph(httpx_mock, "/1790", FINISHED)

    await publisher.prepare(delivery.of(reel(delivery, cover=cover)), {})

    form = form_of(httpx_mock.get_requests()[0])
    assert form["cover_url"] == f"https://media.example.com/{cover.key}"
    assert "thumb_offset" not in form


async def test_a_reel_that_was_cut_is_continued_at_its_offset(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    arrived = {"id": "1790", "video_status": {"uploading_phase": {"bytes_transferred": 1000}}}
    graph(httpx_mock, "/1790", arrived)
    httpx_mock.add_response(method="POST", url=UPLOAD, json={"success": True})
    graph(httpx_mock, "/1790", FINISHED)

    prepared = await publisher.prepare(
        delivery.of(reel(delivery)), {"container": "1790", "container_address": UPLOAD}
    )

    assert httpx_mock.get_requests()[1].content == mp4()[1000:]
    assert prepared.again_in is None


async def test_a_carousel_is_made_when_all_its_files_are_ready(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    media = (delivery.media.image(alt_text="A mug"), delivery.media.video())
    content = Content(format=Format.CAROUSEL, text="Mugs", media=media)
    made(httpx_mock, "1701")
    made(httpx_mock, "1702", uri=UPLOAD)
    httpx_mock.add_response(method="POST", url=UPLOAD, json={"success": True})
    graph(httpx_mock, "/1701", FINISHED)
    graph(httpx_mock, "/1702", {"status_code": "IN_PROGRESS"})

    waiting = await publisher.prepare(delivery.of(content), {})
    made(httpx_mock, "1790")
    graph(httpx_mock, "/1702", FINISHED)
    graph(httpx_mock, "/1790", FINISHED)
    prepared = await publisher.prepare(delivery.of(content), waiting.handles)

    assert waiting.again_in == timedelta(seconds=15)
    assert prepared.again_in is None
    forms = [form_of(r) for r in httpx_mock.get_requests() if r.url.path.endswith("/media")]
    assert forms == [
        {
            "is_carousel_item": "true",
            "image_url": f"https://media.example.com/{media[0].key}",
            "alt_text": "A mug",
        },
        {"is_carousel_item": "true", "media_type": "VIDEO", "upload_type": "resumable"},
        {"media_type": "CAROUSEL", "children": "1701,1702", "caption": "Mugs"},
    ]
    assert asked(httpx_mock).count("GET /1701") == 1


# What the answers mean


@pytest.mark.parametrize("code", sorted(PUBLISHING))
async def test_every_documented_code_has_its_verdict(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock, code: str
) -> None:
    graph(httpx_mock, f"/{ACCOUNT}/media_publish", _named(code), method="POST", status=400)
    if code in NOT_THERE:
        graph(httpx_mock, "/1790", FINISHED)
    verdict = PUBLISHING[code]

    with pytest.raises(PlatformError) as raised:
        await publisher.send(delivery.of(image(delivery)), READY, POST)

    assert type(raised.value) is (OutcomeUnknown if verdict.in_doubt else verdict.error)


@pytest.mark.parametrize("code", sorted(PUBLISHING))
async def test_every_documented_code_has_its_verdict_while_containers_are_made(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock, code: str
) -> None:
    graph(httpx_mock, f"/{ACCOUNT}/media", _named(code), method="POST", status=400)
    verdict = PUBLISHING[code]

    with pytest.raises(PlatformError) as raised:
        await publisher.prepare(delivery.of(image(delivery)), {})

    assert type(raised.value) is (Rejected if verdict.error is OutcomeUnknown else verdict.error)


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        ("Error: Media upload has failed with error code 2207026", Rejected, "2207026"),
        ("Error: Media upload has failed with error code 2207053", Expired, "2207053"),
        ("Error: Media upload has failed with error code 2207085", Expired, "2207085"),
        ("Error: Media upload has failed with error code 2299999", Rejected, CONTAINER_FAILED),
        ("Error: <script>22070261</script>", Rejected, CONTAINER_FAILED),
        (None, Rejected, CONTAINER_FAILED),
    ],
)
async def test_a_container_that_failed_says_why_in_its_status(
    publisher: InstagramPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    status: str | None,
    error: type[PlatformError],
    code: str,
) -> None:
    graph(httpx_mock, "/1790", {"id": "1790", "status_code": "ERROR", "status": status})

    with pytest.raises(error) as raised:
        await publisher.prepare(delivery.of(image(delivery)), {"container": "1790"})
    assert raised.value.code == code
    assert type(raised.value) is error


async def test_a_container_of_yesterday_is_made_again(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    graph(httpx_mock, "/1790", {"id": "1790", "status_code": "EXPIRED", "status": "Expired"})

    with pytest.raises(Expired):
        await publisher.prepare(delivery.of(image(delivery)), {"container": "1790"})


@pytest.mark.parametrize("answer", [{"json": {}}, {"status_code": 500}, {"json": {"permalink": 1}}])
async def test_a_post_without_a_permalink_is_live_all_the_same(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock, answer: dict[str, Any]
) -> None:
    graph(httpx_mock, f"/{ACCOUNT}/media_publish", {"id": "1800"}, method="POST")
    httpx_mock.add_response(url=re.compile(rf"{re.escape(ROOT)}/1800\?.*"), **answer)

    receipt = await publisher.send(delivery.of(image(delivery)), READY, POST)

    assert receipt == Receipt(id="1800", url="https://www.instagram.com/bluedoorbakery")


async def test_a_lost_answer_leaves_the_outcome_unknown(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_exception(httpx.ReadError("cut"), method="POST")

    with pytest.raises(OutcomeUnknown):
        await publisher.send(delivery.of(image(delivery)), READY, POST)


# Looking


def listed(**changes: Any) -> dict[str, Any]:
    row = {"id": "1800", "caption": "Mugs", "timestamp": "2026-11-30T12:00:09+0000", "permalink": PERMALINK}
    return row | {"media_type": "IMAGE"} | changes


@pytest.mark.parametrize(
    ("state", "row", "caption", "outcome"),
    [
        pytest.param("PUBLISHED", listed(), "Mugs", Outcome.LIVE, id="published"),
        pytest.param("FINISHED", listed(), "Mugs", Outcome.LIVE, id="taken-for-spam-and-live"),
        pytest.param("PUBLISHED", listed(caption=None), "", Outcome.LIVE, id="no-caption"),
        pytest.param("FINISHED", listed(caption=None), "", Outcome.NOT_FOUND, id="somebody-elses"),
        pytest.param("FINISHED", listed(caption="Other"), "Mugs", Outcome.NOT_FOUND, id="other-caption"),
        pytest.param("FINISHED", listed(media_type="VIDEO"), "Mugs", Outcome.NOT_FOUND, id="other-type"),
        pytest.param(
            "FINISHED", listed(timestamp="2026-11-30T11:50:00+0000"), "Mugs", Outcome.NOT_FOUND, id="earlier"
        ),
        pytest.param("PUBLISHED", None, "Mugs", Outcome.PROCESSING, id="list-is-late"),
        pytest.param("IN_PROGRESS", None, "Mugs", Outcome.PROCESSING, id="working"),
        pytest.param("ERROR", None, "Mugs", Outcome.REFUSED, id="failed"),
        pytest.param("EXPIRED", None, "Mugs", Outcome.NOT_FOUND, id="expired"),
        pytest.param("", None, "Mugs", Outcome.NOT_FOUND, id="container-not-shown"),
    ],
)
async def test_what_became_of_a_post_is_read_from_its_container_and_the_list(
    publisher: InstagramPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    state: str,
    row: Any,
    caption: str,
    outcome: Outcome,
) -> None:
    since = datetime.now(UTC)
    if state:
        graph(httpx_mock, "/1790", {"id": "1790", "status_code": state})
    else:
        graph(httpx_mock, "/1790", failure(100, 33), status=400)
    if row is not None:
        shift = since - SINCE
        made_at = datetime.fromisoformat(row["timestamp"]) + shift
        row = row | {"timestamp": made_at.strftime("%Y-%m-%dT%H:%M:%S+0000")}
    graph(httpx_mock, f"/{ACCOUNT}/media", {"data": [row] if row else []})

    finding = await publisher.look(delivery.of(image(delivery, text=caption)), READY, POST, since)

    assert finding.outcome is outcome
    assert (finding.receipt == Receipt(id="1800", url=PERMALINK)) is (outcome is Outcome.LIVE)
    assert outcome is not Outcome.REFUSED or finding.code == CONTAINER_FAILED


@pytest.mark.parametrize(
    ("state", "finding"),
    [
        ("FINISHED", Finding(outcome=Outcome.NOT_SENT)),
        ("EXPIRED", Finding(outcome=Outcome.NOT_SENT)),
        (
            "PUBLISHED",
            Finding(
                outcome=Outcome.LIVE,
                receipt=Receipt(id="", url="https://www.instagram.com/bluedoorbakery"),
            ),
        ),
    ],
)
async def test_once_no_request_can_be_on_its_way_the_container_alone_decides(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock, state: str, finding: Finding
) -> None:
    graph(httpx_mock, "/1790", {"id": "1790", "status_code": state})
    graph(httpx_mock, f"/{ACCOUNT}/media", {"data": []})
    since = datetime.now(UTC) - timedelta(minutes=16)

    assert await publisher.look(delivery.of(image(delivery)), READY, POST, since) == finding


# The account


@pytest.mark.parametrize(("used", "left", "refuses"), [(2, 48, ""), (50, 0, "2207042"), (51, 0, "2207042")])
async def test_the_quota_is_the_one_that_instagram_names(
    publisher: InstagramPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    used: int,
    left: int,
    refuses: str,
) -> None:
    row = {"quota_usage": used, "config": {"quota_total": 50, "quota_duration": 86400}}
    graph(httpx_mock, f"/{ACCOUNT}/content_publishing_limit", {"data": [row]})
    outgoing = delivery.of(image(delivery))

    live = await publisher.live(outgoing.client, outgoing.tokens, ACCOUNT)

    assert (live.posts_left, live.refuses) == (left, refuses)


@pytest.mark.parametrize("data", [[], [{}], [{"quota_usage": "many"}], "x"])
async def test_a_quota_that_cannot_be_read_is_no_quota(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock, data: Any
) -> None:
    graph(httpx_mock, f"/{ACCOUNT}/content_publishing_limit", {"data": data})
    outgoing = delivery.of(image(delivery))

    with pytest.raises(Busy):
        await publisher.live(outgoing.client, outgoing.tokens, ACCOUNT)


async def test_a_post_is_gone_only_if_the_account_still_shows_its_list(
    publisher: InstagramPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    graph(httpx_mock, "/1800", {"id": "1800"})
    graph(httpx_mock, "/1801", failure(100, 33), status=400)
    graph(httpx_mock, f"/{ACCOUNT}/media", {"data": []})
    outgoing, receipts = (
        delivery.of(image(delivery)),
        [Receipt(id=one, url="") for one in ("1800", "1801", "")],
    )

    found = await publisher.presence(outgoing.client, outgoing.tokens, ACCOUNT, receipts)

    assert found == (Presence.THERE, Presence.GONE, Presence.UNREADABLE)


async def test_a_live_post_is_changed_in_the_app_only(
    publisher: InstagramPublisher, delivery: Delivery
) -> None:
    outgoing, receipt = delivery.of(image(delivery)), Receipt(id="1800", url="")

    assert (publisher.facts.can_edit, publisher.facts.can_delete) == (False, False)
    with pytest.raises(Rejected, match="not_possible"):
        await publisher.edit(outgoing, receipt)
    with pytest.raises(Rejected, match="not_possible"):
        await publisher.delete(outgoing.client, outgoing.tokens, ACCOUNT, receipt)


# Checks

PHOTO = Media(key="a", kind=MediaKind.IMAGE, type="image/jpeg", size=100, width=1000, height=1000)
CLIP = Media(
    key="b",
    kind=MediaKind.VIDEO,
    type="video/mp4",
    size=5000,
    width=1080,
    height=1920,
    duration=timedelta(seconds=30),
    frame_rate=30,
)
AN_IMAGE = Content(format=Format.IMAGE, media=(PHOTO,))
A_REEL = Content(format=Format.REEL, media=(CLIP,))


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (AN_IMAGE, []),
        (replace(AN_IMAGE, text="#a " * 30 + "@b " * 20), []),
        (replace(AN_IMAGE, text="ana@example.com " * 21), []),
        (Content(format=Format.CAROUSEL, media=(replace(PHOTO, alt_text="A mug"), CLIP) * 5), []),
        (replace(A_REEL, options={"share_to_feed": False, "thumb_offset": 30_000}), []),
        (replace(A_REEL, cover=PHOTO, options={"collaborators": ("@ana.ruiz", "mia_1")}), []),
        (replace(AN_IMAGE, text="#a " * 31), [(Defect.TOO_MANY, "hashtags")]),
        (replace(AN_IMAGE, text="@b " * 21), [(Defect.TOO_MANY, "mentions")]),
        (replace(AN_IMAGE, text="a" * 2201), [(Defect.TOO_LONG, "text")]),
        (replace(AN_IMAGE, media=(replace(PHOTO, type="image/png"),)), []),  # it is converted
        (replace(AN_IMAGE, media=(replace(PHOTO, type="image/bmp"),)), [(Defect.WRONG_TYPE, "media")]),
        (replace(AN_IMAGE, media=(replace(PHOTO, height=1251),)), [(Defect.TOO_TALL, "media")]),
        (replace(AN_IMAGE, media=(replace(PHOTO, height=523),)), [(Defect.TOO_WIDE, "media")]),
        (
            replace(AN_IMAGE, options={"collaborators": ("a", "b", "c", "d")}),
            [(Defect.TOO_LONG, "collaborators")],
        ),
        (
            replace(AN_IMAGE, options={"collaborators": ("Ana Ruiz",)}),
            [(Defect.BAD_CHARACTER, "collaborators")],
        ),
        (replace(AN_IMAGE, options={"share_to_feed": True}), [(Defect.NOT_TAKEN, "share_to_feed")]),
        (
            Content(format=Format.CAROUSEL, media=(PHOTO, replace(CLIP, alt_text="Moving"))),
            [(Defect.NOT_TAKEN, "alt_text")],
        ),
        (
            Content(format=Format.CAROUSEL, media=(PHOTO, replace(CLIP, duration=timedelta(seconds=61)))),
            [(Defect.TOO_LONG_VIDEO, "media")],
        ),
        (replace(A_REEL, media=(replace(CLIP, width=3840, height=2160),)), [(Defect.TOO_BIG, "media")]),
        (replace(A_REEL, cover=PHOTO, options={"thumb_offset": 0}), [(Defect.NOT_TAKEN, "thumb_offset")]),
        (replace(A_REEL, options={"thumb_offset": 30_001}), [(Defect.TOO_LONG, "thumb_offset")]),
        (Content(format=Format.TEXT, text="Hi"), [(Defect.NO_FORMAT, "format")]),
        (Content(format=Format.VIDEO, media=(CLIP,)), [(Defect.NO_FORMAT, "format")]),
    ],
)
def test_what_instagram_does_not_take_is_said_beforehand(
    publisher: InstagramPublisher, content: Content, problems: list[tuple[Defect, str]]
) -> None:
    assert [(problem.defect, problem.field) for problem in publisher.check(content)] == problems


def test_a_status_may_name_several_codes() -> None:
    status = "Error: 2299999, then 2207026"

    assert why_failed({"status": status}) == "2207026"


def _named(key: str) -> dict[str, Any]:
    """Return the envelope with this key of the table."""
    code, _, subcode = key.partition("_")
    return failure(100, int(key)) if len(key) == 7 else failure(int(code), int(subcode or 0))
