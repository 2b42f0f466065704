"""Reddit: what is sent to publish, what each answer means, and the rules of subreddits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters.base import (
    Accepted,
    Busy,
    Choice,
    Content,
    Defect,
    Expired,
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
from adapters.reddit import PLATFORM
from adapters.reddit.account import Reddit
from adapters.reddit.publishing import UPLOADS, RedditPublisher
from adapters.reddit.refusals import PUBLISHING, WAITS
from bot.views.publishing.reddit import WORDS
from tests.credentials import client_of
from tests.media import jpeg
from tests.publishing import Delivery

API = "https://oauth.reddit.com"
RAW = "?raw_json=1"
POST, COMMENT = Step(kind=StepKind.POST), Step(kind=StepKind.COMMENT)
HELLO = Content(format=Format.TEXT, title="Hello", text="A **body**", place="octamugs")
SINCE = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
POSTED = {
    "url": "https://www.reddit.com/r/octamugs/comments/4bbe4b/hello/",
    "id": "4bbe4b",
    "name": "t3_4bbe4b",
}
RECEIPT = Receipt(id="t3_4bbe4b", url="https://www.reddit.com/r/octamugs/comments/4bbe4b/hello/")


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> RedditPublisher:
    return Reddit(http).publisher


@pytest.fixture
def delivery() -> Delivery:
    return Delivery(
        client=client_of(PLATFORM.apps[0]),
        tokens=Tokens(access_token="acc"),
        account_id="4cixf",
        handle="u/octa_demo",
    )


def data(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"json": {"errors": [], "data": facts}}


def listing(*things: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": one} for one in things]}}


def form_of(request: httpx.Request) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(request.content.decode()).items()}


# What is sent


async def test_a_text_post_is_one_form_with_its_flags(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(method="POST", url=f"{API}/api/submit{RAW}", json=data(POSTED))
    content = replace(HELLO, options={"flair": "f1", "nsfw": True, "spoiler": False})

    receipt = await publisher.send(delivery.of(content), {}, POST)

    (request,) = httpx_mock.get_requests()
    assert receipt == RECEIPT
    assert form_of(request) == {
        "api_type": "json",
        "kind": "self",
        "sr": "octamugs",
        "title": "Hello",
        "text": "A **body**",
        "sendreplies": "True",
        "resubmit": "True",
        "validate_on_submit": "True",
        "nsfw": "True",
        "spoiler": "False",
        "flair_id": "f1",
    }
    assert request.headers["authorization"] == "Bearer acc"
    assert request.headers["user-agent"].startswith("python:octapost:")
    assert request.headers["connection"] == "close"


async def test_without_a_place_a_link_goes_to_the_accounts_profile(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(json=data(POSTED))

    await publisher.send(
        delivery.of(Content(format=Format.LINK, title="Hello", link="https://example.com/")), {}, POST
    )

    form = form_of(httpx_mock.get_requests()[0])
    assert (form["kind"], form["sr"], form["url"]) == ("link", "u_octa_demo", "https://example.com/")
    assert "text" not in form


async def test_a_picture_is_uploaded_with_the_fields_of_its_lease_and_without_our_token(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    fields = [{"name": "acl", "value": "private"}, {"name": "key", "value": "8xj"}]
    lease = {
        "args": {"action": UPLOADS.removeprefix("https:"), "fields": fields},
        "asset": {"asset_id": "8xj"},
    }
    httpx_mock.add_response(url=f"{API}/api/media/asset.json{RAW}", json=lease)
    httpx_mock.add_response(url=UPLOADS, status_code=201, text="<PostResponse/>")
    answer = {"user_submitted_page": "x", "websocket_url": "wss://x"}
    httpx_mock.add_response(url=f"{API}/api/submit{RAW}", json=data(answer))
    content = Content(format=Format.IMAGE, title="Mug", media=(delivery.media.image(),), place="octamugs")

    prepared = await publisher.prepare(delivery.of(content), {})
    sent = await publisher.send(delivery.of(content), prepared.handles, POST)

    asked, uploaded, submitted = httpx_mock.get_requests()
    assert form_of(asked) == {"filepath": "file.jpeg", "mimetype": "image/jpeg"}
    assert "authorization" not in uploaded.headers
    assert int(uploaded.headers["content-length"]) == len(uploaded.content)
    assert uploaded.content.index(b'name="acl"') < uploaded.content.index(b'name="key"')
    assert uploaded.content.index(b'name="key"') < uploaded.content.index(b'name="file"')
    assert jpeg() in uploaded.content
    assert delivery.kept == [{"asset_0": "8xj"}]
    assert form_of(submitted)["url"] == f"{UPLOADS}/8xj"
    assert isinstance(sent, Accepted)


async def test_a_gallery_is_json_and_its_id_has_the_prefix_already(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    answer = {"url": POSTED["url"], "id": "t3_4bbe4b"}
    httpx_mock.add_response(url=f"{API}/api/submit_gallery_post.json{RAW}", json=data(answer))
    content = Content(
        format=Format.CAROUSEL, title="Set", media=(delivery.media.image(),) * 2, place="octamugs"
    )

    receipt = await publisher.send(delivery.of(content), {"asset_0": "a", "asset_1": "b"}, POST)

    body = json.loads(httpx_mock.get_requests()[0].content)
    assert receipt == RECEIPT
    assert [one["media_id"] for one in body["items"]] == ["a", "b"]
    assert (body["sr"], body["nsfw"], body["validate_on_submit"]) == ("octamugs", False, True)


async def test_the_first_comment_is_written_under_the_post(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    thing = {"id": "c1", "name": "t1_c1", "permalink": "/r/octamugs/comments/4bbe4b/hello/c1/"}
    httpx_mock.add_response(
        url=f"{API}/api/comment{RAW}", json=data({"things": [{"kind": "t1", "data": thing}]})
    )
    content = replace(HELLO, first_comment="Ask me")

    receipt = await publisher.send(delivery.of(content, [RECEIPT]), {}, COMMENT)

    assert publisher.steps(content) == (POST, COMMENT)
    assert publisher.steps(HELLO) == (POST,)
    assert form_of(httpx_mock.get_requests()[0]) == {
        "api_type": "json",
        "thing_id": "t3_4bbe4b",
        "text": "Ask me",
    }
    assert receipt == Receipt(id="t1_c1", url="https://www.reddit.com/r/octamugs/comments/4bbe4b/hello/c1/")


# What is found

THING = {
    "name": "t3_4bbe4b",
    "title": "Hello",
    "selftext": "A **body**",
    "subreddit": "OctaMugs",
    "is_self": True,
    "url": POSTED["url"],
    "permalink": "/r/octamugs/comments/4bbe4b/hello/",
    "created_utc": SINCE.timestamp() - 30,
}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"title": "Hello!"}, False),
        ({"selftext": "Another"}, False),
        ({"subreddit": "octalinks"}, False),
        ({"is_self": False}, False),
        ({"created_utc": SINCE.timestamp() - 90}, False),
        ({"created_utc": None}, False),
    ],
)
async def test_a_post_is_found_by_its_place_title_text_and_time(
    publisher: RedditPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    changes: dict[str, Any],
    found: bool,
) -> None:
    httpx_mock.add_response(json=listing({"name": "t3_x", "created_utc": 2e9}, THING | changes))

    finding = await publisher.look(delivery.of(HELLO), {}, POST, SINCE)

    assert httpx_mock.get_requests()[0].url.path == "/user/octa_demo/submitted"
    assert finding.outcome is (Outcome.LIVE if found else Outcome.NOT_FOUND)
    assert finding.receipt == (RECEIPT if found else None)


PICTURE = THING | {"selftext": "", "is_self": False, "url": "https://i.redd.it/8xj.jpg"}
GALLERY = PICTURE | {"url": "https://www.reddit.com/gallery/4bbe4b", "media_metadata": {"8xj": {}, "9yk": {}}}


@pytest.mark.parametrize(
    ("thing", "count", "found"),
    [
        (PICTURE, 1, True),
        (PICTURE | {"url": "https://i.redd.it/other.jpg"}, 1, False),
        (GALLERY, 2, True),
        (GALLERY | {"media_metadata": {"8xj": {}}}, 2, False),
        (GALLERY | {"media_metadata": None}, 2, False),
    ],
)
async def test_pictures_are_found_by_the_files_that_were_uploaded(
    publisher: RedditPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    thing: dict[str, Any],
    count: int,
    found: bool,
) -> None:
    httpx_mock.add_response(json=listing(thing))
    kind = Format.IMAGE if count == 1 else Format.CAROUSEL
    media = tuple(delivery.media.image() for _ in range(count))
    content = Content(format=kind, title="Hello", media=media, place="octamugs")

    finding = await publisher.look(delivery.of(content), {"asset_0": "8xj", "asset_1": "9yk"}, POST, SINCE)

    assert finding.receipt == (RECEIPT if found else None)


@pytest.mark.parametrize(("handles", "waits"), [({"accepted": "1"}, True), ({}, False)])
async def test_reddit_works_on_a_picture_that_it_took(
    publisher: RedditPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    handles: dict[str, str],
    waits: bool,
) -> None:
    httpx_mock.add_response(json=listing(), is_reusable=True)
    content = Content(format=Format.IMAGE, title="Mug", media=(delivery.media.image(),))
    handles = handles | {"asset_0": "8xj"}

    now = await publisher.look(delivery.of(content), handles, POST, datetime.now(UTC))
    later = await publisher.look(
        delivery.of(content), handles, POST, datetime.now(UTC) - timedelta(minutes=16)
    )

    assert now.outcome is (Outcome.PROCESSING if waits else Outcome.NOT_FOUND)
    assert later.outcome is Outcome.NOT_FOUND


async def test_a_removed_or_deleted_post_is_gone(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    things = (
        {"name": "t3_a", "removed_by_category": None, "author": "octa_demo"},
        {"name": "t3_b", "removed_by_category": "automod_filtered", "author": "octa_demo"},
        {"name": "t3_c", "removed_by_category": None, "author": "[deleted]"},
    )
    httpx_mock.add_response(json=listing(*things))

    found = await publisher.presence(
        delivery.client, delivery.tokens, "4cixf", [Receipt(id=f"t3_{each}", url="") for each in "abcd"]
    )

    assert found == (Presence.THERE, Presence.GONE, Presence.GONE, Presence.GONE)
    assert httpx_mock.get_requests()[0].url.params["id"] == "t3_a,t3_b,t3_c,t3_d"


async def test_posts_are_neither_edited_nor_deleted(publisher: RedditPublisher, delivery: Delivery) -> None:
    assert not publisher.facts.can_edit
    assert not publisher.facts.can_delete
    with pytest.raises(Rejected):
        await publisher.edit(delivery.of(HELLO), RECEIPT)
    with pytest.raises(Rejected):
        await publisher.delete(delivery.client, delivery.tokens, "4cixf", RECEIPT)


# What is refused


@pytest.mark.parametrize("code", [*PUBLISHING, "SOMETHING_NEW", "<script>"])
async def test_each_code_has_its_verdict(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock, code: str
) -> None:
    httpx_mock.add_response(json={"json": {"errors": [[code, "words", "field"]]}})

    with pytest.raises(PlatformError) as raised:
        await publisher.send(delivery.of(HELLO), {}, POST)

    verdict = PUBLISHING.get(code, Rejected)
    assert type(raised.value) is verdict
    assert raised.value.retry_after == WAITS.get(code)
    expected = {"ALREADY_SUB": "duplicate", "<script>": "unknown"}.get(code, code)
    assert raised.value.code == expected


def test_each_refusal_and_each_option_has_its_words() -> None:
    codes = {code for code, verdict in PUBLISHING.items() if verdict is Rejected}

    assert set(WORDS.refusals) == codes | {"missing_scope", "not_possible"}
    assert set(WORDS.options) == {one.key for one in RedditPublisher.facts.options}


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Take a break for 14 minutes before trying again.", 840),
        ("you are doing that too much. try again in 9 minutes.", 540),
        ("try again in 1 hour.", 3600),
        ("try again in 500 milliseconds.", 0.5),
        ("Versuche es spaeter.", 600),
    ],
)
async def test_a_break_lasts_as_long_as_reddit_says(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock, words: str, seconds: float
) -> None:
    httpx_mock.add_response(json={"json": {"errors": [["RATELIMIT", words, "ratelimit"]]}})

    with pytest.raises(Busy) as raised:
        await publisher.send(delivery.of(HELLO), {}, POST)

    assert raised.value.retry_after == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("answer", "verdict", "code"),
    [
        (
            (400, {"reason": "SUBMIT_VALIDATION_TITLE_BLACKLISTED_STRING"}),
            Rejected,
            "SUBMIT_VALIDATION_TITLE",
        ),
        ((400, {"reason": "SUBMIT_VALIDATION_FLAIR_REQUIRED"}), Rejected, "SUBMIT_VALIDATION_FLAIR_REQUIRED"),
        ((400, {"reason": "SUBMIT_VALIDATION_NEW_RULE"}), Rejected, "SUBMIT_VALIDATION"),
        ((401, {"message": "Unauthorized"}), TokenRefused, "unauthorized"),
        ((403, {"reason": "private"}), Rejected, "private"),
        ((403, {"message": "Forbidden"}), Rejected, "http_403"),
        ((409, {}), OutcomeUnknown, "http_409"),
        ((429, {}), Busy, "rate_limited"),
        ((500, {}), OutcomeUnknown, "http_500"),
        ((520, {"reason": "private"}), OutcomeUnknown, "http_520"),
        ((200, {}), OutcomeUnknown, "unreadable_answer"),
        ((200, {"json": {"errors": [], "data": {"url": "x"}}}), OutcomeUnknown, "unreadable_answer"),
    ],
)
async def test_every_other_answer_has_its_verdict_too(
    publisher: RedditPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    answer: tuple[int, dict[str, Any]],
    verdict: type[PlatformError],
    code: str,
) -> None:
    httpx_mock.add_response(status_code=answer[0], json=answer[1])

    with pytest.raises(PlatformError) as raised:
        await publisher.send(delivery.of(HELLO), {}, POST)

    assert (type(raised.value), raised.value.code) == (verdict, code)


async def test_a_block_page_is_the_operators_matter(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(status_code=403, html="<h1>blocked by network security</h1>")

    with pytest.raises(Misconfigured):
        await publisher.send(delivery.of(HELLO), {}, POST)


@pytest.mark.parametrize(
    ("status", "text", "verdict"),
    [
        (400, "<Error><Code>EntityTooLarge</Code></Error>", Rejected),
        (403, "<Error><Code>AccessDenied</Code></Error>", Expired),
        (503, "<Error/>", Busy),
    ],
)
async def test_a_refused_upload_has_had_no_effect(
    publisher: RedditPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    status: int,
    text: str,
    verdict: type[PlatformError],
) -> None:
    lease = {"args": {"action": "//s3.example.com", "fields": []}, "asset": {"asset_id": "8xj"}}
    httpx_mock.add_response(url=f"{API}/api/media/asset.json{RAW}", json=lease)
    httpx_mock.add_response(status_code=status, text=text)
    content = Content(format=Format.IMAGE, title="Mug", media=(delivery.media.image(),))

    with pytest.raises(verdict):
        await publisher.prepare(delivery.of(content), {})

    assert delivery.kept == []


# What a subreddit wants


def about(httpx_mock: HTTPXMock, *, demands: Mapping[str, Any] | None = None, **facts: Any) -> None:
    found = {"display_name": "octamugs", "subreddit_type": "public", "submission_type": "any"} | facts
    httpx_mock.add_response(url=f"{API}/r/octamugs/about{RAW}", json={"kind": "t5", "data": found})
    httpx_mock.add_response(
        url=f"{API}/api/v1/octamugs/post_requirements{RAW}",
        json={"is_flair_required": False, **(demands or {})},
    )
    choices = [{"flair_template_id": "f1", "flair_text": "News"}]
    httpx_mock.add_response(url=f"{API}/r/octamugs/api/flairselector{RAW}", json={"choices": choices})


async def live_of(publisher: RedditPublisher, delivery: Delivery) -> Live:
    return await publisher.live(delivery.client, delivery.tokens, "4cixf", "octamugs")


async def test_the_flairs_and_rules_of_a_subreddit_are_asked_live(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock
) -> None:
    demands = {
        "is_flair_required": True,
        "title_blacklisted_strings": ["buy now"],
        "title_text_max_length": 20,
    }
    about(httpx_mock, demands=demands)

    live = await live_of(publisher, delivery)

    assert live.choices == {"flair": (Choice(value="f1", label="News"),)}
    assert live.required == {"flair"}
    assert live.refuses == ""
    chosen = replace(HELLO, title="BUY NOW at once or never again", options={"flair": "f1"})
    found = [(one.defect, one.field, one.allowed) for one in publisher.check(chosen, live)]
    assert found == [
        (Defect.PLACE_RULE, "title", "title_blacklisted_strings"),
        (Defect.PLACE_RULE, "title", "title_text_max_length"),
    ]
    assert [one.defect for one in publisher.check(HELLO, live)] == [Defect.MISSING]
    wrong = replace(HELLO, options={"flair": "f2"})
    assert [one.defect for one in publisher.check(wrong, live)] == [Defect.NOT_A_CHOICE]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"user_is_banned": True}, "BANNED_FROM_SUBREDDIT"),
        ({"subreddit_type": "private"}, "SUBREDDIT_NOTALLOWED"),
        ({"subreddit_type": "archived"}, "SUBREDDIT_NOTALLOWED"),
        ({"subreddit_type": "restricted", "user_is_contributor": True}, ""),
    ],
)
async def test_a_subreddit_where_the_account_may_not_post_says_so_beforehand(
    publisher: RedditPublisher, delivery: Delivery, httpx_mock: HTTPXMock, facts: dict[str, Any], code: str
) -> None:
    about(httpx_mock, **facts)

    assert (await live_of(publisher, delivery)).refuses == code


@pytest.mark.parametrize(
    ("facts", "demands", "content", "rules"),
    [
        ({"submission_type": "link"}, {}, HELLO, ["no_text_posts"]),
        ({"submission_type": "self"}, {}, Content(format=Format.LINK, link="https://a.com"), ["no_links"]),
        ({"allow_galleries": False}, {}, Content(format=Format.CAROUSEL), ["no_galleries"]),
        ({}, {"body_restriction_policy": "notAllowed"}, HELLO, ["body_not_allowed"]),
        ({}, {"body_restriction_policy": "required"}, replace(HELLO, text=""), ["body_required"]),
        ({}, {"body_required_strings": ["source"]}, HELLO, ["body_required_strings"]),
        ({}, {"title_text_min_length": 9}, HELLO, ["title_text_min_length"]),
        (
            {},
            {"link_restriction_policy": "blacklist", "domain_blacklist": ["a.com"]},
            Content(format=Format.LINK, link="https://www.a.com/x"),
            ["domain_blacklist"],
        ),
        (
            {},
            {"link_restriction_policy": "whitelist", "domain_whitelist": ["b.com"]},
            Content(format=Format.LINK, link="https://a.com/x"),
            ["domain_whitelist"],
        ),
        ({}, {"title_regexes": ["(a+)+$"]}, HELLO, []),
    ],
)
async def test_a_post_against_a_rule_is_found_before_it_is_sent(
    publisher: RedditPublisher,
    delivery: Delivery,
    httpx_mock: HTTPXMock,
    facts: dict[str, Any],
    demands: dict[str, Any],
    content: Content,
    rules: list[str],
) -> None:
    about(httpx_mock, demands=demands, **facts)

    live = await live_of(publisher, delivery)

    found = [one.allowed for one in publisher.check(content, live) if one.defect is Defect.PLACE_RULE]
    assert found == rules


async def test_a_video_needs_a_cover(publisher: RedditPublisher, delivery: Delivery) -> None:
    content = Content(format=Format.VIDEO, title="Clip", media=(delivery.media.video(),))

    assert [(one.defect, one.field) for one in publisher.check(content)] == [(Defect.MISSING, "cover")]
    assert publisher.check(replace(content, cover=delivery.media.image())) == ()
