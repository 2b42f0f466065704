from __future__ import annotations

import itertools
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters import oauth
from adapters.base import (
    Blocker,
    Busy,
    Capability,
    Client,
    Discovery,
    GrantDead,
    Identity,
    Misconfigured,
    Place,
    PlatformError,
    Rejected,
    RemoteAccount,
    TokenRefused,
    Tokens,
    capabilities,
)
from adapters.reddit import PLATFORM
from adapters.reddit.account import MOST_PAGES, Reddit
from adapters.reddit.calls import API
from adapters.reddit.places import may_post
from sandbox.core import Fault
from sandbox.platforms.reddit.simulator import RedditSimulator
from tests.consent import STATE, VERIFIER, consent
from tests.counts import in_full
from tests.credentials import callback_of, client_of, registered

[APP] = PLATFORM.apps
SCOPES = tuple(scope.name for scope in APP.scopes)
CALLBACK = callback_of(APP)
TOKENS = Tokens(access_token="acc", refresh_token="1-ref", scopes=frozenset(SCOPES))
BASIC = "Basic " + b64encode(b"our-id:our+secret").decode()
AGENT = "python:octapost.test:v1 (by /u/octa_ops)"
ME = {"id": "4cixf", "name": "octa_demo", "icon_img": "", "is_suspended": False}
BLOCK_PAGE = "<html>You've been blocked by network security.</html>"
SCOPE_CHALLENGE = {"www-authenticate": 'Bearer realm="reddit", error="insufficient_scope"'}


def listing(*subreddits: dict[str, Any], after: str | None = None) -> dict[str, Any]:
    children = [{"kind": "t5", "data": subreddit} for subreddit in subreddits]
    return {"kind": "Listing", "data": {"after": after, "children": children}}


def mine(kind: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(API)}/subreddits/mine/{kind}\?")


@pytest.fixture
def reddit(http: httpx.AsyncClient) -> Reddit:
    return Reddit(http)


@pytest.fixture
async def sandbox() -> AsyncIterator[RedditSimulator]:
    async with registered(RedditSimulator(), client_of(APP)) as found:
        yield found


async def connected(reddit: Reddit, client: Client, person: str = "octa_demo") -> Tokens:
    callback = await consent(reddit._http, PLATFORM, client, person=person)
    return await reddit.exchange(client, code=callback["code"], verifier=VERIFIER)


def test_the_consent_link_asks_for_a_lasting_grant_without_a_challenge() -> None:
    link = urlsplit(oauth.authorize_url(PLATFORM, client_of(APP), state="s", verifier=VERIFIER))

    assert (link.netloc, link.path) == ("www.reddit.com", "/api/v1/authorize")
    assert parse_qs(link.query) == {
        "response_type": ["code"],
        "client_id": ["our-id"],
        "redirect_uri": [CALLBACK],
        "scope": ["identity submit read mysubreddits flair history"],
        "state": ["s"],
        "duration": ["permanent"],
    }


@pytest.mark.parametrize(
    ("without", "lost"),
    [
        ("identity", {Capability.PUBLISH, Capability.PLACES}),
        ("submit", {Capability.PUBLISH, Capability.MEDIA}),
        ("read", {Capability.PLACES, Capability.INSIGHTS}),
        ("mysubreddits", {Capability.PLACES}),
        ("flair", set()),
        ("history", {Capability.INSIGHTS}),
    ],
)
def test_each_missing_scope_costs_what_it_unlocks(without: str, lost: set[Capability]) -> None:
    assert capabilities(APP, set(SCOPES) - {without}) == set(Capability) - lost


async def test_an_exchange_proves_itself_with_basic_and_names_its_agent(
    reddit: Reddit, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(
        method="POST",
        url=PLATFORM.token_url,
        match_headers={"Authorization": BASIC, "User-Agent": AGENT},
        json={
            "access_token": "eyJ",
            "token_type": "bearer",
            "expires_in": 86400,
            "refresh_token": "1-ref",
            "scope": "identity read",
        },
    )

    tokens = await reddit.exchange(client_of(APP, user_agent=AGENT), code="AbC-123", verifier=VERIFIER)

    [request] = httpx_mock.get_requests()
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["AbC-123"],
        "redirect_uri": [CALLBACK],
    }
    assert tokens == Tokens(
        access_token="eyJ",
        refresh_token="1-ref",
        expires_in=timedelta(days=1),
        scopes=frozenset({"identity", "read"}),
    )


async def test_every_call_names_its_agent_even_if_the_operator_named_none(
    reddit: Reddit, httpx_mock: HTTPXMock
) -> None:
    token = {"access_token": "eyJ", "expires_in": 3600}
    httpx_mock.add_response(url=PLATFORM.token_url, json=token, is_reusable=True)
    httpx_mock.add_response(url=PLATFORM.revoke_url, status_code=204)
    httpx_mock.add_response(url=f"{API}/api/v1/me?raw_json=1", json=ME, is_reusable=True)
    httpx_mock.add_response(url=mine(".*"), json=listing(), is_reusable=True)

    await reddit.exchange(client_of(APP), code="c", verifier=None)
    await reddit.refresh(client_of(APP), TOKENS)
    await reddit.discover(client_of(APP), TOKENS)
    await reddit.places(client_of(APP), TOKENS, "4cixf")
    await reddit.revoke(client_of(APP), TOKENS)

    agents = {request.headers["user-agent"] for request in httpx_mock.get_requests()}
    assert len(httpx_mock.get_requests()) == 8
    assert agents == {PLATFORM.user_agent}
    assert "python:" in PLATFORM.user_agent


async def test_a_refresh_without_a_new_refresh_token_means_keep_the_old_one(
    reddit: Reddit, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(
        url=PLATFORM.token_url,
        match_content=b"grant_type=refresh_token&refresh_token=1-ref",
        json={"access_token": "eyJ2", "expires_in": 3600},
    )

    tokens = await reddit.refresh(client_of(APP), TOKENS)

    assert (tokens.refresh_token, tokens.expires_in) == (None, timedelta(hours=1))


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param({"status_code": 400, "json": {"error": "invalid_grant"}}, GrantDead, id="dead"),
        pytest.param({"json": {"error": "invalid_grant"}}, GrantDead, id="dead-in-a-200"),
        pytest.param(
            {"status_code": 400, "json": {"error": "invalid_request"}}, Rejected, id="invalid-request"
        ),
        pytest.param({"json": {"error": "invalid_request"}}, Rejected, id="invalid-request-in-a-200"),
        pytest.param(
            {"status_code": 400, "json": {"message": "Bad Request", "error": 400}}, Rejected, id="bad-request"
        ),
        pytest.param({"status_code": 400, "html": "<html>"}, Busy, id="a-gateways-400"),
        pytest.param({"json": {"error": "unsupported_grant_type"}}, Misconfigured, id="our-fault"),
        pytest.param(
            {"status_code": 401, "json": {"message": "Unauthorized", "error": 401}},
            Misconfigured,
            id="secret",
        ),
        pytest.param({"status_code": 403, "html": BLOCK_PAGE}, Misconfigured, id="blocked"),
        pytest.param({"status_code": 429, "html": "<html>"}, Busy, id="429"),
        pytest.param({"status_code": 503, "html": "<html>"}, Busy, id="503"),
        pytest.param({"html": "<html>"}, Busy, id="html"),
        pytest.param({"json": {}}, Busy, id="empty"),
        pytest.param({"text": '{"access_to'}, Busy, id="truncated"),
    ],
)
async def test_each_answer_to_a_refresh_has_one_verdict(
    reddit: Reddit, httpx_mock: HTTPXMock, answer: dict[str, Any], verdict: type[PlatformError]
) -> None:
    httpx_mock.add_response(url=PLATFORM.token_url, **answer)

    with pytest.raises(PlatformError) as caught:
        await reddit.refresh(client_of(APP), TOKENS)

    assert type(caught.value) is verdict


async def test_a_lost_answer_to_a_refresh_is_only_busy_for_the_token_stays(
    reddit: Reddit, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_exception(httpx.ReadTimeout("gone"), url=PLATFORM.token_url)

    with pytest.raises(Busy):
        await reddit.refresh(client_of(APP), TOKENS)


@pytest.mark.parametrize("code", ["invalid_grant", "NO_TEXT"])
async def test_a_code_reddit_does_not_take_is_a_trip_to_take_again(
    reddit: Reddit, httpx_mock: HTTPXMock, code: str
) -> None:
    httpx_mock.add_response(url=PLATFORM.token_url, json={"error": code})

    with pytest.raises(Rejected, match=code):
        await reddit.exchange(client_of(APP), code="c", verifier=None)


@pytest.mark.parametrize(
    ("tokens", "body"),
    [
        pytest.param(TOKENS, b"token=1-ref&token_type_hint=refresh_token", id="the-one-that-ends-all"),
        pytest.param(
            Tokens(access_token="acc"), b"token=acc&token_type_hint=access_token", id="no-refresh-token"
        ),
    ],
)
async def test_a_revocation_names_the_token_that_matters(
    reddit: Reddit, httpx_mock: HTTPXMock, tokens: Tokens, body: bytes
) -> None:
    httpx_mock.add_response(
        url=PLATFORM.revoke_url,
        match_content=body,
        match_headers={"Authorization": BASIC},
        status_code=204,
    )

    await reddit.revoke(client_of(APP), tokens)


async def test_a_blocked_revocation_is_the_operators_matter(reddit: Reddit, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=PLATFORM.revoke_url, status_code=403, html=BLOCK_PAGE)

    with pytest.raises(Misconfigured, match="network_security"):
        await reddit.revoke(client_of(APP), TOKENS)


async def test_discovery_returns_the_one_account(reddit: Reddit, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(
        url=f"{API}/api/v1/me?raw_json=1",
        match_headers={"Authorization": "Bearer acc"},
        json=ME | {"icon_img": "https://styles.redditmedia.com/i.png?width=256&amp;s=beef"},
    )

    found = await reddit.discover(client_of(APP), TOKENS)

    account = RemoteAccount(
        id="4cixf",
        kind="Account",
        name="octa_demo",
        handle="u/octa_demo",
        url="https://www.reddit.com/user/octa_demo",
        avatar_url="https://styles.redditmedia.com/i.png?width=256&s=beef",
    )
    assert found == Discovery(
        identity=Identity(id="4cixf", name="octa_demo"), scopes=frozenset(SCOPES), accounts=(account,)
    )


async def test_an_id_with_its_prefix_is_the_same_id(reddit: Reddit, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=ME | {"id": "t2_4cixf"})

    assert (await reddit.discover(client_of(APP), TOKENS)).identity.id == "4cixf"


async def test_a_suspended_account_is_listed_with_its_blocker(reddit: Reddit, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=ME | {"is_suspended": True})

    [account] = (await reddit.discover(client_of(APP), TOKENS)).accounts

    assert account.blocker is Blocker.SUSPENDED


@pytest.mark.parametrize(
    ("answer", "verdict", "code"),
    [
        (
            {"status_code": 401, "json": {"message": "Unauthorized", "error": 401}},
            TokenRefused,
            "unauthorized",
        ),
        ({"status_code": 403, "json": {"error": 403}, "headers": SCOPE_CHALLENGE}, Rejected, "missing_scope"),
        ({"status_code": 403, "html": BLOCK_PAGE}, Misconfigured, "network_security"),
        ({"status_code": 403, "json": {"error": 403, "reason": "private"}}, Rejected, "private"),
        ({"status_code": 403, "json": {"error": 403, "reason": "a b"}}, Rejected, "http_403"),
        ({"status_code": 403, "json": {"message": "Forbidden", "error": 403}}, Rejected, "http_403"),
        ({"status_code": 403, "text": ""}, Busy, "http_403"),
        ({"status_code": 404, "json": {"error": 404, "reason": "banned"}}, Rejected, "banned"),
        ({"status_code": 429, "html": "<html>"}, Busy, "rate_limited"),
        ({"status_code": 409, "json": {"error": 409}}, Busy, "http_409"),
        ({"status_code": 500, "html": "<html>"}, Busy, "http_500"),
        ({"status_code": 520, "html": "<html>"}, Busy, "http_520"),
        ({"status_code": 302, "headers": {"location": "https://www.reddit.com/login"}}, Busy, "redirected"),
        ({"html": "<html>"}, Busy, "unreadable_answer"),
        ({"json": {}}, Busy, "unreadable_answer"),
        ({"json": [ME]}, Busy, "unreadable_answer"),
        ({"json": {"id": None, "name": 7}}, Busy, "unreadable_answer"),
        ({"text": '{"id":"4ci'}, Busy, "unreadable_answer"),
    ],
)
async def test_each_answer_has_one_verdict(
    reddit: Reddit, httpx_mock: HTTPXMock, answer: dict[str, Any], verdict: type[PlatformError], code: str
) -> None:
    httpx_mock.add_response(**answer)

    with pytest.raises(PlatformError) as caught:
        await reddit.discover(client_of(APP), TOKENS)

    assert (type(caught.value), caught.value.code) == (verdict, code)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-reset": "307"}, 307.0),
        ({"x-ratelimit-reset": "12.5", "x-ratelimit-remaining": "0.0"}, 12.5),
        ({"retry-after": "9"}, 9.0),
    ],
)
async def test_a_limit_waits_as_long_as_reddit_says(
    reddit: Reddit, httpx_mock: HTTPXMock, headers: dict[str, str], seconds: float
) -> None:
    httpx_mock.add_response(status_code=429, headers=headers)

    with pytest.raises(Busy) as caught:
        await reddit.discover(client_of(APP), TOKENS)

    assert caught.value.retry_after == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("subreddit", "let_in", "allowed"),
    [
        pytest.param({"subreddit_type": "public"}, False, True, id="public"),
        pytest.param({"subreddit_type": "public", "restrict_posting": True}, False, True, id="idle-default"),
        pytest.param({"subreddit_type": "public", "user_is_banned": True}, False, False, id="banned"),
        pytest.param({"subreddit_type": "private", "user_is_banned": True}, True, False, id="banned-mod"),
        pytest.param(
            {"subreddit_type": "restricted", "restrict_posting": True}, False, False, id="restricted"
        ),
        pytest.param({"subreddit_type": "restricted", "restrict_posting": None}, False, False, id="null"),
        pytest.param({"subreddit_type": "restricted"}, True, True, id="restricted-let-in"),
        pytest.param(
            {"subreddit_type": "restricted", "user_is_contributor": True}, False, True, id="contributor"
        ),
        pytest.param(
            {"subreddit_type": "restricted", "user_is_moderator": True}, False, True, id="moderator"
        ),
        pytest.param(
            {"subreddit_type": "restricted", "restrict_posting": False}, False, True, id="comments-restricted"
        ),
        pytest.param({"subreddit_type": "private", "restrict_posting": False}, False, False, id="private"),
        pytest.param(
            {"subreddit_type": "private", "user_is_contributor": True}, False, True, id="private-in"
        ),
        pytest.param({"subreddit_type": "private"}, True, True, id="private-let-in"),
        pytest.param(
            {"subreddit_type": "user", "display_name": "u_Octa_Demo"}, False, True, id="own-profile"
        ),
        pytest.param({"subreddit_type": "user", "display_name": "u_other"}, True, False, id="others-profile"),
        pytest.param({"subreddit_type": "archived"}, True, False, id="archived"),
        pytest.param({"subreddit_type": "gold_only"}, True, False, id="gold"),
        pytest.param({"subreddit_type": "gold_restricted"}, True, False, id="gold-restricted"),
        pytest.param({"subreddit_type": "employees_only"}, True, False, id="employees"),
        pytest.param({"subreddit_type": None}, True, False, id="unknown"),
    ],
)
def test_where_an_account_may_post(subreddit: dict[str, Any], *, let_in: bool, allowed: bool) -> None:
    assert may_post(subreddit, profile="u_octa_demo", let_in=let_in) is allowed


async def test_places_come_from_all_three_listings_once_each_and_by_name(
    reddit: Reddit, httpx_mock: HTTPXMock
) -> None:
    mugs = {"display_name": "octamugs", "subreddit_type": "public", "subscribers": 21}
    links = {"display_name": "Links", "subreddit_type": "public", "submission_type": "link"}
    stories = {"display_name": "stories", "subreddit_type": "private", "submission_type": "self"}
    alone = {"display_name": "zen", "subreddit_type": "restricted", "subscribers": 1}
    guild = {"display_name": "guild", "subreddit_type": "restricted", "user_is_contributor": None}
    profile = {"display_name": "u_octa_demo", "subreddit_type": "user"}
    httpx_mock.add_response(url=f"{API}/api/v1/me?raw_json=1", json=ME)
    httpx_mock.add_response(
        url=f"{API}/subreddits/mine/subscriber?raw_json=1&limit=100", json=listing(mugs, guild, after="t5_g")
    )
    httpx_mock.add_response(
        url=f"{API}/subreddits/mine/subscriber?raw_json=1&limit=100&after=t5_g", json=listing(links)
    )
    httpx_mock.add_response(
        url=mine("contributor"), json=listing(guild | {"subscribers": 1204}, stories, {"display_name": None})
    )
    httpx_mock.add_response(url=mine("moderator"), json=listing(profile, mugs, alone))

    places = await reddit.places(client_of(APP), TOKENS, "4cixf")

    assert places == (
        Place(id="guild", name="r/guild", detail="1,204 members"),
        Place(id="Links", name="r/Links", detail="links only"),
        Place(id="octamugs", name="r/octamugs", detail="21 members"),
        Place(id="stories", name="r/stories", detail="text only"),
        Place(id="zen", name="r/zen", detail="1 member"),
        Place(id="u_octa_demo", name="u/octa_demo", detail="your profile"),
    )


async def test_a_suspended_account_has_no_places(reddit: Reddit, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=ME | {"is_suspended": True})

    assert await reddit.places(client_of(APP), TOKENS, "4cixf") == ()


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param({"json": {"data": {}}}, Busy, id="no-children"),
        pytest.param({"json": {"data": {"children": {}}}}, Busy, id="children-no-list"),
        pytest.param({"json": {"kind": "Listing", "data": None}}, Busy, id="null"),
        pytest.param({"html": "<html>"}, Busy, id="html"),
        pytest.param({"status_code": 503}, Busy, id="503"),
        pytest.param(
            {"status_code": 403, "json": {"error": 403}, "headers": SCOPE_CHALLENGE}, Rejected, id="scope"
        ),
    ],
)
async def test_half_a_list_of_places_is_no_list(
    reddit: Reddit, httpx_mock: HTTPXMock, answer: dict[str, Any], verdict: type[PlatformError]
) -> None:
    httpx_mock.add_response(url=f"{API}/api/v1/me?raw_json=1", json=ME)
    httpx_mock.add_response(url=mine("(subscriber|contributor)"), json=listing(), is_reusable=True)
    httpx_mock.add_response(url=mine("moderator"), **answer)

    with pytest.raises(verdict):
        await reddit.places(client_of(APP), TOKENS, "4cixf")


async def test_a_listing_that_never_ends_is_cut(reddit: Reddit, httpx_mock: HTTPXMock) -> None:
    cursors = itertools.count()

    def one_more(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=listing(after=f"t5_{next(cursors)}"))

    httpx_mock.add_response(url=f"{API}/api/v1/me?raw_json=1", json=ME)
    httpx_mock.add_response(url=mine("(contributor|moderator)"), json=listing(), is_reusable=True)
    httpx_mock.add_callback(one_more, url=mine("subscriber"), is_reusable=True)

    await reddit.places(client_of(APP), TOKENS, "4cixf")

    assert len(httpx_mock.get_requests(url=mine("subscriber"))) == MOST_PAGES


@pytest.mark.parametrize("cursors", [["t5_a"], ["t5_a", "t5_b"], ["t5_a", "t5_b", "t5_c"]])
async def test_a_cursor_seen_before_ends_a_listing(
    reddit: Reddit, httpx_mock: HTTPXMock, cursors: list[str]
) -> None:
    following = itertools.cycle(cursors)

    def one_more(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=listing(after=next(following)))

    httpx_mock.add_response(url=f"{API}/api/v1/me?raw_json=1", json=ME)
    httpx_mock.add_response(url=mine("(contributor|moderator)"), json=listing(), is_reusable=True)
    httpx_mock.add_callback(one_more, url=mine("subscriber"), is_reusable=True)

    await reddit.places(client_of(APP), TOKENS, "4cixf")

    assert len(httpx_mock.get_requests(url=mine("subscriber"))) == len(cursors) + 1


async def test_a_connection_is_made_refreshed_and_ended(reddit: Reddit, sandbox: RedditSimulator) -> None:
    client = client_of(APP, sandbox.url)

    callback = await consent(reddit._http, PLATFORM, client, person="octa_demo")
    tokens = await reddit.exchange(client, code=callback["code"], verifier=VERIFIER)
    found = await reddit.discover(client, tokens)
    newer = await reddit.refresh(client, tokens)
    again = await reddit.discover(client, newer)
    await reddit.revoke(client, newer)

    assert callback["state"] == STATE
    assert tokens.expires_in == timedelta(days=1)
    assert found.identity == Identity(id="4cixf", name="octa_demo")
    assert found.scopes == frozenset(SCOPES)
    assert [account.handle for account in found.accounts] == ["u/octa_demo"]
    assert newer.refresh_token == tokens.refresh_token
    assert newer.access_token != tokens.access_token
    assert again == found
    with pytest.raises(TokenRefused):
        await reddit.discover(client, newer)
    with pytest.raises(Rejected, match="http_400"):
        await reddit.refresh(client, newer)


async def test_only_subreddits_that_take_a_post_are_offered(reddit: Reddit, sandbox: RedditSimulator) -> None:
    client = client_of(APP, sandbox.url)
    tokens = await connected(reddit, client)

    places = await reddit.places(client, tokens, "4cixf")

    assert [(place.name, place.detail) for place in places] == [
        ("r/octabackstage", "6 members"),
        ("r/octaguild", "88 members"),
        ("r/octalinks", "1,204 members, links only"),
        ("r/octalounge", "57 members"),
        ("r/octamugs", "21 members"),
        ("r/octastaff", "1 member"),
        ("r/OctaStories", "310 members, text only"),
        ("u/octa_demo", "your profile"),
    ]


@in_full
async def test_ten_thousand_subreddits_are_found_once_each(reddit: Reddit, sandbox: RedditSimulator) -> None:
    client = client_of(APP, sandbox.url)
    tokens = await connected(reddit, client, "big_mod")

    places = await reddit.places(client, tokens, "9bigm")

    assert len(places) == len({place.id for place in places}) == 10_001
    assert len(sandbox.calls("/subreddits/mine/subscriber")) == 100
    assert len(sandbox.calls("/subreddits/mine/")) == 105
    assert [place.name for place in places] == sorted(place.name for place in places)


async def test_a_suspended_user_connects_to_a_greyed_account(
    reddit: Reddit, sandbox: RedditSimulator
) -> None:
    client = client_of(APP, sandbox.url)
    tokens = await connected(reddit, client, "suspended_sam")

    [account] = (await reddit.discover(client, tokens)).accounts

    assert account.blocker is Blocker.SUSPENDED
    assert await reddit.places(client, tokens, account.id) == ()


async def test_a_library_as_user_agent_is_throttled_and_told_apart_from_a_dead_grant(
    reddit: Reddit, sandbox: RedditSimulator
) -> None:
    tokens = await connected(reddit, client_of(APP, sandbox.url))
    nameless = client_of(APP, sandbox.url, user_agent="python-httpx/0.28.1")

    with pytest.raises(Busy):
        await reddit.discover(nameless, tokens)
    with pytest.raises(Busy):
        await reddit.refresh(nameless, tokens)


async def test_an_expired_access_token_asks_for_a_refresh(reddit: Reddit, sandbox: RedditSimulator) -> None:
    client = client_of(APP, sandbox.url)
    tokens = await connected(reddit, client)
    sandbox.clock.offset_s = 86_401

    with pytest.raises(TokenRefused):
        await reddit.discover(client, tokens)
    newer = await reddit.refresh(client, tokens)

    assert (await reddit.discover(client, newer)).identity.id == "4cixf"


async def test_a_lost_answer_to_a_refresh_costs_nothing(reddit: Reddit, sandbox: RedditSimulator) -> None:
    client = client_of(APP, sandbox.url)
    tokens = await connected(reddit, client)
    sandbox.faults.append(Fault(path="/api/v1/access_token", lose_answer=True, times=1))

    with pytest.raises(Busy):
        await reddit.refresh(client, tokens)

    assert (await reddit.refresh(client, tokens)).refresh_token == tokens.refresh_token


async def test_declining_says_that_the_person_said_no(reddit: Reddit, sandbox: RedditSimulator) -> None:
    callback = await consent(
        reddit._http, PLATFORM, client_of(APP, sandbox.url), person="octa_demo", decision="cancel"
    )

    assert callback == {"error": "access_denied", "state": STATE}
