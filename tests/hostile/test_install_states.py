"""The trip to Slack's install page (SECURITY.md C7): beginning one stores nothing, and only its own end counts."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta

from bot.web.install_trips import InstallTrips
from bot.web.signer import PAYLOAD_BYTES, Signer
from sandbox.slack.world import ACME, ADA
from storage.install_states import InstallStates
from storage.models import Installation, InstallState, new_secret
from tests.application import Office
from tests.counts import tries
from tests.hostile.wire import Wire, rows
from tests.pages import COOKIE, query_of

Count = Callable[[str, object], None]
VISITS = tries(1000, 100)
CALLERS = 16
TRIPS = tries(20, 5)


async def test_a_thousand_visits_to_the_install_page_leave_no_row(
    either_office: Office, wire: Wire, record_property: Count
) -> None:
    before = await rows(either_office.database)

    statuses = [(await wire.get("/slack/install")).status for _ in range(VISITS)]

    after = await rows(either_office.database)
    assert statuses == [302] * VISITS
    assert after == before
    added = sum(after.values()) - sum(before.values())
    record_property("counted", f"{VISITS:,} visits to /slack/install: {added} rows")


async def test_a_state_that_was_not_given_to_this_browser_in_this_hour_installs_nothing(
    office: Office, wire: Wire, record_property: Count
) -> None:
    settings = office.parts.settings
    browser, other = new_secret(), new_secret()
    state = await InstallTrips(settings, office.database).begin(browser)
    signer = Signer(settings.slack_signing_secret.get_secret_value(), "Slack installs")
    foreign = Signer(settings.slack_signing_secret.get_secret_value(), "Meta's deletion requests")
    now = int(time.time())
    payload = (now + 300).to_bytes(4, "big") + secrets.token_bytes(PAYLOAD_BYTES - 4)
    expired = [
        signer.issue((now - late).to_bytes(4, "big") + secrets.token_bytes(PAYLOAD_BYTES - 4), browser)
        for late in (0, 1, 3600)
    ]
    hostile = [
        ("", browser),
        (new_secret(), browser),
        (state, other),
        (state, None),
        (state[:-1], browser),
        (state + "A", browser),
        (state.swapcase(), browser),
        (foreign.issue(payload, browser), browser),
        (signer.issue(payload), browser),
        (signer.issue(payload, other), browser),
        *((each, browser) for each in expired),
        *(
            (f"{state[:i]}{'B' if state[i] == 'A' else 'A'}{state[i + 1 :]}", browser)
            for i in range(len(state))
        ),
    ]
    before = await rows(office.database)

    statuses = [
        (await wire.get(f"/slack/oauth_redirect?code=c&state={sent}", cookie=cookie)).status
        for sent, cookie in hostile
    ]

    assert statuses == [400] * len(hostile)
    assert await rows(office.database) == before
    assert office.slack.calls("oauth.v2.access") == []
    # The right one was spoiled by none of them: it goes as far as Slack, which does not know the code.
    right = await wire.get(f"/slack/oauth_redirect?code=c&state={state}", cookie=browser)
    assert right.status == 502
    record_property("counted", f"{len(hostile)} wrong install states: 0 accepted, 0 rows")


async def test_of_sixteen_redirects_at_once_exactly_one_reaches_slack(
    either_office: Office, record_property: Count
) -> None:
    asked = []
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(Wire(either_office.url)) for _ in range(CALLERS)]
        for _ in range(TRIPS):
            async with either_office.browser() as browser:
                started = await browser.get("/slack/install")
                cookie = browser.cookies[COOKIE]
            state = query_of(started.headers["location"])["state"]
            before = len(either_office.slack.calls("oauth.v2.access"))
            target = f"/slack/oauth_redirect?code=c&state={state}"
            answers = await asyncio.gather(*(wire.get(target, cookie=cookie) for wire in wires))
            assert {answer.status for answer in answers} == {502}  # all are told what came of the one
            asked.append(len(either_office.slack.calls("oauth.v2.access")) - before)

    assert asked == [1] * TRIPS
    assert await either_office.count(InstallState) == TRIPS
    assert await either_office.count(Installation) == 0
    record_property("counted", f"{TRIPS} install states x {CALLERS} redirects: {sum(asked)} calls to Slack")


async def test_two_installs_in_one_browser_both_finish(office: Office) -> None:
    async with office.browser() as browser:
        locations = [(await browser.get("/slack/install")).headers["location"] for _ in range(2)]
        pages = [await browser.get(office.slack.consent(location, ADA, ACME)) for location in locations]

    assert [page.status_code for page in pages] == [200, 200]


async def test_a_spent_state_stays_spent_for_longer_than_it_is_good(office: Office) -> None:
    browser, trips = new_secret(), InstallTrips(office.parts.settings, office.database)
    state = await trips.begin(browser)
    async with office.database.system(write=False) as session:
        ends = await InstallStates(session).expiry()

    answers = [await trips.finish(state, browser) for _ in range(3)]

    assert answers == [True, False, False]
    [row] = await office.rows(InstallState)
    assert row.expires_at > ends + timedelta(minutes=4)
