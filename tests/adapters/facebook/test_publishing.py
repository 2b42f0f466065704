"""Facebook: what is sent to publish on a Page, and what each answer means."""

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
    Accepted,
    Busy,
    Content,
    Defect,
    Expired,
    Finding,
    Format,
    Handles,
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
    TokenRefused,
)
from adapters.facebook import PLATFORM
from adapters.facebook.account import Facebook
from adapters.facebook.publishing import FacebookPublisher
from adapters.facebook.refusals import PUBLISHING, VIDEO_REJECTED
from adapters.meta.refusals import RESUMABLE, UPLOAD_REJECTED
from tests.adapters.meta.graph import ROOT, client_of, failure, graph
from tests.adapters.meta.posts import delivery_of, form_of
from tests.media import jpeg, mp4
from tests.publishing import Delivery

PAGE = "104000"
POST = Step(kind=StepKind.POST)
SINCE = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
HELLO = Content(format=Format.TEXT, text="Hello")
LINK = Content(format=Format.LINK, text="Read", link="https://example.com/a")
POSTED = {"id": "104000_555", "permalink_url": "https://www.facebook.com/104000/posts/555"}
UPLOAD = "https://rupload.facebook.com/video-upload/v26.0/900"


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> FacebookPublisher:
    found = Facebook(http).publisher
    assert isinstance(found, FacebookPublisher)
    return found


@pytest.fixture
def delivery() -> Delivery:
    return delivery_of(client_of(PLATFORM), PAGE)


def photos(delivery: Delivery, count: int) -> Content:
    media = tuple(delivery.media.image(alt_text="A mug" if n == 0 else "") for n in range(count))
    return Content(format=Format.IMAGE if count == 1 else Format.CAROUSEL, text="Mugs", media=media)


def clip(delivery: Delivery, format: Format, size: int | None = None) -> Content:  # noqa: A002 - the field's name
    return Content(format=format, title="Mugs", text="All of them", media=(delivery.media.video(size),))


def sent(httpx_mock: HTTPXMock) -> list[str]:
    return [f"{r.method} {r.url.path.removeprefix('/v26.0')}" for r in httpx_mock.get_requests()]


# What is sent


@pytest.mark.parametrize(
    ("content", "form"),
    [
        pytest.param(HELLO, {"message": "Hello"}, id="text"),
        pytest.param(LINK, {"message": "Read", "link": "https://example.com/a"}, id="link"),
        pytest.param(replace(LINK, text=""), {"link": "https://example.com/a"}, id="link-alone"),
    ],
)
async def test_a_post_without_files_is_one_signed_call(
    publisher: FacebookPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    content: Content,
    form: Mapping[str, str],
) -> None:
    graph(httpx_mock, "/104000/feed", POSTED, method="POST")

    prepared = await publisher.prepare(delivery.of(content), {})
    receipt = await publisher.send(delivery.of(content), prepared.handles, POST)

    (request,) = httpx_mock.get_requests()
    assert prepared.again_in is None
    assert receipt == Receipt(id="104000_555", url="https://www.facebook.com/104000/posts/555")
    assert form_of(request) == form
    assert request.headers["authorization"] == "Bearer EAAGpage"
    assert set(request.url.params) == {"fields", "appsecret_proof"}
    assert "EAAGpage" not in str(request.url)


@pytest.mark.parametrize("count", [1, 3, 10])
async def test_photos_are_staged_one_by_one_and_then_posted_together(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock, count: int
) -> None:
    for n in range(count):
        httpx_mock.add_response(method="POST", url=_matching("/104000/photos"), json={"id": f"77{n}"})
    graph(httpx_mock, "/104000/feed", POSTED, method="POST")
    content = photos(delivery, count)

    prepared = await publisher.prepare(delivery.of(content), {})
    await publisher.send(delivery.of(content), prepared.handles, POST)

    staged, last = httpx_mock.get_requests()[:-1], httpx_mock.get_requests()[-1]
    assert len(staged) == count == len(delivery.kept)
    assert all(jpeg() in request.content for request in staged)
    assert all(int(r.headers["content-length"]) == len(r.content) for r in staged)
    assert all(b'name="published"\r\n\r\nfalse\r\n' in request.content for request in staged)
    assert [b'name="alt_text_custom"\r\n\r\nA mug\r\n' in r.content for r in staged] == [True] + [False] * (
        count - 1
    )
    assert form_of(last) == {"message": "Mugs"} | {
        f"attached_media[{n}]": json.dumps({"media_fbid": f"77{n}"}) for n in range(count)
    }


async def test_photos_that_were_staged_are_not_uploaded_again(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(method="POST", url=_matching("/104000/photos"), json={"id": "770"})
    httpx_mock.add_exception(httpx.ReadError("cut"), method="POST", url=_matching("/104000/photos"))
    httpx_mock.add_response(method="POST", url=_matching("/104000/photos"), json={"id": "771"})
    content = photos(delivery, 2)

    with pytest.raises(Busy):
        await publisher.prepare(delivery.of(content), {})
    prepared = await publisher.prepare(delivery.of(content), delivery.kept[-1])

    assert prepared.handles == {"photo_0": "770", "photo_1": "771"}
    assert [key for key, _, _ in delivery.media.reads] == [content.media[n].key for n in (0, 1, 1)]


async def test_a_video_goes_up_in_the_chunks_that_facebook_asks_for(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = clip(delivery, Format.VIDEO, 9000)
    for answer in (
        {"upload_session_id": "61", "video_id": "888", "start_offset": "0", "end_offset": "5000"},
        {"start_offset": "5000", "end_offset": "9000"},
        {"start_offset": "9000", "end_offset": "9000"},
        {"success": True},
    ):
        httpx_mock.add_response(method="POST", url=_matching("/104000/videos"), json=answer)

    prepared = await publisher.prepare(delivery.of(content), {})
    accepted = await publisher.send(delivery.of(content), prepared.handles, POST)

    start, first, second, finish = httpx_mock.get_requests()
    assert form_of(start) == {"upload_phase": "start", "file_size": "9000"}
    assert _chunk_of(first) + _chunk_of(second) == mp4(9000)
    assert b'name="start_offset"\r\n\r\n5000\r\n' in second.content
    assert b'name="upload_session_id"\r\n\r\n61\r\n' in second.content
    assert form_of(finish) == {
        "upload_phase": "finish",
        "upload_session_id": "61",
        "title": "Mugs",
        "description": "All of them",
    }
    assert isinstance(accepted, Accepted)
    assert [kept["start_offset"] for kept in delivery.kept] == ["0", "5000", "9000"]


async def test_a_video_continues_where_facebook_says_it_has_got_to(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = clip(delivery, Format.VIDEO, 9000)
    further = {"start_offset": "5000", "end_offset": "9000"}
    wrong = failure(6000, 1363037, error_data=json.dumps(further))
    httpx_mock.add_response(method="POST", url=_matching("/104000/videos"), json=wrong, status_code=400)
    done = {"start_offset": "9000", "end_offset": "9000"}
    httpx_mock.add_response(method="POST", url=_matching("/104000/videos"), json=done)
    handles = {"session": "61", "video": "888", "start_offset": "0", "end_offset": "5000"}

    prepared = await publisher.prepare(delivery.of(content), handles)

    assert _chunk_of(httpx_mock.get_requests()[-1]) == mp4(9000)[5000:]
    assert prepared.handles["start_offset"] == "9000"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"start_offset": "0", "end_offset": "5000"}, id="stands-still"),
        pytest.param({"start_offset": "5000", "end_offset": "99999"}, id="beyond-the-file"),
        pytest.param({"start_offset": "x", "end_offset": "9000"}, id="no-number"),
        pytest.param({"ok": True}, id="nothing"),
    ],
)
async def test_offsets_that_lead_nowhere_do_not_keep_the_upload_going(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock, answer: Any
) -> None:
    httpx_mock.add_response(method="POST", url=_matching("/104000/videos"), json=answer)
    handles = {"session": "61", "video": "888", "start_offset": "0", "end_offset": "5000"}

    with pytest.raises(Busy):
        await publisher.prepare(delivery.of(clip(delivery, Format.VIDEO, 9000)), handles)
    assert len(httpx_mock.get_requests()) == 1


async def test_offsets_that_are_corrected_for_ever_end_the_upload_for_now(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    wrong = failure(6000, 1363037, error_data=json.dumps({"start_offset": "0", "end_offset": "5000"}))
    httpx_mock.add_response(
        method="POST", url=_matching("/104000/videos"), json=wrong, status_code=400, is_reusable=True
    )
    handles = {"session": "61", "video": "888", "start_offset": "0", "end_offset": "5000"}

    with pytest.raises(Busy):
        await publisher.prepare(delivery.of(clip(delivery, Format.VIDEO, 9000)), handles)
    assert len(httpx_mock.get_requests()) < 10


async def test_an_upload_session_that_has_ended_is_begun_again(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(
        method="POST", url=_matching("/104000/videos"), json=failure(100), status_code=400
    )
    handles = {"session": "61", "video": "888", "start_offset": "0", "end_offset": "5000"}

    with pytest.raises(Expired):
        await publisher.prepare(delivery.of(clip(delivery, Format.VIDEO, 9000)), handles)


async def test_a_reel_goes_up_in_one_request_and_is_then_finished(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = clip(delivery, Format.REEL)
    for answer in ({"video_id": "900", "upload_url": UPLOAD}, {"success": True}):
        httpx_mock.add_response(method="POST", url=_matching("/104000/video_reels"), json=answer)
    httpx_mock.add_response(method="POST", url=UPLOAD, json={"success": True})

    prepared = await publisher.prepare(delivery.of(content), {})
    accepted = await publisher.send(delivery.of(content), prepared.handles, POST)

    start, upload, finish = httpx_mock.get_requests()
    assert form_of(start) == {"upload_phase": "start"}
    assert upload.content == mp4()
    assert upload.headers["authorization"] == "OAuth EAAGpage"
    assert (upload.headers["offset"], upload.headers["file_size"]) == ("0", str(len(mp4())))
    assert form_of(finish) == {
        "upload_phase": "finish",
        "video_id": "900",
        "video_state": "PUBLISHED",
        "title": "Mugs",
        "description": "All of them",
    }
    assert isinstance(accepted, Accepted)


async def test_a_reel_that_was_cut_is_continued_at_its_offset(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    graph(httpx_mock, "/900", {"id": "900", "status": {"uploading_phase": {"bytes_transfered": 1000}}})
    httpx_mock.add_response(method="POST", url=UPLOAD, json={"success": True})

    await publisher.prepare(delivery.of(clip(delivery, Format.REEL)), {"video": "900", "address": UPLOAD})

    upload = httpx_mock.get_requests()[-1]
    assert upload.content == mp4()[1000:]
    assert upload.headers["offset"] == "1000"


async def test_a_reel_that_is_up_is_not_sent_again(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    content = clip(delivery, Format.REEL)
    whole = {"status": {"uploading_phase": {"status": "complete", "bytes_transfered": len(mp4())}}}
    graph(httpx_mock, "/900", whole)

    prepared = await publisher.prepare(delivery.of(content), {"video": "900", "address": UPLOAD})
    await publisher.prepare(delivery.of(content), prepared.handles)

    assert sent(httpx_mock) == ["GET /900"]
    assert delivery.media.reads == []


@pytest.mark.parametrize(
    "address", ["http://rupload.facebook.com/a", "https://facebook.com.evil.example/a", ""]
)
async def test_a_token_goes_to_no_other_address_than_metas(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock, address: str
) -> None:
    begun = {"video_id": "900", "upload_url": address}
    httpx_mock.add_response(method="POST", url=_matching("/104000/video_reels"), json=begun)

    with pytest.raises(Busy):
        await publisher.prepare(delivery.of(clip(delivery, Format.REEL)), {})
    assert sent(httpx_mock) == ["POST /104000/video_reels"]


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ({"retriable": True, "type": "ProcessingFailedError"}, Busy),
        ({"retriable": False, "type": "OffsetInvalidError"}, Busy),
        ({"retriable": False, "type": "PartialRequestError"}, Busy),
        ({"retriable": False, "type": "ProcessingFailedError"}, Rejected),
        ({"retriable": False, "type": "<script>"}, Rejected),
    ],
)
async def test_an_upload_that_was_refused_says_whether_it_can_be_continued(
    publisher: FacebookPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    reason: Any,
    error: type[PlatformError],
) -> None:
    graph(httpx_mock, "/900", {"id": "900"})
    httpx_mock.add_response(method="POST", url=UPLOAD, json={"debug_info": reason}, status_code=400)

    with pytest.raises(error) as raised:
        await publisher.prepare(delivery.of(clip(delivery, Format.REEL)), {"video": "900", "address": UPLOAD})
    assert raised.value.code in {*UPLOAD_REJECTED, *RESUMABLE}


# What the answers mean


@pytest.mark.parametrize("code", sorted(PUBLISHING))
async def test_every_documented_code_has_its_verdict(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock, code: str
) -> None:
    graph(httpx_mock, "/104000/feed", _named(code), method="POST", status=400)
    verdict = PUBLISHING[code]

    with pytest.raises(PlatformError) as raised:
        await publisher.send(delivery.of(HELLO), {}, POST)

    assert type(raised.value) is (OutcomeUnknown if verdict.in_doubt else verdict.error)


@pytest.mark.parametrize("code", ["506", "1366051"])
async def test_a_duplicate_may_be_our_own_post(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock, code: str
) -> None:
    graph(httpx_mock, "/104000/feed", _named(code), method="POST", status=400)

    with pytest.raises(OutcomeUnknown, match="duplicate"):
        await publisher.send(delivery.of(HELLO), {}, POST)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param({"json": failure(190, 460), "status_code": 401}, TokenRefused, id="token"),
        pytest.param({"json": failure(32), "status_code": 400}, Busy, id="page-limit"),
        pytest.param({"json": failure(80001), "status_code": 400}, Busy, id="business-limit"),
        pytest.param({"text": "slow down", "status_code": 429}, Busy, id="429"),
        pytest.param({"json": failure(299), "status_code": 403}, Rejected, id="permission"),
        pytest.param({"json": failure(77777), "status_code": 400}, Rejected, id="unknown-code"),
        pytest.param({"json": failure(1), "status_code": 400}, OutcomeUnknown, id="unknown-error"),
        pytest.param({"json": failure(2), "status_code": 400}, OutcomeUnknown, id="service-down"),
        pytest.param({"json": failure(368), "status_code": 500}, OutcomeUnknown, id="500-with-a-code"),
        pytest.param({"html": "<html>", "status_code": 502}, OutcomeUnknown, id="gateway"),
        pytest.param({"html": "<html>", "status_code": 400}, OutcomeUnknown, id="a-proxys-400"),
        pytest.param({"html": "<html>"}, OutcomeUnknown, id="unreadable-200"),
        pytest.param({"json": {"id": "../me"}}, OutcomeUnknown, id="odd-id"),
        pytest.param({"json": {"success": False}}, OutcomeUnknown, id="no-id"),
    ],
)
async def test_an_answer_to_the_call_that_publishes(
    publisher: FacebookPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    answer: dict[str, Any],
    error: type[PlatformError],
) -> None:
    httpx_mock.add_response(method="POST", url=_matching("/104000/feed"), **answer)

    with pytest.raises(error) as raised:
        await publisher.send(delivery.of(HELLO), {}, POST)
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("broken", "error"),
    [(httpx.ReadTimeout("slow"), OutcomeUnknown), (httpx.ConnectError("refused"), Busy)],
)
async def test_a_call_that_publishes_without_an_answer(
    publisher: FacebookPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    broken: Exception,
    error: type[PlatformError],
) -> None:
    httpx_mock.add_exception(broken, method="POST", url=_matching("/104000/feed"))

    with pytest.raises(error):
        await publisher.send(delivery.of(HELLO), {}, POST)


@pytest.mark.parametrize(
    ("shown", "url"),
    [
        ("https://www.facebook.com/x/posts/1", "https://www.facebook.com/x/posts/1"),
        ("/reel/900/", "https://www.facebook.com/reel/900/"),
        ("//evil.example/", "https://www.facebook.com/104000_555"),
        ("javascript:alert(1)", "https://www.facebook.com/104000_555"),
        (None, "https://www.facebook.com/104000_555"),
    ],
)
async def test_a_receipt_links_to_facebook_only(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock, shown: Any, url: str
) -> None:
    graph(httpx_mock, "/104000/feed", {"id": "104000_555", "permalink_url": shown}, method="POST")

    receipt = await publisher.send(delivery.of(HELLO), {}, POST)

    assert receipt == Receipt(id="104000_555", url=url)


# Looking


def listed(**changes: Any) -> dict[str, Any]:
    return POSTED | {"message": "Hello", "created_time": "2026-11-30T12:00:05+0000"} | changes


def shown(*ids: str, **changes: Any) -> dict[str, Any]:
    inner = {"data": [{"target": {"id": one}} for one in ids]}
    return {"data": [{"target": {"id": "1"}, "subattachments": inner} | changes]}


@pytest.mark.parametrize(
    ("content", "handles", "row", "found"),
    [
        pytest.param(HELLO, {}, listed(), True, id="same-text"),
        pytest.param(replace(HELLO, text="Hello\r\n"), {}, listed(), True, id="line-ends"),
        pytest.param(HELLO, {}, listed(message="Hello!"), False, id="other-text"),
        pytest.param(HELLO, {}, listed(created_time="2026-11-30T11:58:00+0000"), False, id="earlier"),
        pytest.param(HELLO, {}, listed(created_time="2026-11-30T11:59:30+0000"), True, id="clocks-differ"),
        pytest.param(HELLO, {}, listed(created_time="soon"), False, id="no-time"),
        pytest.param(
            LINK,
            {},
            listed(message="Read", attachments=shown(unshimmed_url="https://example.com/a/")),
            True,
            id="same-link",
        ),
        pytest.param(
            LINK,
            {},
            listed(message="Read", attachments=shown(unshimmed_url="https://example.com/b")),
            False,
            id="other-link",
        ),
        pytest.param(
            replace(HELLO, text=""),
            {"photo_0": "770", "photo_1": "771"},
            listed(message=None, attachments=shown("770", "771")),
            True,
            id="same-photos",
        ),
        pytest.param(
            HELLO, {"photo_0": "770"}, listed(attachments=shown("999")), False, id="other-photo-same-text"
        ),
    ],
)
async def test_a_post_is_found_by_its_photos_or_its_text_and_time(
    publisher: FacebookPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    content: Content,
    handles: Handles,
    row: Any,
    found: bool,
) -> None:
    graph(httpx_mock, "/104000/published_posts", {"data": [row]})

    finding = await publisher.look(delivery.of(content), handles, POST, SINCE)

    receipt = Receipt(id=POSTED["id"], url=POSTED["permalink_url"])
    assert finding == (
        Finding(outcome=Outcome.LIVE, receipt=receipt) if found else Finding(outcome=Outcome.NOT_FOUND)
    )
    assert httpx_mock.get_requests()[0].url.params["since"] == str(int(SINCE.timestamp()) - 60)


def status(name: str, **publishing: str) -> dict[str, Any]:
    return {
        "id": "900",
        "permalink_url": "/reel/900/",
        "status": {"video_status": name, "publishing_phase": publishing},
    }


@pytest.mark.parametrize(
    ("node", "outcome"),
    [
        (status("ready", status="complete", publish_status="published"), Outcome.LIVE),
        (status("ready"), Outcome.LIVE),
        (status("processing", status="not_started"), Outcome.PROCESSING),
        (status("ready", status="in_progress", publish_status="draft"), Outcome.PROCESSING),
        (status("error", status="not_started"), Outcome.REFUSED),
        (status("expired"), Outcome.REFUSED),
        (status("processing", status="error"), Outcome.REFUSED),
        ({"id": "900"}, Outcome.PROCESSING),
    ],
)
async def test_a_videos_state_says_what_became_of_it(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock, node: Any, outcome: Outcome
) -> None:
    graph(httpx_mock, "/900", node)

    finding = await publisher.look(delivery.of(clip(delivery, Format.REEL)), {"video": "900"}, POST, SINCE)

    assert finding.outcome is outcome
    if outcome is Outcome.LIVE:
        assert finding.receipt == Receipt(id="900", url="https://www.facebook.com/reel/900/")
    if outcome is Outcome.REFUSED:
        assert finding.code in VIDEO_REJECTED


@pytest.mark.parametrize(("minutes", "outcome"), [(5, Outcome.NOT_FOUND), (16, Outcome.NOT_SENT)])
async def test_a_video_that_was_never_finished_was_not_sent_once_no_request_can_be_on_its_way(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock, minutes: int, outcome: Outcome
) -> None:
    graph(httpx_mock, "/900", status("upload_complete", status="not_started"))
    since = datetime.now(UTC) - timedelta(minutes=minutes)

    finding = await publisher.look(delivery.of(clip(delivery, Format.REEL)), {"video": "900"}, POST, since)

    assert finding.outcome is outcome


# Afterwards


@pytest.mark.parametrize(
    ("node", "listing", "presence"),
    [
        ((200, {"id": "104000_555"}), None, Presence.THERE),
        ((400, failure(100, 33)), (200, {"data": []}), Presence.GONE),
        ((400, failure(100, 33)), (400, failure(10)), Presence.UNREADABLE),
        ((400, failure(10)), None, Presence.UNREADABLE),
    ],
)
async def test_a_post_is_gone_only_if_the_page_still_shows_its_list(
    publisher: FacebookPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    node: tuple[int, Any],
    listing: tuple[int, Any] | None,
    presence: Presence,
) -> None:
    graph(httpx_mock, "/104000_555", node[1], status=node[0])
    if listing is not None:
        graph(httpx_mock, "/104000/published_posts", listing[1], status=listing[0])
    outgoing = delivery.of(HELLO)

    found = await publisher.presence(
        outgoing.client, outgoing.tokens, PAGE, [Receipt(id="104000_555", url="")]
    )

    assert found == (presence,)


@pytest.mark.parametrize(("format", "field"), [(Format.TEXT, "message"), (Format.VIDEO, "description")])
async def test_a_text_is_changed_where_it_is_kept(
    publisher: FacebookPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    format: Format,  # noqa: A002
    field: str,
) -> None:
    graph(httpx_mock, "/104000_555", {"success": True}, method="POST")

    await publisher.edit(delivery.of(Content(format=format, text="Hi")), Receipt(id="104000_555", url=""))

    assert form_of(httpx_mock.get_requests()[0]) == {field: "Hi"}


async def test_deleting_what_is_gone_is_no_error(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    graph(httpx_mock, "/104000_555", failure(100, 33), method="DELETE", status=400)
    graph(httpx_mock, "/104000_555", failure(100, 33), status=400)
    graph(httpx_mock, "/104000/published_posts", {"data": []})
    outgoing = delivery.of(HELLO)

    await publisher.delete(outgoing.client, outgoing.tokens, PAGE, Receipt(id="104000_555", url=""))

    assert [line.split()[0] for line in sent(httpx_mock)] == ["DELETE", "GET", "GET"]


async def test_deleting_without_permission_is_refused(
    publisher: FacebookPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    graph(httpx_mock, "/104000_555", failure(100, 33), method="DELETE", status=400)
    graph(httpx_mock, "/104000_555", {"id": "104000_555"})
    outgoing = delivery.of(HELLO)

    with pytest.raises(Rejected):
        await publisher.delete(outgoing.client, outgoing.tokens, PAGE, Receipt(id="104000_555", url=""))


# Checks

PHOTO = Media(key="a", kind=MediaKind.IMAGE, type="image/png", size=100, width=640, height=640)
REEL = Media(
    key="b",
    kind=MediaKind.VIDEO,
    type="video/mp4",
    size=5000,
    width=1080,
    height=1920,
    duration=timedelta(seconds=30),
    frame_rate=30,
)


@pytest.mark.parametrize(
    ("content", "defects"),
    [
        (HELLO, []),
        (LINK, []),
        (Content(format=Format.IMAGE, media=(replace(PHOTO, alt_text="A mug"),)), []),
        (Content(format=Format.CAROUSEL, media=(PHOTO,) * 10), []),
        (Content(format=Format.VIDEO, title="Mugs", media=(REEL,)), []),
        (Content(format=Format.REEL, media=(REEL,)), []),
        (Content(format=Format.REEL, media=(replace(REEL, width=608, height=1080),)), []),
        (Content(format=Format.CAROUSEL, media=(PHOTO,) * 11), [Defect.TOO_MANY]),
        (Content(format=Format.CAROUSEL, media=(PHOTO,)), [Defect.TOO_FEW]),
        (Content(format=Format.CAROUSEL, media=(PHOTO, REEL)), [Defect.WRONG_TYPE]),
        (Content(format=Format.IMAGE, media=(replace(PHOTO, size=4_000_001),)), []),  # it is converted
        (Content(format=Format.IMAGE, media=(replace(PHOTO, type="image/webp"),)), []),
        (Content(format=Format.IMAGE, media=(replace(PHOTO, type="image/heic"),)), [Defect.WRONG_TYPE]),
        (Content(format=Format.TEXT, text="a" * 63_207), [Defect.TOO_LONG]),
        (Content(format=Format.TEXT), [Defect.MISSING]),
        (replace(LINK, link="https://ana@example.com"), [Defect.BAD_LINK]),
        (replace(HELLO, first_comment="Me first"), [Defect.NOT_TAKEN]),
        (Content(format=Format.REEL, media=(replace(REEL, width=1920, height=1080),)), [Defect.TOO_WIDE]),
        (Content(format=Format.REEL, media=(replace(REEL, width=360, height=640),)), [Defect.TOO_SMALL]),
        (
            Content(format=Format.REEL, media=(replace(REEL, duration=timedelta(seconds=91)),)),
            [Defect.TOO_LONG_VIDEO],
        ),
        (
            Content(format=Format.REEL, media=(replace(REEL, duration=timedelta(seconds=2)),)),
            [Defect.TOO_SHORT],
        ),
        (Content(format=Format.THREAD), [Defect.NO_FORMAT]),
    ],
)
def test_what_a_page_does_not_take_is_said_beforehand(
    publisher: FacebookPublisher, content: Content, defects: list[Defect]
) -> None:
    assert [problem.defect for problem in publisher.check(content)] == defects


def _matching(path: str) -> Any:
    return re.compile(rf"{re.escape(ROOT + path)}(\?.*)?")


def _named(key: str) -> dict[str, Any]:
    """Return the envelope with this key of the table."""
    code, _, subcode = key.partition("_")
    return failure(100, int(key)) if len(key) > 6 and not subcode else failure(int(code), int(subcode or 0))


def _chunk_of(request: httpx.Request) -> bytes:
    """Return the file in a multipart form."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    part = request.content.split(b"--" + boundary)[-2]
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
