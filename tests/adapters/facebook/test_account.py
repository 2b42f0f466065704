"""Facebook: Meta's token machine, its errors, and the list of Pages."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters import oauth
from adapters.base import (
    Blocker,
    Busy,
    Capability,
    GrantDead,
    Hint,
    Identity,
    Misconfigured,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    TokenRefused,
    Tokens,
    capabilities,
)
from adapters.facebook import PLATFORM
from adapters.facebook.account import Facebook
from adapters.meta.graph import MAX_LIST_CALLS, verdict_on
from tests.adapters.meta.graph import EVERY_SCOPE, ROOT, client_of, failure, found, graph, page

CLIENT = client_of(PLATFORM)
TOKENS = Tokens(access_token="EAAGuser")
TOKEN_URL = f"{ROOT}/oauth/access_token"
SHORT = {"access_token": "EAAGshort", "token_type": "bearer", "expires_in": 5183}
LONG = {"access_token": "EAAGlong", "token_type": "bearer", "expires_in": 5183944}


@pytest.fixture
def facebook(http: httpx.AsyncClient) -> Facebook:
    return Facebook(http)


def form_of(request: httpx.Request) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(request.content.decode()).items()}


def proof_of(token: str) -> str:
    return hmac.new(b"hush", token.encode(), hashlib.sha256).hexdigest()


# The dialog


def test_the_consent_link_asks_with_commas_and_without_pkce() -> None:
    link = httpx.URL(oauth.authorize_url(PLATFORM, CLIENT, state="s", verifier="v"))

    assert (link.host, link.path) == ("www.facebook.com", "/v26.0/dialog/oauth")
    assert link.params["scope"] == (
        "pages_show_list,pages_read_engagement,pages_manage_posts,business_management,read_insights"
    )
    assert link.params["auth_type"] == "rerequest"
    assert "code_challenge" not in link.params


def test_a_configuration_of_the_operator_stands_for_the_permissions() -> None:
    client = client_of(PLATFORM, options={"config_id": "777000777"})

    link = httpx.URL(oauth.authorize_url(PLATFORM, client, state="s", verifier="v"))

    assert link.params["config_id"] == "777000777"
    assert "scope" not in link.params
    assert (link.params["response_type"], link.params["state"]) == ("code", "s")


@pytest.mark.parametrize(
    ("without", "left"),
    [
        pytest.param("business_management", {"publish", "media", "insights"}, id="discovery-only"),
        pytest.param("read_insights", {"publish", "media"}, id="no-insights"),
        pytest.param("pages_manage_posts", {"insights"}, id="read-only"),
        pytest.param("pages_read_engagement", set(), id="prerequisite-of-all"),
    ],
)
def test_an_unticked_permission_costs_what_it_unlocks(without: str, left: set[str]) -> None:
    app = PLATFORM.apps[0]

    assert capabilities(app, {s.name for s in app.scopes} - {without}) == left


# The code


async def test_a_code_becomes_a_long_token_in_two_posts(facebook: Facebook, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json=SHORT)
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json=LONG)

    tokens = await facebook.exchange(CLIENT, code="AQcode", verifier="unused")

    assert tokens == Tokens(access_token="EAAGlong", expires_in=timedelta(seconds=5183944))
    assert [form_of(r) for r in httpx_mock.get_requests()] == [
        {
            "client_id": "1200",
            "client_secret": "hush",
            "redirect_uri": CLIENT.redirect_uri,
            "code": "AQcode",
        },
        {
            "client_id": "1200",
            "client_secret": "hush",
            "grant_type": "fb_exchange_token",
            "fb_exchange_token": "EAAGshort",
        },
    ]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"status_code": 500, "html": "<html>"}, id="500"),
        pytest.param({"status_code": 400, "json": failure(190, 460)}, id="refused"),
        pytest.param({"json": {}}, id="empty"),
    ],
)
async def test_a_failing_second_step_keeps_the_short_token(
    facebook: Facebook, httpx_mock: HTTPXMock, second: dict[str, Any]
) -> None:
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json=SHORT)
    httpx_mock.add_response(method="POST", url=TOKEN_URL, **second)

    tokens = await facebook.exchange(CLIENT, code="AQcode", verifier=None)

    assert tokens == Tokens(access_token="EAAGshort", expires_in=timedelta(seconds=5183))


async def test_a_second_step_without_an_answer_keeps_the_short_token(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json=SHORT)
    httpx_mock.add_exception(httpx.ReadTimeout("gone"), url=TOKEN_URL)

    assert (await facebook.exchange(CLIENT, code="AQcode", verifier=None)).access_token == "EAAGshort"


async def test_a_long_token_without_lifetime_is_looked_up(facebook: Facebook, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json=SHORT)
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json={"access_token": "EAAGlong"})
    facts = {"is_valid": True, "expires_at": int(time.time()) + 5_000_000, "scopes": ["pages_show_list"]}
    graph(httpx_mock, "/debug_token", {"data": facts})

    tokens = await facebook.exchange(CLIENT, code="AQcode", verifier=None)

    assert tokens.access_token == "EAAGlong"
    assert tokens.expires_in is not None
    assert abs(tokens.expires_in.total_seconds() - 5_000_000) < 5


async def test_a_long_token_is_kept_when_its_lifetime_cannot_be_looked_up(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json=SHORT)
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json={"access_token": "EAAGlong"})
    graph(httpx_mock, "/debug_token", failure(2), status=500)

    assert await facebook.exchange(CLIENT, code="AQcode", verifier=None) == Tokens(access_token="EAAGlong")


@pytest.mark.parametrize(
    ("answer", "verdict", "code"),
    [
        pytest.param({"status_code": 400, "json": failure(100, 36009)}, Rejected, "code_used", id="used"),
        pytest.param({"status_code": 400, "json": failure(100)}, Rejected, "100", id="unknown-code"),
        pytest.param({"status_code": 400, "json": failure(190)}, Rejected, "190", id="no-grant-yet"),
        pytest.param({"status_code": 400, "json": failure(101)}, Misconfigured, "101", id="app-id"),
        pytest.param(
            {"status_code": 400, "json": failure(1, message="Error validating client secret.")},
            Misconfigured,
            "client_secret",
            id="secret",
        ),
        pytest.param({"status_code": 500, "json": failure(2)}, Busy, "2", id="down"),
        pytest.param({"status_code": 502, "html": "<html>"}, Busy, "http_502", id="html"),
        pytest.param({"status_code": 401, "html": "<html>"}, Busy, "http_401", id="html-401"),
        pytest.param({"status_code": 302, "html": "<html>"}, Busy, "http_302", id="redirect"),
        pytest.param({"text": '{"access_token": "EAA'}, Busy, "http_200", id="truncated"),
        pytest.param({"json": {}}, Busy, "http_200", id="empty"),
        pytest.param({"json": []}, Busy, "http_200", id="list"),
        pytest.param({"json": {"access_token": 7}}, Busy, "http_200", id="number"),
        pytest.param({"json": {"access_token": "a\nb"}}, Busy, "http_200", id="not-a-header-value"),
        pytest.param({"json": SHORT | {"error": {"code": 4}}}, Busy, "4", id="token-and-error-is-an-error"),
    ],
)
async def test_each_answer_to_a_code_has_one_verdict(
    facebook: Facebook,
    httpx_mock: HTTPXMock,
    answer: dict[str, Any],
    verdict: type[PlatformError],
    code: str,
) -> None:
    httpx_mock.add_response(url=TOKEN_URL, **answer)

    with pytest.raises(verdict) as raised:
        await facebook.exchange(CLIENT, code="AQcode", verifier=None)

    assert raised.value.code == code


async def test_a_lost_answer_to_a_code_is_unknown(facebook: Facebook, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ReadTimeout("gone"), url=TOKEN_URL)

    with pytest.raises(OutcomeUnknown):
        await facebook.exchange(CLIENT, code="AQcode", verifier=None)


# Refresh


async def test_a_refresh_trades_the_token_and_checks_the_new_one(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json=LONG)
    graph(httpx_mock, "/debug_token", {"data": {"is_valid": True, "scopes": ["pages_show_list"]}})

    tokens = await facebook.refresh(CLIENT, TOKENS)

    traded, checked = httpx_mock.get_requests()
    assert tokens == Tokens(
        access_token="EAAGlong",
        expires_in=timedelta(seconds=5183944),
        scopes=frozenset({"pages_show_list"}),
    )
    assert form_of(traded)["fb_exchange_token"] == "EAAGuser"
    assert checked.url.params["input_token"] == "EAAGlong"
    assert checked.headers["Authorization"] == "Bearer 1200|hush"
    assert checked.url.params["appsecret_proof"] == proof_of("1200|hush")


@pytest.mark.parametrize("subcode", [458, 459, 460, 463, 464, 467, 492])
async def test_a_documented_end_is_a_dead_grant(
    facebook: Facebook, httpx_mock: HTTPXMock, subcode: int
) -> None:
    httpx_mock.add_response(url=TOKEN_URL, status_code=400, json=failure(190, subcode))

    with pytest.raises(GrantDead) as raised:
        await facebook.refresh(CLIENT, TOKENS)

    assert raised.value.code == f"190_{subcode}"
    assert raised.value.code in PLATFORM.dead_grant_codes


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        pytest.param({"is_valid": True}, "", id="lives"),
        pytest.param({"is_valid": False, "error": {"code": 190, "subcode": 492}}, "190_492", id="role-lost"),
        pytest.param({"is_valid": False, "error": {"code": 190, "subcode": 460}}, "190_460", id="password"),
        pytest.param({"is_valid": False, "error": {"code": 190, "subcode": 999}}, "190", id="odd-subcode"),
        pytest.param({"is_valid": False, "error": {"code": 102}}, "190", id="session"),
        pytest.param({"is_valid": False}, "190", id="no-reason"),
    ],
)
async def test_a_page_s_token_is_over_when_debug_token_says_so(
    facebook: Facebook, httpx_mock: HTTPXMock, facts: dict[str, Any], code: str
) -> None:
    graph(httpx_mock, "/debug_token", {"data": facts})

    assert await facebook.ended(CLIENT, "EAAGpage") == code

    [asked] = httpx_mock.get_requests()
    assert asked.url.params["input_token"] == "EAAGpage"
    assert asked.headers["Authorization"] == "Bearer 1200|hush"
    assert code in PLATFORM.dead_grant_codes | {""}


@pytest.mark.parametrize(
    ("answer", "status", "verdict"),
    [
        pytest.param({"data": {"is_valid": "yes"}}, 200, Busy, id="not-a-word"),
        pytest.param({"data": {"type": "PAGE"}}, 200, Busy, id="says-nothing"),
        pytest.param({"data": {"is_valid": False, "error": {"code": 2}}}, 200, Busy, id="out-of-order"),
        pytest.param({"data": {}}, 200, Busy, id="empty"),
        pytest.param(failure(2), 500, Busy, id="outage"),
        pytest.param(failure(4), 400, Busy, id="limit"),
        pytest.param(failure(100), 400, Rejected, id="another-app's"),
        pytest.param(failure(190, 460), 400, Misconfigured, id="our-own-token"),
    ],
)
async def test_an_unclear_answer_about_a_page_s_token_is_not_a_no(
    facebook: Facebook,
    httpx_mock: HTTPXMock,
    answer: dict[str, Any],
    status: int,
    verdict: type[PlatformError],
) -> None:
    graph(httpx_mock, "/debug_token", answer, status=status)

    with pytest.raises(verdict):
        await facebook.ended(CLIENT, "EAAGpage")


async def test_a_permission_for_some_pages_only_is_in_force_too(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json=LONG)
    partly = [{"scope": "pages_manage_posts", "target_ids": ["104001"]}, {"scope": 7}]
    facts = {"is_valid": True, "scopes": ["pages_show_list", None], "granular_scopes": partly}
    graph(httpx_mock, "/debug_token", {"data": facts})

    tokens = await facebook.refresh(CLIENT, TOKENS)

    assert tokens.scopes == frozenset({"pages_show_list", "pages_manage_posts"})


@pytest.mark.parametrize("refusal", [failure(190), failure(102), failure(190, 999), failure(None)])
@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        pytest.param({"is_valid": False}, GrantDead, id="debug-token-agrees"),
        pytest.param({"is_valid": True}, Busy, id="debug-token-disagrees"),
        pytest.param({"type": "USER"}, Busy, id="debug-token-does-not-say"),
    ],
)
async def test_a_refusal_without_a_documented_end_is_decided_by_debug_token(
    facebook: Facebook,
    httpx_mock: HTTPXMock,
    refusal: dict[str, Any],
    facts: dict[str, Any],
    verdict: type[PlatformError],
) -> None:
    httpx_mock.add_response(url=TOKEN_URL, status_code=400, json=refusal)
    graph(httpx_mock, "/debug_token", {"data": facts})

    with pytest.raises(verdict) as raised:
        await facebook.refresh(CLIENT, TOKENS)

    assert verdict is Busy or raised.value.code in PLATFORM.dead_grant_codes


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param({"status_code": 500, "json": failure(190, 460)}, Busy, id="dead-code-in-a-500"),
        pytest.param({"status_code": 429, "json": failure(190, 460)}, Busy, id="dead-code-in-a-429"),
        pytest.param(
            {"status_code": 400, "json": failure(190, 460, is_transient=True)}, Busy, id="called-transient"
        ),
        pytest.param({"status_code": 400, "json": {"error": "invalid_grant"}}, Busy, id="not-graph"),
        pytest.param({"status_code": 400, "json": failure(101)}, Misconfigured, id="app"),
        pytest.param(
            {"status_code": 400, "json": failure(200, message="API access blocked.")},
            Misconfigured,
            id="app-restricted",
        ),
        pytest.param({"status_code": 403, "json": failure(200)}, Rejected, id="permission"),
    ],
)
async def test_nothing_else_ends_a_grant(
    facebook: Facebook, httpx_mock: HTTPXMock, answer: dict[str, Any], verdict: type[PlatformError]
) -> None:
    httpx_mock.add_response(url=TOKEN_URL, **answer)

    with pytest.raises(verdict):
        await facebook.refresh(CLIENT, TOKENS)


@pytest.mark.parametrize(
    ("checked", "status", "verdict"),
    [
        pytest.param({"data": {"is_valid": False}}, 200, Busy, id="invalid"),
        pytest.param({"data": {}}, 200, Busy, id="odd"),
        pytest.param(failure(4), 400, Busy, id="limited"),
        pytest.param(failure(190), 400, Misconfigured, id="our-app-token"),
    ],
)
async def test_a_new_token_that_cannot_be_verified_is_not_returned(
    facebook: Facebook,
    httpx_mock: HTTPXMock,
    checked: dict[str, Any],
    status: int,
    verdict: type[PlatformError],
) -> None:
    httpx_mock.add_response(method="POST", url=TOKEN_URL, json=LONG)
    graph(httpx_mock, "/debug_token", checked, status=status)

    with pytest.raises(verdict):
        await facebook.refresh(CLIENT, TOKENS)


# Revoke


async def test_revoking_deletes_the_permissions(facebook: Facebook, httpx_mock: HTTPXMock) -> None:
    graph(httpx_mock, "/me/permissions", {"success": True}, method="DELETE")

    await facebook.revoke(CLIENT, TOKENS)

    [request] = httpx_mock.get_requests()
    assert request.headers["Authorization"] == "Bearer EAAGuser"
    assert dict(request.url.params) == {"appsecret_proof": proof_of("EAAGuser")}


@pytest.mark.parametrize("subcode", [458, 460, 463, 467, None])
async def test_revoking_what_is_over_is_fine(
    facebook: Facebook, httpx_mock: HTTPXMock, subcode: int | None
) -> None:
    graph(httpx_mock, "/me/permissions", failure(190, subcode), method="DELETE", status=400)

    await facebook.revoke(CLIENT, TOKENS)


@pytest.mark.parametrize(
    ("answer", "status", "verdict"),
    [
        pytest.param(failure(190, 459), 400, TokenRefused, id="checkpoint"),
        pytest.param(failure(190, 464), 400, TokenRefused, id="unconfirmed"),
        pytest.param({"success": False}, 200, Busy, id="no-success"),
        pytest.param({}, 200, Busy, id="odd"),
        pytest.param(failure(2), 500, Busy, id="down"),
    ],
)
async def test_a_revocation_that_did_not_happen_is_not_called_one(
    facebook: Facebook,
    httpx_mock: HTTPXMock,
    answer: dict[str, Any],
    status: int,
    verdict: type[PlatformError],
) -> None:
    graph(httpx_mock, "/me/permissions", answer, method="DELETE", status=status)

    with pytest.raises(verdict):
        await facebook.revoke(CLIENT, TOKENS)


# Verdicts


@pytest.mark.parametrize(
    ("error", "verdict", "code"),
    [
        pytest.param(failure(190, 460), TokenRefused, "190_460", id="190"),
        pytest.param(failure(102), TokenRefused, "102", id="102"),
        pytest.param(failure(None), TokenRefused, "no_code", id="oauth-exception-without-code"),
        pytest.param(failure(None, type="Odd"), Busy, "no_code", id="no-code"),
        pytest.param(failure(3), Rejected, "3", id="capability"),
        pytest.param(failure(10), Rejected, "10", id="permission"),
        pytest.param(failure(200), Rejected, "200", id="permission-200"),
        pytest.param(failure(299), Rejected, "299", id="permission-299"),
        pytest.param(failure(100, 33), Rejected, "100_33", id="absent"),
        pytest.param(failure(368), Rejected, "368", id="policy"),
        pytest.param(failure(506), Rejected, "506", id="duplicate"),
        pytest.param(failure(1), Busy, "1", id="unknown"),
        pytest.param(failure(2), Busy, "2", id="service"),
        pytest.param(failure(10, is_transient=True), Busy, "10", id="transient"),
        *(
            pytest.param(failure(n), Busy, str(n), id=f"limit-{n}")
            for n in (4, 17, 32, 341, 613, 80000, 80001, 80002, 80014)
        ),
        pytest.param(failure(101), Misconfigured, "101", id="app-id"),
        pytest.param(failure(2500), Misconfigured, "2500", id="path"),
        pytest.param(
            failure(100, message="Invalid appsecret_proof provided"),
            Misconfigured,
            "appsecret_proof",
            id="proof",
        ),
        pytest.param(
            {"error": {"code": "190", "error_subcode": "460"}}, TokenRefused, "190_460", id="strings"
        ),
        pytest.param({"error": {"code": [], "error_subcode": {}}}, Busy, "no_code", id="shapes"),
    ],
)
def test_each_graph_error_has_one_verdict(
    error: dict[str, Any], verdict: type[PlatformError], code: str
) -> None:
    judged = verdict_on(httpx.Response(400, json=error))

    assert (type(judged), judged.code) == (verdict, code)


@pytest.mark.parametrize(
    ("headers", "minutes"),
    [
        pytest.param(
            {
                "X-Business-Use-Case-Usage": json.dumps(
                    {
                        "1": [{"estimated_time_to_regain_access": 3}],
                        "2": [{"estimated_time_to_regain_access": 19}],
                    }
                )
            },
            19,
            id="longest",
        ),
        pytest.param({"X-Business-Use-Case-Usage": '{"1": [{"call_count": 3}]}'}, None, id="nothing-named"),
        pytest.param({"X-Business-Use-Case-Usage": "nonsense"}, None, id="not-json"),
        pytest.param({"X-Business-Use-Case-Usage": "[[1]]"}, None, id="another-shape"),
        pytest.param({"X-Business-Use-Case-Usage": '{"1": ["x"]}'}, None, id="odd-entry"),
        pytest.param({"Retry-After": "120"}, 2, id="retry-after"),
        pytest.param({}, None, id="none"),
    ],
)
def test_a_limit_says_how_long_it_lasts(headers: dict[str, str], minutes: int | None) -> None:
    judged = verdict_on(httpx.Response(400, json=failure(80001), headers=headers))

    assert judged.retry_after == (None if minutes is None else timedelta(minutes=minutes))


# Pages


async def test_discovery_signs_each_call_and_keeps_the_token_out_of_urls(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    found(httpx_mock, [page(1)])

    await facebook.discover(CLIENT, TOKENS)

    for request in httpx_mock.get_requests():
        token = "1200|hush" if request.url.path.endswith("debug_token") else "EAAGuser"
        assert request.headers["Authorization"] == f"Bearer {token}"
        assert request.url.params["appsecret_proof"] == proof_of(token)
        assert "access_token" not in request.url.params


async def test_a_page_becomes_an_account_with_its_own_token(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    node = page(
        1,
        name="Blue Door Bakery",
        username="bluedoor",
        category="Bakery",
        link="https://www.facebook.com/bluedoor",
        picture={"data": {"url": "https://cdn.example/p.jpg"}},
    )
    found(httpx_mock, [node])

    discovery = await facebook.discover(CLIENT, TOKENS)

    [account] = discovery.accounts
    assert discovery.identity == Identity(id="9900", name="Ana Ruiz")
    assert discovery.scopes == frozenset(EVERY_SCOPE)
    assert discovery.hints == frozenset()
    assert (account.id, account.kind, account.name) == ("104001", "Page", "Blue Door Bakery")
    assert (account.handle, account.detail) == ("@bluedoor", "Bakery")
    assert account.url == "https://www.facebook.com/bluedoor"
    assert account.avatar_url == "https://cdn.example/p.jpg"
    assert (account.token, account.blocker, account.missing) == ("EAAGpage1", None, frozenset())


@pytest.mark.parametrize(
    ("changes", "blocker", "missing"),
    [
        pytest.param({"access_token": None}, Blocker.NO_PAGE_TOKEN, set(), id="no-token"),
        pytest.param({"access_token": ""}, Blocker.NO_PAGE_TOKEN, set(), id="empty-token"),
        pytest.param({"tasks": ["ANALYZE", "MODERATE"]}, Blocker.NO_CREATE_CONTENT, set(), id="weak-role"),
        pytest.param({"tasks": []}, Blocker.NO_CREATE_CONTENT, {Capability.INSIGHTS}, id="no-task"),
        pytest.param({"tasks": ["CREATE_CONTENT"]}, None, {Capability.INSIGHTS}, id="no-analyze"),
        pytest.param({"tasks": ["MANAGE", "ANALYZE"]}, None, set(), id="admin"),
        pytest.param({"tasks": ["PROFILE_PLUS_FULL_CONTROL", "PROFILE_PLUS_ANALYZE"]}, None, set(), id="new"),
        pytest.param({"tasks": ["A_NEW_ONE", "CREATE_CONTENT", 7]}, None, {Capability.INSIGHTS}, id="odd"),
        pytest.param({"tasks": None}, None, set(), id="not-told-is-not-blocked"),
    ],
)
async def test_a_role_decides_what_a_page_can_do(
    facebook: Facebook,
    httpx_mock: HTTPXMock,
    changes: dict[str, Any],
    blocker: Blocker | None,
    missing: set[Capability],
) -> None:
    found(httpx_mock, [page(1, tasks=["CREATE_CONTENT", "ANALYZE"]) | changes])

    [account] = (await facebook.discover(CLIENT, TOKENS)).accounts

    assert account.blocker is blocker
    assert account.missing == missing


async def test_the_list_is_followed_by_cursor_and_never_by_its_link(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    graph(httpx_mock, "/me", {"id": "9900"})
    graph(httpx_mock, "/me/permissions", {"data": [{"permission": "pages_show_list", "status": "granted"}]})
    for number, after in ((1, "AAA"), (2, "BBB")):
        following = {"next": "https://elsewhere.example/steal", "cursors": {"after": after}}
        graph(httpx_mock, "/me/accounts", {"data": [page(number)], "paging": following})
    graph(httpx_mock, "/me/accounts", {"data": [page(3)], "paging": {"cursors": {"after": "CCC"}}})
    graph(httpx_mock, "/debug_token", {"data": {"is_valid": True}})

    discovery = await facebook.discover(CLIENT, TOKENS)

    listed = [r.url for r in httpx_mock.get_requests() if r.url.path.endswith("/accounts")]
    assert [account.name for account in discovery.accounts] == ["Page 1", "Page 2", "Page 3"]
    assert [url.params.get("after") for url in listed] == [None, "AAA", "BBB"]
    assert {url.params["limit"] for url in listed} == {"100"}


@pytest.mark.parametrize("cursors", [["AAA"], ["AAA", "BBB"]])
async def test_a_cursor_seen_before_ends_the_list(
    facebook: Facebook, httpx_mock: HTTPXMock, cursors: list[str]
) -> None:
    graph(httpx_mock, "/me", {"id": "9900"})
    graph(httpx_mock, "/me/permissions", {"data": [{"permission": "pages_show_list", "status": "granted"}]})
    for after in (*cursors, cursors[0]):
        graph(
            httpx_mock,
            "/me/accounts",
            {"data": [page(1)], "paging": {"next": "https://x.example", "cursors": {"after": after}}},
        )
    graph(httpx_mock, "/debug_token", {"data": {"is_valid": True}})

    assert len((await facebook.discover(CLIENT, TOKENS)).accounts) == 1


async def test_a_list_without_an_end_is_left_after_twenty_thousand_pages(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    graph(httpx_mock, "/me", {"id": "9900"})
    graph(httpx_mock, "/me/permissions", {"data": [{"permission": "pages_show_list", "status": "granted"}]})
    graph(httpx_mock, "/debug_token", {"data": {"is_valid": True}})

    def one_more(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params.get("after", "0")) + 1
        paging = {"next": "https://x.example", "cursors": {"after": str(after)}}
        return httpx.Response(200, json={"data": [page(after)], "paging": paging})

    httpx_mock.add_callback(one_more, is_reusable=True)

    assert len((await facebook.discover(CLIENT, TOKENS)).accounts) == MAX_LIST_CALLS


async def test_pages_of_a_portfolio_are_added_and_the_entry_with_a_token_wins(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    found(httpx_mock, [page(1, access_token=None), page(2)], businesses=[{"id": "88"}, {"id": "../me"}])
    graph(httpx_mock, "/88/owned_pages", {"data": [page(1, tasks=None), page(2, access_token=None)]})
    graph(httpx_mock, "/88/client_pages", {"data": [page(3, tasks=None)]})

    accounts = (await facebook.discover(CLIENT, TOKENS)).accounts

    assert [(a.name, a.token) for a in accounts] == [
        ("Page 1", "EAAGpage1"),
        ("Page 2", "EAAGpage2"),
        ("Page 3", "EAAGpage3"),
    ]


async def test_a_portfolio_that_refuses_its_pages_hides_no_others(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    found(httpx_mock, [page(1)], businesses=[{"id": "88"}, {"id": "89"}])
    graph(httpx_mock, "/88/owned_pages", failure(200), status=403)
    graph(httpx_mock, "/88/client_pages", failure(200), status=403)
    graph(httpx_mock, "/89/owned_pages", {"data": [page(2)]})
    graph(httpx_mock, "/89/client_pages", {"data": []})

    accounts = (await facebook.discover(CLIENT, TOKENS)).accounts

    assert [account.name for account in accounts] == ["Page 1", "Page 2"]


async def test_a_limit_on_the_way_is_busy_and_not_a_shorter_list(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    graph(httpx_mock, "/me", {"id": "9900"})
    granted = [{"permission": s, "status": "granted"} for s in EVERY_SCOPE]
    graph(httpx_mock, "/me/permissions", {"data": granted})
    graph(httpx_mock, "/me/accounts", {"data": [page(1)]})
    graph(httpx_mock, "/me/businesses", failure(17), status=400)

    with pytest.raises(Busy):
        await facebook.discover(CLIENT, TOKENS)


async def test_ticked_pages_that_no_list_shows_are_asked_for_by_id(
    facebook: Facebook, httpx_mock: HTTPXMock
) -> None:
    granular = [{"scope": "pages_show_list", "target_ids": ["104001", "104002", "../me"]}]
    found(httpx_mock, [], debug={"is_valid": True, "granular_scopes": granular})
    graph(httpx_mock, "/104001", page(1))
    graph(httpx_mock, "/104002", failure(100, 33), status=400)

    [account] = (await facebook.discover(CLIENT, TOKENS)).accounts

    assert (account.id, account.token) == ("104001", "EAAGpage1")


async def test_a_page_outside_the_selection_is_not_ticked(facebook: Facebook, httpx_mock: HTTPXMock) -> None:
    granular = [{"scope": "pages_show_list", "target_ids": ["104001"]}]
    found(
        httpx_mock,
        [page(1)],
        debug={"is_valid": True, "granular_scopes": granular},
        businesses=[{"id": "88"}],
    )
    graph(httpx_mock, "/88/owned_pages", {"data": [page(2, access_token=None)]})
    graph(httpx_mock, "/88/client_pages", {"data": []})

    accounts = (await facebook.discover(CLIENT, TOKENS)).accounts

    assert [(a.name, a.blocker) for a in accounts] == [("Page 1", None), ("Page 2", Blocker.NOT_TICKED)]


async def test_usable_pages_come_first_then_by_name(facebook: Facebook, httpx_mock: HTTPXMock) -> None:
    names = {1: "zebra", 2: "Alpha", 3: "beta"}
    nodes = [page(n, name=name) for n, name in names.items()]
    nodes[1].pop("access_token")
    found(httpx_mock, nodes)

    accounts = (await facebook.discover(CLIENT, TOKENS)).accounts

    assert [account.name for account in accounts] == ["beta", "zebra", "Alpha"]


@pytest.mark.parametrize(
    ("scopes", "debug", "hints"),
    [
        pytest.param(EVERY_SCOPE, {"is_valid": True}, {Hint.NO_PAGES_TICKED}, id="no-pages"),
        pytest.param(
            ("pages_show_list",),
            {"is_valid": True},
            {Hint.NO_PAGES_TICKED, Hint.BUSINESS_MANAGEMENT_MISSING},
            id="no-pages-and-no-business-management",
        ),
        pytest.param(
            (), {}, {Hint.NO_PAGES_TICKED, Hint.BUSINESS_MANAGEMENT_MISSING}, id="may-not-even-list"
        ),
    ],
)
async def test_an_empty_list_says_why(
    facebook: Facebook,
    httpx_mock: HTTPXMock,
    scopes: tuple[str, ...],
    debug: dict[str, Any],
    hints: set[Hint],
) -> None:
    found(httpx_mock, [], scopes=scopes, debug=debug)

    discovery = await facebook.discover(CLIENT, TOKENS)

    assert discovery.accounts == ()
    assert discovery.hints == hints


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param(["text", None, 7], id="not-objects"),
        pytest.param([{"name": "no id"}], id="no-id"),
        pytest.param([page(1, id="1/../me")], id="id-that-is-a-path"),
        pytest.param([page(1, id={"a": 1})], id="id-that-is-an-object"),
    ],
)
async def test_entries_that_are_no_pages_are_left_out(
    facebook: Facebook, httpx_mock: HTTPXMock, nodes: list[Any]
) -> None:
    found(httpx_mock, nodes)

    assert (await facebook.discover(CLIENT, TOKENS)).accounts == ()


async def test_a_page_of_odd_fields_is_still_a_page(facebook: Facebook, httpx_mock: HTTPXMock) -> None:
    found(httpx_mock, [page(1, name=None, username=[], category=3, picture="x", link="javascript:alert(1)")])

    [account] = (await facebook.discover(CLIENT, TOKENS)).accounts

    assert (account.name, account.handle, account.detail, account.avatar_url) == ("104001", "", "", "")
    assert account.url == "https://www.facebook.com/104001"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"html": "<html>"}, id="html"),
        pytest.param({"json": {}}, id="empty"),
        pytest.param({"json": []}, id="list"),
        pytest.param({"json": {"data": {"id": "1"}}}, id="no-list"),
        pytest.param({"text": '{"data": [{"id": "10'}, id="truncated"),
        pytest.param({"status_code": 503, "html": "<html>"}, id="503"),
        pytest.param({"status_code": 302, "headers": {"location": "https://x.example"}}, id="redirect"),
    ],
)
@pytest.mark.parametrize("broken", ["/me", "/me/permissions", "/me/accounts", "/debug_token"])
async def test_an_odd_answer_is_busy_wherever_it_comes(
    facebook: Facebook, httpx_mock: HTTPXMock, answer: dict[str, Any], broken: str
) -> None:
    good = {
        "/me": {"id": "9900"},
        "/me/permissions": {"data": [{"permission": "pages_show_list", "status": "granted"}]},
        "/me/accounts": {"data": [page(1)]},
        "/debug_token": {"data": {"is_valid": True}},
    }

    def answers(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v26.0")
        given = answer if path == broken else {"json": good[path]}
        return httpx.Response(**{"status_code": 200} | given)

    httpx_mock.add_callback(answers, is_reusable=True)

    if (broken, answer.get("json")) == ("/debug_token", {"data": {"id": "1"}}):
        # Facts that name nothing are no fault: the selection is simply not known.
        assert len((await facebook.discover(CLIENT, TOKENS)).accounts) == 1
        return
    with pytest.raises(Busy):
        await facebook.discover(CLIENT, TOKENS)


async def test_a_refused_token_is_told_with_its_subcode(facebook: Facebook, httpx_mock: HTTPXMock) -> None:
    graph(httpx_mock, "/me", failure(190, 460), status=400)

    with pytest.raises(TokenRefused) as raised:
        await facebook.discover(CLIENT, TOKENS)

    assert raised.value.code == "190_460"


async def test_the_operator_chooses_version_and_origin(facebook: Facebook, httpx_mock: HTTPXMock) -> None:
    client = client_of(PLATFORM, origin="http://proxy.example:8080", options={"graph_version": "v25.0"})
    httpx_mock.add_response(json={"success": True})

    await facebook.revoke(client, TOKENS)

    [request] = httpx_mock.get_requests()
    assert str(request.url.copy_with(query=None)) == "http://proxy.example:8080/v25.0/me/permissions"


async def test_a_page_has_no_places(facebook: Facebook) -> None:
    assert await facebook.places(CLIENT, TOKENS, "104001") == ()


def test_no_token_shows_in_a_repr() -> None:
    assert "hush" not in repr(CLIENT)
    assert "EAAG" not in repr(TOKENS)
