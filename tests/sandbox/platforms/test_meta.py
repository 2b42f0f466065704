"""The simulated Meta: its dialog, its tokens, its lists, and our two adapters against it over real HTTP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters import oauth
from adapters.base import (
    Blocker,
    Busy,
    Capability,
    Client,
    Discovery,
    GrantDead,
    Hint,
    Misconfigured,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    TokenRefused,
    Tokens,
)
from adapters.facebook.account import Facebook
from adapters.instagram.account import Instagram
from adapters.meta.account import MetaAdapter
from sandbox.browser import PLAIN
from sandbox.platforms.meta.simulator import MetaSimulator
from tests.consent import STATE, consent

SECRET = "meta-secret"
BLUE_DOOR, STUDIO, HARBOR = "104000000000001", "104000000000002", "104000000000003"
CLUB, CREW, NORTHWIND, FJORD = (f"10500000000000{n}" for n in range(1, 5))
ANA = (BLUE_DOOR, STUDIO, HARBOR)
BEN = (CLUB, CREW, NORTHWIND, FJORD)
EVERY_PAGE = ("all",)


@pytest.fixture
async def meta() -> AsyncIterator[MetaSimulator]:
    simulator = MetaSimulator()
    callbacks = [f"https://bot.example/oauth/{key}/callback" for key in ("facebook", "instagram")]
    simulator.register("1200", SECRET, callbacks)
    simulator.register("1300", "other-secret", ["https://other.example/callback"])
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN) as client:
        yield client


@pytest.fixture
def facebook(http: httpx.AsyncClient) -> Facebook:
    return Facebook(http)


@pytest.fixture
def instagram(http: httpx.AsyncClient) -> Instagram:
    return Instagram(http)


def client_of(meta: MetaSimulator, adapter: MetaAdapter, **changes: Any) -> Client:
    app = adapter.platform.apps[0]
    given: dict[str, Any] = {
        "app": app,
        "client_id": "1200",
        "client_secret": SECRET,
        "redirect_uri": f"https://bot.example/oauth/{adapter.platform.key}/callback",
        "scopes": tuple(scope.name for scope in app.scopes),
        "origin": meta.url,
    }
    return Client(**given | changes)


async def connect(
    meta: MetaSimulator,
    http: httpx.AsyncClient,
    adapter: MetaAdapter,
    person: str,
    assets: Iterable[str],
    scopes: Iterable[str] | None = None,
) -> Tokens:
    client = client_of(meta, adapter)
    back = await consent(http, adapter.platform, client, person=person, assets=assets, scopes=scopes)
    assert back["state"] == STATE
    return await adapter.exchange(client, code=back["code"], verifier=None)


async def seen(meta: MetaSimulator, adapter: Facebook | Instagram, tokens: Tokens) -> Discovery:
    return await adapter.discover(client_of(meta, adapter), tokens)


async def ask(
    meta: MetaSimulator, http: httpx.AsyncClient, path: str, token: str, **parameters: str
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await http.get(f"{meta.url}/v26.0{path}", params=parameters, headers=headers)


async def control(meta: MetaSimulator, http: httpx.AsyncClient, action: str, **given: Any) -> Any:
    answer = await http.post(f"{meta.url}/_control/{action}", json=given)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


def error_of(answer: httpx.Response) -> tuple[int, int | None]:
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")


# Facebook Login for Business


async def test_a_configuration_grants_all_of_its_permissions(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    asked = ("pages_show_list", "pages_read_engagement", "pages_manage_posts")
    meta.configurations["777000777"] = asked
    client = client_of(meta, facebook, options={"config_id": "777000777"})

    back = await consent(http, facebook.platform, client, person="ana", assets=ANA, scopes=())
    tokens = await facebook.exchange(client, code=back["code"], verifier=None)
    discovery = await facebook.discover(client, tokens)

    assert discovery.scopes == {*asked, "public_profile"}
    assert {one.id for one in discovery.accounts if one.blocker is None} == set(ANA)


async def test_an_unknown_configuration_opens_no_dialog(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    client = client_of(meta, facebook, options={"config_id": "12"})

    page = await http.get(oauth.authorize_url(facebook.platform, client, state=STATE, verifier="v"))

    assert (page.status_code, page.text) == (400, "Invalid config_id")


# Facebook, from consent to the end


async def test_a_person_connects_pages_and_disconnects_them(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)
    discovery = await seen(meta, facebook, tokens)
    await facebook.revoke(client_of(meta, facebook), tokens)

    assert tokens.expires_in == timedelta(seconds=5_183_944)
    assert discovery.identity.name == "Ana Ruiz"
    assert discovery.scopes >= set(client_of(meta, facebook).scopes)
    assert discovery.hints == frozenset()
    assert [(a.name, a.blocker) for a in discovery.accounts] == [
        ("Ana Ruiz Studio", None),
        ("Blue Door Bakery", None),
        ("Harbor Market", None),
    ]
    assert [a.missing for a in discovery.accounts] == [set(), set(), {Capability.INSIGHTS}]
    with pytest.raises(TokenRefused) as raised:
        await seen(meta, facebook, tokens)
    assert raised.value.code == "190_458"


async def test_revoking_twice_is_fine(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)

    await facebook.revoke(client_of(meta, facebook), tokens)
    await facebook.revoke(client_of(meta, facebook), tokens)

    assert len(meta.calls("/permissions$", "DELETE")) == 2


async def test_a_cancel_comes_back_in_facebooks_words(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    client = client_of(meta, facebook)

    back = await consent(http, facebook.platform, client, person="ana", decision="cancel")

    assert back == {
        "error": "access_denied",
        "error_code": "200",
        "error_description": "Permissions error",
        "error_reason": "user_denied",
        "state": STATE,
    }
    assert back["error"] in facebook.platform.denied_codes


async def test_a_used_code_is_refused(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    client = client_of(meta, facebook)
    back = await consent(http, facebook.platform, client, person="ana", assets=ANA)
    await facebook.exchange(client, code=back["code"], verifier=None)

    with pytest.raises(Rejected) as raised:
        await facebook.exchange(client, code=back["code"], verifier=None)

    assert raised.value.code == "code_used"


async def test_a_late_code_and_a_made_up_one_are_refused(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    client = client_of(meta, facebook)
    back = await consent(http, facebook.platform, client, person="ana", assets=ANA)
    meta.clock.offset_s = 601

    for code in (back["code"], "AQmadeup"):
        with pytest.raises(Rejected):
            await facebook.exchange(client, code=code, verifier=None)


async def test_a_code_belongs_to_its_redirect_uri(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    back = await consent(http, facebook.platform, client_of(meta, facebook), person="ana", assets=ANA)
    elsewhere = client_of(meta, facebook, redirect_uri="https://bot.example/oauth/instagram/callback")

    with pytest.raises(Rejected):
        await facebook.exchange(elsewhere, code=back["code"], verifier=None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"client_secret": "wrong"}, "client_secret", id="secret"),
        pytest.param({"client_id": "9"}, "101", id="app"),
        pytest.param({"options": {"graph_version": "v99.0"}}, "2500", id="version"),
    ],
)
async def test_a_fault_of_ours_is_called_ours(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook, changes: dict[str, Any], code: str
) -> None:
    back = await consent(http, facebook.platform, client_of(meta, facebook), person="ana", assets=ANA)

    with pytest.raises(Misconfigured) as raised:
        await facebook.exchange(client_of(meta, facebook, **changes), code=back["code"], verifier=None)

    assert raised.value.code == code


async def test_the_dialog_refuses_unknown_permissions_and_foreign_redirects(
    meta: MetaSimulator, http: httpx.AsyncClient
) -> None:
    dialog = f"{meta.url}/v26.0/dialog/oauth"
    ours = "https://bot.example/oauth/facebook/callback"

    made_up = await http.get(dialog, params={"client_id": "1200", "redirect_uri": ours, "scope": "read_dms"})
    foreign = await http.get(dialog, params={"client_id": "1200", "redirect_uri": "https://evil.example"})

    assert (made_up.status_code, made_up.text) == (400, "Invalid Scopes: read_dms")
    assert foreign.status_code == 400


async def test_odd_roles_stand_with_their_reason(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ben", BEN)

    accounts = (await seen(meta, facebook, tokens)).accounts

    assert {a.name: a.blocker for a in accounts} == {
        "Fjord Coffee": None,
        "Northwind Outdoor": None,
        "Lagos Run Crew": Blocker.NO_PAGE_TOKEN,
        "Okafor Cycling Club": Blocker.NO_CREATE_CONTENT,
    }


async def test_without_business_management_the_portfolio_stays_hidden_and_a_hint_says_so(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    scopes = ("pages_show_list", "pages_read_engagement", "pages_manage_posts")
    tokens = await connect(meta, http, facebook, "ben", (CLUB, CREW), scopes)

    discovery = await seen(meta, facebook, tokens)

    assert {a.id for a in discovery.accounts} == {CLUB, CREW}
    assert discovery.hints == {Hint.BUSINESS_MANAGEMENT_MISSING}
    assert discovery.scopes == {*scopes, "public_profile"}


async def test_a_page_of_the_portfolio_left_unticked_is_called_so(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ben", (NORTHWIND,))

    accounts = (await seen(meta, facebook, tokens)).accounts

    assert {a.id: a.blocker for a in accounts} == {NORTHWIND: None, FJORD: Blocker.NOT_TICKED}


@pytest.mark.parametrize(("person", "seen_anyway"), [("ana", 0), ("mia", 0), ("ben", 2)])
async def test_nothing_ticked_is_a_login_without_pages(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook, person: str, seen_anyway: int
) -> None:
    tokens = await connect(meta, http, facebook, person, ())

    discovery = await seen(meta, facebook, tokens)

    assert [a.blocker for a in discovery.accounts] == [Blocker.NOT_TICKED] * seen_anyway
    assert discovery.hints == {Hint.NO_PAGES_TICKED}


async def test_a_list_that_hides_ticked_pages_is_completed_by_id(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)
    meta.settings["accounts_empty"] = True

    discovery = await seen(meta, facebook, tokens)

    assert {a.id for a in discovery.accounts if a.token and not a.blocker} == set(ANA)


async def test_a_thousand_pages_are_found_in_ten_answers(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "brand", EVERY_PAGE)

    discovery = await seen(meta, facebook, tokens)

    assert len({a.id for a in discovery.accounts}) == 1000
    assert all(a.token and a.blocker is None for a in discovery.accounts)
    assert len(meta.calls("/accounts$")) == 10


async def test_future_pages_appear_only_for_who_ticked_all(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    picky = await connect(meta, http, facebook, "ana", ANA)
    all_in = await connect(meta, http, facebook, "mia", EVERY_PAGE)
    for person in ("ana", "mia"):
        await control(meta, http, "add_pages", person=person, count=2, name="Fresh Page")

    assert len((await seen(meta, facebook, picky)).accounts) == 3
    assert [a.name for a in (await seen(meta, facebook, all_in)).accounts] == ["Fresh Page"] * 2


# Instagram


async def test_instagram_says_of_each_page_what_is_behind_it(
    meta: MetaSimulator, http: httpx.AsyncClient, instagram: Instagram
) -> None:
    tokens = await connect(meta, http, instagram, "ana", ANA)

    discovery = await seen(meta, instagram, tokens)

    assert [(a.id, a.handle, a.blocker) for a in discovery.accounts] == [
        ("178410000000001", "@bluedoorbakery", None),
        (f"page:{STUDIO}", "", Blocker.INSTAGRAM_PERSONAL),
        (f"page:{HARBOR}", "", Blocker.NO_INSTAGRAM),
    ]
    assert discovery.accounts[0].token
    assert discovery.hints == frozenset()


async def test_a_portfolio_page_leads_to_its_instagram(
    meta: MetaSimulator, http: httpx.AsyncClient, instagram: Instagram
) -> None:
    tokens = await connect(meta, http, instagram, "ben", BEN)

    accounts = (await seen(meta, instagram, tokens)).accounts

    assert [(a.handle or a.name, a.blocker) for a in accounts] == [
        ("@northwindoutdoor", None),
        ("Fjord Coffee", Blocker.NO_INSTAGRAM),
        ("Lagos Run Crew", Blocker.NO_PAGE_TOKEN),
        ("@okaforcycling", Blocker.NO_CREATE_CONTENT),
    ]


async def test_a_person_without_pages_is_told_both_reasons(
    meta: MetaSimulator, http: httpx.AsyncClient, instagram: Instagram
) -> None:
    tokens = await connect(meta, http, instagram, "mia", ())

    discovery = await seen(meta, instagram, tokens)

    assert discovery.accounts == ()
    assert discovery.hints == {Hint.NO_PAGES_TICKED, Hint.NO_PROFESSIONAL_ACCOUNT}


async def test_unticking_instagram_basic_hides_the_links(
    meta: MetaSimulator, http: httpx.AsyncClient, instagram: Instagram
) -> None:
    scopes = set(client_of(meta, instagram).scopes) - {"instagram_basic"}
    tokens = await connect(meta, http, instagram, "ana", ANA, scopes)

    discovery = await seen(meta, instagram, tokens)

    assert (discovery.accounts, discovery.hints) == ((), frozenset())


async def test_revoking_one_platform_ends_the_other_too(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook, instagram: Instagram
) -> None:
    ours = await connect(meta, http, facebook, "ana", ANA)
    theirs = await connect(meta, http, instagram, "ana", ANA)
    bystander = await connect(meta, http, facebook, "ben", BEN)
    [page, *_] = (await seen(meta, facebook, ours)).accounts

    await instagram.revoke(client_of(meta, instagram), theirs)

    with pytest.raises(TokenRefused):
        await seen(meta, facebook, ours)
    assert error_of(await ask(meta, http, "/me", page.token or "")) == (190, 458)
    assert (await seen(meta, facebook, bystander)).identity.name == "Ben Okafor"


async def test_a_second_trip_keeps_what_the_first_was_given(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook, instagram: Instagram
) -> None:
    await connect(meta, http, facebook, "ana", ANA)
    tokens = await connect(meta, http, instagram, "ana", ANA)

    scopes = (await seen(meta, instagram, tokens)).scopes

    assert {"pages_manage_posts", "instagram_basic"} <= scopes


# Tokens


async def test_a_refresh_returns_a_later_token_and_the_old_one_keeps_working(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    old = await connect(meta, http, facebook, "ana", ANA)

    new = await facebook.refresh(client_of(meta, facebook), old)

    assert new.access_token != old.access_token
    assert new.expires_in == timedelta(seconds=5_183_944)
    for tokens in (old, new):
        assert len((await seen(meta, facebook, tokens)).accounts) == 3


async def test_missing_lifetimes_are_read_from_debug_token(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    meta.settings["omit_expires_in"] = True

    tokens = await connect(meta, http, facebook, "ana", ANA)
    again = await facebook.refresh(client_of(meta, facebook), tokens)

    for lifetime in (tokens.expires_in, again.expires_in):
        assert lifetime is not None
        assert abs(lifetime.total_seconds() - 5_183_944) < 10


async def test_a_long_token_that_gains_nothing_names_its_true_end(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    meta.settings |= {"reexchange_extends": False, "long_life_s": 5000}
    tokens = await connect(meta, http, facebook, "ana", ANA)
    meta.clock.offset_s = 2000

    again = await facebook.refresh(client_of(meta, facebook), tokens)

    assert again.expires_in is not None
    assert 2990 <= again.expires_in.total_seconds() <= 3000


@pytest.mark.parametrize("subcode", [458, 459, 460, 463, 464, 467, 492])
async def test_a_revoked_person_is_a_dead_grant_with_the_chosen_reason(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook, subcode: int
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)
    await control(meta, http, "revoke", person="ana", subcode=subcode)

    with pytest.raises(GrantDead) as raised:
        await facebook.refresh(client_of(meta, facebook), tokens)

    assert raised.value.code == f"190_{subcode}"


async def test_an_expired_token_cannot_be_traded(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)
    await control(meta, http, "expire", person="ana")

    with pytest.raises(GrantDead) as raised:
        await facebook.refresh(client_of(meta, facebook), tokens)

    assert raised.value.code == "190_463"


async def test_a_made_up_token_is_dead_because_debug_token_says_so(
    meta: MetaSimulator, facebook: Facebook
) -> None:
    with pytest.raises(GrantDead) as raised:
        await facebook.refresh(client_of(meta, facebook), Tokens(access_token="EAAGmadeup"))

    assert raised.value.code == "190"


async def test_a_page_token_outlives_a_long_user_token_but_not_a_short_one(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    long = await connect(meta, http, facebook, "ana", ANA)
    client = client_of(meta, facebook)
    back = await consent(http, facebook.platform, client, person="ana", assets=ANA)
    form = {"client_id": "1200", "client_secret": SECRET, "code": back["code"]}
    form["redirect_uri"] = client.redirect_uri
    bought = (await http.post(f"{meta.url}/v26.0/oauth/access_token", data=form)).json()
    short = Tokens(access_token=bought["access_token"])
    from_long, from_short = [(await seen(meta, facebook, t)).accounts[0].token or "" for t in (long, short)]
    meta.clock.offset_s = 61 * 86_400

    assert (await ask(meta, http, "/me", from_long)).status_code == 200
    assert error_of(await ask(meta, http, "/me", from_short)) == (190, 463)


async def test_a_lost_role_kills_the_page_token_and_greys_the_page(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)
    token = next(a.token for a in (await seen(meta, facebook, tokens)).accounts if a.id == HARBOR)
    await control(meta, http, "role", person="ana", page=HARBOR, tasks=[])

    left = (await seen(meta, facebook, tokens)).accounts

    assert error_of(await ask(meta, http, "/me", token or "")) == (190, 492)
    assert {a.id for a in left} == {BLUE_DOOR, STUDIO}


async def test_a_weakened_role_blocks_the_page(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)
    await control(meta, http, "role", person="ana", page=HARBOR, tasks=["MODERATE"])

    harbor = next(a for a in (await seen(meta, facebook, tokens)).accounts if a.id == HARBOR)

    assert harbor.blocker is Blocker.NO_CREATE_CONTENT
    assert harbor.missing == {Capability.INSIGHTS}


async def test_a_permission_taken_back_is_no_longer_in_force(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)
    await control(meta, http, "scope", person="ana", scope="pages_manage_posts")

    assert "pages_manage_posts" not in (await seen(meta, facebook, tokens)).scopes


async def test_a_lost_answer_to_a_code_is_unknown_and_the_code_is_spent(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    client = client_of(meta, facebook)
    back = await consent(http, facebook.platform, client, person="ana", assets=ANA)
    await control(meta, http, "faults", path="oauth/access_token", lose_answer=True, times=1)

    with pytest.raises(OutcomeUnknown):
        await facebook.exchange(client, code=back["code"], verifier=None)
    with pytest.raises(Rejected) as raised:
        await facebook.exchange(client, code=back["code"], verifier=None)

    assert raised.value.code == "code_used"


@pytest.mark.parametrize("code", [4, 17, 32, 613, 80001])
async def test_a_limit_is_busy_for_as_long_as_the_header_says(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook, code: int
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)
    meta.settings |= {"limit_code": code, "limit_minutes": 7}

    with pytest.raises(Busy) as raised:
        await seen(meta, facebook, tokens)

    assert raised.value.retry_after == timedelta(minutes=7)


async def test_every_answer_of_graph_names_its_usage_and_version(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)

    answers = [
        await ask(meta, http, "/me", tokens.access_token),
        await ask(meta, http, "/nowhere", tokens.access_token),
        await http.get(f"{meta.url}/v19.0/me", headers={"Authorization": f"Bearer {tokens.access_token}"}),
    ]

    assert all("x-app-usage" in a.headers and "x-business-use-case-usage" in a.headers for a in answers)
    assert [a.headers["facebook-api-version"] for a in answers] == ["v26.0", "v26.0", "v21.0"]


# Graph, towards anyone


async def test_a_wrong_proof_is_refused_and_a_missing_one_only_where_required(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    token = (await connect(meta, http, facebook, "ana", ANA)).access_token
    right = hmac.new(SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()

    bare = await ask(meta, http, "/me", token)
    wrong = await ask(meta, http, "/me", token, appsecret_proof="0" * 64)
    meta.settings["require_proof"] = True
    required = await ask(meta, http, "/me", token)
    proven = await ask(meta, http, "/me", token, appsecret_proof=right)

    assert [a.status_code for a in (bare, wrong, required, proven)] == [200, 400, 400, 200]
    assert error_of(wrong) == error_of(required) == (100, None)


async def test_debug_token_tells_users_pages_and_nonsense_apart(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", (BLUE_DOOR,))
    [page] = (await seen(meta, facebook, tokens)).accounts
    app = f"1200|{SECRET}"

    user = (await ask(meta, http, "/debug_token", app, input_token=tokens.access_token)).json()["data"]
    ours = (await ask(meta, http, "/debug_token", app, input_token=page.token or "")).json()["data"]
    odd = (await ask(meta, http, "/debug_token", app, input_token="EAAGodd")).json()["data"]
    foreign = await ask(meta, http, "/debug_token", "1300|other-secret", input_token=tokens.access_token)

    assert (user["type"], user["is_valid"]) == ("USER", True)
    assert {"scope": "pages_show_list", "target_ids": [BLUE_DOOR]} in user["granular_scopes"]
    assert user["data_access_expires_at"] > user["expires_at"] > user["issued_at"]
    assert (ours["type"], ours["profile_id"], ours["expires_at"]) == ("PAGE", BLUE_DOOR, 0)
    assert (odd["is_valid"], odd["scopes"], odd["error"]["code"]) == (False, [], 190)
    assert error_of(foreign) == (100, None)


async def test_debug_token_names_why_a_token_ended(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)
    await control(meta, http, "revoke", person="ana", subcode=460)

    answer = await ask(meta, http, "/debug_token", f"1200|{SECRET}", input_token=tokens.access_token)

    assert answer.status_code == 200
    assert answer.json()["data"]["is_valid"] is False
    assert answer.json()["data"]["error"]["subcode"] == 460


async def test_an_app_token_can_be_bought(meta: MetaSimulator, http: httpx.AsyncClient) -> None:
    url = f"{meta.url}/v26.0/oauth/access_token"
    form = {"grant_type": "client_credentials", "client_id": "1200", "client_secret": SECRET}

    bought = [(await http.get(url, params=form)).json(), (await http.post(url, data=form)).json()]

    for answer in bought:
        assert answer["access_token"].startswith("1200|")
        assert (await ask(meta, http, "/debug_token", answer["access_token"], input_token="x")).is_success


async def test_fields_are_honoured_and_unknown_ones_refused(
    meta: MetaSimulator, http: httpx.AsyncClient, instagram: Instagram
) -> None:
    token = (await connect(meta, http, instagram, "ana", ANA)).access_token
    fields = "name,picture.type(large){url},instagram_business_account{id,username}"

    asked = await ask(meta, http, "/me/accounts", token, fields=fields)
    unknown = await ask(meta, http, "/me/accounts", token, fields="name,shoe_size")

    [bakery, studio, _] = asked.json()["data"]
    assert bakery["instagram_business_account"] == {"id": "178410000000001", "username": "bluedoorbakery"}
    assert set(studio) == {"id", "name", "picture"}
    assert studio["picture"]["data"]["url"].startswith(meta.url)
    assert error_of(unknown) == (100, None)


async def test_pictures_are_pictures(meta: MetaSimulator, http: httpx.AsyncClient) -> None:
    picture = await http.get(f"{meta.url}/pictures/{BLUE_DOOR}.png")

    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")


@pytest.mark.parametrize("limit", ["7", "100", "5000"])
async def test_cursors_lead_through_the_whole_list_once(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook, limit: str
) -> None:
    token = (await connect(meta, http, facebook, "brand", EVERY_PAGE)).access_token
    names: list[str] = []
    after: dict[str, str] = {}
    for _ in range(200):
        body = (await ask(meta, http, "/me/accounts", token, fields="name", limit=limit, **after)).json()
        names += [row["name"] for row in body["data"]]
        assert len(body["data"]) <= 100
        if "next" not in body["paging"]:
            break
        after = {"after": body["paging"]["cursors"]["after"]}

    assert names == [f"Big Brand Store {n:04}" for n in range(1, 1001)]


@pytest.mark.parametrize("parameters", [{"after": "bm9wZQ"}, {"after": "%%%"}, {"limit": "many"}])
async def test_an_odd_cursor_or_limit_is_a_bad_parameter(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook, parameters: dict[str, str]
) -> None:
    token = (await connect(meta, http, facebook, "ana", ANA)).access_token

    assert error_of(await ask(meta, http, "/me/accounts", token, **parameters)) == (100, None)


async def test_nodes_of_others_look_as_if_they_were_not_there(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    token = (await connect(meta, http, facebook, "ana", (BLUE_DOOR,))).access_token

    for path in (f"/{CLUB}", f"/{STUDIO}", "/1", "/ana/permissions"):
        assert error_of(await ask(meta, http, path, token)) == (100, 33)
    assert (await ask(meta, http, f"/{BLUE_DOOR}", token)).json()["name"] == "Blue Door Bakery"


async def test_a_portfolio_needs_business_management(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    token = (await connect(meta, http, facebook, "ben", BEN, ("pages_show_list",))).access_token

    assert error_of(await ask(meta, http, "/me/businesses", token)) == (200, None)


async def test_one_permission_can_be_deleted_alone(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    tokens = await connect(meta, http, facebook, "ana", ANA)
    headers = {"Authorization": f"Bearer {tokens.access_token}"}

    url = f"{meta.url}/v26.0/me/permissions?permission=read_insights"
    answer = await http.delete(url, headers=headers)

    assert answer.json() == {"success": True}
    assert "read_insights" not in (await seen(meta, facebook, tokens)).scopes


async def test_another_app_sees_another_id_and_other_permissions(
    meta: MetaSimulator, http: httpx.AsyncClient, facebook: Facebook
) -> None:
    ours = await connect(meta, http, facebook, "ana", ANA)
    other = client_of(
        meta,
        facebook,
        client_id="1300",
        client_secret="other-secret",
        redirect_uri="https://other.example/callback",
    )
    back = await consent(http, facebook.platform, other, person="ana", assets=ANA)
    theirs = await facebook.exchange(other, code=back["code"], verifier=None)

    await facebook.revoke(other, theirs)

    assert (await seen(meta, facebook, ours)).identity.name == "Ana Ruiz"
    with pytest.raises(PlatformError):
        await facebook.discover(other, theirs)
