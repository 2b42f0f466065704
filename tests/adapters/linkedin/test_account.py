from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters import oauth
from adapters.base import (
    App,
    Blocker,
    Busy,
    Capability,
    Client,
    GrantDead,
    Hint,
    Misconfigured,
    PlatformError,
    Rejected,
    RemoteAccount,
    TokenRefused,
    Tokens,
    capabilities,
    missing_scopes,
)
from adapters.linkedin import PLATFORM
from adapters.linkedin.account import RETRY_PAUSES_S, LinkedIn
from adapters.linkedin.calls import API
from sandbox.platforms.linkedin.sign_in import Organization
from sandbox.platforms.linkedin.simulator import LinkedInSimulator
from tests.consent import consent
from tests.credentials import callback_of, client_of, registered

MEMBER, PAGE = PLATFORM.apps
USERINFO, ME = f"{API}/v2/userinfo", f"{API}/v2/me"
ACLS = f"{API}/rest/organizationAcls?q=roleAssignee&state=APPROVED&start={{}}&count=20"
ANA = {"sub": "a1B2c3", "name": "Ana Ruiz", "picture": "https://media.licdn.com/ana"}
ANA_BASIC = {
    "id": "a1B2c3",
    "localizedFirstName": "Ana",
    "localizedLastName": "Ruiz",
    "vanityName": "ana-ruiz",
}


def names(app: App) -> tuple[str, ...]:
    return tuple(scope.name for scope in app.scopes)


def tokens_for(*scopes: str, refresh_token: str | None = None) -> Tokens:
    return Tokens(access_token="acc", refresh_token=refresh_token, scopes=frozenset(scopes))


MEMBER_TOKENS = tokens_for(*names(MEMBER))
PAGE_TOKENS = tokens_for(*names(PAGE))


def client_for(app: App, origin: str | None = None, **options: str) -> Client:
    """Return credentials of an app that has its key as its id, because both are at one LinkedIn."""
    return client_of(app, origin, client_id=app.key, client_secret="shh", **options)


class Pauses(list[float]):
    """The waits that were asked for, none of which was slept."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def linkedin(http: httpx.AsyncClient, pauses: Pauses) -> LinkedIn:
    return LinkedIn(http, pause=pauses)


@pytest.fixture
async def sandbox() -> AsyncIterator[LinkedInSimulator]:
    async with registered(LinkedInSimulator(), *map(client_for, PLATFORM.apps)) as found:
        yield found


def role(organization: int, name: str = "ADMINISTRATOR", key: str = "organization") -> dict[str, str]:
    return {"role": name, "state": "APPROVED", key: f"urn:li:organization:{organization}"}


def acls(*elements: Any, following: str | None = None) -> dict[str, Any]:
    links = [{"rel": "prev", "href": "/rest/organizationAcls?start=3"}]
    if following is not None:
        links.append({"rel": "next", "href": following})
    return {"paging": {"start": 0, "count": 20, "links": links}, "elements": list(elements)}


def test_the_consent_link_has_no_challenge() -> None:
    link = urlsplit(oauth.authorize_url(PLATFORM, client_for(PAGE), state="s", verifier="v"))

    assert f"{link.scheme}://{link.netloc}{link.path}" == "https://www.linkedin.com/oauth/v2/authorization"
    assert parse_qs(link.query) == {
        "response_type": ["code"],
        "client_id": ["linkedin_page"],
        "redirect_uri": [callback_of(PAGE)],
        "scope": ["r_basicprofile w_organization_social r_organization_social rw_organization_admin"],
        "state": ["s"],
    }


def test_a_missing_scope_names_the_product_it_comes_with() -> None:
    missing = missing_scopes(MEMBER, {"openid", "profile"})

    assert [(scope.name, scope.product) for scope in missing] == [("w_member_social", "Share on LinkedIn")]
    assert capabilities(MEMBER, {"openid", "profile"}) == frozenset()


def test_a_page_grant_without_statistics_can_still_publish() -> None:
    granted = {"r_basicprofile", "w_organization_social", "rw_organization_admin"}

    assert capabilities(PAGE, granted) == {Capability.PUBLISH, Capability.MEDIA}


async def test_the_exchange_sends_the_secret_in_the_form_and_reads_commas(
    linkedin: LinkedIn, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(
        method="POST",
        url="https://www.linkedin.com/oauth/v2/accessToken",
        json={"access_token": "AQX", "expires_in": 5183999, "scope": "openid,profile,w_member_social"},
    )

    tokens = await linkedin.exchange(client_for(MEMBER), code="c0de", verifier="unused")

    assert tokens == Tokens(
        access_token="AQX",
        expires_in=timedelta(seconds=5183999),
        scopes=frozenset({"openid", "profile", "w_member_social"}),
    )
    [request] = httpx_mock.get_requests()
    assert "Authorization" not in request.headers
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["c0de"],
        "redirect_uri": [callback_of(MEMBER)],
        "client_id": ["linkedin"],
        "client_secret": ["shh"],
    }


async def test_without_a_refresh_token_nothing_is_sent(linkedin: LinkedIn) -> None:
    with pytest.raises(Misconfigured, match="no_refresh"):
        await linkedin.refresh(client_for(MEMBER), MEMBER_TOKENS)


async def test_a_partners_refresh_keeps_the_token_and_its_falling_life(
    linkedin: LinkedIn, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(
        json={
            "access_token": "AQX2",
            "expires_in": 86400,
            "refresh_token": "AQR",
            "refresh_token_expires_in": 439200,
            "scope": "r_basicprofile",
        }
    )

    tokens = await linkedin.refresh(client_for(PAGE), tokens_for("r_basicprofile", refresh_token="AQR"))

    assert tokens == Tokens(
        access_token="AQX2",
        refresh_token="AQR",
        expires_in=timedelta(days=1),
        refresh_expires_in=timedelta(seconds=439200),
        scopes=frozenset({"r_basicprofile"}),
    )


def refused(error: str, words: str = "", status: int = 400) -> dict[str, Any]:
    return {"status_code": status, "json": {"error": error, "error_description": words}}


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param(
            refused(
                "invalid_request",
                "The provided authorization grant or refresh token is invalid, expired or revoked",
            ),
            GrantDead,
            id="dead-in-linkedins-words",
        ),
        pytest.param(refused("invalid_grant"), GrantDead, id="invalid-grant"),
        pytest.param(
            refused("invalid_request", 'A required parameter "client_id" is missing'),
            Rejected,
            id="another-invalid-request",
        ),
        pytest.param(refused("invalid_client", status=401), Misconfigured, id="our-secret"),
        pytest.param({"status_code": 429, "json": {"status": 429}}, Busy, id="429"),
        pytest.param({"status_code": 500, "html": "<html>"}, Busy, id="500"),
        pytest.param({"status_code": 200, "json": {}}, Busy, id="200-without-a-token"),
    ],
)
async def test_each_answer_to_a_refresh_has_one_verdict(
    linkedin: LinkedIn, httpx_mock: HTTPXMock, answer: dict[str, Any], verdict: type[PlatformError]
) -> None:
    httpx_mock.add_response(**answer)

    with pytest.raises(verdict):
        await linkedin.refresh(client_for(PAGE), tokens_for(refresh_token="AQR"))


async def test_revoking_sends_the_token_with_our_credentials(
    linkedin: LinkedIn, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(method="POST", url=PLATFORM.revoke_url, content=b"")

    await linkedin.revoke(client_for(MEMBER), MEMBER_TOKENS)

    [request] = httpx_mock.get_requests()
    assert request.content == b"token=acc&client_id=linkedin&client_secret=shh"


async def test_a_revocation_that_did_not_work_is_told(linkedin: LinkedIn, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=404, html="<html>")

    with pytest.raises(Busy):
        await linkedin.revoke(client_for(MEMBER), MEMBER_TOKENS)


async def test_the_member_app_finds_the_profile_and_says_what_pages_need(
    linkedin: LinkedIn, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=USERINFO, match_headers={"Authorization": "Bearer acc"}, json=ANA)

    found = await linkedin.discover(client_for(MEMBER), MEMBER_TOKENS)

    assert (found.identity.id, found.identity.name) == ("a1B2c3", "Ana Ruiz")
    assert found.scopes == frozenset(names(MEMBER))
    assert found.hints == {Hint.PAGES_NEED_PAGE_APP}
    assert found.accounts == (
        RemoteAccount(
            id="urn:li:person:a1B2c3",
            kind="Profile",
            name="Ana Ruiz",
            avatar_url="https://media.licdn.com/ana",
        ),
    )


async def test_a_profile_that_may_not_post_is_not_listed(linkedin: LinkedIn, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=USERINFO, json=ANA)

    found = await linkedin.discover(client_for(MEMBER), tokens_for("openid", "profile"))

    assert found.accounts == ()
    assert found.identity.id == "a1B2c3"


async def test_one_app_for_both_lists_profile_and_pages(linkedin: LinkedIn, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=ME, json=ANA_BASIC)
    httpx_mock.add_response(url=ACLS.format(0), json=acls(role(5515)))
    httpx_mock.add_response(url=f"{API}/rest/organizations/5515", json={"localizedName": "Blue Door"})

    found = await linkedin.discover(client_for(PAGE), tokens_for(*names(PAGE), "w_member_social"))

    assert [(a.kind, a.name, a.url) for a in found.accounts] == [
        ("Profile", "Ana Ruiz", "https://www.linkedin.com/in/ana-ruiz/"),
        ("Company page", "Blue Door", "https://www.linkedin.com/company/5515/"),
    ]


async def test_pages_are_read_with_version_and_protocol(linkedin: LinkedIn, httpx_mock: HTTPXMock) -> None:
    headers = {"LinkedIn-Version": "202609", "X-Restli-Protocol-Version": "2.0.0"}
    httpx_mock.add_response(url=ME, json=ANA_BASIC)
    httpx_mock.add_response(
        url=ACLS.format(0), match_headers=headers, json=acls(role(5515), role(5517, "ANALYST"))
    )
    httpx_mock.add_response(
        url=f"{API}/rest/organizations/5515",
        match_headers=headers,
        json={"id": 5515, "localizedName": "Blue Door", "vanityName": "blue-door"},
    )
    httpx_mock.add_response(url=f"{API}/rest/organizations/5517", status_code=403, json={"status": 403})

    found = await linkedin.discover(client_for(PAGE), PAGE_TOKENS)

    assert found.hints == frozenset()
    assert found.accounts == (
        RemoteAccount(
            id="urn:li:organization:5515",
            kind="Company page",
            name="Blue Door",
            url="https://www.linkedin.com/company/blue-door/",
        ),
        RemoteAccount(
            id="urn:li:organization:5517",
            kind="Company page",
            name="Company page 5517",
            url="https://www.linkedin.com/company/5517/",
            blocker=Blocker.NOT_PAGE_ADMIN,
            unnamed=True,
        ),
    )


async def test_the_operator_chooses_the_version(linkedin: LinkedIn, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=ME, json=ANA_BASIC)
    httpx_mock.add_response(match_headers={"LinkedIn-Version": "202603"}, json=acls())

    found = await linkedin.discover(client_for(PAGE, api_version="202603"), PAGE_TOKENS)

    assert found.hints == {Hint.NO_COMPANY_PAGE}


@pytest.mark.parametrize(
    ("roles", "blocker", "missing"),
    [
        pytest.param(["ADMINISTRATOR"], None, set(), id="admin"),
        pytest.param(
            ["CONTENT_ADMINISTRATOR"], None, {Capability.MEDIA, Capability.INSIGHTS}, id="content-admin"
        ),
        pytest.param(["CONTENT_ADMINISTRATOR", "ADMINISTRATOR"], None, set(), id="the-better-role-counts"),
        pytest.param(["ANALYST", "ADMINISTRATOR"], None, set(), id="one-role-is-enough"),
        pytest.param(["DIRECT_SPONSORED_CONTENT_POSTER"], Blocker.NOT_PAGE_ADMIN, set(), id="ads-only"),
        pytest.param(["A_ROLE_OF_TOMORROW"], Blocker.NOT_PAGE_ADMIN, set(), id="unknown"),
    ],
)
async def test_a_role_decides_what_a_page_is_good_for(
    linkedin: LinkedIn,
    httpx_mock: HTTPXMock,
    roles: list[str],
    blocker: Blocker | None,
    missing: set[Capability],
) -> None:
    httpx_mock.add_response(url=ME, json=ANA_BASIC)
    httpx_mock.add_response(url=ACLS.format(0), json=acls(*(role(5515, name) for name in roles)))
    httpx_mock.add_response(url=f"{API}/rest/organizations/5515", json={"localizedName": "Blue Door"})

    [page] = (await linkedin.discover(client_for(PAGE), PAGE_TOKENS)).accounts

    assert page.blocker is blocker
    assert page.missing == missing


@pytest.mark.parametrize(
    "element",
    [
        pytest.param(role(5515) | {"state": "REQUESTED"}, id="not-approved"),
        pytest.param(role(5515) | {"organization": "urn:li:organizationBrand:5515"}, id="a-brand"),
        pytest.param(role(5515) | {"organization": "urn:li:organization:5515/../../v2/me"}, id="a-path"),
        pytest.param(role(5515) | {"organization": 5515}, id="a-number"),
        pytest.param("urn:li:organization:5515", id="no-object"),
    ],
)
async def test_an_entry_that_is_no_page_is_left_out(
    linkedin: LinkedIn, httpx_mock: HTTPXMock, element: object
) -> None:
    httpx_mock.add_response(url=ME, json=ANA_BASIC)
    httpx_mock.add_response(url=ACLS.format(0), json=acls(element))

    found = await linkedin.discover(client_for(PAGE), PAGE_TOKENS)

    assert found.accounts == ()
    assert found.hints == {Hint.NO_COMPANY_PAGE}


async def test_pages_are_followed_by_number_and_never_by_address(
    linkedin: LinkedIn, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=ME, json=ANA_BASIC)
    httpx_mock.add_response(
        url=ACLS.format(0), json=acls(following="https://evil.example/rest/organizationAcls?start=7")
    )
    httpx_mock.add_response(
        url=ACLS.format(7), json=acls(role(1, key="organizationTarget"), following="/rest/organizationAcls")
    )
    httpx_mock.add_response(
        url=ACLS.format(27), json=acls(role(2), following="/rest/organizationAcls?start=7")
    )
    httpx_mock.add_response(url=f"{API}/rest/organizations/1", json={"localizedName": "b"})
    httpx_mock.add_response(url=f"{API}/rest/organizations/2", json={"localizedName": "A"})

    found = await linkedin.discover(client_for(PAGE), PAGE_TOKENS)

    assert [account.name for account in found.accounts] == ["A", "b"]


async def test_endless_paging_ends_after_twenty_pages(linkedin: LinkedIn, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=ME, json=ANA_BASIC)
    for start in range(0, 400, 20):
        httpx_mock.add_response(url=ACLS.format(start), json=acls(following=f"/x?start={start + 20}"))

    found = await linkedin.discover(client_for(PAGE), PAGE_TOKENS)

    assert found.accounts == ()


REVOKED = {"status": 401, "serviceErrorCode": 65601, "code": "REVOKED_ACCESS_TOKEN"}


async def test_a_token_made_a_moment_ago_is_given_time(
    linkedin: LinkedIn, httpx_mock: HTTPXMock, pauses: Pauses
) -> None:
    httpx_mock.add_response(url=USERINFO, status_code=401, json={"status": 401, "serviceErrorCode": 65601})
    httpx_mock.add_response(url=USERINFO, status_code=401, json={"code": "REVOKED_ACCESS_TOKEN"})
    httpx_mock.add_response(url=USERINFO, json=ANA)

    found = await linkedin.discover(client_for(MEMBER), MEMBER_TOKENS)

    assert found.identity.id == "a1B2c3"
    assert pauses == [0.5, 0.5]


async def test_names_of_at_most_a_hundred_pages_are_read(linkedin: LinkedIn, httpx_mock: HTTPXMock) -> None:
    roles = [
        {"organization": f"urn:li:organization:{number}", "role": "ADMINISTRATOR", "state": "APPROVED"}
        for number in range(1, 121)
    ]
    httpx_mock.add_response(url=ME, json=ANA_BASIC)
    httpx_mock.add_response(url=ACLS.format(0), json={"elements": roles})
    httpx_mock.add_response(
        url=re.compile(r".*/rest/organizations/\d+$"), json={"localizedName": "Page"}, is_reusable=True
    )

    found = await linkedin.discover(client_for(PAGE), PAGE_TOKENS)

    assert sum(account.unnamed for account in found.accounts) == 20
    assert len(httpx_mock.get_requests()) == 102


async def test_patience_ends_after_eight_seconds_in_all(
    linkedin: LinkedIn, httpx_mock: HTTPXMock, pauses: Pauses
) -> None:
    httpx_mock.add_response(url=ME, status_code=401, json=REVOKED)
    httpx_mock.add_response(url=ME, json=ANA_BASIC)
    httpx_mock.add_response(url=ACLS.format(0), status_code=401, json=REVOKED, is_reusable=True)

    with pytest.raises(TokenRefused, match="REVOKED_ACCESS_TOKEN"):
        await linkedin.discover(client_for(PAGE), PAGE_TOKENS)

    assert tuple(pauses) == RETRY_PAUSES_S
    assert sum(pauses) == 8


async def test_a_grant_that_names_nobody_is_our_fault(linkedin: LinkedIn) -> None:
    with pytest.raises(Misconfigured, match="no_identity_scope"):
        await linkedin.discover(client_for(MEMBER), tokens_for("w_member_social"))


async def test_scopes_the_answer_did_not_name_are_the_ones_we_asked_for(
    linkedin: LinkedIn, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(url=USERINFO, json=ANA)

    found = await linkedin.discover(client_for(MEMBER), Tokens(access_token="acc"))

    assert found.scopes == frozenset(names(MEMBER))


def fault(status: int, code: str = "", service: object = None) -> dict[str, Any]:
    body = {"status": status, "code": code, "serviceErrorCode": service, "message": "for people"}
    return {"status_code": status, "json": {k: v for k, v in body.items() if v}}


@pytest.mark.parametrize(
    ("answer", "verdict", "code"),
    [
        pytest.param(fault(401, service=65600), TokenRefused, "INVALID_ACCESS_TOKEN", id="invalid"),
        pytest.param(fault(401, "EXPIRED_ACCESS_TOKEN"), TokenRefused, "EXPIRED_ACCESS_TOKEN", id="expired"),
        pytest.param(fault(401), TokenRefused, "http_401", id="a-401-without-a-code"),
        pytest.param(fault(401, service=65604), Misconfigured, "EMPTY_ACCESS_TOKEN", id="our-bug"),
        pytest.param(fault(401, service=65608), Rejected, "RESTRICTED_MEMBER", id="restricted-401"),
        pytest.param(fault(403, service=65608), Rejected, "RESTRICTED_MEMBER", id="restricted-403"),
        pytest.param(fault(403, "ACCESS_DENIED", 100), Rejected, "ACCESS_DENIED", id="no-permission"),
        pytest.param(fault(403, "see https://evil.example"), Rejected, "http_403", id="a-code-for-people"),
        pytest.param(fault(426, "NONEXISTENT_VERSION"), Misconfigured, "NONEXISTENT_VERSION", id="426"),
        pytest.param({"status_code": 426, "text": ""}, Misconfigured, "http_426", id="426-empty"),
        pytest.param(fault(400, "ILLEGAL_ARGUMENT"), Misconfigured, "ILLEGAL_ARGUMENT", id="400"),
        pytest.param(fault(404, service=[1]), Misconfigured, "http_404", id="404"),
        pytest.param(fault(409, "CONFLICT"), Busy, "CONFLICT", id="409"),
        pytest.param(fault(500), Busy, "http_500", id="500"),
        pytest.param({"status_code": 403, "html": "<html>"}, Busy, "http_403", id="a-wall"),
        pytest.param({"status_code": 200, "html": "<html>"}, Busy, "unreadable_answer", id="html"),
        pytest.param({"status_code": 200, "json": {}}, Busy, "unreadable_answer", id="empty"),
        pytest.param({"status_code": 200, "json": ["sub"]}, Busy, "unreadable_answer", id="a-list"),
        pytest.param({"status_code": 200, "json": {"sub": 7}}, Busy, "unreadable_answer", id="a-number"),
        pytest.param({"status_code": 200, "content": b'{"sub":"a'}, Busy, "unreadable_answer", id="cut"),
    ],
)
async def test_each_answer_to_a_discovery_has_one_verdict(
    linkedin: LinkedIn,
    httpx_mock: HTTPXMock,
    answer: dict[str, Any],
    verdict: type[PlatformError],
    code: str,
) -> None:
    httpx_mock.add_response(url=USERINFO, **answer)

    with pytest.raises(PlatformError) as caught:
        await linkedin.discover(client_for(MEMBER), MEMBER_TOKENS)

    assert (type(caught.value), caught.value.code) == (verdict, code)


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        pytest.param({}, lambda wait: timedelta() < wait <= timedelta(days=1), id="until-midnight"),
        pytest.param({"Retry-After": "7"}, lambda wait: wait == timedelta(seconds=7), id="as-told"),
    ],
)
async def test_a_quota_says_when_to_come_back(
    linkedin: LinkedIn,
    httpx_mock: HTTPXMock,
    headers: dict[str, str],
    good: Callable[[timedelta], bool],
) -> None:
    httpx_mock.add_response(status_code=429, headers=headers, json={"code": "TOO_MANY_REQUESTS"})

    with pytest.raises(Busy, match="TOO_MANY_REQUESTS") as caught:
        await linkedin.discover(client_for(MEMBER), MEMBER_TOKENS)

    assert caught.value.retry_after is not None
    assert good(caught.value.retry_after)


async def test_there_are_no_places(linkedin: LinkedIn) -> None:
    assert await linkedin.places(client_for(PAGE), PAGE_TOKENS, "urn:li:organization:1") == ()


async def connect(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, app: App, person: str
) -> tuple[Client, Tokens]:
    client = client_for(app, sandbox.url)
    answer = await consent(http, PLATFORM, client, person=person)
    return client, await LinkedIn(http).exchange(client, code=answer["code"], verifier=None)


async def test_a_profile_is_connected_and_revoked(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, linkedin: LinkedIn
) -> None:
    client, tokens = await connect(sandbox, http, MEMBER, "ana-ruiz")

    found = await linkedin.discover(client, tokens)
    await linkedin.revoke(client, tokens)

    assert tokens.refresh_token is None
    assert (tokens.expires_in, tokens.scopes) == (timedelta(days=60), frozenset(names(MEMBER)))
    assert [(a.kind, a.name) for a in found.accounts] == [("Profile", "Ana Ruiz")]
    assert found.accounts[0].id == f"urn:li:person:{found.identity.id}"
    with pytest.raises(TokenRefused):
        await linkedin.discover(client, tokens)


async def test_pages_are_listed_usable_ones_first(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, linkedin: LinkedIn
) -> None:
    client, tokens = await connect(sandbox, http, PAGE, "ana-ruiz")

    found = await linkedin.discover(client, tokens)

    assert [(a.id, a.name, a.blocker) for a in found.accounts] == [
        ("urn:li:organization:5515", "Blue Door", None),
        ("urn:li:organization:5516", "Octa Mugs", None),
        ("urn:li:organization:5517", "Harbour Lights", Blocker.NOT_PAGE_ADMIN),
    ]


async def test_a_member_without_pages_gets_a_hint(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, linkedin: LinkedIn
) -> None:
    client, tokens = await connect(sandbox, http, PAGE, "ben-okafor")

    found = await linkedin.discover(client, tokens)

    assert (found.identity.name, found.accounts) == ("Ben Okafor", ())
    assert found.hints == {Hint.NO_COMPANY_PAGE}


@pytest.mark.parametrize("key", ["organization", "organizationTarget"])
async def test_forty_five_pages_are_all_found(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, linkedin: LinkedIn, key: str
) -> None:
    sandbox.settings["acl_key"] = key
    client, tokens = await connect(sandbox, http, PAGE, "big-holding")

    found = await linkedin.discover(client, tokens)

    assert len({account.id for account in found.accounts}) == 45
    assert found.accounts[0].name == "Holding Branch 01"
    assert [call.query["start"] for call in sandbox.calls("organizationAcls")] == ["0", "20", "40"]


async def test_a_role_that_was_only_asked_for_is_not_listed(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, linkedin: LinkedIn
) -> None:
    sandbox.organizations[1] = Organization(
        id=1, name="Asked for", vanity="asked", roles={"ben-okafor": "ADMINISTRATOR"}, state="REQUESTED"
    )
    client, tokens = await connect(sandbox, http, PAGE, "ben-okafor")

    found = await linkedin.discover(client, tokens)

    assert found.accounts == ()


async def test_a_fresh_token_is_waited_for(sandbox: LinkedInSimulator, http: httpx.AsyncClient) -> None:
    sandbox.settings["fresh_token_delay_s"] = 3
    client, tokens = await connect(sandbox, http, MEMBER, "ana-ruiz")

    async def pause(seconds: float) -> None:
        sandbox.clock.offset_s += seconds

    found = await LinkedIn(http, pause=pause).discover(client, tokens)

    assert found.identity.name == "Ana Ruiz"
    assert [call.status for call in sandbox.calls("userinfo")][-2:] == [401, 200]


async def test_a_partner_refreshes_for_a_year(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, linkedin: LinkedIn
) -> None:
    sandbox.settings["issues_refresh"] = True
    client, first = await connect(sandbox, http, PAGE, "ana-ruiz")
    sandbox.clock.offset_s = timedelta(days=59).total_seconds()

    second = await linkedin.refresh(client, first)

    assert second.refresh_token == first.refresh_token
    assert first.refresh_expires_in is not None
    assert second.refresh_expires_in is not None
    left = first.refresh_expires_in - second.refresh_expires_in
    assert left.total_seconds() == pytest.approx(timedelta(days=59).total_seconds(), abs=30)
    sandbox.clock.offset_s = timedelta(days=366).total_seconds()
    with pytest.raises(GrantDead):
        await linkedin.refresh(client, second)


async def test_other_scopes_end_the_older_token(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, linkedin: LinkedIn
) -> None:
    client, first = await connect(sandbox, http, MEMBER, "ana-ruiz")
    sandbox.settings |= {"products_off": ["w_member_social"], "omits_scopes": True}
    _, second = await connect(sandbox, http, MEMBER, "ana-ruiz")

    found = await linkedin.discover(client, second)

    assert found.scopes == {"openid", "profile"}
    with pytest.raises(TokenRefused, match="REVOKED_ACCESS_TOKEN"):
        await linkedin.discover(client, first)


async def test_a_missing_product_comes_back_as_a_code_the_platform_declares(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient
) -> None:
    sandbox.settings["products_off"] = ["w_organization_social"]
    url = oauth.authorize_url(PLATFORM, client_for(PAGE, sandbox.url), state="s", verifier="v")

    answer = await http.get(url)

    assert answer.status_code == 303
    error = httpx.URL(answer.headers["location"]).params["error"]
    assert error in PLATFORM.missing_product_codes
    assert error not in PLATFORM.denied_codes


@pytest.mark.parametrize("code", ["user_cancelled_login", "user_cancelled_authorize"])
async def test_both_ways_to_cancel_are_known(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, code: str
) -> None:
    sandbox.settings["cancel_code"] = code

    answer = await consent(
        http, PLATFORM, client_for(MEMBER, sandbox.url), person="ana-ruiz", decision="cancel"
    )

    assert answer["error"] in PLATFORM.denied_codes


async def test_a_retired_version_is_our_fault(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, linkedin: LinkedIn
) -> None:
    sandbox.settings["oldest_version"] = "202610"
    client, tokens = await connect(sandbox, http, PAGE, "ana-ruiz")

    with pytest.raises(Misconfigured, match="NONEXISTENT_VERSION"):
        await linkedin.discover(client, tokens)


async def test_a_used_code_is_rejected(
    sandbox: LinkedInSimulator, http: httpx.AsyncClient, linkedin: LinkedIn
) -> None:
    client = client_for(MEMBER, sandbox.url)
    answer = await consent(http, PLATFORM, client, person="ana-ruiz")
    await linkedin.exchange(client, code=answer["code"], verifier=None)

    with pytest.raises(Rejected):
        await linkedin.exchange(client, code=answer["code"], verifier=None)
