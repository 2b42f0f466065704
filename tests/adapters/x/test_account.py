from __future__ import annotations

import time
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
    OutcomeUnknown,
    PlatformError,
    Rejected,
    RemoteAccount,
    TokenRefused,
    Tokens,
    capabilities,
    missing_scopes,
)
from adapters.x import PLATFORM
from adapters.x.account import ME, X
from sandbox.core import Fault
from sandbox.platforms.x.simulator import XSimulator
from tests.consent import VERIFIER, consent
from tests.credentials import callback_of, client_of, registered

[APP] = PLATFORM.apps
SCOPES = tuple(scope.name for scope in APP.scopes)
TOKENS = Tokens(access_token="acc", refresh_token="ref", scopes=frozenset(SCOPES))
PROBLEM = "https://api.x.com/2/problems/"
OLD_PROBLEM = "https://api.twitter.com/2/problems/"
DEMO = {
    "id": "4711",
    "name": "Octa Demo",
    "username": "octademo",
    "profile_image_url": "https://pbs.twimg.com/profile_images/1/abc_normal.jpg",
    "verified": False,
    "verified_type": "none",
    "subscription_type": "None",
    "protected": False,
}
DEMO_ACCOUNT = RemoteAccount(
    id="4711",
    kind="Account",
    name="Octa Demo",
    handle="@octademo",
    url="https://x.com/octademo",
    avatar_url="https://pbs.twimg.com/profile_images/1/abc_400x400.jpg",
)


@pytest.fixture
def x(http: httpx.AsyncClient) -> X:
    return X(http)


@pytest.fixture
async def sandbox() -> AsyncIterator[XSimulator]:
    async with registered(XSimulator(), client_of(APP)) as found:
        yield found


def test_the_consent_link_asks_for_every_scope_with_a_challenge() -> None:
    link = urlsplit(oauth.authorize_url(PLATFORM, client_of(APP), state="s", verifier=VERIFIER))

    query = parse_qs(link.query)
    assert (link.netloc, link.path) == ("x.com", "/i/oauth2/authorize")
    assert query["scope"] == ["tweet.read tweet.write users.read media.write offline.access"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43


def test_without_media_write_there_are_posts_but_no_media() -> None:
    granted = frozenset(SCOPES) - {"media.write"}

    assert capabilities(APP, granted) == {Capability.PUBLISH, Capability.INSIGHTS}
    assert [scope.name for scope in missing_scopes(APP, granted)] == ["media.write"]


async def test_the_exchange_proves_our_app_with_basic_and_never_in_the_body(
    x: X, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(
        method="POST",
        url="https://api.x.com/2/oauth2/token",
        match_headers={"Authorization": "Basic " + b64encode(b"our-id:our+secret").decode()},
        json={
            "token_type": "bearer",
            "expires_in": 7200,
            "access_token": "acc",
            "scope": " ".join(SCOPES),
            "refresh_token": "ref",
        },
    )

    tokens = await x.exchange(client_of(APP), code="c0de", verifier=VERIFIER)

    assert tokens == Tokens(
        access_token="acc",
        refresh_token="ref",
        expires_in=timedelta(hours=2),
        scopes=frozenset(SCOPES),
    )
    [request] = httpx_mock.get_requests()
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["c0de"],
        "redirect_uri": [callback_of(APP)],
        "code_verifier": [VERIFIER],
    }


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param(
            {
                "status_code": 400,
                "json": {
                    "error": "invalid_request",
                    "error_description": "Value passed for the token was invalid.",
                },
            },
            GrantDead,
            id="spent-in-xs-words",
        ),
        pytest.param({"status_code": 400, "json": {"error": "invalid_grant"}}, GrantDead, id="invalid-grant"),
        pytest.param(
            {
                "status_code": 400,
                "json": {
                    "error": "invalid_request",
                    "error_description": "Missing required parameter [refresh_token].",
                },
            },
            Rejected,
            id="another-invalid-request",
        ),
        pytest.param({"status_code": 400, "json": {"error": "invalid_request"}}, Rejected, id="no-words"),
        pytest.param(
            {"status_code": 400, "json": {"error": "invalid_request", "error_description": ["Value"]}},
            Rejected,
            id="words-of-another-type",
        ),
        pytest.param(
            {
                "status_code": 401,
                "json": {
                    "error": "unauthorized_client",
                    "error_description": "Missing valid authorization header",
                },
            },
            Misconfigured,
            id="our-secret",
        ),
        pytest.param({"status_code": 402, "json": {"title": "CreditsDepleted"}}, Misconfigured, id="credits"),
        pytest.param(
            {"status_code": 403, "json": {"type": f"{PROBLEM}client-forbidden", "title": "Client Forbidden"}},
            Misconfigured,
            id="our-app-forbidden",
        ),
        pytest.param(
            {"status_code": 403, "json": {"type": f"{PROBLEM}app-suspended"}},
            Misconfigured,
            id="our-app-suspended",
        ),
        pytest.param(
            {"status_code": 403, "json": {"type": "about:blank"}}, Rejected, id="a-problem-without-a-type"
        ),
        pytest.param({"status_code": 401, "html": "<html>"}, Busy, id="a-gateway-s-401"),
        pytest.param({"status_code": 429, "json": {"title": "Too Many Requests"}}, Busy, id="429"),
        pytest.param(
            {
                "status_code": 503,
                "json": {
                    "error": "invalid_request",
                    "error_description": "Value passed for the token was invalid.",
                },
            },
            Busy,
            id="words-in-an-outage",
        ),
        pytest.param({"status_code": 503, "html": "<html>Over capacity</html>"}, Busy, id="503"),
        pytest.param({"status_code": 200, "json": {}}, OutcomeUnknown, id="200-without-a-token"),
    ],
)
async def test_each_answer_to_a_refresh_has_one_verdict(
    x: X, httpx_mock: HTTPXMock, answer: dict[str, Any], verdict: type[PlatformError]
) -> None:
    httpx_mock.add_response(**answer)

    with pytest.raises(verdict):
        await x.refresh(client_of(APP), TOKENS)


async def test_a_lost_answer_to_a_refresh_may_have_spent_the_token(x: X, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ReadTimeout("gone"))

    with pytest.raises(OutcomeUnknown):
        await x.refresh(client_of(APP), TOKENS)


async def test_revoking_ends_the_refresh_token_before_the_access_token(x: X, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=PLATFORM.revoke_url, json={"revoked": True}, is_reusable=True)

    await x.revoke(client_of(APP), TOKENS)

    sent = [request.content.decode() for request in httpx_mock.get_requests()]
    assert sent == ["token=ref", "token=acc"]


async def test_revoking_what_is_already_over_succeeds(x: X, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=400, json={"error": "invalid_request"})

    await x.revoke(client_of(APP), Tokens(access_token="acc"))

    [request] = httpx_mock.get_requests()
    assert request.content == b"token=acc"


async def test_discovery_returns_the_one_account(x: X, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(
        method="GET",
        url=httpx.URL(
            ME,
            params={"user.fields": "profile_image_url,verified,verified_type,subscription_type,protected"},
        ),
        match_headers={"Authorization": "Bearer acc"},
        json={"data": DEMO},
    )

    found = await x.discover(client_of(APP), TOKENS)

    assert found == Discovery(
        identity=Identity(id="4711", name="Octa Demo"),
        scopes=frozenset(SCOPES),
        accounts=(DEMO_ACCOUNT,),
    )


@pytest.mark.parametrize(
    ("data", "name", "handle"),
    [
        pytest.param({"id": "4711", "username": "octademo"}, "octademo", "@octademo", id="no-name"),
        pytest.param({"id": "4711"}, "X account 4711", "", id="an-id-only"),
        pytest.param({"id": "4711", "name": None, "username": 7}, "X account 4711", "", id="odd-types"),
    ],
)
async def test_an_account_has_a_name_whatever_x_leaves_out(
    x: X, httpx_mock: HTTPXMock, data: dict[str, Any], name: str, handle: str
) -> None:
    httpx_mock.add_response(json={"data": data})

    [account] = (await x.discover(client_of(APP), TOKENS)).accounts

    assert (account.name, account.handle) == (name, handle)


async def test_scopes_the_answer_did_not_name_are_the_ones_we_asked_for(x: X, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"data": DEMO})

    found = await x.discover(client_of(APP), Tokens(access_token="acc"))

    assert found.scopes == frozenset(SCOPES)


@pytest.mark.parametrize(
    ("answer", "subject"),
    [
        pytest.param(
            {"status_code": 200, "json": {"data": DEMO, "errors": [{"type": f"{PROBLEM}user-suspended"}]}},
            None,
            id="beside-the-data",
        ),
        pytest.param(
            {"status_code": 403, "json": {"type": f"{OLD_PROBLEM}user-suspended", "resource_id": "4711"}},
            None,
            id="named-by-the-problem",
        ),
        pytest.param(
            {"status_code": 403, "json": {"type": f"{OLD_PROBLEM}user-suspended"}}, "4711", id="known-to-us"
        ),
    ],
)
async def test_a_suspended_account_is_listed_with_its_blocker(
    x: X, httpx_mock: HTTPXMock, answer: dict[str, Any], subject: str | None
) -> None:
    httpx_mock.add_response(**answer)

    found = await x.discover(client_of(APP), Tokens(access_token="acc", subject=subject))

    assert found.identity.id == "4711"
    assert [account.blocker for account in found.accounts] == [Blocker.SUSPENDED]


async def test_a_locked_account_is_listed_with_its_blocker(x: X, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=403, json={"title": "Forbidden", "errors": [{"code": 326}]})

    found = await x.discover(client_of(APP), Tokens(access_token="acc", subject="4714"))

    assert [(account.id, account.blocker) for account in found.accounts] == [("4714", Blocker.LOCKED)]


@pytest.mark.parametrize(
    ("answer", "verdict", "code"),
    [
        pytest.param(
            {"status_code": 401, "json": {"title": "Unauthorized", "type": "about:blank", "status": 401}},
            TokenRefused,
            "unauthorized",
            id="401",
        ),
        pytest.param(
            {"status_code": 401, "json": {"title": "Unauthorized", "data": DEMO}},
            TokenRefused,
            "unauthorized",
            id="401-with-data",
        ),
        pytest.param(
            {"status_code": 403, "json": {"type": f"{PROBLEM}unsupported-authentication"}},
            TokenRefused,
            "unauthorized",
            id="wrong-kind-of-token",
        ),
        pytest.param(
            {"status_code": 402, "json": {"title": "CreditsDepleted", "type": f"{OLD_PROBLEM}credits"}},
            Misconfigured,
            "credits",
            id="402-old",
        ),
        pytest.param(
            {
                "status_code": 402,
                "json": {"title": "Payment Required", "type": f"{PROBLEM}credits-depleted"},
            },
            Misconfigured,
            "credits-depleted",
            id="402-new",
        ),
        pytest.param({"status_code": 402, "html": "<html>"}, Misconfigured, "credits", id="402-html"),
        pytest.param(
            {
                "status_code": 403,
                "json": {"type": f"{PROBLEM}client-forbidden", "reason": "client-not-enrolled"},
            },
            Misconfigured,
            "client-not-enrolled",
            id="app-without-a-project",
        ),
        pytest.param(
            {"status_code": 429, "json": {"type": f"{PROBLEM}usage-capped"}},
            Misconfigured,
            "usage-capped",
            id="monthly-cap",
        ),
        pytest.param(
            {"status_code": 403, "json": {"errors": [{"type": f"{PROBLEM}user-suspended"}]}},
            Rejected,
            "suspended",
            id="suspended-and-nameless",
        ),
        pytest.param(
            {"status_code": 403, "json": {"errors": [{"code": 326, "message": "To protect our users"}]}},
            Rejected,
            "locked",
            id="locked-and-nameless",
        ),
        pytest.param(
            {"status_code": 403, "json": {"title": "Forbidden", "type": "about:blank"}},
            Rejected,
            "forbidden",
            id="403",
        ),
        pytest.param(
            {"status_code": 400, "json": {"type": f"{PROBLEM}invalid-request"}},
            Misconfigured,
            "http_400",
            id="400",
        ),
        pytest.param(
            {"status_code": 403, "html": "<html>Just a moment</html>"}, Busy, "http_403", id="a-wall"
        ),
        pytest.param({"status_code": 302, "text": ""}, Busy, "http_302", id="a-redirect"),
        pytest.param({"status_code": 503, "json": {"title": "x"}}, Busy, "http_503", id="503"),
        pytest.param({"status_code": 200, "html": "<html>"}, Busy, "unreadable_answer", id="html"),
        pytest.param({"status_code": 200, "json": {}}, Busy, "unreadable_answer", id="empty"),
        pytest.param({"status_code": 200, "json": {"data": []}}, Busy, "unreadable_answer", id="a-list"),
        pytest.param(
            {"status_code": 200, "json": {"data": {"id": 4711}}}, Busy, "unreadable_answer", id="a-number"
        ),
        pytest.param(
            {"status_code": 200, "json": {"errors": {"type": 3}}}, Busy, "unreadable_answer", id="odd-errors"
        ),
        pytest.param(
            {"status_code": 200, "content": b'{"data":{"id":"47'}, Busy, "unreadable_answer", id="truncated"
        ),
        pytest.param(
            {"status_code": 200, "content": b"\xff\xfe\x00"}, Busy, "unreadable_answer", id="not-text"
        ),
    ],
)
async def test_each_answer_to_a_discovery_has_one_verdict(
    x: X, httpx_mock: HTTPXMock, answer: dict[str, Any], verdict: type[PlatformError], code: str
) -> None:
    httpx_mock.add_response(**answer)

    with pytest.raises(PlatformError) as caught:
        await x.discover(client_of(APP), TOKENS)

    assert (type(caught.value), caught.value.code) == (verdict, code)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"x-rate-limit-reset": 600}, 600, id="the-window"),
        pytest.param(
            {
                "x-rate-limit-reset": 600,
                "x-user-limit-24hour-remaining": "0",
                "x-user-limit-24hour-reset": 7200,
            },
            7200,
            id="the-day",
        ),
        pytest.param(
            {"x-rate-limit-reset": 600, "x-user-limit-24hour-remaining": "3"},
            600,
            id="not-the-day",
        ),
        pytest.param({"x-rate-limit-reset": "99999999999"}, 86_400, id="absurd"),
        pytest.param({"x-rate-limit-reset": "soon"}, None, id="no-number"),
        pytest.param({"x-rate-limit-reset": "12"}, None, id="past"),
        pytest.param({}, None, id="silent"),
    ],
)
async def test_a_limit_says_when_to_come_back(
    x: X, httpx_mock: HTTPXMock, headers: dict[str, str | int], seconds: float | None
) -> None:
    sent = {k: str(int(time.time()) + v) if isinstance(v, int) else v for k, v in headers.items()}
    body = {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}
    httpx_mock.add_response(status_code=429, headers=sent, json=body)

    with pytest.raises(Busy) as caught:
        await x.discover(client_of(APP), TOKENS)

    wait = caught.value.retry_after
    assert (wait.total_seconds() if wait else None) == pytest.approx(seconds, abs=5)


async def test_no_connection_is_busy(x: X, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ConnectError("refused"))

    with pytest.raises(Busy):
        await x.discover(client_of(APP), TOKENS)


async def test_there_are_no_places(x: X) -> None:
    assert await x.places(client_of(APP), TOKENS, "4711") == ()


async def connect(
    sandbox: XSimulator, http: httpx.AsyncClient, person: str = "4711"
) -> tuple[Client, Tokens]:
    client = client_of(APP, sandbox.url)
    answer = await consent(http, PLATFORM, client, person=person)
    return client, await X(http).exchange(client, code=answer["code"], verifier=VERIFIER)


async def test_an_account_is_connected_refreshed_and_revoked(
    sandbox: XSimulator, http: httpx.AsyncClient, x: X
) -> None:
    client, first = await connect(sandbox, http)
    second = await x.refresh(client, first)

    found = await x.discover(client, second)
    await x.revoke(client, second)

    assert (found.identity.id, found.scopes) == ("4711", frozenset(SCOPES))
    assert [account.handle for account in found.accounts] == ["@octademo"]
    assert second.refresh_token not in {None, first.refresh_token}
    with pytest.raises(TokenRefused):
        await x.discover(client, second)
    with pytest.raises(GrantDead):
        await x.refresh(client, second)


async def test_a_spent_refresh_token_ends_the_family(
    sandbox: XSimulator, http: httpx.AsyncClient, x: X
) -> None:
    client, first = await connect(sandbox, http)
    second = await x.refresh(client, first)

    with pytest.raises(GrantDead):
        await x.refresh(client, first)

    with pytest.raises(GrantDead):
        await x.refresh(client, second)


async def test_a_second_sign_in_ends_the_first(sandbox: XSimulator, http: httpx.AsyncClient, x: X) -> None:
    client, first = await connect(sandbox, http)
    _, second = await connect(sandbox, http)

    found = await x.discover(client, second)

    assert found.identity.id == "4711"
    with pytest.raises(GrantDead):
        await x.refresh(client, first)


async def test_a_code_older_than_half_a_minute_is_rejected(
    sandbox: XSimulator, http: httpx.AsyncClient, x: X
) -> None:
    client = client_of(APP, sandbox.url)
    answer = await consent(http, PLATFORM, client, person="4711")
    sandbox.clock.offset_s = 31

    with pytest.raises(Rejected):
        await x.exchange(client, code=answer["code"], verifier=VERIFIER)


async def test_an_answer_lost_after_the_refresh_is_unknown(
    sandbox: XSimulator, http: httpx.AsyncClient, x: X
) -> None:
    client, tokens = await connect(sandbox, http)
    sandbox.faults.append(Fault(path="/oauth2/token", lose_answer=True, times=1))

    with pytest.raises(OutcomeUnknown):
        await x.refresh(client, tokens)


@pytest.mark.parametrize("generation", ["old", "new"])
async def test_both_generations_of_names_are_understood(
    sandbox: XSimulator, http: httpx.AsyncClient, x: X, generation: str
) -> None:
    client, tokens = await connect(sandbox, http)
    sandbox.settings |= {"field_names": generation, "credits": 0.015}

    found = await x.discover(client, tokens)

    assert found.identity.name == "Octa Demo"
    with pytest.raises(Misconfigured, match="credits"):
        await x.discover(client, tokens)


async def test_a_suspended_account_is_refused_by_name_of_the_problem(
    sandbox: XSimulator, http: httpx.AsyncClient, x: X
) -> None:
    client, tokens = await connect(sandbox, http, person="4713")

    with pytest.raises(Rejected, match="suspended"):
        await x.discover(client, tokens)


async def test_a_locked_account_is_refused_as_locked(
    sandbox: XSimulator, http: httpx.AsyncClient, x: X
) -> None:
    client, tokens = await connect(sandbox, http, person="4714")

    with pytest.raises(Rejected, match="locked"):
        await x.discover(client, tokens)


async def test_an_empty_window_says_when_it_fills(sandbox: XSimulator, http: httpx.AsyncClient, x: X) -> None:
    client, tokens = await connect(sandbox, http)
    sandbox.settings["me_limit"] = 1
    await x.discover(client, tokens)

    with pytest.raises(Busy) as caught:
        await x.discover(client, tokens)

    assert caught.value.retry_after is not None
    assert timedelta(minutes=14) < caught.value.retry_after <= timedelta(minutes=15)


async def test_a_wrong_secret_is_our_fault(sandbox: XSimulator, http: httpx.AsyncClient, x: X) -> None:
    client, tokens = await connect(sandbox, http)
    sandbox.register("our-id", "another secret", [callback_of(APP)])

    with pytest.raises(Misconfigured):
        await x.refresh(client, tokens)
