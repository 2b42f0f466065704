"""A browser that repeats a step of connecting an account: it is told what came of it, and nothing happens twice."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from sandbox.core import Fault
from storage.memberships import Members
from storage.models import Account, AttemptOutcome, ConnectionAttempt, Notice, Role, SignIn, Ticket
from tests.application import Office
from tests.counts import in_full
from tests.pages import press, query_of
from tests.storage.world import run_sql
from tests.web.test_connect_callback import CANNOT, approve, consent_to_x

DONE = "<h1>Done. Back to Slack.</h1>"


@in_full
async def test_the_page_at_the_end_is_the_same_however_often_it_is_loaded(
    office: Office, browser: httpx.AsyncClient
) -> None:
    back = await consent_to_x(office, browser)
    first = await browser.get(back)

    again = [await browser.get(back) for _ in range(3)]

    assert DONE in first.text
    assert {(page.status_code, page.text) for page in again} == {(200, first.text)}
    assert office.token_calls() == 1
    assert await office.count(Account) == 1
    assert await office.count(Notice) == 1


async def test_a_visit_that_comes_while_the_first_is_at_it_waits_and_sees_the_same(
    office: Office, browser: httpx.AsyncClient
) -> None:
    back = await consent_to_x(office, browser)
    office.x.faults.append(Fault(path="/2/oauth2/token", delay_s=1.0))

    first, second = await asyncio.gather(browser.get(back), browser.get(back))

    assert DONE in first.text
    assert second.text == first.text
    assert office.token_calls() == 1


@in_full
async def test_what_was_cut_off_while_it_loaded_is_there_at_the_next_try(
    office: Office, browser: httpx.AsyncClient
) -> None:
    back = await consent_to_x(office, browser)
    office.x.faults.append(Fault(path="/2/oauth2/token", delay_s=1.0))
    with pytest.raises(httpx.ReadTimeout):
        await browser.get(back, timeout=0.4)

    page = await browser.get(back)

    assert DONE in page.text
    assert office.token_calls() == 1


@pytest.mark.parametrize("error", ["access_denied", "server_error"])
async def test_a_refusal_is_said_again_too(office: Office, browser: httpx.AsyncClient, error: str) -> None:
    state = await office.attempt(browser)
    address = f"/oauth/x/callback?state={state}&error={error}"

    first, again = await browser.get(address), await browser.get(address)

    assert again.text == first.text
    assert CANNOT not in again.text
    assert await office.count(Notice) == 1


async def test_the_outcome_is_nobody_elses(office: Office, browser: httpx.AsyncClient) -> None:
    back = await consent_to_x(office, browser)
    await browser.get(back)
    [account] = await office.rows(Account)

    async with office.browser() as other:
        without = await other.get(back)
        await press(other, await office.ticket(await office.member()))
        with_another = await other.get(back)
        elsewhere = await browser.get(back.replace("/oauth/x/", "/oauth/reddit/"))

    for page in (without, with_another, elsewhere):
        assert page.status_code == 400
        assert account.name not in page.text


@in_full
async def test_who_lost_the_role_meanwhile_is_told_that_and_no_names(
    office: Office, browser: httpx.AsyncClient
) -> None:
    back = await consent_to_x(office, browser)
    await browser.get(back)
    [account] = await office.rows(Account)
    async with office.database.system() as session:
        row = await Members(session).get(account.organization_id, account.connected_by)
        assert row is not None
        row.role = Role.MEMBER

    page = await browser.get(back)

    assert page.status_code == 403
    assert "This needs an admin of Acme Social" in page.text
    assert account.name not in page.text


async def test_who_was_refused_for_their_role_is_refused_again_and_with_the_role_starts_over(
    office: Office, browser: httpx.AsyncClient
) -> None:
    back = await consent_to_x(office, browser)
    [attempt] = await office.rows(ConnectionAttempt)

    async def becomes(role: Role) -> str:
        async with office.database.system() as session:
            row = await Members(session).get(attempt.organization_id, attempt.membership_id)
            assert row is not None
            row.role = role
        return (await browser.get(back)).text

    assert "This needs an admin" in await becomes(Role.MEMBER)
    assert "This needs an admin" in await becomes(Role.MEMBER)
    assert CANNOT in await becomes(Role.ADMIN)
    assert office.token_calls() == 0


async def test_an_outcome_is_forgotten_after_a_quarter_of_an_hour(
    office: Office, browser: httpx.AsyncClient
) -> None:
    back = await consent_to_x(office, browser)
    await browser.get(back)
    past = "UPDATE attempt_outcome SET expires_at = strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 second')"
    await run_sql(office.database, past)

    page = await browser.get(back)

    assert page.status_code == 400
    assert CANNOT in page.text


async def test_what_a_process_never_finished_is_not_waited_for(
    office: Office, browser: httpx.AsyncClient
) -> None:
    back = await consent_to_x(office, browser)
    await browser.get(back)
    long_ago = (
        "UPDATE attempt_outcome SET kind = '', began_at = strftime('%Y-%m-%d %H:%M:%f', 'now', '-3 minutes')"
    )
    await run_sql(office.database, long_ago)

    page = await browser.get(back)

    assert "<h1>This sign-in was interrupted</h1>" in page.text


# Before the platform


async def test_continue_pressed_twice_leads_to_the_same_consent_screen(
    office: Office, browser: httpx.AsyncClient
) -> None:
    member = await office.member()
    await office.sign_in(browser, await office.ticket(member))
    ticket = await office.ticket(member)

    answers = await asyncio.gather(*(press(browser, ticket) for _ in range(4)))

    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert "state" in query_of(answers[0].headers["location"])
    assert await office.count(ConnectionAttempt) == 2  # the sign-in's own, and this one


async def test_back_from_the_consent_screen_shows_the_page_and_continue_leads_there_again(
    office: Office, browser: httpx.AsyncClient
) -> None:
    ticket = await office.ticket(await office.member())
    proved = await office.sign_in(browser, ticket)

    page, again = await browser.get(ticket), await press(browser, ticket)

    assert page.status_code == 200
    assert "Continue" in page.text
    assert again.headers["location"] == proved.headers["location"]


async def test_back_to_the_link_after_the_end_shows_what_came_of_it(
    office: Office, browser: httpx.AsyncClient
) -> None:
    ticket = await office.ticket(await office.member())
    proved = await office.sign_in(browser, ticket)
    end = await browser.get(await approve(office, proved.headers["location"]))

    page, pressed = await browser.get(ticket), await press(browser, ticket)

    assert DONE in end.text
    assert page.text == pressed.text == end.text


async def test_a_used_link_is_of_no_use_in_another_browser(
    office: Office, browser: httpx.AsyncClient
) -> None:
    ticket = await office.ticket(await office.member())
    await office.sign_in(browser, ticket)

    async with office.browser() as other:
        await press(other, await office.ticket(await office.member()))  # it has a cookie of its own
        page, pressed = await other.get(ticket), await press(other, ticket)

    assert (page.status_code, pressed.status_code) == (410, 410)


async def test_the_way_back_from_slack_can_be_loaded_again(
    office: Office, browser: httpx.AsyncClient
) -> None:
    ticket = await office.ticket(await office.member())
    started = await press(browser, ticket)
    back = office.slack.consent(started.headers["location"], "U0ADA", "T0ACME")
    first = await browser.get(back)

    again = await browser.get(back)

    assert again.status_code == 303
    assert again.headers["location"] == first.headers["location"]
    assert await office.count(Ticket) == 1
    assert await office.count(SignIn) == 1


async def test_a_sign_in_that_proved_nothing_leads_back_to_the_link(
    office: Office, browser: httpx.AsyncClient
) -> None:
    ticket = await office.ticket(await office.member())
    started = await press(browser, ticket)
    state = query_of(started.headers["location"])["state"]
    await browser.get(f"/slack/identity?state={state}&error=access_denied")

    again = await browser.get(f"/slack/identity?state={state}&error=access_denied")

    assert again.status_code == 303
    assert again.headers["location"] == f"{office.url}{ticket}"


async def test_another_browser_learns_nothing_from_a_used_sign_in(
    office: Office, browser: httpx.AsyncClient
) -> None:
    ticket = await office.ticket(await office.member())
    started = await press(browser, ticket)
    back = office.slack.consent(started.headers["location"], "U0ADA", "T0ACME")
    await browser.get(back)

    async with office.browser() as other:
        page = await other.get(back)

    assert page.status_code == 400
    assert "location" not in page.headers


async def test_outcomes_hold_no_secret(office: Office, browser: httpx.AsyncClient) -> None:
    back = await consent_to_x(office, browser)
    await browser.get(back)

    [row] = await office.rows(AttemptOutcome)

    query = query_of(back)
    assert all(secret not in repr(row.facts) for secret in (query["state"], query["code"]))
