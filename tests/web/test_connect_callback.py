"""The way back from a platform: what finishes a connection, and everything that doesn't."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx
import pytest

from adapters.linkedin import PLATFORM as LINKEDIN
from sandbox.browser import PLAIN
from sandbox.core import Fault
from sandbox.slack.world import ADA
from storage.memberships import Members
from storage.models import Account, ConnectionAttempt, Grant, GrantStatus, Notice, Role
from tests.application import Office
from tests.counts import in_full, sampled
from tests.pages import press, query_of
from tests.platforms import PLATFORMS

CANNOT = "can&#39;t be finished here"
EVERY = list(PLATFORMS)


async def approve(office: Office, location: str, **form: str) -> str:
    """Say yes at X's consent page and return where the browser is sent."""
    async with httpx.AsyncClient(verify=PLAIN, trust_env=False) as http:
        answer = await http.post(
            location, data={"person": next(iter(office.x.people)), "decision": "approve"} | form
        )
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def consent_to_x(office: Office, browser: httpx.AsyncClient) -> str:
    """Go to X and say yes; return the callback's address, not opened yet."""
    proved = await office.sign_in(browser, await office.ticket(await office.member()))
    return await approve(office, proved.headers["location"])


async def test_consent_ends_on_a_page_that_names_the_account_and_leads_back_to_slack(
    office: Office, browser: httpx.AsyncClient
) -> None:
    back = await consent_to_x(office, browser)

    page = await browser.get(back)

    assert page.status_code == 200
    assert "<h1>Done. Back to Slack.</h1>" in page.text
    [account] = await office.rows(Account)
    assert f"<p>Connected to Acme Social: {account.name} on " in page.text
    assert f'href="{office.slack.url}/' in page.text
    [notice] = await office.rows(Notice)
    assert account.name in (await office.message(notice))["text"]


async def test_another_browser_finishes_nothing_and_spoils_nothing(
    office: Office, browser: httpx.AsyncClient
) -> None:
    back = await consent_to_x(office, browser)
    async with office.browser() as other:
        without = await other.get(back)
        await press(other, await office.ticket(await office.member()))
        with_another = await other.get(back)

    assert [without.status_code, with_another.status_code] == [400, 400]
    assert office.token_calls() == 0
    assert (await browser.get(back)).status_code == 200


@pytest.mark.parametrize("other", sampled([key for key in EVERY if key != "x"], 3))
async def test_a_code_never_reaches_another_platform(
    office: Office, browser: httpx.AsyncClient, other: str
) -> None:
    back = await consent_to_x(office, browser)

    page = await browser.get(back.replace("/oauth/x/", f"/oauth/{other}/"))

    assert page.status_code == 400
    assert office.token_calls() == 0
    assert await office.count(ConnectionAttempt) == 1


async def test_damaged_addresses_are_refused_before_anything_is_asked(
    office: Office, browser: httpx.AsyncClient
) -> None:
    state = await office.attempt(browser)
    path = "/oauth/x/callback"
    damaged = [
        "",
        "?",
        "?code=c",
        f"?state={state}",
        f"?state={state}&code=",
        f"?state={state}&code=a&code=b",
        f"?state={state}&state={state}&code=a",
        f"?state={state}&state=other&code=a",
        f"?state={state}&code=a&error=access_denied&error=x",
        f"?state={state}&code={'a' * 4097}",
        f"?state={state[:-1]}&code=a",
        f"?state={state}%20&code=a",
        f"?state={state.swapcase()}&code=a",
        f"?state={state}%00&code=a",
        "?state=%ED%A0%80&code=a",
        f"?STATE={state}&CODE=a",
    ]

    for query in damaged:
        assert (await browser.get(path + query)).status_code == 400, query
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        answer = await browser.request(method, f"{path}?state={state}&code=a")
        assert answer.status_code == 405, method
        assert answer.headers["allow"] == "GET"
    assert (await browser.get(f"/oauth/myspace/callback?state={state}&code=a")).status_code == 404
    assert office.token_calls() == 0
    assert await office.count(ConnectionAttempt) == 1


@pytest.mark.parametrize(
    ("platform", "code"),
    sampled([(p.key, code) for p in PLATFORMS.values() for code in sorted(p.denied_codes)], 3),
)
async def test_saying_no_is_fine_and_both_places_say_how_to_go_on(
    office: Office, browser: httpx.AsyncClient, platform: str, code: str
) -> None:
    state = await office.attempt(browser, platform)
    denial = {"state": state, "error": code, "error_description": "The user <b>denied</b> it", "code": "c"}

    page = await browser.get(f"/oauth/{platform}/callback?{urlencode(denial)}")
    again = await browser.get(f"/oauth/{platform}/callback?{urlencode(denial)}")

    assert "<h1>Cancelled. Nothing changed.</h1>" in page.text
    assert f"<code>/octapost connect {platform}</code>" in page.text
    assert "denied" not in page.text
    assert again.text == page.text
    [notice] = await office.rows(Notice)
    assert notice.channel == ADA
    [button] = (await office.message(notice))["blocks"][1]["elements"]
    assert button["action_id"] == f"connect.platform.{platform}"
    assert office.token_calls() == 0


async def test_a_missing_product_is_named_and_called_our_fault(
    office: Office, browser: httpx.AsyncClient
) -> None:
    state = await office.attempt(browser, "linkedin", "linkedin_page")
    [code] = LINKEDIN.missing_product_codes

    page = await browser.get(f"/oauth/linkedin/callback?state={state}&error={code}")

    product = next(
        s.product for app in LINKEDIN.apps if app.key == "linkedin_page" for s in app.scopes if s.product
    )
    assert product in page.text
    assert "Whoever runs Octapost" in page.text


@in_full
@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("server_error", "<code>server_error</code>"),
        ("<script>alert(1)</script>", ""),
        ("Call-us-at-0900", ""),
        ("a" * 41, ""),
        ("ACCESS_DENIED", ""),
        ("2147483647999", ""),
    ],
)
async def test_an_odd_error_shows_its_code_only_where_it_is_one(
    office: Office, browser: httpx.AsyncClient, sent: str, shown: str
) -> None:
    state = await office.attempt(browser)

    page = await browser.get(f"/oauth/x/callback?{urlencode({'state': state, 'error': sent})}")

    assert "X stopped the sign-in" in page.text
    assert shown in page.text
    assert shown or "(code" not in page.text
    assert "<script>" not in page.text


REFUSALS = [
    (platform.key, name, code)
    for platform in PLATFORMS.values()
    for name in platform.refusal_parameters
    for code in ("1349126", "server_error")
]


@pytest.mark.parametrize(("platform", "name", "code"), sampled(REFUSALS, 3))
async def test_every_form_of_refusal_of_every_platform_ends_the_trip_and_is_said(
    office: Office, browser: httpx.AsyncClient, platform: str, name: str, code: str
) -> None:
    state = await office.attempt(browser, platform)

    page = await browser.get(f"/oauth/{platform}/callback?{name}={code}&error_message=x&state={state}")

    assert page.status_code == 200
    assert f"<code>{code}</code>" in page.text
    assert await office.count(ConnectionAttempt) == 0
    [notice] = await office.rows(Notice)
    assert code in (await office.message(notice))["text"]


@in_full
@pytest.mark.parametrize("platform", ["facebook", "instagram"])
async def test_an_app_that_is_not_active_is_our_fault(
    office: Office, browser: httpx.AsyncClient, platform: str
) -> None:
    state = await office.attempt(browser, platform)
    sent = {"error_code": "1349126", "error_message": "App Not Active", "state": state}

    page = await browser.get(f"/oauth/{platform}/callback?{urlencode(sent)}")

    assert "<h1>That&#39;s on us</h1>" in page.text
    assert "Facebook lets no one sign in with this installation&#39;s app" in page.text
    assert "Active" not in page.text


async def test_a_code_the_platform_refuses_is_explained(office: Office, browser: httpx.AsyncClient) -> None:
    state = await office.attempt(browser)

    page = await browser.get(f"/oauth/x/callback?state={state}&code=made-up")

    assert "didn&#39;t accept this sign-in" in page.text
    assert "<code>/octapost connect x</code>" in page.text
    assert await office.count(Grant) == 0


@pytest.mark.parametrize("platform", sampled([key for key in EVERY if key not in {"x", "youtube"}], 3))
async def test_a_platform_that_does_not_answer_is_no_crash(
    office: Office, browser: httpx.AsyncClient, platform: str
) -> None:
    state = await office.attempt(browser, platform)

    page = await browser.get(f"/oauth/{platform}/callback?state={state}&code=c")

    assert page.status_code == 200
    assert PLATFORMS[platform].name in page.text
    assert "Something broke" not in page.text


async def test_a_platform_that_falls_silent_after_the_exchange_loses_nothing(
    office: Office, browser: httpx.AsyncClient
) -> None:
    back = await consent_to_x(office, browser)
    office.x.faults.append(Fault(path="/2/users/me", status=503, body="<html>"))

    page = await browser.get(back)

    assert "isn&#39;t answering yet" in page.text
    assert "Finish connecting" in page.text
    [grant] = await office.rows(Grant)
    assert grant.status == GrantStatus.PENDING
    assert grant.access_sealed


async def test_a_person_without_a_channel_reads_how_to_get_one(
    office: Office, browser: httpx.AsyncClient
) -> None:
    proved = await office.sign_in(browser, await office.ticket(await office.member(), "youtube"))
    location = proved.headers["location"]
    vic = next(person.id for person in office.youtube.people.values() if not person.facts["channels"])
    scopes = query_of(location)["scope"].split()
    async with httpx.AsyncClient(verify=PLAIN, trust_env=False) as http:
        form = {"person": vic, "decision": "approve", "scope": scopes}
        answer = await http.post(location, data=form)

    page = await browser.get(answer.headers["location"])

    assert "<h1>Nothing was connected</h1>" in page.text
    assert "This Google account has no YouTube channel" in page.text


async def test_someone_who_lost_the_role_on_the_way_connects_nothing(
    office: Office, browser: httpx.AsyncClient
) -> None:
    member = await office.member()
    proved = await office.sign_in(browser, await office.ticket(member))
    back = await approve(office, proved.headers["location"])
    async with office.parts.database.system() as session:
        row = await Members(session).get(member.organization_id, member.id)
        assert row is not None
        row.role = Role.MEMBER

    page = await browser.get(back)

    assert "This needs an admin of Acme Social" in page.text
    assert office.token_calls() == 0
    assert await office.count(Grant) == 0
