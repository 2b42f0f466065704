"""The promises of adapters/base, kept by every adapter: facts, consent link, discovery, revocation."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

from adapters import oauth
from adapters.base import (
    Adapter,
    App,
    Busy,
    Capability,
    Client,
    Misconfigured,
    OutcomeUnknown,
    Pkce,
    PlatformError,
    Refresh,
    RemoteAccount,
    Tokens,
    capabilities,
    missing_scopes,
)
from adapters.http import send
from adapters.registry import REGISTRY
from sandbox.browser import PLAIN
from tests.contract.answers import BODY, ELSEWHERE, WORTHLESS, Answer
from tests.contract.wire import CODE, KEYS, REDIRECT, STATE, VERIFIER, Wire, client_of, faults_of, tokens_for
from tests.counts import sampled
from tests.patience import PATIENCE_S
from tests.platforms import PLATFORMS

EACH = pytest.mark.parametrize("key", KEYS)
EACH_APP = pytest.mark.parametrize(
    ("key", "app"), [pytest.param(k, app, id=app.key) for k in KEYS for app in PLATFORMS[k].apps]
)
Count = Callable[[str, object], None]

NOT_OURS_TO_ASK = re.compile(
    r"(^|[._])(dm|dms|email|contacts|friends)([._]|$)|messag|inbox|follow|chat|subscri[bp]ers?$"
)
"""Direct messages, follower lists, mail addresses: the product promises never to ask for them."""


# Facts


def test_there_are_seven_in_the_order_people_see_them() -> None:
    order = ("facebook", "instagram", "x", "linkedin", "tiktok", "reddit", "youtube")

    assert tuple(PLATFORMS) == tuple(REGISTRY.adapters(httpx.AsyncClient(verify=PLAIN))) == order


@EACH
def test_the_facts_are_the_same_with_and_without_a_network(key: str) -> None:
    platform = REGISTRY.adapters(httpx.AsyncClient(verify=PLAIN))[key].platform

    assert platform is PLATFORMS[key]
    assert platform.key == key


@EACH
def test_every_address_is_https_and_has_no_query(key: str) -> None:
    platform = PLATFORMS[key]

    for url in filter(None, (platform.authorize_url, platform.token_url, platform.revoke_url, platform.docs)):
        parts = urlsplit(url)
        assert (parts.scheme, parts.query, parts.fragment, parts.username) == ("https", "", "", None), url


@EACH
def test_a_platform_says_how_a_person_declines_and_how_a_grant_ends(key: str) -> None:
    platform = PLATFORMS[key]

    assert platform.denied_codes
    assert platform.dead_grant_codes | platform.dead_grant_words.keys()
    assert platform.connects[:2] in {"a ", "an"}


def test_app_keys_are_unique_and_begin_with_their_platforms() -> None:
    keys = [(key, app.key) for key in KEYS for app in PLATFORMS[key].apps]

    assert len({app for _, app in keys}) == len(keys)
    assert all(app == key or app.startswith(f"{key}_") for key, app in keys)


@EACH_APP
def test_every_scope_has_a_reason_that_ends_the_sentence(key: str, app: App) -> None:
    names = [scope.name for scope in app.scopes]

    assert names
    assert len(set(names)) == len(names)
    for scope in app.scopes:
        assert re.fullmatch(r"[a-z][^\n]{9,119}[^.\s]", scope.reason), f"{key}: {scope.name}: {scope.reason}"
        assert PLATFORMS[key].scope_separator not in scope.name


@EACH_APP
def test_no_scope_reads_messages_followers_or_addresses(key: str, app: App) -> None:
    asked = [scope.name for scope in app.scopes if NOT_OURS_TO_ASK.search(scope.name)]

    assert asked == [], key


@pytest.mark.parametrize(
    "name",
    [
        "dm.read",
        "follows.read",
        "pages_messaging",
        "instagram_manage_messages",
        "privatemessages",
        "user.followers",
    ],
)
def test_the_words_that_are_not_ours_to_ask_for_are_found(name: str) -> None:
    assert NOT_OURS_TO_ASK.search(name)


@EACH_APP
def test_no_capability_is_offered_without_its_scopes(key: str, app: App, record_property: Count) -> None:
    names = [scope.name for scope in app.scopes]
    subsets = [set(s) for n in range(len(names) + 1) for s in itertools.combinations(names, n)]

    wrong = [
        (granted, capability)
        for granted in subsets
        for capability in capabilities(app, granted)
        if any(capability in scope.unlocks for scope in missing_scopes(app, granted))
    ]

    assert wrong == []
    assert capabilities(app, names) >= {Capability.PUBLISH}
    assert capabilities(app, ()) == frozenset()
    record_property("counted", f"{app.key}: {len(subsets)} subsets of its scopes, 0 capabilities too many")
    assert key in KEYS


# The consent link


@EACH_APP
def test_the_consent_link_says_exactly_what_it_must(key: str, app: App) -> None:
    platform = PLATFORMS[key]
    client = client_of(platform, app)

    url = oauth.authorize_url(platform, client, state=STATE, verifier=VERIFIER)

    query = parse_qs(urlsplit(url).query, strict_parsing=True, keep_blank_values=True)
    assert url.startswith(f"{platform.authorize_url}?")
    assert all(len(values) == 1 for values in query.values())
    assert query["response_type"] == ["code"]
    assert query["state"] == [STATE]
    assert query["redirect_uri"] == [REDIRECT]
    assert query[platform.client_id_param] == [client.client_id]
    assert query["scope"] == [platform.scope_separator.join(client.scopes)]
    assert query.items() >= {name: [value] for name, value in platform.authorize_extra.items()}.items()
    assert client.client_secret not in url


@EACH
@pytest.mark.parametrize("mode", [None, *Pkce])
def test_the_challenge_is_the_declared_one_and_the_verifier_stays_here(key: str, mode: Pkce | None) -> None:
    platform = PLATFORMS[key]
    client = client_of(platform) if mode is None else client_of(platform, pkce=mode.value)

    url = oauth.authorize_url(platform, client, state=STATE, verifier=VERIFIER)

    query = parse_qs(urlsplit(url).query)
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    expected = {
        Pkce.OFF: None,
        Pkce.S256: [base64.urlsafe_b64encode(digest).rstrip(b"=").decode()],
        Pkce.HEX: [digest.hex()],
    }[platform.pkce if mode is None else mode]
    assert query.get("code_challenge") == expected
    assert query.get("code_challenge_method") == (None if expected is None else ["S256"])
    assert VERIFIER not in url
    assert query["state"] != query.get("code_challenge")


@pytest.mark.parametrize(
    ("key", "mode"), [("x", Pkce.S256), ("youtube", Pkce.S256), ("tiktok", Pkce.HEX)], ids=str
)
async def test_a_wrong_verifier_is_never_accepted(key: str, mode: Pkce, record_property: Count) -> None:
    platform = PLATFORMS[key]
    client = client_of(platform, pkce=mode.value)
    link = oauth.authorize_url(platform, client, state=STATE, verifier=VERIFIER)
    [challenge] = parse_qs(urlsplit(link).query)["code_challenge"]

    def strict(request: httpx.Request) -> httpx.Response:
        given = parse_qs(request.content.decode()).get("code_verifier", [""])[0]
        digest = hashlib.sha256(given.encode()).digest()
        encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge == (digest.hex() if mode is Pkce.HEX else encoded):
            return httpx.Response(200, json=dict(BODY))
        return httpx.Response(400, json={"error": "invalid_grant"})

    adapter = REGISTRY.adapters(httpx.AsyncClient(transport=httpx.MockTransport(strict)))[key]
    wrong = [None, STATE, challenge, VERIFIER[:-1], VERIFIER + "v", VERIFIER.upper(), "", CODE]
    wrong += [f"{VERIFIER[:-4]}{n:04}" for n in range(234 - len(wrong))]
    accepted = 0
    for verifier in wrong:
        try:
            await adapter.exchange(client, code=CODE, verifier=verifier)
            accepted += 1
        except PlatformError:
            pass

    assert accepted == 0
    assert (await adapter.exchange(client, code=CODE, verifier=VERIFIER)).access_token
    record_property("counted", f"{key}: {len(wrong)} wrong verifiers, 0 accepted")


# What a bad day does to discovery, places and revocation


async def discover(adapter: Adapter, client: Client) -> object:
    return await adapter.discover(client, tokens_for(client))


async def revoke(adapter: Adapter, client: Client) -> None:
    await adapter.revoke(client, tokens_for(client))


async def exchange(adapter: Adapter, client: Client) -> object:
    return await adapter.exchange(client, code=CODE, verifier=VERIFIER)


async def refresh(adapter: Adapter, client: Client) -> object:
    return await adapter.refresh(client, tokens_for(client))


Act = Callable[[Adapter, Client], Awaitable[object]]


@EACH_APP
async def test_discovery_survives_every_odd_answer(key: str, app: App, record_property: Count) -> None:
    platform = PLATFORMS[key]
    client = client_of(platform, app)
    faults = []
    for answer in WORTHLESS:
        wire = Wire(platform, otherwise=answer)
        try:
            found = await wire.adapter().discover(client, tokens_for(client))
        except PlatformError as error:
            faults += [f"{answer.name}: {fault}" for fault in faults_of(error)]
        except Exception as error:  # noqa: BLE001 - a crash is what this looks for
            faults.append(f"{answer.name}: crashed with {type(error).__name__}")
        else:
            faults.append(f"{answer.name}: believed, and found {len(found.accounts)} accounts")
        if any(request.url.host == ELSEWHERE for request in wire.seen):
            faults.append(f"{answer.name}: a redirect was followed")

    assert faults == []
    record_property("counted", f"{app.key}: {len(WORTHLESS)} odd answers to discovery, 0 believed, 0 crashes")


@EACH
async def test_places_survive_every_odd_answer(key: str) -> None:
    platform = PLATFORMS[key]
    client = client_of(platform)
    faults = []
    for answer in WORTHLESS:
        adapter = Wire(platform, otherwise=answer).adapter()
        try:
            found = await adapter.places(client, tokens_for(client), "account")
        except PlatformError as error:
            faults += [f"{answer.name}: {fault}" for fault in faults_of(error)]
        except Exception as error:  # noqa: BLE001 - a crash is what this looks for
            faults.append(f"{answer.name}: crashed with {type(error).__name__}")
        else:
            faults += [f"{answer.name}: found {place}" for place in found]

    assert faults == []


@EACH
async def test_revoking_returns_when_the_platform_says_so(key: str) -> None:
    platform = PLATFORMS[key]
    wire = Wire(platform, otherwise=Answer(name="done", content=b'{"success": true}'))

    await revoke(wire.adapter(), client_of(platform))

    assert wire.seen


@EACH
@pytest.mark.parametrize("status", [302, 408, 429, 500, 502, 503, 504])
async def test_revoking_never_claims_what_the_platform_did_not_say(key: str, status: int) -> None:
    platform = PLATFORMS[key]
    wire = Wire(platform, otherwise=Answer(name="trouble", content=b"", status=status))

    with pytest.raises(PlatformError) as caught:
        await revoke(wire.adapter(), client_of(platform))

    assert list(faults_of(caught.value)) == []


# The network


@pytest.fixture(params=["httpx", "aiohttp"])
async def http(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """Both transports: httpx's own, and the one used in production."""
    transport = AiohttpTransport() if request.param == "aiohttp" else httpx.AsyncHTTPTransport(verify=PLAIN)
    async with httpx.AsyncClient(transport=transport) as client:
        yield client


@EACH
@pytest.mark.parametrize("act", sampled([exchange, refresh, discover, revoke], 2))
async def test_a_refused_connection_is_busy(
    key: str, act: Act, http: httpx.AsyncClient, unused_tcp_port: int
) -> None:
    platform = PLATFORMS[key]
    client = replace(client_of(platform), origin=f"http://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(Busy) as caught:
        await act(REGISTRY.adapters(http)[key], client)

    assert caught.value.code == "unreachable"


@EACH
async def test_a_connection_dropped_after_sending_is_unknown_where_something_may_have_burnt(
    key: str, http: httpx.AsyncClient
) -> None:
    platform = PLATFORMS[key]
    received: list[bytes] = []

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(65_536))
        writer.close()

    server = await asyncio.start_server(drop, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = replace(client_of(platform), origin=f"http://127.0.0.1:{port}")
    adapter = REGISTRY.adapters(http)[key]
    burns = platform.refresh is Refresh.SINGLE_USE

    with pytest.raises(OutcomeUnknown):
        await exchange(adapter, client)
    with pytest.raises(OutcomeUnknown if burns else Busy):
        await refresh(adapter, client)
    with pytest.raises(Busy):
        await discover(adapter, client)

    assert len(received) >= 3
    server.close()
    await server.wait_closed()


async def test_an_answer_that_comes_in_drops_is_lost_when_its_time_is_up(http: httpx.AsyncClient) -> None:
    over, ended = asyncio.Event(), asyncio.Semaphore(0)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not (over.is_set() or writer.is_closing()):
            writer.write(b"{")
            await asyncio.sleep(0.02)
        writer.close()
        ended.release()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(OutcomeUnknown):
            await send(http, http.build_request("POST", url, timeout=5), has_effect=True, within_s=0.1)
        with pytest.raises(Busy):
            await send(http, http.build_request("GET", url, timeout=5), within_s=0.1)

    over.set()
    for _ in range(2):
        await ended.acquire()
    server.close()
    await server.wait_closed()


@EACH
async def test_everything_goes_to_the_operators_origin_on_the_same_paths(key: str) -> None:
    platform = PLATFORMS[key]
    client = replace(client_of(platform), origin="http://localhost:7007")
    answer = Answer(name="odd", content=b"{}", status=503)
    wires = []
    for act in (exchange, refresh, discover, revoke):
        wires += [Wire(platform, answer, otherwise=answer), Wire(platform, answer, otherwise=answer)]
        for wire, used in zip(wires[-2:], (client, client_of(platform)), strict=True):
            with pytest.raises(PlatformError):
                await act(wire.adapter(), used)

    ours, theirs = wires[::2], wires[1::2]
    assert {f"{r.url.scheme}://{r.url.netloc.decode()}" for w in ours for r in w.seen} == {client.origin}
    assert [r.url.path for w in ours for r in w.seen] == [r.url.path for w in theirs for r in w.seen]
    link = oauth.authorize_url(platform, client, state=STATE, verifier=VERIFIER)
    assert link.startswith(f"http://localhost:7007{urlsplit(platform.authorize_url).path}?")


@EACH
async def test_without_a_refresh_token_a_refresh_is_refused_or_done_without_one(key: str) -> None:
    platform = PLATFORMS[key]
    wire = Wire(platform, Answer(name="good", content=b'{"access_token": "later"}'))
    client = client_of(platform)
    bare = replace(tokens_for(client), refresh_token=None)

    if platform.refresh is Refresh.EXCHANGE:
        assert (await wire.adapter().refresh(client, bare)).access_token == "later"
        return
    with pytest.raises(Misconfigured) as caught:
        await wire.adapter().refresh(client, bare)
    assert wire.seen == []
    assert caught.value.code == "no_refresh"


# Secrets


@EACH
def test_no_secret_shows_in_a_repr(key: str) -> None:
    client = client_of(PLATFORMS[key])
    account = RemoteAccount(id="1", kind="Page", name="n", token="page-CANARY")

    said = repr((client, tokens_for(client), Tokens(access_token="a-CANARY"), account))

    assert "CANARY" not in said
    assert client.client_id in said


@EACH
async def test_tokens_travel_in_headers_and_bodies_not_in_addresses(key: str) -> None:
    platform = PLATFORMS[key]
    client = client_of(platform)
    shown = []
    for act in (exchange, refresh, discover, revoke):
        wire = Wire(platform, Answer(name="good", content=b'{"access_token": "later-CANARY"}'))
        with suppress(PlatformError):
            await act(wire.adapter(), client)
        shown += [r.url.path for r in wire.seen if "CANARY" in str(r.url)]

    # debug_token is the one call for which Meta takes a token only in the query.
    assert [path for path in shown if not path.endswith("/debug_token")] == []
