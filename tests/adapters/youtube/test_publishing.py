"""Publishing to YouTube, on the wire: what we send byte for byte, and what each answer means."""

from __future__ import annotations

import json
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
    Expired,
    Finding,
    Format,
    Live,
    Misconfigured,
    Outcome,
    OutcomeUnknown,
    PlatformError,
    Presence,
    Receipt,
    Rejected,
    Step,
    StepKind,
    TokenRefused,
    Tokens,
)
from adapters.youtube import PLATFORM
from adapters.youtube.publishing import CHUNK, GRANULE, YouTubePublisher
from adapters.youtube.refusals import PUBLISHING
from tests.credentials import client_of
from tests.publishing import Delivery

SESSION = "https://www.googleapis.com/upload/youtube/v3/videos?uploadType=resumable&upload_id=AEnB2U"
OPEN = "https://www.googleapis.com/upload/youtube/v3/videos?uploadType=resumable&part=snippet%2Cstatus"
STATUS = "https://www.googleapis.com/youtube/v3/videos?part=status&id=dQw4Octa001"
THUMBNAIL = "https://www.googleapis.com/upload/youtube/v3/thumbnails/set?videoId=dQw4Octa001&uploadType=media"
CLIENT = client_of(PLATFORM.apps[0])
HANDLES = {"session": SESSION}
POST, PICTURE = Step(kind=StepKind.POST), Step(kind=StepKind.THUMBNAIL)
RECEIPT = Receipt(id="dQw4Octa001", url="https://www.youtube.com/watch?v=dQw4Octa001")
SINCE = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
LAST = CHUNK + GRANULE
SIZE = LAST + 100
"""A chunk, a granule, and a hundred bytes for the moment of publishing."""


@pytest.fixture
def delivery() -> Delivery:
    return Delivery(client=CLIENT, tokens=Tokens(access_token="ya29.now"), account_id="UCocta")


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> YouTubePublisher:
    return YouTubePublisher(http)


def video_of(delivery: Delivery, size: int = SIZE) -> Content:
    return Content(
        format=Format.VIDEO,
        title="Mug launch",
        text="All colours.",
        media=(delivery.media.video(size),),
        options={
            "privacy": "unlisted",
            "made_for_kids": "yes",
            "altered": True,
            "category": "26",
            "tags": ("mug", "blue mug"),
        },
    )


def resource(privacy: str = "unlisted") -> dict[str, Any]:
    return {
        "kind": "youtube#video",
        "id": "dQw4Octa001",
        "status": {"uploadStatus": "uploaded", "privacyStatus": privacy},
    }


def stored(count: int) -> dict[str, Any]:
    return {"status_code": 308, "headers": {"Range": f"bytes=0-{count - 1}"} if count else {}}


def refusal(status: int, reason: str, domain: str = "global") -> dict[str, Any]:
    error = {"code": status, "message": "words", "errors": [{"reason": reason, "domain": domain}]}
    return {"status_code": status, "json": {"error": error}}


def ranges(httpx_mock: HTTPXMock) -> list[str]:
    return [request.headers["Content-Range"] for request in httpx_mock.get_requests(method="PUT")]


async def test_a_session_is_opened_with_every_field_and_kept_at_once(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=OPEN, method="POST", headers={"Location": SESSION})
    prepared = await publisher.prepare(delivery.of(video_of(delivery, 5_000)), {})

    [request] = httpx_mock.get_requests()
    assert json.loads(request.content) == {
        "snippet": {
            "title": "Mug launch",
            "description": "All colours.",
            "tags": ["mug", "blue mug"],
            "categoryId": "26",
        },
        "status": {
            "privacyStatus": "unlisted",
            "selfDeclaredMadeForKids": True,
            "containsSyntheticMedia": True,
        },
    }
    assert request.headers["Authorization"] == "Bearer ya29.now"
    assert request.headers["X-Upload-Content-Type"] == "video/mp4"
    assert request.headers["X-Upload-Content-Length"] == "5000"
    assert prepared.handles == HANDLES
    assert delivery.kept == [HANDLES]


async def test_what_was_not_chosen_is_left_to_youtube(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(headers={"Location": SESSION})
    plain = replace(
        video_of(delivery, 5_000),
        format=Format.REEL,
        text="",
        options={"privacy": "private", "made_for_kids": "no"},
    )
    await publisher.prepare(delivery.of(plain), {})

    [request] = httpx_mock.get_requests()
    assert json.loads(request.content) == {
        "snippet": {"title": "Mug launch", "description": "#Shorts"},
        "status": {
            "privacyStatus": "private",
            "selfDeclaredMadeForKids": False,
            "containsSyntheticMedia": False,
        },
    }


async def test_all_but_the_last_bytes_are_uploaded_ahead(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = video_of(delivery)
    httpx_mock.add_response(url=OPEN, method="POST", headers={"Location": SESSION})
    httpx_mock.add_response(url=SESSION, method="PUT", **stored(CHUNK))
    httpx_mock.add_response(url=SESSION, method="PUT", **stored(LAST))
    await publisher.prepare(delivery.of(content), {})

    uploaded = httpx_mock.get_requests(method="PUT")
    assert ranges(httpx_mock) == [f"bytes 0-{CHUNK - 1}/{SIZE}", f"bytes {CHUNK}-{LAST - 1}/{SIZE}"]
    assert [request.headers["Content-Length"] for request in uploaded] == [str(CHUNK), str(GRANULE)]
    assert {request.headers["Content-Type"] for request in uploaded} == {"video/mp4"}
    sent = b"".join([await request.aread() for request in uploaded])
    assert sent == delivery.media.files[content.media[0].key][:LAST]


@pytest.mark.parametrize(("has", "goes_on_at"), [(0, 0), (GRANULE, GRANULE), (CHUNK, CHUNK)])
async def test_an_upload_goes_on_where_youtube_has_got_to(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock, has: int, goes_on_at: int
) -> None:
    httpx_mock.add_response(url=SESSION, method="PUT", **stored(has))
    httpx_mock.add_response(url=SESSION, method="PUT", **stored(LAST))
    await publisher.prepare(delivery.of(video_of(delivery)), HANDLES)

    probe, upload = httpx_mock.get_requests()
    assert (probe.headers["Content-Range"], probe.headers["Content-Length"]) == (f"bytes */{SIZE}", "0")
    assert upload.headers["Content-Range"].startswith(f"bytes {goes_on_at}-")


async def test_bytes_that_youtube_did_not_keep_are_sent_again(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    for has in (0, GRANULE, LAST):
        httpx_mock.add_response(url=SESSION, method="PUT", **stored(has))
    await publisher.prepare(delivery.of(video_of(delivery)), HANDLES)

    assert ranges(httpx_mock)[2] == f"bytes {GRANULE}-{LAST - 1}/{SIZE}"


async def test_an_upload_that_does_not_advance_waits(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=SESSION, method="PUT", is_reusable=True, **stored(GRANULE))

    with pytest.raises(Busy, match="upload_stalled"):
        await publisher.prepare(delivery.of(video_of(delivery)), HANDLES)


async def test_the_last_bytes_publish_and_the_privacy_is_read_back(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = video_of(delivery)
    httpx_mock.add_response(url=SESSION, method="PUT", status_code=201, json=resource())
    httpx_mock.add_response(url=STATUS, json={"items": [resource("private")]})
    receipt = await publisher.send(delivery.of(content), HANDLES, POST)

    published = httpx_mock.get_requests()[0]
    assert published.headers["Content-Range"] == f"bytes {LAST}-{SIZE - 1}/{SIZE}"
    assert await published.aread() == delivery.media.files[content.media[0].key][LAST:]
    assert published.headers["Connection"] == "close"
    assert receipt == replace(RECEIPT, note="made_private")


async def test_a_privacy_that_cannot_be_read_back_is_taken_from_the_answer(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=SESSION, method="PUT", json=resource("private"))
    httpx_mock.add_response(url=STATUS, status_code=503)
    receipt = await publisher.send(delivery.of(video_of(delivery)), HANDLES, POST)

    assert receipt == replace(RECEIPT, note="made_private")


async def test_a_short_has_the_address_of_a_short(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=SESSION, method="PUT", json=resource())
    httpx_mock.add_response(url=STATUS, json={"items": [resource()]})
    short = replace(video_of(delivery), format=Format.REEL)
    receipt = await publisher.send(delivery.of(short), HANDLES, POST)

    assert receipt == Receipt(id="dQw4Octa001", url="https://www.youtube.com/shorts/dQw4Octa001")


async def test_last_bytes_that_youtube_did_not_keep_are_sent_again_in_the_same_session(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=SESSION, method="PUT", **stored(CHUNK))
    httpx_mock.add_response(url=SESSION, method="PUT", json=resource())
    httpx_mock.add_response(url=STATUS, json={"items": [resource()]})
    receipt = await publisher.send(delivery.of(video_of(delivery)), HANDLES, POST)

    assert ranges(httpx_mock)[1] == f"bytes {CHUNK}-{SIZE - 1}/{SIZE}"
    assert receipt == RECEIPT


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ({"status_code": 503}, OutcomeUnknown, "http_503"),
        (refusal(500, "backendError"), OutcomeUnknown, "backendError"),
        ({"status_code": 200, "text": "<html>"}, OutcomeUnknown, "unreadable_answer"),
        (stored(SIZE), OutcomeUnknown, "still_processing"),
        ({"status_code": 308, "headers": {"Range": "bytes=7-9"}}, Busy, "odd_answer"),
        ({"status_code": 404}, Expired, "session_gone"),
        ({"status_code": 410}, Expired, "session_gone"),
        ({"status_code": 429}, Busy, "http_429"),
        (refusal(401, "authError"), TokenRefused, "authError"),
        (refusal(400, "invalidTitle"), Rejected, "invalidTitle"),
        (refusal(400, "somethingNew"), Rejected, "somethingNew"),
    ],
)
async def test_each_answer_to_the_last_bytes_has_one_verdict(
    publisher: YouTubePublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    answer: dict[str, Any],
    error: type[PlatformError],
    code: str,
) -> None:
    httpx_mock.add_response(url=SESSION, method="PUT", **answer)

    with pytest.raises(error) as refused:
        await publisher.send(delivery.of(video_of(delivery)), HANDLES, POST)
    assert (type(refused.value), refused.value.code) == (error, code)


async def test_a_lost_answer_to_the_last_bytes_is_an_unknown_outcome(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_exception(httpx.ReadError("gone"))

    with pytest.raises(OutcomeUnknown, match="no_answer"):
        await publisher.send(delivery.of(video_of(delivery)), HANDLES, POST)


@pytest.mark.parametrize(("reason", "error"), PUBLISHING.items())
async def test_every_documented_reason_has_its_verdict(
    publisher: YouTubePublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    reason: str,
    error: type[PlatformError],
) -> None:
    domain, word = (
        ("youtube.thumbnail", "forbidden") if reason == "thumbnail_forbidden" else ("global", reason)
    )
    httpx_mock.add_response(url=OPEN, method="POST", **refusal(403, word, domain))

    with pytest.raises(PlatformError) as refused:
        await publisher.prepare(delivery.of(video_of(delivery)), {})
    assert (type(refused.value), refused.value.code) == (error, reason)
    assert delivery.kept == []


@pytest.mark.parametrize(
    ("reason", "error", "shortest", "longest"),
    [
        ("uploadLimitExceeded", Busy, timedelta(days=1), timedelta(days=1)),
        ("quotaExceeded", Misconfigured, timedelta(0), timedelta(days=1)),
    ],
)
async def test_a_daily_limit_says_how_long_to_wait(
    publisher: YouTubePublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    reason: str,
    error: type[PlatformError],
    shortest: timedelta,
    longest: timedelta,
) -> None:
    httpx_mock.add_response(**refusal(403, reason))

    with pytest.raises(error) as refused:
        await publisher.prepare(delivery.of(video_of(delivery)), {})
    assert refused.value.retry_after is not None
    assert shortest <= refused.value.retry_after <= longest


@pytest.mark.parametrize("location", ["", "http://www.googleapis.com/upload", "ftp://example.com"])
async def test_bytes_go_only_to_a_safe_address(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock, location: str
) -> None:
    httpx_mock.add_response(url=OPEN, headers={"Location": location})

    with pytest.raises(Busy, match="odd_answer"):
        await publisher.prepare(delivery.of(video_of(delivery)), {})
    assert delivery.kept == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"json": resource()}, Finding(outcome=Outcome.LIVE, receipt=RECEIPT)),
        (stored(0), Finding(outcome=Outcome.NOT_SENT)),
        (stored(LAST), Finding(outcome=Outcome.NOT_SENT)),
        (stored(SIZE), Finding(outcome=Outcome.PROCESSING)),
    ],
)
async def test_the_session_tells_what_became_of_the_upload(
    publisher: YouTubePublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    answer: dict[str, Any],
    expected: Finding,
) -> None:
    httpx_mock.add_response(url=SESSION, method="PUT", **answer)
    httpx_mock.add_response(url=STATUS, json={"items": [resource()]}, is_optional=True)

    assert await publisher.look(delivery.of(video_of(delivery)), HANDLES, POST, SINCE) == expected
    assert ranges(httpx_mock) == [f"bytes */{SIZE}"]


def upload_listed(**changes: str) -> Mapping[str, Any]:
    facts = {"title": "Mug launch", "description": "All colours.", "publishedAt": "2026-11-30T12:00:07Z"}
    return {"snippet": {**facts, "resourceId": {"videoId": "dQw4Octa001"}, **changes}}


@pytest.mark.parametrize(
    ("item", "outcome"),
    [
        (upload_listed(), Outcome.LIVE),
        (upload_listed(title="Another mug"), Outcome.NOT_FOUND),
        (upload_listed(description="No colours."), Outcome.NOT_FOUND),
        (upload_listed(publishedAt="2026-11-30T11:00:00Z"), Outcome.NOT_FOUND),
    ],
)
@pytest.mark.parametrize("handles", [HANDLES, {}])
async def test_without_a_session_the_channels_uploads_are_read(
    publisher: YouTubePublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    item: Mapping[str, Any],
    outcome: Outcome,
    handles: Mapping[str, str],
) -> None:
    httpx_mock.add_response(url=SESSION, method="PUT", status_code=404, is_optional=True)
    channel = {"contentDetails": {"relatedPlaylists": {"uploads": "UUocta"}}}
    httpx_mock.add_response(
        url="https://www.googleapis.com/youtube/v3/channels?part=contentDetails&id=UCocta",
        json={"items": [channel]},
    )
    httpx_mock.add_response(
        url="https://www.googleapis.com/youtube/v3/playlistItems?part=snippet&playlistId=UUocta&maxResults=50",
        json={"items": [item]},
    )
    httpx_mock.add_response(url=STATUS, json={"items": [resource()]}, is_optional=True)
    finding = await publisher.look(delivery.of(video_of(delivery)), handles, POST, SINCE)

    assert finding.outcome is outcome
    assert finding.receipt == (RECEIPT if outcome is Outcome.LIVE else None)


async def test_uploads_that_youtube_does_not_show_cannot_be_read(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(json={"pageInfo": {"totalResults": 0}})
    finding = await publisher.look(delivery.of(video_of(delivery)), {}, POST, SINCE)

    assert finding == Finding(outcome=Outcome.UNREADABLE)


async def test_a_thumbnail_is_sent_as_it_is(
    publisher: YouTubePublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = replace(video_of(delivery), cover=delivery.media.image())
    httpx_mock.add_response(url=THUMBNAIL, method="POST", json={"items": [{}]})
    receipt = await publisher.send(delivery.of(content, [RECEIPT]), HANDLES, PICTURE)

    [request] = httpx_mock.get_requests()
    assert content.cover is not None
    assert await request.aread() == delivery.media.files[content.cover.key]
    assert request.headers["Content-Type"] == "image/jpeg"
    assert request.headers["Content-Length"] == str(content.cover.size)
    assert receipt == RECEIPT


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (refusal(403, "forbidden", "youtube.thumbnail"), Rejected, "thumbnail_forbidden"),
        (refusal(404, "videoNotFound", "youtube.thumbnail"), Rejected, "videoNotFound"),
        (refusal(400, "invalidImage", "youtube.thumbnail"), Rejected, "invalidImage"),
        (refusal(429, "uploadRateLimitExceeded", "youtube.thumbnail"), Busy, "uploadRateLimitExceeded"),
        ({"status_code": 502}, OutcomeUnknown, "http_502"),
    ],
)
async def test_each_answer_to_a_thumbnail_has_one_verdict(
    publisher: YouTubePublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    answer: dict[str, Any],
    error: type[PlatformError],
    code: str,
) -> None:
    content = replace(video_of(delivery), cover=delivery.media.image())
    httpx_mock.add_response(url=THUMBNAIL, method="POST", **answer)

    with pytest.raises(error) as refused:
        await publisher.send(delivery.of(content, [RECEIPT]), HANDLES, PICTURE)
    assert (type(refused.value), refused.value.code) == (error, code)


@pytest.mark.parametrize(
    ("custom", "expected"),
    [
        (True, Finding(outcome=Outcome.LIVE, receipt=RECEIPT)),
        (False, Finding(outcome=Outcome.NOT_SENT)),
    ],
)
async def test_a_video_tells_whether_it_has_a_thumbnail_of_its_own(
    publisher: YouTubePublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    custom: bool,
    expected: Finding,
) -> None:
    httpx_mock.add_response(
        url="https://www.googleapis.com/youtube/v3/videos?part=contentDetails&id=dQw4Octa001",
        json={"items": [{"id": "dQw4Octa001", "contentDetails": {"hasCustomThumbnail": custom}}]},
    )
    finding = await publisher.look(delivery.of(video_of(delivery), [RECEIPT]), HANDLES, PICTURE, SINCE)

    assert finding == expected


async def test_the_presence_of_many_videos_is_read_fifty_at_a_time(
    publisher: YouTubePublisher, httpx_mock: HTTPXMock
) -> None:
    states = {0: "uploaded", 1: "processed", 2: "failed", 3: "rejected", 50: "processed"}
    receipts = [Receipt(id=f"v{n}", url="") for n in range(51)]
    items = [{"id": f"v{n}", "status": {"uploadStatus": state}} for n, state in states.items()]
    httpx_mock.add_response(json={"items": items[:4]})
    httpx_mock.add_response(json={"items": items[4:]})
    found = await publisher.presence(CLIENT, Tokens(access_token="ya29.now"), "UCocta", receipts)

    asked = [request.url.params["id"].count(",") + 1 for request in httpx_mock.get_requests()]
    assert asked == [50, 1]
    assert [n for n, presence in enumerate(found) if presence is Presence.THERE] == [0, 1, 50]
    assert len(found) == 51


async def test_an_answer_without_a_list_says_nothing_about_videos(
    publisher: YouTubePublisher, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(text="<html>")

    with pytest.raises(Busy, match="odd_answer"):
        await publisher.presence(CLIENT, Tokens(access_token="ya29.now"), "UCocta", [RECEIPT])


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([{"status": {"longUploadsStatus": "allowed"}}], Live(longest_video=timedelta(hours=12))),
        ([{"status": {"longUploadsStatus": "eligible"}}], Live(longest_video=timedelta(minutes=15))),
        ([{}], Live(longest_video=timedelta(minutes=15))),
        ([], Live(refuses="channel_missing")),
    ],
)
async def test_a_channel_tells_how_long_its_videos_may_be(
    publisher: YouTubePublisher, httpx_mock: HTTPXMock, items: list[Any], expected: Live
) -> None:
    httpx_mock.add_response(
        url="https://www.googleapis.com/youtube/v3/channels?part=status&id=UCocta", json={"items": items}
    )

    assert await publisher.live(CLIENT, Tokens(access_token="ya29.now"), "UCocta") == expected


async def test_nothing_live_is_edited_or_deleted(publisher: YouTubePublisher, delivery: Delivery) -> None:
    with pytest.raises(Rejected, match="not_possible"):
        await publisher.edit(delivery.of(video_of(delivery)), RECEIPT)
    with pytest.raises(Rejected, match="not_possible"):
        await publisher.delete(CLIENT, delivery.tokens, "UCocta", RECEIPT)
    assert (publisher.facts.can_edit, publisher.facts.can_delete) == (False, False)
