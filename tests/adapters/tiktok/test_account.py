from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
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
)
from adapters.tiktok import PLATFORM
from adapters.tiktok.account import TikTok
from adapters.tiktok.calls import CREATOR_INFO, USER_INFO
from sandbox.core import Fault
from sandbox.platforms.tiktok.simulator import TikTokSimulator
from tests.consent import STATE, VERIFIER, consent
from tests.credentials import callback_of, client_of, registered

[APP] = PLATFORM.apps
SCOPES = tuple(scope.name for scope in APP.scopes)
BASIC = frozenset({"user.info.basic"})
CALLBACK = callback_of(APP)
OPEN_ID = "723f24d7-e717-40f8-a2b6-cb8464cd23b4"
TOKENS = Tokens(access_token="act.abc", refresh_token="rft.abc", scopes=BASIC)
ALL = Tokens(access_token="act.abc", refresh_token="rft.abc", scopes=frozenset(SCOPES))
ANSWER = {
    "access_token": "act.abc",
    "expires_in": 86400,
    "open_id": OPEN_ID,
    "refresh_expires_in": 31536000,
    "refresh_token": "rft.def",
    "scope": "user.info.basic,video.publish",
    "token_type": "Bearer",
}
OK = {"code": "ok", "message": "", "log_id": "20261123A"}
USER = {"open_id": OPEN_ID, "avatar_url": "https://p16-sign.tiktokcdn.com/a", "display_name": "Octa Demo"}
CREATOR = {
    "creator_username": "octademo",
    "creator_nickname": "Octa Demo",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
}


def enveloped(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": dict(data), "error": OK}


def refused(code: str) -> dict[str, Any]:
    return {"data": {}, "error": {"code": code, "message": "words", "log_id": "20261123A"}}


@pytest.fixture
def tiktok(http: httpx.AsyncClient) -> TikTok:
    return TikTok(http)


@pytest.fixture
async def sandbox() -> AsyncIterator[TikTokSimulator]:
    async with registered(TikTokSimulator(), client_of(APP)) as found:
        yield found


def test_the_consent_link_names_the_client_key_and_asks_again_even_those_who_consented() -> None:
    link = urlsplit(oauth.authorize_url(PLATFORM, client_of(APP), state="s", verifier=VERIFIER))

    query = parse_qs(link.query)
    assert (link.netloc, link.path) == ("www.tiktok.com", "/v2/auth/authorize/")
    assert query["client_key"] == ["our-id"]
    assert query["scope"] == [",".join(SCOPES)]
    assert query["disable_auto_auth"] == ["1"]
    assert "client_id" not in query
    assert "code_challenge" not in query


def test_a_desktop_app_sends_its_challenge_in_hex() -> None:
    link = urlsplit(oauth.authorize_url(PLATFORM, client_of(APP, pkce="hex"), state="s", verifier=VERIFIER))

    [challenge] = parse_qs(link.query)["code_challenge"]
    assert len(challenge) == 64
    assert set(challenge) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("refused_scope", "lost"),
    [
        ("user.info.profile", set()),
        ("user.info.stats", {Capability.INSIGHTS}),
        ("video.list", {Capability.INSIGHTS}),
        ("video.publish", {Capability.PUBLISH, Capability.MEDIA}),
        ("video.upload", {Capability.MEDIA}),
    ],
)
def test_each_scope_left_unticked_costs_what_it_unlocks(refused_scope: str, lost: set[Capability]) -> None:
    everything = {Capability.PUBLISH, Capability.MEDIA, Capability.INSIGHTS}

    assert capabilities(APP, set(SCOPES) - {refused_scope}) == everything - lost


async def test_an_exchange_sends_the_code_once_encoded_and_the_secret_in_the_form(
    tiktok: TikTok, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(method="POST", url=PLATFORM.token_url, json=ANSWER)

    tokens = await tiktok.exchange(client_of(APP), code="Xyz*1%2!4.u1", verifier=VERIFIER)

    [request] = httpx_mock.get_requests()
    assert parse_qs(request.content.decode()) == {
        "client_key": ["our-id"],
        "client_secret": ["our secret"],
        "code": ["Xyz*1%2!4.u1"],
        "grant_type": ["authorization_code"],
        "redirect_uri": [CALLBACK],
    }
    assert "authorization" not in request.headers
    assert tokens == Tokens(
        access_token="act.abc",
        refresh_token="rft.def",
        expires_in=timedelta(days=1),
        refresh_expires_in=timedelta(days=365),
        scopes=frozenset({"user.info.basic", "video.publish"}),
        subject=OPEN_ID,
    )


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("code", "at_exchange", "at_refresh"),
    [
        ("invalid_grant", Rejected, GrantDead),
        ("invalid_request", Rejected, Rejected),
        ("invalid_client", Misconfigured, Misconfigured),
        ("unauthorized_client", Misconfigured, Misconfigured),
        ("invalid_scope", Misconfigured, Misconfigured),
        ("server_error", Busy, Busy),
        ("temporarily_unavailable", Busy, Busy),
    ],
)
async def test_a_refusal_means_the_same_whatever_its_status(
    tiktok: TikTok,
    httpx_mock: HTTPXMock,
    status: int,
    code: str,
    at_exchange: type[PlatformError],
    at_refresh: type[PlatformError],
) -> None:
    body = {"error": code, "error_description": "words", "log_id": "20261123A"}
    httpx_mock.add_response(
        method="POST", url=PLATFORM.token_url, status_code=status, json=body, is_reusable=True
    )

    with pytest.raises(at_exchange, match=code):
        await tiktok.exchange(client_of(APP), code="c", verifier=None)
    with pytest.raises(at_refresh, match=code):
        await tiktok.refresh(client_of(APP), TOKENS)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param({"json": {}}, OutcomeUnknown, id="empty-object"),
        pytest.param({"text": '{"access_token":"act.'}, OutcomeUnknown, id="truncated"),
        pytest.param({"html": "<html>"}, OutcomeUnknown, id="html"),
        pytest.param({"json": ANSWER, "status_code": 429}, Busy, id="tokens-in-a-429"),
        pytest.param({"html": "<html>", "status_code": 502}, Busy, id="gateway"),
        pytest.param({"json": refused("internal_error"), "status_code": 500}, Busy, id="envelope"),
    ],
)
async def test_an_odd_answer_to_a_refresh_is_never_a_token_nor_the_end(
    tiktok: TikTok, httpx_mock: HTTPXMock, answer: dict[str, Any], verdict: type[PlatformError]
) -> None:
    httpx_mock.add_response(method="POST", url=PLATFORM.token_url, **answer)

    with pytest.raises(verdict):
        await tiktok.refresh(client_of(APP), TOKENS)


async def test_a_revocation_names_the_access_token_and_our_app(tiktok: TikTok, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="POST", url=PLATFORM.revoke_url)

    await tiktok.revoke(client_of(APP), TOKENS)

    [request] = httpx_mock.get_requests()
    assert parse_qs(request.content.decode()) == {
        "client_key": ["our-id"],
        "client_secret": ["our secret"],
        "token": ["act.abc"],
    }


@pytest.mark.parametrize("status", [200, 400])
async def test_revoking_what_is_over_is_no_error(tiktok: TikTok, httpx_mock: HTTPXMock, status: int) -> None:
    httpx_mock.add_response(url=PLATFORM.revoke_url, status_code=status, json={"error": "invalid_grant"})

    await tiktok.revoke(client_of(APP), TOKENS)


@pytest.mark.parametrize(("code", "verdict"), [("invalid_client", Misconfigured), ("server_error", Busy)])
async def test_a_revocation_refused_inside_a_200_is_no_success(
    tiktok: TikTok, httpx_mock: HTTPXMock, code: str, verdict: type[PlatformError]
) -> None:
    httpx_mock.add_response(url=PLATFORM.revoke_url, json={"error": code})

    with pytest.raises(verdict):
        await tiktok.revoke(client_of(APP), TOKENS)


async def test_discovery_asks_only_for_the_fields_of_granted_scopes(
    tiktok: TikTok, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(
        method="GET",
        url=f"{USER_INFO}?fields=open_id%2Cavatar_url%2Cdisplay_name",
        match_headers={"Authorization": "Bearer act.abc"},
        json=enveloped({"user": USER}),
    )

    found = await tiktok.discover(client_of(APP), TOKENS)

    assert found == Discovery(
        identity=Identity(id=OPEN_ID, name="Octa Demo"),
        scopes=BASIC,
        accounts=(
            RemoteAccount(
                id=OPEN_ID,
                kind="Account",
                name="Octa Demo",
                avatar_url="https://p16-sign.tiktokcdn.com/a",
            ),
        ),
    )


async def test_without_the_profile_scope_the_username_comes_from_creator_info(
    tiktok: TikTok, httpx_mock: HTTPXMock
) -> None:
    tokens = Tokens(access_token="act.abc", scopes=BASIC | {"video.publish"})
    httpx_mock.add_response(method="GET", json=enveloped({"user": USER}))
    httpx_mock.add_response(
        method="POST",
        url=CREATOR_INFO,
        match_content=b"{}",
        match_headers={"Content-Type": "application/json; charset=UTF-8"},
        json=enveloped(CREATOR),
    )

    [account] = (await tiktok.discover(client_of(APP), tokens)).accounts

    assert (account.handle, account.url) == ("@octademo", "https://www.tiktok.com/@octademo")


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        pytest.param({"json": refused("spam_risk_too_many_posts")}, set(), id="daily-limit-in-a-200"),
        pytest.param({"json": refused("reached_active_user_cap"), "status_code": 403}, set(), id="cap"),
        pytest.param({"html": "<html>", "status_code": 502}, set(), id="gateway"),
        pytest.param({"json": {}}, set(), id="empty"),
        pytest.param(
            {"json": refused("spam_risk_user_banned_from_posting")},
            {Capability.PUBLISH, Capability.MEDIA},
            id="banned",
        ),
    ],
)
async def test_trouble_with_posting_never_hides_the_account(
    tiktok: TikTok, httpx_mock: HTTPXMock, answer: dict[str, Any], missing: set[Capability]
) -> None:
    httpx_mock.add_response(method="GET", json=enveloped({"user": USER | {"username": "octademo"}}))
    httpx_mock.add_response(method="POST", url=CREATOR_INFO, **answer)

    [account] = (await tiktok.discover(client_of(APP), ALL)).accounts

    assert (account.id, account.handle) == (OPEN_ID, "@octademo")
    assert account.missing == missing
    assert account.blocker is None


async def test_a_lost_answer_from_creator_info_does_not_hide_the_account(
    tiktok: TikTok, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(method="GET", json=enveloped({"user": USER}))
    httpx_mock.add_exception(httpx.ReadTimeout("gone"), method="POST")

    assert len((await tiktok.discover(client_of(APP), ALL)).accounts) == 1


@pytest.mark.parametrize(
    ("answer", "verdict", "code"),
    [
        ({"json": refused("access_token_invalid"), "status_code": 401}, TokenRefused, "access_token_invalid"),
        ({"json": refused("access_token_invalid")}, TokenRefused, "access_token_invalid"),
        ({"json": {"error": "access_token_invalid"}}, TokenRefused, "access_token_invalid"),
        ({"json": refused("scope_not_authorized"), "status_code": 401}, Rejected, "missing_scope"),
        ({"json": refused("scope_permission_missed"), "status_code": 400}, Rejected, "missing_scope"),
        ({"json": refused("scope_permission_missed"), "status_code": 401}, Rejected, "missing_scope"),
        ({"json": refused("invalid_params"), "status_code": 400}, Misconfigured, "invalid_params"),
        ({"json": refused("rate_limit_exceeded"), "status_code": 429}, Busy, "rate_limit_exceeded"),
        ({"json": refused("internal_error"), "status_code": 500}, Busy, "internal_error"),
        ({"json": refused("something_new"), "status_code": 503}, Busy, "something_new"),
        ({"json": refused("something_new"), "status_code": 429}, Busy, "something_new"),
        ({"json": refused("something_new"), "status_code": 403}, Rejected, "something_new"),
        ({"json": refused("words, not a code")}, Busy, "unreadable_answer"),
        ({"html": "<html>", "status_code": 401}, Busy, "http_401"),
        ({"html": "<html>", "status_code": 503}, Busy, "http_503"),
        ({"html": "<html>"}, Busy, "unreadable_answer"),
        ({"json": {}}, Busy, "unreadable_answer"),
        ({"json": [1]}, Busy, "unreadable_answer"),
        ({"text": '{"data":{"us'}, Busy, "unreadable_answer"),
        ({"json": {"data": None, "error": OK}}, Busy, "unreadable_answer"),
        ({"json": enveloped({"user": None})}, Busy, "unreadable_answer"),
        ({"json": enveloped({"user": {"open_id": 7}})}, Busy, "unreadable_answer"),
        ({"json": enveloped({"user": USER}), "status_code": 500}, Busy, "http_500"),
    ],
)
async def test_each_answer_has_one_verdict_and_the_code_decides(
    tiktok: TikTok, httpx_mock: HTTPXMock, answer: dict[str, Any], verdict: type[PlatformError], code: str
) -> None:
    httpx_mock.add_response(method="GET", **answer)

    with pytest.raises(PlatformError) as caught:
        await tiktok.discover(client_of(APP), TOKENS)

    assert (type(caught.value), caught.value.code) == (verdict, code)


async def test_a_rate_limit_waits_out_tiktoks_minute(tiktok: TikTok, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=429, json=refused("rate_limit_exceeded"))

    with pytest.raises(Busy) as caught:
        await tiktok.discover(client_of(APP), TOKENS)

    assert caught.value.retry_after == timedelta(minutes=1)


async def test_a_connection_is_made_refreshed_and_ended(tiktok: TikTok, sandbox: TikTokSimulator) -> None:
    client = client_of(APP, sandbox.url)

    callback = await consent(tiktok._http, PLATFORM, client, person="octa_demo")
    tokens = await tiktok.exchange(client, code=callback["code"], verifier=VERIFIER)
    found = await tiktok.discover(client, tokens)
    newer = await tiktok.refresh(client, tokens)
    again = await tiktok.discover(client, newer)
    await tiktok.revoke(client, newer)

    assert callback["state"] == STATE
    assert "*" in callback["code"]
    assert set(callback["scopes"].split(",")) == set(SCOPES)
    assert (tokens.expires_in, tokens.refresh_expires_in) == (timedelta(hours=2), timedelta(days=180))
    [account] = found.accounts
    assert (account.id, account.name, account.handle) == (tokens.subject, "Octa Demo", "@octademo")
    assert found.scopes == frozenset(SCOPES)
    assert newer.refresh_token not in {None, tokens.refresh_token}
    assert again == found
    assert await tiktok.places(client, newer, account.id) == ()
    with pytest.raises(TokenRefused):
        await tiktok.discover(client, newer)
    with pytest.raises(GrantDead):
        await tiktok.refresh(client, newer)


async def test_unticked_scopes_are_noticed_and_the_account_is_still_found(
    tiktok: TikTok, sandbox: TikTokSimulator
) -> None:
    client = client_of(APP, sandbox.url)
    ticked = BASIC | {"video.publish"}

    callback = await consent(tiktok._http, PLATFORM, client, person="private_penny", scopes=ticked)
    tokens = await tiktok.exchange(client, code=callback["code"], verifier=None)
    found = await tiktok.discover(client, tokens)

    [account] = found.accounts
    assert found.scopes == tokens.scopes == ticked
    assert (account.handle, account.detail) == ("@pennysprivate", "private account")


async def test_without_any_profile_scope_the_member_learns_that_one_is_missing(
    tiktok: TikTok, sandbox: TikTokSimulator
) -> None:
    client = client_of(APP, sandbox.url)

    callback = await consent(tiktok._http, PLATFORM, client, person="octa_demo", scopes={"video.list"})
    tokens = await tiktok.exchange(client, code=callback["code"], verifier=None)

    with pytest.raises(Rejected, match="missing_scope"):
        await tiktok.discover(client, tokens)


async def test_cancelling_says_that_the_person_said_no(tiktok: TikTok, sandbox: TikTokSimulator) -> None:
    callback = await consent(
        tiktok._http, PLATFORM, client_of(APP, sandbox.url), person="octa_demo", decision="cancel"
    )

    assert callback["error"] in PLATFORM.denied_codes
    assert callback["state"] == STATE


async def test_a_desktop_app_connects_with_its_hex_challenge(
    tiktok: TikTok, sandbox: TikTokSimulator
) -> None:
    sandbox.settings["pkce"] = "hex"
    client = client_of(APP, sandbox.url, pkce="hex")

    callback = await consent(tiktok._http, PLATFORM, client, person="octa_demo")
    tokens = await tiktok.exchange(client, code=callback["code"], verifier=VERIFIER)

    assert tokens.access_token.startswith("act.")


async def test_a_refresh_whose_answer_is_lost_may_have_burnt_the_token(
    tiktok: TikTok, sandbox: TikTokSimulator
) -> None:
    client = client_of(APP, sandbox.url)
    callback = await consent(tiktok._http, PLATFORM, client, person="octa_demo")
    tokens = await tiktok.exchange(client, code=callback["code"], verifier=None)
    sandbox.faults.append(Fault(path="/oauth/token", lose_answer=True, times=1))

    with pytest.raises(OutcomeUnknown):
        await tiktok.refresh(client, tokens)
    with pytest.raises(GrantDead):
        await tiktok.refresh(client, tokens)


async def test_a_code_works_once(tiktok: TikTok, sandbox: TikTokSimulator) -> None:
    client = client_of(APP, sandbox.url)
    callback = await consent(tiktok._http, PLATFORM, client, person="octa_demo")
    await tiktok.exchange(client, code=callback["code"], verifier=None)

    with pytest.raises(Rejected, match="invalid_grant"):
        await tiktok.exchange(client, code=callback["code"], verifier=None)
