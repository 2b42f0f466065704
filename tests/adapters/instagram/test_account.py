"""Instagram: professional accounts behind Pages, and what to say about Pages without one."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters import oauth
from adapters.base import Blocker, Capability, Hint, Tokens, capabilities
from adapters.facebook.account import Facebook
from adapters.instagram import PLATFORM
from adapters.instagram.account import Instagram
from adapters.meta import TOKEN_URL
from adapters.meta.account import MetaAdapter
from tests.adapters.meta.graph import EVERY_SCOPE, client_of, found, graph, page

CLIENT = client_of(PLATFORM)
TOKENS = Tokens(access_token="EAAGuser")
BLUE = {
    "id": "178414",
    "username": "bluedoor",
    "name": "Blue Door",
    "profile_picture_url": "https://cdn.example/i.jpg",
}


@pytest.fixture
def instagram(http: httpx.AsyncClient) -> Instagram:
    return Instagram(http)


def test_the_consent_link_asks_for_what_instagram_really_demands() -> None:
    link = httpx.URL(oauth.authorize_url(PLATFORM, CLIENT, state="s", verifier="v"))

    assert link.params["scope"].split(",") == [
        "instagram_basic",
        "instagram_content_publish",
        "pages_show_list",
        "pages_read_engagement",
        "business_management",
        "instagram_manage_insights",
    ]


def test_a_configuration_of_its_own_stands_for_the_permissions() -> None:
    client = client_of(PLATFORM, options={"config_id": "777000888"})

    link = httpx.URL(oauth.authorize_url(PLATFORM, client, state="s", verifier="v"))

    assert link.params["config_id"] == "777000888"
    assert "scope" not in link.params


def test_reading_engagement_is_a_prerequisite_of_everything() -> None:
    app = PLATFORM.apps[0]

    assert capabilities(app, {s.name for s in app.scopes} - {"pages_read_engagement"}) == frozenset()


@pytest.mark.parametrize(
    ("adapter", "left"), [(Instagram, timedelta(days=90)), (Facebook, None)], ids=["instagram", "facebook"]
)
async def test_how_long_data_is_shown_is_known_from_the_exchange_on_where_it_is_limited(
    http: httpx.AsyncClient, httpx_mock: HTTPXMock, adapter: type[MetaAdapter], left: timedelta | None
) -> None:
    for token in ("EAAGshort", "EAAGlong"):
        httpx_mock.add_response(method="POST", url=TOKEN_URL, json={"access_token": token})
    facts = {
        "is_valid": True,
        "data_access_expires_at": int(time.time()) + 90 * 86_400,
        "scopes": ["instagram_basic"],
    }
    graph(httpx_mock, "/debug_token", {"data": facts})

    shown = (await adapter(http).exchange(CLIENT, code="AQcode", verifier=None)).data_access_expires_in

    assert (shown is None) == (left is None)
    assert left is None or shown is None or abs(left - shown) < timedelta(minutes=1)


async def test_a_professional_account_is_found_behind_its_page(
    instagram: Instagram, httpx_mock: HTTPXMock
) -> None:
    found(httpx_mock, [page(1, name="Blue Door Bakery", instagram_business_account=BLUE)])

    discovery = await instagram.discover(CLIENT, TOKENS)

    [account] = discovery.accounts
    assert (account.id, account.name, account.handle) == ("178414", "Blue Door", "@bluedoor")
    assert account.url == "https://www.instagram.com/bluedoor/"
    assert account.avatar_url == "https://cdn.example/i.jpg"
    assert account.detail == "through the Page Blue Door Bakery"
    assert (account.token, account.blocker) == ("EAAGpage1", None)
    assert discovery.hints == frozenset()


@pytest.mark.parametrize(
    ("changes", "blocker"),
    [
        pytest.param({}, Blocker.NO_INSTAGRAM, id="none"),
        pytest.param({"connected_instagram_account": {"id": "5"}}, Blocker.INSTAGRAM_PERSONAL, id="personal"),
        pytest.param({"instagram_business_account": {}}, Blocker.NO_INSTAGRAM, id="odd"),
        pytest.param({"access_token": None}, Blocker.NO_PAGE_TOKEN, id="page-cannot-be-acted-as"),
        pytest.param({"tasks": ["ANALYZE"]}, Blocker.NO_INSTAGRAM, id="weak-role-comes-second"),
    ],
)
async def test_a_page_without_a_professional_account_says_what_is_wrong(
    instagram: Instagram, httpx_mock: HTTPXMock, changes: dict[str, Any], blocker: Blocker
) -> None:
    found(httpx_mock, [page(1, **changes)])

    discovery = await instagram.discover(CLIENT, TOKENS)

    [account] = discovery.accounts
    assert (account.id, account.name, account.kind) == ("page:104001", "Page 1", "Page")
    assert (account.blocker, account.token) == (blocker, None)
    assert Hint.NO_PROFESSIONAL_ACCOUNT in discovery.hints


@pytest.mark.parametrize(
    ("changes", "blocker"),
    [
        pytest.param({"tasks": ["ANALYZE"]}, Blocker.NO_CREATE_CONTENT, id="weak-role"),
        pytest.param({"access_token": None}, Blocker.NO_PAGE_TOKEN, id="no-token"),
    ],
)
async def test_a_page_that_cannot_be_used_blocks_its_account(
    instagram: Instagram, httpx_mock: HTTPXMock, changes: dict[str, Any], blocker: Blocker
) -> None:
    found(httpx_mock, [page(1, instagram_business_account=BLUE, **changes)])

    discovery = await instagram.discover(CLIENT, TOKENS)

    assert [(a.id, a.blocker) for a in discovery.accounts] == [("178414", blocker)]
    assert Hint.NO_PROFESSIONAL_ACCOUNT in discovery.hints


async def test_an_account_behind_two_pages_appears_once_by_the_better_way(
    instagram: Instagram, httpx_mock: HTTPXMock
) -> None:
    nodes = [
        page(1, instagram_business_account=BLUE, access_token=None),
        page(2, instagram_business_account=BLUE, tasks=["CREATE_CONTENT"]),
        page(3, instagram_business_account=BLUE),
        page(4, instagram_business_account=BLUE, tasks=["ANALYZE"]),
    ]
    found(httpx_mock, nodes)

    [account] = (await instagram.discover(CLIENT, TOKENS)).accounts

    assert (account.token, account.blocker, account.missing) == ("EAAGpage3", None, frozenset())


async def test_a_role_without_analyze_costs_the_insights(instagram: Instagram, httpx_mock: HTTPXMock) -> None:
    found(httpx_mock, [page(1, instagram_business_account=BLUE, tasks=["CREATE_CONTENT"])])

    [account] = (await instagram.discover(CLIENT, TOKENS)).accounts

    assert account.missing == {Capability.INSIGHTS}


async def test_usable_accounts_come_before_pages_without_one(
    instagram: Instagram, httpx_mock: HTTPXMock
) -> None:
    found(httpx_mock, [page(1, name="A Page"), page(2, instagram_business_account=BLUE)])

    discovery = await instagram.discover(CLIENT, TOKENS)

    assert [account.id for account in discovery.accounts] == ["178414", "page:104001"]
    assert Hint.NO_PROFESSIONAL_ACCOUNT not in discovery.hints


async def test_without_instagram_basic_nothing_is_claimed_about_instagram(
    instagram: Instagram, httpx_mock: HTTPXMock
) -> None:
    found(httpx_mock, [page(1)], scopes=set(EVERY_SCOPE) - {"instagram_basic"})

    discovery = await instagram.discover(CLIENT, TOKENS)

    listed = next(r for r in httpx_mock.get_requests() if r.url.path.endswith("/accounts"))
    assert (discovery.accounts, discovery.hints) == ((), frozenset())
    assert "instagram" not in listed.url.params["fields"]


async def test_an_account_of_odd_fields_is_still_an_account(
    instagram: Instagram, httpx_mock: HTTPXMock
) -> None:
    found(httpx_mock, [page(1, instagram_business_account={"id": 178414, "username": None, "name": []})])

    [account] = (await instagram.discover(CLIENT, TOKENS)).accounts

    assert (account.id, account.name, account.handle, account.url) == ("178414", "178414", "", "")
