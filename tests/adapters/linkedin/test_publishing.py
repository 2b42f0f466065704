"""LinkedIn: what is sent to publish, and what each answer means."""

from __future__ import annotations

import json
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
from adapters.linkedin import PLATFORM
from adapters.linkedin.account import LinkedIn
from adapters.linkedin.publishing import LinkedInPublisher
from adapters.linkedin.refusals import PUBLISHING
from bot.views.publishing.linkedin import WORDS
from tests.credentials import client_of
from tests.media import mp4, pdf
from tests.publishing import Delivery

API = "https://api.linkedin.com/rest"
POST = Step(kind=StepKind.POST)
MEMBER, PAGE = "urn:li:person:a1B2c3", "urn:li:organization:5515"
URN = "urn:li:share:7300001"
RECEIPT = Receipt(id=URN, url=f"https://www.linkedin.com/feed/update/{URN}/")
ENCODED = "urn%3Ali%3Ashare%3A7300001"
HELLO = Content(format=Format.TEXT, text="Fresh bread (today) #bakery")
SINCE = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> LinkedInPublisher:
    return LinkedIn(http).publisher


@pytest.fixture
def delivery() -> Delivery:
    return Delivery(client=client_of(PLATFORM.apps[1]), tokens=Tokens(access_token="acc"), account_id=PAGE)


def body_of(request: httpx.Request) -> Any:
    return json.loads(request.content)


# What is sent


@pytest.mark.parametrize("author", [MEMBER, PAGE])
async def test_a_text_goes_out_escaped_under_its_author(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock, author: str
) -> None:
    delivery.account_id = author
    httpx_mock.add_response(method="POST", url=f"{API}/posts", status_code=201, headers={"x-restli-id": URN})

    receipt = await publisher.send(delivery.of(HELLO), {}, POST)

    (request,) = httpx_mock.get_requests()
    assert receipt == replace(RECEIPT, note="unwatched" if author == MEMBER else "")
    assert body_of(request) == {
        "author": author,
        "commentary": r"Fresh bread \(today\) #bakery",
        "visibility": "PUBLIC",
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    headers = {"authorization": "Bearer acc", "linkedin-version": "202609", "connection": "close"}
    assert {name: request.headers[name] for name in headers} == headers
    assert request.headers["x-restli-protocol-version"] == "2.0.0"


async def test_each_format_has_its_one_content(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(status_code=201, headers={"x-restli-id": URN}, is_reusable=True)
    image, media = delivery.media.image(alt_text="A (mug)"), delivery.media
    handles = {"urn_0": "urn:li:image:A", "urn_1": "urn:li:image:B", "urn_cover": "urn:li:image:C"}
    link = Content(format=Format.LINK, title="A page", link="https://example.com/a")
    contents = (
        Content(format=Format.IMAGE, media=(image,)),
        Content(format=Format.CAROUSEL, media=(image, media.picture())),
        Content(format=Format.VIDEO, title="Clip", media=(media.video(80_000),)),
        Content(format=Format.DOCUMENT, title="Menu", media=(media.document(),)),
        link,
        replace(link, cover=image),
    )

    for content in contents:
        await publisher.send(delivery.of(content), handles, POST)

    assert [body_of(request)["content"] for request in httpx_mock.get_requests()] == [
        {"media": {"id": "urn:li:image:A", "altText": "A (mug)"}},
        {
            "multiImage": {
                "images": [{"id": "urn:li:image:A", "altText": "A (mug)"}, {"id": "urn:li:image:B"}]
            }
        },
        {"media": {"id": "urn:li:image:A", "title": "Clip"}},
        {"media": {"id": "urn:li:image:A", "title": "Menu"}},
        {"article": {"source": "https://example.com/a", "title": "A page"}},
        {"article": {"source": "https://example.com/a", "title": "A page", "thumbnail": "urn:li:image:C"}},
    ]


async def test_a_video_goes_in_parts_without_our_token_and_is_finalized_with_their_etags(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    address = "https://www.linkedin.com/dms-uploads/p"
    value = {
        "video": "urn:li:video:C6",
        "uploadToken": "tok",
        "uploadInstructions": [
            {"uploadUrl": f"{address}0", "firstByte": 0, "lastByte": 59_999},
            {"uploadUrl": f"{address}1", "firstByte": 60_000, "lastByte": 79_999},
        ],
    }
    httpx_mock.add_response(url=f"{API}/videos?action=initializeUpload", json={"value": value})
    httpx_mock.add_response(url=f"{address}0", headers={"etag": '"e0"'})
    httpx_mock.add_response(url=f"{address}1", headers={"etag": "e1"})
    httpx_mock.add_response(url=f"{API}/videos?action=finalizeUpload")
    content = Content(format=Format.VIDEO, media=(delivery.media.video(80_000),))

    prepared = await publisher.prepare(delivery.of(content), {})

    begin, first, second, finish = httpx_mock.get_requests()
    assert body_of(begin)["initializeUploadRequest"] == {
        "owner": PAGE,
        "fileSizeBytes": 80_000,
        "uploadCaptions": False,
        "uploadThumbnail": False,
    }
    assert first.content + second.content == mp4(80_000)
    for part in (first, second):
        assert "authorization" not in part.headers
        assert int(part.headers["content-length"]) == len(part.content)
    assert body_of(finish)["finalizeUploadRequest"] == {
        "video": "urn:li:video:C6",
        "uploadToken": "tok",
        "uploadedPartIds": ["e0", "e1"],
    }
    assert prepared.again_in == timedelta(seconds=5)


@pytest.mark.parametrize(("account", "asked"), [(PAGE, True), (MEMBER, False)])
async def test_only_a_page_can_ask_whether_a_document_is_ready(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock, account: str, asked: bool
) -> None:
    delivery.account_id, address = account, "https://www.linkedin.com/dms-uploads/d"
    value = {"document": "urn:li:document:7", "uploadUrl": address}
    httpx_mock.add_response(url=f"{API}/documents?action=initializeUpload", json={"value": value})
    httpx_mock.add_response(url=address, status_code=201)
    if asked:
        httpx_mock.add_response(url=f"{API}/documents/urn%3Ali%3Adocument%3A7", json={"status": "AVAILABLE"})
    content = Content(format=Format.DOCUMENT, title="Menu", media=(delivery.media.document(),))

    first = await publisher.prepare(delivery.of(content), {})
    second = await publisher.prepare(delivery.of(content), first.handles)

    upload = httpx_mock.get_requests()[1]
    assert (upload.method, upload.content) == ("PUT", pdf(2))
    assert upload.headers["authorization"] == "Bearer acc"
    assert (first.again_in, second.again_in) == (timedelta(seconds=5), None)


@pytest.mark.parametrize(
    ("status", "waits", "verdict"),
    [
        ("PROCESSING", True, None),
        ("WAITING_UPLOAD", True, None),
        ("AVAILABLE", False, None),
        ("PROCESSING_FAILED", False, Rejected),
    ],
)
async def test_a_file_is_ready_when_linkedin_says_so(
    publisher: LinkedInPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    status: str,
    waits: bool,
    verdict: type[PlatformError] | None,
) -> None:
    httpx_mock.add_response(json={"status": status})
    content = Content(format=Format.IMAGE, media=(delivery.media.image(),))
    handles = {"urn_0": "urn:li:image:A", "state_0": "sent"}

    if verdict is not None:
        with pytest.raises(verdict):
            await publisher.prepare(delivery.of(content), handles)
    else:
        prepared = await publisher.prepare(delivery.of(content), handles)
        assert (prepared.again_in is not None) is waits


@pytest.mark.parametrize(
    "address",
    ["https://linkedin.com.example.com/u", "http://www.linkedin.com/u", "https://evil-linkedin.com/u"],
)
async def test_our_token_goes_to_linkedin_only(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock, address: str
) -> None:
    httpx_mock.add_response(json={"value": {"image": "urn:li:image:A", "uploadUrl": address}})
    content = Content(format=Format.IMAGE, media=(delivery.media.image(),))

    with pytest.raises(Busy):
        await publisher.prepare(delivery.of(content), {})

    assert len(httpx_mock.get_requests()) == 1
    assert delivery.kept == []


# What is found

ENTRY = {
    "id": URN,
    "commentary": r"Fresh bread \(today\) {hashtag|\#|bakery}",
    "createdAt": (SINCE.timestamp() - 30) * 1000,
}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"commentary": "Stale bread"}, False),
        ({"createdAt": (SINCE.timestamp() - 90) * 1000}, False),
        ({"createdAt": None, "publishedAt": SINCE.timestamp() * 1000}, True),
        ({"createdAt": None}, False),
        ({"content": {"media": {"id": "urn:li:image:A"}}}, False),
        ({"content": {"article": {"source": "https://example.com"}}}, False),
    ],
)
async def test_a_post_of_a_page_is_found_by_its_text_its_content_and_its_time(
    publisher: LinkedInPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    changes: dict[str, Any],
    found: bool,
) -> None:
    httpx_mock.add_response(json={"elements": [{"id": "urn:li:share:1"}, ENTRY | changes]})

    finding = await publisher.look(delivery.of(HELLO), {}, POST, SINCE)

    (request,) = httpx_mock.get_requests()
    assert request.headers["x-restli-method"] == "FINDER"
    assert (request.url.params["q"], request.url.params["author"]) == ("author", PAGE)
    live = Finding(outcome=Outcome.LIVE, receipt=RECEIPT)
    assert finding == (live if found else Finding(outcome=Outcome.NOT_FOUND))


async def test_posts_of_a_member_cannot_be_read_and_cost_no_call(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    delivery.account_id = MEMBER

    finding = await publisher.look(delivery.of(HELLO), {}, POST, SINCE)
    there = await publisher.presence(delivery.client, delivery.tokens, MEMBER, [RECEIPT, RECEIPT])

    assert finding.outcome is Outcome.UNREADABLE
    assert there == (Presence.UNREADABLE, Presence.UNREADABLE)
    assert httpx_mock.get_requests() == []


async def test_a_post_of_a_page_is_there_or_gone(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=f"{API}/posts/{ENCODED}", json={"id": URN})
    httpx_mock.add_response(url=f"{API}/posts/{ENCODED}", status_code=404, json={"status": 404})

    found = await publisher.presence(delivery.client, delivery.tokens, PAGE, [RECEIPT, RECEIPT])

    assert found == (Presence.THERE, Presence.GONE)


async def test_a_post_is_edited_in_place_with_its_text_escaped(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(method="POST", url=f"{API}/posts/{ENCODED}", status_code=204)

    await publisher.edit(delivery.of(HELLO), RECEIPT)

    (request,) = httpx_mock.get_requests()
    assert request.headers["x-restli-method"] == "PARTIAL_UPDATE"
    assert body_of(request) == {"patch": {"$set": {"commentary": r"Fresh bread \(today\) #bakery"}}}


@pytest.mark.parametrize("status", [204, 404])
async def test_a_post_is_deleted_once_or_is_gone_already(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock, status: int
) -> None:
    httpx_mock.add_response(method="DELETE", url=f"{API}/posts/{ENCODED}", status_code=status)

    await publisher.delete(delivery.client, delivery.tokens, PAGE, RECEIPT)

    assert len(httpx_mock.get_requests()) == 1


# What is refused

STATUS = {"TokenRefused": 401, "Busy": 400, "Misconfigured": 401, "OutcomeUnknown": 422}
OWN_STATUS = {
    "NONEXISTENT_VERSION": 426,
    "TOO_MANY_REQUESTS": 429,
    "RESTRICTED_MEMBER": 403,
    "ACCESS_DENIED": 403,
}


@pytest.mark.parametrize("code", [*PUBLISHING, "SOMETHING_NEW"])
async def test_each_code_has_its_verdict(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock, code: str
) -> None:
    verdict = PUBLISHING.get(code, Rejected)
    status = OWN_STATUS.get(code) or STATUS.get(verdict.__name__, 400)
    httpx_mock.add_response(status_code=status, json={"status": status, "code": code})

    with pytest.raises(PlatformError) as raised:
        await publisher.send(delivery.of(HELLO), {}, POST)

    assert type(raised.value) is verdict
    assert raised.value.code == ("duplicate" if verdict is OutcomeUnknown else code)


async def test_a_duplicate_is_named_among_the_inputs(
    publisher: LinkedInPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    details = {"inputErrors": [{"code": "DUPLICATE_POST", "description": "Duplicate"}]}
    body = {"errorDetails": details, "message": f"Content is a duplicate of {URN}", "status": 422}
    httpx_mock.add_response(status_code=422, json=body)

    with pytest.raises(OutcomeUnknown) as raised:
        await publisher.send(delivery.of(HELLO), {}, POST)

    assert raised.value.code == "duplicate"


def test_each_refusal_has_its_words() -> None:
    assert set(WORDS.refusals) == {code for code, verdict in PUBLISHING.items() if verdict is Rejected}
    assert LinkedInPublisher.facts.options == ()


@pytest.mark.parametrize(
    ("status", "body", "verdict", "code"),
    [
        (401, {"serviceErrorCode": 65601}, TokenRefused, "REVOKED_ACCESS_TOKEN"),
        (403, {"message": "Not enough permissions"}, Rejected, "http_403"),
        (404, {}, Rejected, "http_404"),
        (409, {"code": "CONFLICT"}, OutcomeUnknown, "http_409"),
        (426, {}, Misconfigured, "http_426"),
        (429, {}, Busy, "http_429"),
        (500, {"code": "ACCESS_DENIED"}, OutcomeUnknown, "http_500"),
        (201, {}, OutcomeUnknown, "unreadable_answer"),
    ],
)
async def test_every_other_answer_has_its_verdict_too(
    publisher: LinkedInPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    status: int,
    body: dict[str, Any],
    verdict: type[PlatformError],
    code: str,
) -> None:
    httpx_mock.add_response(status_code=status, json=body)

    with pytest.raises(PlatformError) as raised:
        await publisher.send(delivery.of(HELLO), {}, POST)

    assert (type(raised.value), raised.value.code) == (verdict, code)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [(400, {"code": "EXPIRED_UPLOAD_URL"}, Expired), (503, {}, Busy), (409, {}, Busy)],
)
async def test_an_upload_that_fails_has_had_no_effect(
    publisher: LinkedInPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    status: int,
    body: dict[str, Any],
    verdict: type[PlatformError],
) -> None:
    httpx_mock.add_response(status_code=status, json=body)
    content = Content(format=Format.IMAGE, media=(delivery.media.image(),))
    upload = json.dumps([["https://www.linkedin.com/dms-uploads/x", 0, content.media[0].size]])
    handles = {"urn_0": "urn:li:image:A", "upload_0": upload, "parts_0": "[]", "state_0": "begun"}

    with pytest.raises(verdict):
        await publisher.prepare(delivery.of(content), handles)


# What is checked


def test_what_linkedin_does_not_take_is_found_before_it_is_sent(
    publisher: LinkedInPublisher, delivery: Delivery
) -> None:
    media = delivery.media

    def problems(content: Content) -> list[tuple[Defect, str]]:
        return [(one.defect, one.field) for one in publisher.check(content)]

    assert problems(HELLO) == []
    assert problems(replace(HELLO, text="(" * 1500)) == []
    assert problems(replace(HELLO, text="(" * 1501)) == [(Defect.TOO_LONG, "text")]
    assert problems(replace(HELLO, first_comment="Hi")) == [(Defect.NOT_TAKEN, "first_comment")]
    assert problems(Content(format=Format.DOCUMENT, media=(media.document(),))) == [(Defect.MISSING, "title")]
    assert problems(Content(format=Format.DOCUMENT, title="Menu", media=(media.document(301),))) == [
        (Defect.TOO_MANY, "media")
    ]
    assert problems(Content(format=Format.VIDEO, media=(media.video(),))) == [(Defect.TOO_SMALL, "media")]
    assert problems(Content(format=Format.LINK, link="https://example.com")) == [(Defect.MISSING, "title")]
