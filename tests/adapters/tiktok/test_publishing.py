"""Publishing to TikTok, on the wire: what we send byte for byte, and what each answer means."""

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
    Accepted,
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
from adapters.tiktok import PLATFORM
from adapters.tiktok.calls import CREATOR_INFO
from adapters.tiktok.publishing import (
    DRAFT_INIT,
    PHOTO_INIT,
    REFUSES_ALL,
    STATUS,
    VIDEO_INIT,
    VIDEO_QUERY,
    TikTokPublisher,
)
from adapters.tiktok.refusals import FAILURES, MISSING_SCOPE, PUBLISHING
from adapters.tiktok.uploads import CHUNK
from tests.credentials import client_of
from tests.publishing import Delivery

UPLOAD = "https://open-upload-sg.tiktokapis.com/video/?upload_id=730&upload_token=tok"
ID = "v_pub_file~v2-1.730"
QUERY = f"{VIDEO_QUERY}?fields=id"
CLIENT = client_of(PLATFORM.apps[0])
TOKENS = Tokens(access_token="act.now")
HANDLES = {"username": "octademo", "publish_id": ID, "upload_url": UPLOAD}
POST = Step(kind=StepKind.POST)
SIZE = 2 * CHUNK + 100
"""A chunk ahead, and one that carries the rest."""
CREATOR = {
    "creator_username": "octademo",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
    "comment_disabled": False,
    "duet_disabled": False,
    "stitch_disabled": True,
    "max_video_post_duration_sec": 600,
}


@pytest.fixture
def delivery() -> Delivery:
    return Delivery(client=CLIENT, tokens=TOKENS, account_id="723f", handle="@octademo")


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> TikTokPublisher:
    return TikTokPublisher(http)


def video_of(delivery: Delivery, size: int = SIZE, **options: Any) -> Content:
    video = replace(delivery.media.video(size), frame_rate=30)
    chosen = {"privacy": "PUBLIC_TO_EVERYONE", "music_confirmation": True, "comments": True, **options}
    return Content(format=Format.VIDEO, text="Our new mug #coffee", media=(video,), options=chosen)


def photos_of(delivery: Delivery, count: int = 2) -> Content:
    return Content(
        format=Format.CAROUSEL,
        title="Autumn set",
        text="Five mugs",
        media=tuple(delivery.media.image() for _ in range(count)),
        options={
            "privacy": "SELF_ONLY",
            "music_confirmation": True,
            "commercial": True,
            "your_brand": True,
        },
    )


def ok(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"json": {"data": data, "error": {"code": "ok", "message": "", "log_id": "20261130"}}}


def refusal(status: int, code: str) -> dict[str, Any]:
    return {"status_code": status, "json": {"data": {}, "error": {"code": code, "message": "words"}}}


def bodies(httpx_mock: HTTPXMock, url: str) -> list[Any]:
    return [json.loads(request.content) for request in httpx_mock.get_requests(url=url)]


def ranges(httpx_mock: HTTPXMock) -> list[str]:
    return [request.headers["Content-Range"] for request in httpx_mock.get_requests(method="PUT")]


async def test_a_video_is_announced_and_uploaded_but_for_its_last_chunk(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = video_of(delivery, ai_generated=True)
    httpx_mock.add_response(url=CREATOR_INFO, method="POST", **ok(CREATOR))
    httpx_mock.add_response(url=VIDEO_INIT, method="POST", **ok({"publish_id": ID, "upload_url": UPLOAD}))
    httpx_mock.add_response(url=UPLOAD, method="PUT", status_code=206)
    prepared = await publisher.prepare(delivery.of(content), {})

    assert bodies(httpx_mock, CREATOR_INFO) == [{}]
    assert bodies(httpx_mock, VIDEO_INIT) == [
        {
            "post_info": {
                "title": "Our new mug #coffee",
                "privacy_level": "PUBLIC_TO_EVERYONE",
                "disable_comment": False,
                "disable_duet": True,
                "disable_stitch": True,
                "brand_content_toggle": False,
                "brand_organic_toggle": False,
                "is_aigc": True,
            },
            "source_info": {
                "source": "FILE_UPLOAD",
                "video_size": SIZE,
                "chunk_size": CHUNK,
                "total_chunk_count": 2,
            },
        }
    ]
    [upload] = httpx_mock.get_requests(method="PUT")
    assert upload.headers["Content-Range"] == f"bytes 0-{CHUNK - 1}/{SIZE}"
    assert (upload.headers["Content-Type"], upload.headers["Content-Length"]) == ("video/mp4", str(CHUNK))
    assert "Authorization" not in upload.headers
    assert await upload.aread() == delivery.media.files[content.media[0].key][:CHUNK]
    assert delivery.kept == [HANDLES, HANDLES | {"chunks_sent": "1"}]
    assert prepared.handles == delivery.kept[-1]


async def test_a_small_video_is_one_chunk_and_goes_out_at_the_moment(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = video_of(delivery, 6_000)
    httpx_mock.add_response(url=CREATOR_INFO, **ok(CREATOR))
    httpx_mock.add_response(url=VIDEO_INIT, **ok({"publish_id": ID, "upload_url": UPLOAD}))
    httpx_mock.add_response(url=UPLOAD, method="PUT", status_code=201)
    prepared = await publisher.prepare(delivery.of(content), {})
    before = ranges(httpx_mock)
    accepted = await publisher.send(delivery.of(content), prepared.handles, POST)

    assert bodies(httpx_mock, VIDEO_INIT)[0]["source_info"]["chunk_size"] == 6_000
    assert (before, ranges(httpx_mock)) == ([], ["bytes 0-5999/6000"])
    assert accepted == Accepted(handles=HANDLES, again_in=timedelta(seconds=5))


async def test_the_last_chunk_carries_the_rest_and_publishes(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = video_of(delivery)
    httpx_mock.add_response(url=UPLOAD, method="PUT", status_code=201)
    await publisher.send(delivery.of(content), HANDLES, POST)

    [upload] = httpx_mock.get_requests()
    assert upload.headers["Content-Range"] == f"bytes {CHUNK}-{SIZE - 1}/{SIZE}"
    assert await upload.aread() == delivery.media.files[content.media[0].key][CHUNK:]
    assert upload.headers["Connection"] == "close"


async def test_a_draft_of_a_video_says_nothing_but_its_size(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    draft = replace(video_of(delivery, 6_000), format=Format.DRAFT, text="", options={})
    httpx_mock.add_response(url=DRAFT_INIT, **ok({"publish_id": ID, "upload_url": UPLOAD}))
    await publisher.prepare(delivery.of(draft), {})

    source = {"source": "FILE_UPLOAD", "video_size": 6_000, "chunk_size": 6_000, "total_chunk_count": 1}
    assert bodies(httpx_mock, DRAFT_INIT) == [{"source_info": source}]


@pytest.mark.parametrize(
    ("changes", "mode", "info"),
    [
        (
            {},
            "DIRECT_POST",
            {
                "title": "Autumn set",
                "description": "Five mugs",
                "privacy_level": "SELF_ONLY",
                "disable_comment": True,
                "brand_content_toggle": False,
                "brand_organic_toggle": True,
            },
        ),
        (
            {"format": Format.DRAFT, "options": {}},
            "MEDIA_UPLOAD",
            {"title": "Autumn set", "description": "Five mugs"},
        ),
    ],
)
async def test_photos_are_named_in_the_one_call_that_publishes(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    changes: dict[str, Any],
    mode: str,
    info: Mapping[str, Any],
) -> None:
    content = replace(photos_of(delivery), **changes)
    httpx_mock.add_response(url=CREATOR_INFO, is_optional=True, **ok(CREATOR))
    httpx_mock.add_response(url=PHOTO_INIT, **ok({"publish_id": "p_pub_url~v2.7"}))
    prepared = await publisher.prepare(delivery.of(content), {})
    sent_before = bodies(httpx_mock, PHOTO_INIT)
    accepted = await publisher.send(delivery.of(content), prepared.handles, POST)

    assert sent_before == delivery.kept == []
    assert bodies(httpx_mock, PHOTO_INIT) == [
        {
            "media_type": "PHOTO",
            "post_mode": mode,
            "post_info": info,
            "source_info": {
                "source": "PULL_FROM_URL",
                "photo_cover_index": 0,
                "photo_images": [f"https://media.example.com/{one.key}" for one in content.media],
            },
        }
    ]
    assert accepted.handles == {"username": "octademo", "publish_id": "p_pub_url~v2.7"}


@pytest.mark.parametrize(
    ("status", "first"),
    [
        ({"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0}, 0),
        ({"status": "PROCESSING_UPLOAD", "uploaded_bytes": CHUNK - 1}, 0),
        ({"status": "PROCESSING_UPLOAD", "uploaded_bytes": CHUNK}, 1),
        ({"status": "PROCESSING_UPLOAD"}, 1),
    ],
)
async def test_an_upload_goes_on_with_the_chunk_that_tiktok_lacks(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    status: Mapping[str, Any],
    first: int,
) -> None:
    httpx_mock.add_response(url=STATUS, **ok(status))
    httpx_mock.add_response(url=UPLOAD, method="PUT", status_code=206, is_reusable=True)
    content = video_of(delivery, 3 * CHUNK)
    await publisher.prepare(delivery.of(content), HANDLES | {"chunks_sent": "1"})

    starts = [each.split("-")[0] for each in ranges(httpx_mock)]
    assert starts == [f"bytes {index * CHUNK}" for index in range(first, 2)]
    assert bodies(httpx_mock, STATUS) == [{"publish_id": ID}]


@pytest.mark.parametrize(
    "answer",
    [
        ok({"status": "FAILED", "fail_reason": "internal"}),
        ok({"status": "EXPIRED"}),
        refusal(400, "invalid_publish_id"),
        refusal(403, "token_not_authorized_for_specified_publish_id"),
    ],
)
async def test_an_upload_that_tiktok_gave_up_begins_again(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock, answer: dict[str, Any]
) -> None:
    httpx_mock.add_response(url=STATUS, **answer)

    with pytest.raises(Expired):
        await publisher.prepare(delivery.of(video_of(delivery)), HANDLES)


@pytest.mark.parametrize(
    ("status", "error"), [(403, Expired), (404, Expired), (416, Expired), (429, Busy), (503, Busy)]
)
async def test_each_refusal_of_a_chunk_has_one_verdict(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    status: int,
    error: type[PlatformError],
) -> None:
    httpx_mock.add_response(url=STATUS, **ok({"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0}))
    httpx_mock.add_response(url=UPLOAD, method="PUT", status_code=status)

    with pytest.raises(error, match=f"http_{status}"):
        await publisher.prepare(delivery.of(video_of(delivery)), HANDLES)


@pytest.mark.parametrize(
    ("answer", "state", "error"),
    [
        (500, None, OutcomeUnknown),
        (403, {"status": "PROCESSING_UPLOAD", "uploaded_bytes": CHUNK}, Expired),
        (416, {"status": "FAILED", "fail_reason": "internal"}, Expired),
        (429, {"status": "PROCESSING_UPLOAD", "uploaded_bytes": CHUNK}, Busy),
        (416, {}, OutcomeUnknown),
    ],
)
async def test_each_answer_to_the_last_chunk_has_one_verdict(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    answer: int,
    state: Mapping[str, Any] | None,
    error: type[PlatformError],
) -> None:
    httpx_mock.add_response(url=UPLOAD, method="PUT", status_code=answer)
    if state is not None:
        told = ok(state) if state else {"status_code": 503}
        httpx_mock.add_response(url=STATUS, **told)

    with pytest.raises(error) as refused:
        await publisher.send(delivery.of(video_of(delivery)), HANDLES, POST)
    assert type(refused.value) is error


async def test_a_last_chunk_that_tiktok_has_already_is_no_reason_to_begin_again(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=UPLOAD, method="PUT", status_code=416)
    httpx_mock.add_response(url=STATUS, **ok({"status": "PROCESSING_UPLOAD", "uploaded_bytes": SIZE}))
    accepted = await publisher.send(delivery.of(video_of(delivery)), HANDLES, POST)

    assert accepted.handles == HANDLES


async def test_a_lost_answer_to_the_last_chunk_is_an_unknown_outcome(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_exception(httpx.ReadError("gone"))

    with pytest.raises(OutcomeUnknown):
        await publisher.send(delivery.of(video_of(delivery)), HANDLES, POST)


@pytest.mark.parametrize(
    ("code", "error"), [*PUBLISHING.items(), *((one, Rejected) for one in sorted(MISSING_SCOPE))]
)
async def test_every_documented_code_has_its_verdict_before_anything_is_public(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    code: str,
    error: type[PlatformError],
) -> None:
    httpx_mock.add_response(url=CREATOR_INFO, **ok(CREATOR))
    httpx_mock.add_response(url=VIDEO_INIT, **refusal(200, code))

    with pytest.raises(PlatformError) as refused:
        await publisher.prepare(delivery.of(video_of(delivery)), {})
    expected = "missing_scope" if code in MISSING_SCOPE else code
    assert (type(refused.value), refused.value.code) == (error, expected)
    assert delivery.kept == []


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ({"status_code": 502, "text": "<html>"}, OutcomeUnknown, "http_502"),
        ({"text": "<html>"}, OutcomeUnknown, "unreadable_answer"),
        (ok({}), OutcomeUnknown, "unreadable_answer"),
        (refusal(500, "spam_risk"), OutcomeUnknown, "spam_risk"),
        (refusal(503, "rate_limit_exceeded"), OutcomeUnknown, "rate_limit_exceeded"),
        (refusal(200, "internal_error"), OutcomeUnknown, "internal_error"),
        ({"status_code": 404, "text": "<html>"}, Busy, "http_404"),
        (refusal(429, "rate_limit_exceeded"), Busy, "rate_limit_exceeded"),
        (refusal(401, "access_token_invalid"), TokenRefused, "access_token_invalid"),
        (refusal(403, "url_ownership_unverified"), Misconfigured, "url_ownership_unverified"),
        (refusal(400, "something_new"), Rejected, "something_new"),
    ],
)
async def test_each_answer_about_photos_has_one_verdict(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    answer: dict[str, Any],
    error: type[PlatformError],
    code: str,
) -> None:
    httpx_mock.add_response(url=PHOTO_INIT, **answer)

    with pytest.raises(error) as refused:
        await publisher.send(delivery.of(photos_of(delivery)), {"username": "octademo"}, POST)
    assert (type(refused.value), refused.value.code) == (error, code)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"privacy_level_options": ["FOLLOWER_OF_CREATOR"]}, "settings_changed"),
        ({"comment_disabled": True}, "settings_changed"),
        ({"max_video_post_duration_sec": 3}, "settings_changed"),
    ],
)
async def test_an_account_that_changed_since_is_asked_about_before_the_upload(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    changes: Mapping[str, Any],
    code: str,
) -> None:
    httpx_mock.add_response(url=CREATOR_INFO, **ok(CREATOR | dict(changes)))

    with pytest.raises(Rejected, match=code):
        await publisher.prepare(delivery.of(video_of(delivery)), {})


async def test_what_is_off_by_choice_may_be_switched_off_later(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=CREATOR_INFO, **ok(CREATOR | {"comment_disabled": True}))
    httpx_mock.add_response(url=VIDEO_INIT, **ok({"publish_id": ID, "upload_url": UPLOAD}))
    quiet = video_of(delivery, 6_000, comments=False, duet=False)
    prepared = await publisher.prepare(delivery.of(quiet), {})

    assert prepared.handles == HANDLES


@pytest.mark.parametrize("address", ["", "http://open-upload.tiktokapis.com/video/", "file:///etc"])
async def test_bytes_go_only_to_a_safe_address(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock, address: str
) -> None:
    httpx_mock.add_response(url=CREATOR_INFO, **ok(CREATOR))
    httpx_mock.add_response(url=VIDEO_INIT, **ok({"publish_id": ID, "upload_url": address}))

    with pytest.raises(Busy, match="unreadable_answer"):
        await publisher.prepare(delivery.of(video_of(delivery)), {})
    assert delivery.kept == []


PROFILE = "https://www.tiktok.com/@octademo"


@pytest.mark.parametrize(
    ("status", "privacy", "expected"),
    [
        (
            {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [7300000000000000123]},
            "PUBLIC_TO_EVERYONE",
            Receipt(id="7300000000000000123", url=f"{PROFILE}/video/7300000000000000123"),
        ),
        (
            {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": ["7300000000000000123"]},
            "PUBLIC_TO_EVERYONE",
            Receipt(id="7300000000000000123", url=f"{PROFILE}/video/7300000000000000123"),
        ),
        (
            {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": ["<b>"]},
            "PUBLIC_TO_EVERYONE",
            Receipt(id="", url=PROFILE, note="link_later"),
        ),
        (
            {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": []},
            "PUBLIC_TO_EVERYONE",
            Receipt(id="", url=PROFILE, note="link_later"),
        ),
        ({"status": "PUBLISH_COMPLETE"}, "SELF_ONLY", Receipt(id="", url=PROFILE, note="only_me")),
        (
            {"status": "PUBLISH_COMPLETE"},
            "MUTUAL_FOLLOW_FRIENDS",
            Receipt(id="", url=PROFILE, note="no_link"),
        ),
        (
            {"status": "SEND_TO_USER_INBOX"},
            "PUBLIC_TO_EVERYONE",
            Receipt(id="", url=PROFILE, note="in_inbox"),
        ),
    ],
)
async def test_a_live_post_has_its_id_now_later_or_never(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    status: Mapping[str, Any],
    privacy: str,
    expected: Receipt,
) -> None:
    httpx_mock.add_response(url=STATUS, **ok(status))
    content = video_of(delivery, privacy=privacy)
    sent_at = datetime.now(UTC) - timedelta(minutes=4)
    finding = await publisher.look(delivery.of(content), HANDLES, POST, sent_at)

    later = timedelta(seconds=30) if expected.note == "link_later" else None
    assert finding == Finding(outcome=Outcome.LIVE, receipt=expected, again_in=later)


async def test_the_address_of_a_public_post_is_waited_for_as_long_as_most_reviews_take(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=STATUS, **ok({"status": "PUBLISH_COMPLETE"}))
    finding = await publisher.look(delivery.of(video_of(delivery)), HANDLES, POST, datetime.now(UTC))

    assert finding == Finding(outcome=Outcome.PROCESSING, again_in=timedelta(seconds=5))


async def test_photos_have_the_address_of_photos(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(
        url=STATUS, **ok({"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [73]})
    )
    finding = await publisher.look(delivery.of(photos_of(delivery)), HANDLES, POST, datetime.now(UTC))

    assert finding.receipt == Receipt(id="73", url=f"{PROFILE}/photo/73")


@pytest.mark.parametrize(
    ("age", "pause"),
    [(timedelta(0), 5), (timedelta(minutes=2), 30), (timedelta(hours=1), 300)],
)
@pytest.mark.parametrize("state", ["PROCESSING_UPLOAD", "PROCESSING_DOWNLOAD", "PROCESSING", "SOMETHING_NEW"])
async def test_what_tiktok_works_on_is_asked_about_less_and_less_often(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    age: timedelta,
    pause: int,
    state: str,
) -> None:
    httpx_mock.add_response(url=STATUS, **ok({"status": state, "uploaded_bytes": SIZE}))
    finding = await publisher.look(delivery.of(video_of(delivery)), HANDLES, POST, datetime.now(UTC) - age)

    assert finding == Finding(outcome=Outcome.PROCESSING, again_in=timedelta(seconds=pause))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ({"status": "PROCESSING_UPLOAD", "uploaded_bytes": CHUNK}, Outcome.NOT_SENT),
        ({"status": "PROCESSING_UPLOAD"}, Outcome.PROCESSING),
        ({"status": "EXPIRED"}, Outcome.NOT_SENT),
    ],
)
async def test_an_upload_that_lacks_bytes_was_not_published(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    status: Mapping[str, Any],
    outcome: Outcome,
) -> None:
    httpx_mock.add_response(url=STATUS, **ok(status))
    finding = await publisher.look(delivery.of(video_of(delivery)), HANDLES, POST, datetime.now(UTC))

    assert finding.outcome is outcome


@pytest.mark.parametrize(("reason", "outcome"), [*FAILURES.items(), ("something_new", Outcome.REFUSED)])
async def test_every_documented_failure_has_its_outcome(
    publisher: TikTokPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    reason: str,
    outcome: Outcome,
) -> None:
    httpx_mock.add_response(url=STATUS, is_reusable=True, **ok({"status": "FAILED", "fail_reason": reason}))
    since = datetime.now(UTC)
    video = await publisher.look(delivery.of(video_of(delivery)), HANDLES, POST, since)
    photos = await publisher.look(delivery.of(photos_of(delivery)), HANDLES, POST, since)

    assert video == Finding(outcome=outcome, code=reason)
    assert photos == Finding(outcome=Outcome.REFUSED, code=reason)


@pytest.mark.parametrize("reason", ["", "words of a person", None])
async def test_a_failure_without_a_code_gets_ours(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock, reason: object
) -> None:
    httpx_mock.add_response(url=STATUS, **ok({"status": "FAILED", "fail_reason": reason}))
    finding = await publisher.look(delivery.of(video_of(delivery)), HANDLES, POST, datetime.now(UTC))

    assert finding == Finding(outcome=Outcome.REFUSED, code="failed")


async def test_photos_whose_answer_was_lost_cannot_be_asked_about(
    publisher: TikTokPublisher, delivery: Delivery
) -> None:
    handles = {"username": "octademo"}
    finding = await publisher.look(delivery.of(photos_of(delivery)), handles, POST, datetime.now(UTC))

    assert finding == Finding(outcome=Outcome.UNREADABLE)


async def test_photos_prepared_again_forget_the_attempt_before(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=CREATOR_INFO, **ok(CREATOR))
    prepared = await publisher.prepare(delivery.of(photos_of(delivery)), HANDLES)

    assert prepared.handles == {"username": "octademo"}


async def test_a_post_that_tiktok_does_not_know_cannot_be_read(
    publisher: TikTokPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=STATUS, **refusal(400, "invalid_publish_id"))
    finding = await publisher.look(delivery.of(video_of(delivery)), HANDLES, POST, datetime.now(UTC))

    assert finding == Finding(outcome=Outcome.UNREADABLE)


async def test_presence_is_read_twenty_at_a_time_and_only_for_public_posts(
    publisher: TikTokPublisher, httpx_mock: HTTPXMock
) -> None:
    receipts = [Receipt(id="", url=PROFILE), *(Receipt(id=str(n), url="") for n in range(1, 22))]
    httpx_mock.add_response(url=QUERY, **ok({"videos": [{"id": "1"}, {"id": "2"}]}))
    httpx_mock.add_response(url=QUERY, **ok({"videos": [{"id": "21"}]}))
    found = await publisher.presence(CLIENT, TOKENS, "723f", receipts)

    asked = [body["filters"]["video_ids"] for body in bodies(httpx_mock, QUERY)]
    assert [len(ids) for ids in asked] == [20, 1]
    assert found[0] is Presence.UNREADABLE
    assert [n for n, each in enumerate(found) if each is Presence.THERE] == [1, 2, 21]
    assert found.count(Presence.GONE) == 18


async def test_presence_without_the_scope_cannot_be_read(
    publisher: TikTokPublisher, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=QUERY, **refusal(401, "scope_not_authorized"))
    found = await publisher.presence(CLIENT, TOKENS, "723f", [Receipt(id="7", url="")])

    assert found == (Presence.UNREADABLE,)


async def test_an_answer_without_a_list_says_nothing_about_posts(
    publisher: TikTokPublisher, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=QUERY, **ok({}))

    with pytest.raises(Busy):
        await publisher.presence(CLIENT, TOKENS, "723f", [Receipt(id="7", url="")])


@pytest.mark.parametrize("code", sorted(REFUSES_ALL))
async def test_an_account_that_may_not_post_now_says_so_while_composing(
    publisher: TikTokPublisher, httpx_mock: HTTPXMock, code: str
) -> None:
    httpx_mock.add_response(url=CREATOR_INFO, **refusal(200, code))

    assert await publisher.live(CLIENT, TOKENS, "723f") == Live(refuses=code)


async def test_other_refusals_of_creator_info_are_errors(
    publisher: TikTokPublisher, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=CREATOR_INFO, **refusal(401, "access_token_invalid"))

    with pytest.raises(TokenRefused):
        await publisher.live(CLIENT, TOKENS, "723f")


async def test_nothing_live_is_edited_or_deleted(publisher: TikTokPublisher, delivery: Delivery) -> None:
    with pytest.raises(Rejected, match="not_possible"):
        await publisher.edit(delivery.of(photos_of(delivery)), Receipt(id="7", url=""))
    with pytest.raises(Rejected, match="not_possible"):
        await publisher.delete(CLIENT, TOKENS, "723f", Receipt(id="7", url=""))
    assert (publisher.facts.can_edit, publisher.facts.can_delete) == (False, False)
