"""Locking people out (SECURITY.md C12): a stranger who uses up the page limit costs nobody their sign-in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from sandbox.slack.world import ACME, ADA
from storage.models import new_secret
from tests.application import Office, open_office
from tests.counts import in_full, sampled, tries
from tests.pages import press

Count = Callable[[str, object], None]
PER_MINUTE = 60
TIMES = tries(78, 2)
TOO_MANY = 429
STRANGER, ADMIN = "198.51.100.7", "203.0.113.9"


async def spend(stranger: httpx.AsyncClient, times: int) -> list[int]:
    """Ask for pages, tickets and the ends of sign-ins that never were, `times` of each."""
    return [
        (await stranger.get(path)).status_code
        for _ in range(times)
        for path in ("/", f"/connect/{new_secret()}", f"/oauth/x/callback?state={new_secret()}&code=c")
    ]


async def sign_in(office: Office, browser: httpx.AsyncClient) -> list[int]:
    """Open a fresh link, press Continue, and come back from Slack."""
    ticket = await office.ticket(await office.member())
    shown = await browser.get(ticket)
    browser.cookies.clear()
    started = await press(browser, ticket)
    if started.status_code == TOO_MANY:
        return [shown.status_code, started.status_code]
    back = await browser.get(office.slack.consent(started.headers["location"], ADA, ACME))
    return [shown.status_code, started.status_code, back.status_code]


@pytest.mark.parametrize(
    "proxies",
    sampled([pytest.param("0", id="one-address-for-all"), pytest.param("1", id="behind-a-proxy")], 2),
)
async def test_a_stranger_at_one_request_a_second_locks_no_admin_out(
    tmp_path: Path, proxies: str, record_property: Count
) -> None:
    async with AsyncExitStack() as stack:
        extra = {"OCTAPOST_WEB_REQUESTS_PER_MINUTE": str(PER_MINUTE), "OCTAPOST_TRUSTED_PROXIES": proxies}
        office = await open_office(tmp_path, stack, extra)
        stranger = await stack.enter_async_context(office.browser(**{"X-Forwarded-For": STRANGER}))
        admin = await stack.enter_async_context(office.browser(**{"X-Forwarded-For": ADMIN}))
        before = await spend(stranger, PER_MINUTE + 1)
        answers = []
        for _ in range(TIMES):
            await spend(stranger, 1)
            answers.append(await sign_in(office, admin))
        home = await admin.get("/")

    locked_out = sum(TOO_MANY in statuses for statuses in answers)
    assert before[-3] == TOO_MANY
    assert locked_out == 0
    assert answers == [[200, 303, 303]] * TIMES
    assert home.status_code == (200 if proxies == "1" else TOO_MANY)
    record_property(
        "counted", f"an admin beside a stranger who asks all the time: locked out {locked_out} of {TIMES}"
    )


@in_full
async def test_guessing_links_is_limited_too(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        office = await open_office(tmp_path, stack, {"OCTAPOST_WEB_REQUESTS_PER_MINUTE": "6"})
        ticket = await office.ticket(await office.member())
        async with office.browser() as stranger:
            guesses = [(await stranger.get(f"/connect/{new_secret()}")).status_code for _ in range(61)]
            page = await stranger.get("/")
        async with office.browser() as other:
            known = await other.get(ticket)

    assert guesses == [410] * 60 + [TOO_MANY]
    assert known.status_code == TOO_MANY  # the same address: 60 guesses within a minute are no mishap
    assert page.status_code == 200


async def test_one_link_is_opened_so_often_and_no_more(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        office = await open_office(tmp_path, stack, {"OCTAPOST_WEB_REQUESTS_PER_MINUTE": "6"})
        first, second = [await office.ticket(await office.member()) for _ in range(2)]
        async with office.browser() as browser:
            statuses = [(await browser.get(first)).status_code for _ in range(8)]
            other = await browser.get(second)

    assert statuses == [200] * 6 + [TOO_MANY] * 2
    assert other.status_code == 200
