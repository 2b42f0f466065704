"""What may be used once and for ten minutes (SECURITY.md C3, C7), as browsers use it: over HTTP, all at once.

That of 16 callers who redeem one of 200 states exactly one gets it, on both databases, is tried in
tests/storage/test_attempts.py. Here the same is asked of the whole way: one consent, one exchange.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sandbox.browser import Browser
from storage.models import ConnectionAttempt, Grant, SignIn, Ticket
from tests.application import Office
from tests.counts import in_full, tries
from tests.hostile.test_callbacks import trips
from tests.hostile.wire import Wire, asked, rows
from tests.pages import press
from tests.platforms import PLATFORMS
from tests.storage.world import expire

Count = Callable[[str, object], None]
CALLERS = 16
STATES = tries(5, 1)
"""Per platform."""
LINKS, TRIPS = tries(100, 8), tries(15, 1)
"""How many of each are too old, the trips per platform."""


async def test_of_sixteen_callbacks_at_once_exactly_one_reaches_the_token_endpoint(
    either_office: Office, record_property: Count
) -> None:
    begun = await trips(either_office, STATES)
    wires = [Wire(either_office.url) for _ in range(CALLERS)]
    pages: list[int] = []
    exchanges: list[int] = []

    for platform, some in begun.items():
        # The code is not one of the platform's: each exchange is refused, and none leads to more requests.
        for trip in some:
            before = len(asked(either_office))
            target = f"/oauth/{platform}/callback?state={trip.state}&code={trip.code}"
            answers = await asyncio.gather(*(wire.get(target, cookie=trip.browser) for wire in wires))
            pages.append(len({(answer.status, answer.body) for answer in answers}))
            exchanges.append(len(asked(either_office)) - before)
    for wire in wires:
        await wire.close()

    assert pages == [1] * STATES * len(PLATFORMS)  # all of them read what came of the one
    assert exchanges == [1] * STATES * len(PLATFORMS)
    assert await either_office.count(ConnectionAttempt) == 0
    kind = either_office.database.dialect
    record_property(
        "counted", f"{len(exchanges)} states x {CALLERS} callbacks on {kind}: {sum(exchanges)} exchanges"
    )


async def test_of_sixteen_presses_on_one_ticket_exactly_one_goes_to_the_platform(office: Office) -> None:
    member = await office.member()
    async with office.browser() as browser:
        await office.sign_in(browser, await office.ticket(member))
        ticket = await office.ticket(member)
        answers = await asyncio.gather(*(press(browser, ticket) for _ in range(CALLERS)))

    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await office.count(ConnectionAttempt) == 2


@in_full
async def test_nothing_works_once_its_ten_minutes_are_over(office: Office, record_property: Count) -> None:
    late = await trips(office, TRIPS)
    tickets = [await office.ticket(await office.member()) for _ in range(LINKS)]
    async with office.browser() as browser:
        started = [await press(browser, ticket) for ticket in tickets]
        cookie = browser.cookies["octapost-attempt"]
    sign_ins = [answer.headers["location"].partition("state=")[2].partition("&")[0] for answer in started]
    for model in (Ticket, SignIn, ConnectionAttempt):
        await expire(office.database, model)
    before = await rows(office.database)
    form = {"Sec-Fetch-Site": "same-origin", "Origin": "null", "Content-Length": "0"}

    async with Wire(office.url) as wire:
        shown = [(await wire.get(ticket)).status for ticket in tickets]
        pressed = [(await wire.send("POST", ticket, form)).status for ticket in tickets]
        proved = [
            (await wire.get(f"/slack/identity?state={s}&code=c", cookie=cookie)).status for s in sign_ins
        ]
        finished = [
            (
                await wire.get(f"/oauth/{platform}/callback?state={t.state}&code={t.code}", cookie=t.browser)
            ).status
            for platform, some in late.items()
            for t in some
        ]

    assert shown == pressed == [410] * LINKS
    assert proved == [400] * LINKS
    assert finished == [400] * 7 * TRIPS
    assert asked(office) == []
    assert await rows(office.database) == before | {"notice": 7 * TRIPS}  # which bring a new link each
    assert await office.count(Grant) == 0
    record_property(
        "counted",
        f"0 of {LINKS} tickets, 0 of {LINKS} sign-ins and 0 of {7 * TRIPS} attempts worked after their time",
    )


async def test_a_second_browser_window_spoils_nothing_of_the_first(office: Office) -> None:
    begun = await trips(office, 2)

    async with Browser() as browser:
        outcomes = []
        for platform in ("x", "reddit"):
            first, second = begun[platform]
            wrong = f"{office.url}/oauth/{platform}/callback?state={first.state}&code=c"
            browser.only_cookie("octapost-attempt", second.browser)
            outcomes.append((await browser.open(wrong)).status)
            browser.only_cookie("octapost-attempt", first.browser)
            outcomes.append((await browser.open(wrong)).status)

    assert outcomes == [400, 200, 400, 200]
