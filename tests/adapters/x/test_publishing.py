"""X: what is sent to publish, and what each answer means."""

from __future__ import annotations

import json
import time
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
    Misconfigured,
    OptionValue,
    Outcome,
    OutcomeUnknown,
    Part,
    PlatformError,
    Presence,
    Problem,
    Receipt,
    Rejected,
    Step,
    StepKind,
    TokenRefused,
    Tokens,
)
from adapters.x import PLATFORM
from adapters.x.account import X
from adapters.x.publishing import XPublisher
from adapters.x.refusals import PUBLISHING, Refusal
from bot.views.publishing.x import WORDS
from tests.credentials import client_of
from tests.media import jpeg, mp4
from tests.publishing import Delivery

API = "https://api.x.com/2"
POST, COMMENT = Step(kind=StepKind.POST), Step(kind=StepKind.COMMENT)
HELLO = Content(format=Format.TEXT, text="Hello")
CREATED = {"data": {"id": "1990", "text": "Hello", "edit_history_tweet_ids": ["1990"]}}
SINCE = datetime(2026, 11, 30, 12, 0, 30, tzinfo=UTC)
SOON = f"{time.time() + 3600:.0f}"


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> XPublisher:
    return X(http).publisher


@pytest.fixture
def delivery() -> Delivery:
    return Delivery(
        client=client_of(PLATFORM.apps[0]),
        tokens=Tokens(access_token="acc"),
        account_id="4711",
        handle="@octademo",
    )


def body_of(request: httpx.Request) -> Any:
    return json.loads(request.content)


async def test_a_post_has_its_text_and_only_the_options_that_were_chosen(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(
        method="POST", url=f"{API}/tweets", status_code=201, json=CREATED, is_reusable=True
    )
    options: dict[str, OptionValue] = {"reply_settings": "following", "made_with_ai": True}

    receipt = await publisher.send(delivery.of(HELLO), {}, POST)
    await publisher.send(delivery.of(replace(HELLO, options=options)), {}, POST)
    await publisher.send(delivery.of(replace(HELLO, options={"reply_settings": "everyone"})), {}, POST)

    plain, chosen, everyone = httpx_mock.get_requests()
    assert receipt == Receipt(id="1990", url="https://x.com/octademo/status/1990")
    assert body_of(plain) == body_of(everyone) == {"text": "Hello"}
    assert body_of(chosen) == {"text": "Hello", **options}
    assert plain.headers["authorization"] == "Bearer acc"
    assert plain.headers["content-type"] == "application/json"
    assert plain.headers["connection"] == "close"


async def test_a_thread_replies_to_the_post_before_and_the_comment_to_the_last(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(status_code=201, json=CREATED, is_reusable=True)
    media = tuple(delivery.media.image() for _ in range(3))
    content = Content(
        format=Format.THREAD,
        thread=(Part(text="1", media=media[:2]), Part(text="2"), Part(text="3", media=media[2:])),
        first_comment="More",
        options={"reply_settings": "verified", "made_with_ai": True},
    )
    handles = {f"media_{n}": f"m{n}" for n in range(3)} | {f"until_{n}": SOON for n in range(3)}
    receipts = [Receipt(id=each, url="") for each in ("11", "12", "13")]
    steps = publisher.steps(content)

    for number, step in enumerate(steps):
        await publisher.send(delivery.of(content, receipts[:number]), handles, step)

    assert [(one.kind, one.index, one.required) for one in steps] == [
        (StepKind.POST, 0, True),
        (StepKind.POST, 1, True),
        (StepKind.POST, 2, True),
        (StepKind.COMMENT, 0, False),
    ]
    assert [body_of(request) for request in httpx_mock.get_requests()] == [
        {
            "text": "1",
            "media": {"media_ids": ["m0", "m1"]},
            "reply_settings": "verified",
            "made_with_ai": True,
        },
        {"text": "2", "reply": {"in_reply_to_tweet_id": "11"}, "made_with_ai": True},
        {
            "text": "3",
            "media": {"media_ids": ["m2"]},
            "reply": {"in_reply_to_tweet_id": "12"},
            "made_with_ai": True,
        },
        {"text": "More", "reply": {"in_reply_to_tweet_id": "13"}},
    ]


async def test_a_file_goes_out_in_segments_of_a_mebibyte_with_their_length(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    clip = delivery.media.video(2_500_000)
    data = {"id": "77", "expires_after_secs": 86400}
    httpx_mock.add_response(url=f"{API}/media/upload/initialize", json={"data": data})
    httpx_mock.add_response(url=f"{API}/media/upload/77/append", json={"data": {}}, is_reusable=True)
    httpx_mock.add_response(url=f"{API}/media/upload/77/finalize", json={"data": data})
    status = {"state": "in_progress", "check_after_secs": 5}
    httpx_mock.add_response(
        url=f"{API}/media/upload?command=STATUS&media_id=77", json={"data": {"processing_info": status}}
    )

    content = Content(format=Format.VIDEO, media=(clip,))
    prepared = await publisher.prepare(delivery.of(content), {})

    begin, *segments, finish, _ = httpx_mock.get_requests()
    assert body_of(begin) == {
        "media_type": "video/mp4",
        "total_bytes": 2_500_000,
        "media_category": "tweet_video",
    }
    assert body_of(finish) == {}
    assert prepared.again_in == timedelta(seconds=5)
    assert [one[1:] for one in delivery.media.reads] == [
        (0, 1_048_576),
        (1_048_576, 1_048_576),
        (2_097_152, 402_848),
    ]
    sent = b""
    for number, request in enumerate(segments):
        assert int(request.headers["content-length"]) == len(request.content)
        assert f'name="segment_index"\r\n\r\n{number}\r\n'.encode() in request.content
        head, _, rest = request.content.partition(b"Content-Type: video/mp4\r\n\r\n")
        assert b'name="media"; filename=' in head
        sent += rest.rpartition(b"\r\n--")[0]
    assert sent == mp4(2_500_000)


async def test_alt_text_is_sent_before_the_post(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(json={"data": {"id": "77", "expires_after_secs": 86400}}, is_reusable=True)
    content = Content(format=Format.IMAGE, media=(delivery.media.image(alt_text="A mug"),))

    prepared = await publisher.prepare(delivery.of(content), {})

    last = httpx_mock.get_requests()[-1]
    assert last.url == f"{API}/media/metadata"
    assert body_of(last) == {"id": "77", "metadata": {"alt_text": {"text": "A mug"}}}
    assert prepared.again_in is None
    assert jpeg() in httpx_mock.get_requests()[1].content


async def test_a_video_that_cannot_be_processed_is_refused(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    handles = {"media_0": "77", "next_0": "described", "until_0": SOON}
    httpx_mock.add_response(json={"data": {"processing_info": {"state": "failed"}}})
    content = Content(format=Format.VIDEO, media=(delivery.media.video(),))

    with pytest.raises(Rejected) as refusal:
        await publisher.prepare(delivery.of(content), handles)

    assert refusal.value.code == "media_not_processed"


async def test_media_that_x_has_dropped_is_prepared_again(publisher: XPublisher, delivery: Delivery) -> None:
    content = Content(format=Format.IMAGE, media=(delivery.media.image(),))
    old = {"media_0": "77", "next_0": "ready", "until_0": f"{time.time():.0f}"}

    for handles in (old, {}):
        with pytest.raises(Expired):
            await publisher.send(delivery.of(content), handles, POST)
    with pytest.raises(Expired):
        await publisher.prepare(delivery.of(content), old)


# What is found


def entry(post_id: str, text: object, **facts: Any) -> dict[str, Any]:
    return {"id": post_id, "text": text, **facts}


def url(short: str, whole: str, **facts: Any) -> dict[str, Any]:
    return {"url": short, "expanded_url": whole, **facts}


LINKED = "Mugs &amp; more https://t.co/a then https://t.co/b https://t.co/m"
ENTITIES = {
    "urls": [
        url("https://t.co/a", "https://example.com/a?b=1"),
        url("https://t.co/b", "http://octapost.com"),
        url("https://t.co/m", "https://x.com/octademo/status/2/photo/1", media_key="3_77"),
    ]
}


@pytest.mark.parametrize(
    ("post", "found"),
    [
        (entry("2", LINKED, entities=ENTITIES, attachments={"media_keys": ["3_77"]}), True),
        (entry("2", LINKED, entities=ENTITIES, attachments={"media_keys": ["3_78"]}), False),
        (entry("2", LINKED, entities=ENTITIES), False),
        (
            entry(
                "2", LINKED.replace("Mugs", "Cups"), entities=ENTITIES, attachments={"media_keys": ["3_77"]}
            ),
            False,
        ),
        (
            entry(
                "2",
                LINKED,
                entities=ENTITIES,
                attachments={"media_keys": ["3_77"]},
                referenced_posts=[{"type": "replied_to", "id": "1"}],
            ),
            False,
        ),
        (entry("2", 7, entities=[]), False),
    ],
)
async def test_a_post_is_found_by_its_text_its_media_and_its_place(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock, post: dict[str, Any], found: bool
) -> None:
    httpx_mock.add_response(json={"data": [entry("3", "Another"), post], "meta": {}})
    content = Content(
        format=Format.IMAGE,
        text="Mugs & more https://example.com/a?b=1  then octapost.com",
        media=(delivery.media.image(),),
    )

    finding = await publisher.look(delivery.of(content), {"media_0": "77"}, POST, SINCE)

    (request,) = httpx_mock.get_requests()
    assert request.url.path == "/2/users/4711/tweets"
    assert request.url.params["start_time"] == "2026-11-30T11:59:30Z"
    live = Finding(outcome=Outcome.LIVE, receipt=Receipt(id="2", url="https://x.com/octademo/status/2"))
    assert finding == (live if found else Finding(outcome=Outcome.NOT_FOUND))


@pytest.mark.parametrize("name", ["referenced_tweets", "referenced_posts"])
async def test_the_second_of_two_equal_elements_is_not_taken_for_the_first(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock, name: str
) -> None:
    replies = {name: [{"type": "replied_to", "id": "11"}]}
    first = {"data": [entry("11", "Again")], "meta": {"next_token": "t2"}}
    httpx_mock.add_response(json=first)
    httpx_mock.add_response(json={"data": [entry("12", "Again", **replies)], "meta": {}})
    content = Content(format=Format.THREAD, thread=(Part(text="Again"), Part(text="Again")))
    outgoing = delivery.of(content, [Receipt(id="11", url="")])

    finding = await publisher.look(outgoing, {}, Step(kind=StepKind.POST, index=1), SINCE)

    assert finding.receipt is not None
    assert finding.receipt.id == "12"
    assert httpx_mock.get_requests()[1].url.params["pagination_token"] == "t2"


async def test_one_call_tells_which_posts_are_still_there(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    kind = "https://api.x.com/2/problems/"
    errors = [
        {"resource_id": "2", "type": f"{kind}resource-not-found"},
        {"resource_id": "3", "type": f"{kind}not-authorized-for-resource"},
    ]
    httpx_mock.add_response(
        url=f"{API}/tweets?ids=1%2C2%2C3", json={"data": [entry("1", "")], "errors": errors}
    )

    found = await publisher.presence(
        delivery.client, delivery.tokens, "4711", [Receipt(id=each, url="") for each in "123"]
    )

    assert found == (Presence.THERE, Presence.GONE, Presence.UNREADABLE)


async def test_more_posts_than_fit_in_a_call_take_another(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    ids = [str(number) for number in range(1, 102)]
    httpx_mock.add_response(json={"data": [entry(each, "") for each in ids[:100]]})
    httpx_mock.add_response(url=f"{API}/tweets?ids=101", json={"data": [entry("101", "")]})

    found = await publisher.presence(
        delivery.client, delivery.tokens, "4711", [Receipt(id=each, url="") for each in ids]
    )

    assert set(found) == {Presence.THERE}
    assert len(found) == 101


@pytest.mark.parametrize("status", [200, 404])
async def test_a_post_is_deleted_once_or_is_gone_already(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock, status: int
) -> None:
    gone = {"type": "https://api.x.com/2/problems/resource-not-found", "status": 404}
    answer = {"data": {"deleted": True}} if status == 200 else gone
    httpx_mock.add_response(method="DELETE", url=f"{API}/tweets/7", status_code=status, json=answer)

    await publisher.delete(delivery.client, delivery.tokens, "4711", Receipt(id="7", url=""))

    assert len(httpx_mock.get_requests()) == 1


async def test_a_post_cannot_be_edited(publisher: XPublisher, delivery: Delivery) -> None:
    assert not publisher.facts.can_edit
    with pytest.raises(Rejected):
        await publisher.edit(delivery.of(HELLO), Receipt(id="7", url=""))


# What is refused


def answer_for(refusal: Refusal) -> dict[str, Any]:
    kind = f"https://api.twitter.com/2/problems/{refusal.problem}" if refusal.problem else "about:blank"
    return {"title": "Forbidden", "detail": f"Oh. {refusal.words.capitalize()} it is.", "type": kind}


@pytest.mark.parametrize(
    "refusal", [pytest.param(each, id=each.words or each.problem) for each in PUBLISHING]
)
async def test_each_documented_refusal_has_its_verdict(
    publisher: XPublisher, delivery: Delivery, httpx_mock: HTTPXMock, refusal: Refusal
) -> None:
    httpx_mock.add_response(status_code=403, json=answer_for(refusal))

    with pytest.raises(PlatformError) as raised:
        await publisher.send(delivery.of(HELLO), {}, POST)

    assert (type(raised.value), raised.value.code) == (refusal.verdict, refusal.code)


def test_each_refusal_and_each_option_has_its_words() -> None:
    codes = {one.code for one in PUBLISHING if one.verdict is Rejected}
    own = {"suspended", "missing_media_scope", "media_not_processed", "forbidden", "not_possible"}
    options = XPublisher.facts.options

    assert set(WORDS.refusals) == {str(code) for code in codes} | own
    assert set(WORDS.options) == {one.key for one in options}
    assert {key: set(words) for key, words in WORDS.choices.items()} == {
        one.key: set(one.choices) for one in options if one.choices
    }


PROBLEMS = "https://api.x.com/2/problems/"


@pytest.mark.parametrize(
    ("status", "body", "verdict", "code"),
    [
        (401, {"title": "Unauthorized", "type": "about:blank"}, TokenRefused, "unauthorized"),
        (402, {"title": "CreditsDepleted", "type": f"{PROBLEMS}credits"}, Misconfigured, "credits"),
        (403, {"type": f"{PROBLEMS}client-forbidden"}, Misconfigured, "client-forbidden"),
        (429, {"type": f"{PROBLEMS}usage-capped"}, Misconfigured, "usage-capped"),
        (403, {"type": f"{PROBLEMS}unsupported-authentication"}, TokenRefused, "unauthorized"),
        (403, {"type": f"{PROBLEMS}user-suspended"}, Rejected, "suspended"),
        (403, {"errors": [{"code": 326, "message": "locked"}]}, Rejected, "locked"),
        (403, {"detail": "Something new"}, Rejected, "forbidden"),
        (418, {"detail": "Something new"}, Rejected, "http_418"),
        (429, {"title": "Too Many Requests", "type": "about:blank"}, Busy, "rate_limited"),
        (400, {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, Busy, "rate_limited"),
        (413, {}, Misconfigured, "segment_too_large"),
        (500, {}, OutcomeUnknown, "http_500"),
        (503, {"detail": "duplicate content"}, OutcomeUnknown, "http_503"),
        (200, {}, OutcomeUnknown, "unreadable_answer"),
        (201, {"data": {}}, OutcomeUnknown, "unreadable_answer"),
    ],
)
async def test_every_other_answer_has_its_verdict_too(
    publisher: XPublisher,
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
    ("status", "verdict", "code"),
    [(403, Rejected, "missing_media_scope"), (503, Busy, "http_503"), (200, Busy, "unreadable_answer")],
)
async def test_an_upload_that_fails_has_had_no_effect(
    publisher: XPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    status: int,
    verdict: type[PlatformError],
    code: str,
) -> None:
    httpx_mock.add_response(status_code=status, json={})
    content = Content(format=Format.IMAGE, media=(delivery.media.image(),))

    with pytest.raises(PlatformError) as raised:
        await publisher.prepare(delivery.of(content), {})

    assert (type(raised.value), raised.value.code) == (verdict, code)


# What is checked


def problems(publisher: XPublisher, content: Content) -> list[tuple[Defect, str, int | None]]:
    return [(one.defect, one.field, one.index) for one in publisher.check(content)]


def test_what_x_does_not_take_is_found_before_it_is_sent(publisher: XPublisher, delivery: Delivery) -> None:
    image, clip, wave = delivery.media.image(), delivery.media.video(), delivery.media.gif()
    long = delivery.media.video(lasts=timedelta(seconds=141))
    heic = Media(key="k", kind=MediaKind.IMAGE, type="image/heic", size=1)

    assert problems(publisher, HELLO) == []
    assert publisher.check(replace(HELLO, text="👋" * 141)) == (
        Problem(defect=Defect.TOO_LONG, field="text", allowed="280", actual="282"),
    )
    assert problems(publisher, Content(format=Format.CAROUSEL, media=(image,) * 5)) == [
        (Defect.TOO_MANY, "media", None)
    ]
    assert problems(publisher, Content(format=Format.CAROUSEL, media=(image, clip))) == [
        (Defect.WRONG_TYPE, "media", 1)
    ]
    assert problems(publisher, Content(format=Format.VIDEO, media=(long,))) == [
        (Defect.TOO_LONG_VIDEO, "media", 0)
    ]
    assert problems(publisher, Content(format=Format.IMAGE, media=(heic,))) == [
        (Defect.WRONG_TYPE, "media", 0)
    ]
    parts = (Part(text="1"), Part(text="2", media=(image, wave)))
    assert problems(publisher, Content(format=Format.THREAD, thread=parts)) == [(Defect.MIXED, "media", 1)]
    assert problems(publisher, Content(format=Format.DOCUMENT)) == [(Defect.NO_FORMAT, "format", None)]


def test_a_link_makes_a_post_dearer(publisher: XPublisher) -> None:
    price = publisher.facts.cents_per_post
    assert price is not None

    assert (price("Hello"), price("Hello example.com"), price("https://t.co/a")) == (1.5, 20.0, 20.0)
