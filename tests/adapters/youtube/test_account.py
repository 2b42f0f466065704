"""YouTube's oddities: what we send to Google, and one verdict per answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters import oauth
from adapters.base import (
    Busy,
    Capability,
    GrantDead,
    Hint,
    Identity,
    Misconfigured,
    PlatformError,
    Rejected,
    TokenRefused,
    Tokens,
    capabilities,
)
from adapters.youtube import PLATFORM
from adapters.youtube.account import YouTube
from sandbox.browser import PLAIN
from tests.credentials import client_of

TOKEN_URL = "https://oauth2.googleapis.com/token"
REVOKE_URL = "https://oauth2.googleapis.com/revoke"
CHANNELS_URL = (
    "https://www.googleapis.com/youtube/v3/channels"
    "?part=snippet%2Cstatistics%2CcontentDetails%2Cstatus&mine=true"
)
SCOPES = tuple(scope.name for scope in PLATFORM.apps[0].scopes)
CLIENT = client_of(PLATFORM.apps[0])
TOKENS = Tokens(access_token="ya29.now", refresh_token="1//keep", scopes=frozenset(SCOPES))


@pytest.fixture
def youtube(http: httpx.AsyncClient) -> YouTube:
    return YouTube(http)


def channel(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "youtube#channel",
        "id": "UCocta",
        "snippet": {
            "title": "Octa Channel",
            "customUrl": "@octachannel",
            "thumbnails": {
                "default": {"url": "https://pic.example/s"},
                "medium": {"url": "https://pic.example/m"},
            },
        },
        "statistics": {"subscriberCount": "1678", "hiddenSubscriberCount": False, "videoCount": "9"},
        "status": {"longUploadsStatus": "allowed"},
    } | changes


def refusal(code: int, reason: str, detail: str = "") -> dict[str, Any]:
    error: dict[str, Any] = {
        "code": code,
        "message": "words",
        "errors": [{"reason": reason, "domain": "global"}],
    }
    if detail:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": detail}]
    return {"status_code": code, "json": {"error": error}}


def form_of(request: httpx.Request | None) -> dict[str, list[str]]:
    assert request is not None
    return parse_qs(request.content.decode(), strict_parsing=True)


async def discovered(youtube: YouTube, httpx_mock: HTTPXMock, *items: dict[str, Any]) -> Any:
    httpx_mock.add_response(
        url=CHANNELS_URL, json={"kind": "youtube#channelListResponse", "items": list(items)}
    )
    return await youtube.discover(CLIENT, TOKENS)


def test_the_consent_link_asks_for_a_refresh_token_every_time() -> None:
    url = oauth.authorize_url(PLATFORM, CLIENT, state="st4te", verifier="v" * 43)

    query = parse_qs(urlsplit(url).query)
    assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert query["access_type"] == ["offline"]
    assert query["prompt"] == ["consent select_account"]
    assert query["include_granted_scopes"] == ["true"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == [" ".join(SCOPES)]


async def test_the_exchange_posts_code_verifier_and_secret_in_the_form(
    youtube: YouTube, httpx_mock: HTTPXMock
) -> None:
    answer = {
        "access_token": "ya29.new",
        "expires_in": 3599,
        "refresh_token": "1//new",
        "scope": " ".join(SCOPES),
    }
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json=answer)

    tokens = await youtube.exchange(CLIENT, code="4/abc", verifier="v" * 43)

    assert form_of(httpx_mock.get_request()) == {
        "grant_type": ["authorization_code"],
        "code": ["4/abc"],
        "redirect_uri": [CLIENT.redirect_uri],
        "code_verifier": ["v" * 43],
        "client_id": ["our-id"],
        "client_secret": ["our secret"],
    }
    assert tokens == Tokens(
        access_token="ya29.new",
        refresh_token="1//new",
        expires_in=timedelta(seconds=3599),
        scopes=frozenset(SCOPES),
    )


async def test_a_refresh_without_a_refresh_token_in_the_answer_says_keep_the_old_one(
    youtube: YouTube, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=TOKEN_URL, json={"access_token": "ya29.later", "expires_in": 3599})

    tokens = await youtube.refresh(CLIENT, TOKENS)

    assert tokens.access_token == "ya29.later"
    assert tokens.refresh_token is None
    assert form_of(httpx_mock.get_request())["refresh_token"] == ["1//keep"]


async def test_a_time_limited_grant_names_the_end_of_its_refresh_token(
    youtube: YouTube, httpx_mock: HTTPXMock
) -> None:
    answer = {"access_token": "ya29.a", "refresh_token": "1//b", "refresh_token_expires_in": 604_799}
    httpx_mock.add_response(url=TOKEN_URL, json=answer)

    tokens = await youtube.exchange(CLIENT, code="4/abc", verifier="v" * 43)

    assert tokens.refresh_expires_in == timedelta(seconds=604_799)


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        pytest.param(
            400, {"error": "invalid_grant", "error_description": "Bad Request"}, GrantDead, id="dead"
        ),
        pytest.param(401, {"error": "invalid_client"}, Misconfigured, id="our-secret"),
        pytest.param(401, {"error": "deleted_client"}, Misconfigured, id="our-project-is-gone"),
        pytest.param(400, {"error": "org_internal"}, Misconfigured, id="internal-project"),
        pytest.param(403, {"error": "rate_limit_exceeded"}, Rejected, id="a-code-nobody-documents"),
        pytest.param(500, {"error": "internal_failure"}, Busy, id="google-is-down"),
        pytest.param(503, {"error": "invalid_grant"}, Busy, id="a-dead-code-in-an-outage-is-an-outage"),
        pytest.param(429, {"error": "invalid_grant"}, Busy, id="a-dead-code-under-a-limit-is-a-limit"),
    ],
)
async def test_each_refused_refresh_has_one_verdict(
    youtube: YouTube, httpx_mock: HTTPXMock, status: int, body: dict[str, str], verdict: type[PlatformError]
) -> None:
    httpx_mock.add_response(url=TOKEN_URL, status_code=status, json=body)

    with pytest.raises(PlatformError) as caught:
        await youtube.refresh(CLIENT, TOKENS)

    assert type(caught.value) is verdict


async def test_revoking_names_the_refresh_token_because_an_access_token_may_have_run_out(
    youtube: YouTube, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=REVOKE_URL, json={})

    await youtube.revoke(CLIENT, TOKENS)

    assert form_of(httpx_mock.get_request())["token"] == ["1//keep"]


async def test_revoking_a_dead_grant_is_no_error(youtube: YouTube, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=REVOKE_URL, status_code=400, json={"error": "invalid_token"})

    await youtube.revoke(CLIENT, TOKENS)

    assert len(httpx_mock.get_requests()) == 1


async def test_a_channel_is_found_with_the_token_it_is_tied_to(
    youtube: YouTube, httpx_mock: HTTPXMock
) -> None:
    found = await discovered(youtube, httpx_mock, channel())

    [account] = found.accounts
    [request] = httpx_mock.get_requests()
    assert request.headers["Authorization"] == "Bearer ya29.now"
    assert found.identity == Identity(id="UCocta", name="Octa Channel")
    assert found.scopes == frozenset(SCOPES)
    assert found.hints == frozenset()
    assert (account.id, account.kind, account.name, account.handle) == (
        "UCocta",
        "Channel",
        "Octa Channel",
        "@octachannel",
    )
    assert account.url == "https://www.youtube.com/channel/UCocta"
    assert account.avatar_url == "https://pic.example/m"
    assert account.detail == "1,678 subscribers"
    assert account.blocker is None


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        pytest.param(
            {"status": {"longUploadsStatus": "eligible"}},
            "1,678 subscribers, videos up to 15 minutes",
            id="eligible",
        ),
        pytest.param({"status": {}}, "1,678 subscribers, videos up to 15 minutes", id="not-said"),
        pytest.param({"statistics": {"subscriberCount": "1"}}, "1 subscriber", id="one"),
        pytest.param(
            {"statistics": {"subscriberCount": "7", "hiddenSubscriberCount": True}}, "", id="hidden"
        ),
        pytest.param({"statistics": {"subscriberCount": 7}}, "", id="a-number-is-not-what-they-send"),
        pytest.param({"statistics": {"subscriberCount": "٣"}}, "", id="other-digits"),
        pytest.param(
            {"statistics": None, "status": []}, "videos up to 15 minutes", id="sections-of-the-wrong-shape"
        ),
    ],
)
async def test_the_detail_helps_to_choose(
    youtube: YouTube, httpx_mock: HTTPXMock, changes: dict[str, Any], detail: str
) -> None:
    found = await discovered(youtube, httpx_mock, channel(**changes))

    assert found.accounts[0].detail == detail


async def test_several_channels_are_sorted_by_name_and_keep_one_identity(
    youtube: YouTube, httpx_mock: HTTPXMock
) -> None:
    items = [
        channel(id=i, snippet={"title": t}) for i, t in (("UC2", "alpha"), ("UC1", "Gamma"), ("UC3", "Beta"))
    ]

    found = await discovered(youtube, httpx_mock, *items)

    assert [a.name for a in found.accounts] == ["alpha", "Beta", "Gamma"]
    assert found.identity == Identity(id="UC1", name="Gamma")


async def test_a_channel_without_a_title_goes_by_its_handle_or_id(
    youtube: YouTube, httpx_mock: HTTPXMock
) -> None:
    found = await discovered(
        youtube, httpx_mock, channel(id="UC1", snippet={"customUrl": "@x"}), channel(id="UC2", snippet=None)
    )

    assert [a.name for a in found.accounts] == ["@x", "UC2"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"json": {"items": []}}, id="empty-list"),
        pytest.param({"json": {"pageInfo": {"totalResults": 0, "resultsPerPage": 5}}}, id="no-list"),
        pytest.param(refusal(401, "youtubeSignupRequired"), id="signup-required"),
    ],
)
async def test_a_person_without_a_channel_gets_the_hint_and_no_identity(
    youtube: YouTube, httpx_mock: HTTPXMock, answer: dict[str, Any]
) -> None:
    httpx_mock.add_response(url=CHANNELS_URL, **answer)

    found = await youtube.discover(CLIENT, TOKENS)

    assert found.accounts == ()
    assert found.hints == {Hint.NO_CHANNEL}
    assert found.identity == Identity(id="", name="")


async def test_without_a_word_about_scopes_those_asked_for_are_in_force(
    youtube: YouTube, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=CHANNELS_URL, json={"items": [channel()]})

    found = await youtube.discover(CLIENT, Tokens(access_token="ya29.now"))

    assert found.scopes == frozenset(SCOPES)


@pytest.mark.parametrize(
    ("answer", "verdict", "code"),
    [
        pytest.param(refusal(401, "authError"), TokenRefused, "authError", id="expired"),
        pytest.param(refusal(401, "required"), TokenRefused, "required", id="no-token"),
        pytest.param({"status_code": 401, "text": ""}, TokenRefused, "http_401", id="bare-401"),
        pytest.param(refusal(403, "insufficientPermissions"), Rejected, "missing_scope", id="scope"),
        pytest.param(
            refusal(403, "forbidden", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
            Rejected,
            "missing_scope",
            id="scope-in-details",
        ),
        pytest.param(refusal(403, "quotaExceeded"), Misconfigured, "quotaExceeded", id="quota"),
        pytest.param(refusal(403, "dailyLimitExceeded"), Misconfigured, "dailyLimitExceeded", id="daily"),
        pytest.param(refusal(403, "accessNotConfigured"), Misconfigured, "accessNotConfigured", id="api-off"),
        pytest.param(
            refusal(403, "forbidden", "SERVICE_DISABLED"), Misconfigured, "SERVICE_DISABLED", id="api-off-2"
        ),
        pytest.param(
            refusal(400, "missingRequiredParameter"), Misconfigured, "missingRequiredParameter", id="ours"
        ),
        pytest.param(refusal(403, "rateLimitExceeded"), Busy, "rateLimitExceeded", id="limit-as-403"),
        pytest.param(refusal(429, "userRateLimitExceeded"), Busy, "userRateLimitExceeded", id="limit-as-429"),
        pytest.param(refusal(429, "somethingNew"), Busy, "somethingNew", id="429-with-a-new-reason"),
        pytest.param(refusal(503, "authError"), Busy, "authError", id="an-outage-outranks-its-reason"),
        pytest.param({"status_code": 502, "html": "<html>"}, Busy, "http_502", id="html"),
        pytest.param({"status_code": 403, "html": "<html>"}, Busy, "http_403", id="403-of-somebody-else"),
        pytest.param(
            {"status_code": 302, "headers": {"location": "https://x.example/"}},
            Busy,
            "redirected",
            id="redirect",
        ),
        pytest.param(refusal(403, "forbidden"), Rejected, "forbidden", id="wrong-channel"),
        pytest.param(refusal(403, "channelSuspended"), Rejected, "channelSuspended", id="suspended"),
        pytest.param(refusal(403, "<!channel> token=abc"), Busy, "http_403", id="a-reason-that-is-no-word"),
        pytest.param({"json": {"items": [{"id": 7}]}}, Busy, "odd_answer", id="id-of-the-wrong-type"),
        pytest.param({"json": {"items": ["UC1"]}}, Busy, "odd_answer", id="item-of-the-wrong-type"),
        pytest.param({"json": {"items": {"id": "UC1"}}}, Busy, "odd_answer", id="items-is-no-list"),
        pytest.param({"json": {}}, Busy, "odd_answer", id="an-empty-object-is-not-an-empty-list"),
        pytest.param({"json": {"items": None}}, Busy, "odd_answer", id="items-is-null"),
    ],
)
async def test_each_answer_to_discovery_has_one_verdict(
    youtube: YouTube, httpx_mock: HTTPXMock, answer: dict[str, Any], verdict: type[PlatformError], code: str
) -> None:
    httpx_mock.add_response(url=CHANNELS_URL, **answer)

    with pytest.raises(PlatformError) as caught:
        await youtube.discover(CLIENT, TOKENS)

    assert (type(caught.value), caught.value.code) == (verdict, code)


async def test_a_spent_quota_comes_back_within_a_day(youtube: YouTube, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=CHANNELS_URL, **refusal(403, "quotaExceeded"))

    with pytest.raises(Misconfigured) as caught:
        await youtube.discover(CLIENT, TOKENS)

    assert caught.value.retry_after is not None
    assert timedelta(0) < caught.value.retry_after <= timedelta(days=1)


async def test_a_named_wait_is_passed_on(youtube: YouTube, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(
        url=CHANNELS_URL, headers={"retry-after": "17"}, **refusal(403, "rateLimitExceeded")
    )

    with pytest.raises(Busy) as caught:
        await youtube.discover(CLIENT, TOKENS)

    assert caught.value.retry_after == timedelta(seconds=17)


async def test_an_operators_origin_gets_every_request_on_the_same_path(httpx_mock: HTTPXMock) -> None:
    client = client_of(CLIENT.app, "http://localhost:7007")
    httpx_mock.add_response(json={"access_token": "a", "items": []}, is_reusable=True)
    async with httpx.AsyncClient(verify=PLAIN) as http:
        youtube = YouTube(http)

        await youtube.exchange(client, code="c", verifier="v" * 43)
        await youtube.refresh(client, TOKENS)
        await youtube.discover(client, TOKENS)
        await youtube.revoke(client, TOKENS)

    sent = [f"{r.url.scheme}://{r.url.netloc.decode()}{r.url.path}" for r in httpx_mock.get_requests()]
    assert sent == [
        f"http://localhost:7007{path}" for path in ("/token", "/token", "/youtube/v3/channels", "/revoke")
    ]


@pytest.mark.parametrize(
    ("without", "left"),
    [
        pytest.param("youtube.upload", {Capability.INSIGHTS}, id="upload"),
        pytest.param("youtube.readonly", set(), id="readonly"),
        pytest.param("yt-analytics.readonly", {Capability.PUBLISH, Capability.MEDIA}, id="analytics"),
    ],
)
def test_an_unticked_scope_takes_what_needs_it(without: str, left: set[Capability]) -> None:
    granted = [name for name in SCOPES if not name.endswith(f"/{without}")]

    assert capabilities(CLIENT.app, granted) == left


async def test_a_channel_has_no_places(youtube: YouTube) -> None:
    assert await youtube.places(CLIENT, TOKENS, "UCocta") == ()
