"""Odd answers of token endpoints, and platforms that fall silent afterwards: what is stored is always right.

A token is stored only from an answer that carries one; a consent that was paid for with a code is never lost.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle, product

import pytest

from adapters.base import App
from sandbox.browser import Browser, Consent, travel
from sandbox.core import Fault
from sandbox.member import text_of
from storage.grants import token_pair
from storage.models import Account, Grant, GrantStatus, Notice
from tests.application import Office
from tests.contract.answers import EVERY, GOOD, Answer
from tests.counts import FULL, in_full, sampled
from tests.hostile.test_callbacks import Trip, finish, trips
from tests.hostile.wire import Wire
from tests.pages import COOKIE
from tests.platforms import PLATFORMS
from tests.storage.world import backdate

Count = Callable[[str, object], None]
APPS = [app for platform in PLATFORMS.values() for app in platform.apps]
TROUBLES = ("503", "lost")
SILENT = list(product(APPS, TROUBLES)) if FULL else list(zip(APPS, cycle(TROUBLES), strict=False))
PLATFORM_OF = {app.key: platform for platform in PLATFORMS.values() for app in platform.apps}
LONGEST = timedelta(days=401)
TOKEN_ENDPOINT = "/(?:oauth/access_token|access_token|accessToken|token/?)$"
BESIDES_LOGIN = "^(?!.*(?:oauth|authorize|access_token|/token))"
"""Everything a platform serves but its consent page and its token endpoint."""


def text_or_none(content: bytes) -> str | None:
    """Return a body as the simulators can send it."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


SENDABLE = [(answer, body) for answer in EVERY if (body := text_or_none(answer.content)) is not None]


def fault_of(answer: Answer, body: str) -> Fault:
    kind = answer.headers.get("content-type", "application/json")
    return Fault(
        path=TOKEN_ENDPOINT,
        status=answer.status,
        body=body,
        content_type=kind,
        headers={name: value for name, value in answer.headers.items() if name != "content-type"},
    )


async def visit(wire: Wire, platform: str, trip: Trip) -> str:
    """Make the rightful callback and return the page."""
    target = f"/oauth/{platform}/callback?state={trip.state}&code={trip.code}"
    answer = await wire.get(target, cookie=trip.browser)
    assert answer.status == 200
    return answer.body


async def messages(office: Office) -> list[str]:
    """Return what the member was told, in the order it was said."""
    notices = sorted(await office.rows(Notice), key=lambda n: n.sequence)
    return [str(await office.message(notice)) for notice in notices]


@pytest.mark.parametrize("platform", sampled(list(PLATFORMS), 7))
async def test_only_an_answer_that_carries_a_token_is_stored(
    office: Office, wire: Wire, platform: str, record_property: Count
) -> None:
    simulator = office.world.platforms[platform]
    # Each platform tries others, so that each is tried on one.
    answers = sampled(SENDABLE, len(PLATFORMS), list(PLATFORMS).index(platform))
    first, *begun = (await trips(office, 1 + len(answers), [platform]))[platform]
    assert (await finish(office, first))[0] == 200
    [known] = await office.rows(Grant)
    pages, counts = [], []

    for (answer, body), trip in zip(answers, begun, strict=True):
        simulator.faults[:] = [fault_of(answer, body)]
        pages.append(await visit(wire, platform, trip))
        counts.append(await office.count(Grant))

    good = [answer.good for answer, _ in answers]
    grants = await office.rows(Grant)
    fresh = [grant for grant in grants if grant.id != known.id]
    limit = datetime.now(UTC) + LONGEST
    _, *told = await messages(office)
    silent = [
        answer.name
        for (answer, _), page, message in zip(answers, pages, told, strict=True)
        if (("Finish connecting" if answer.good else f"/octapost connect {platform}") not in page)
        or (("connect.resume" if answer.good else "Try ") not in message)
    ]
    assert counts == [1 + sum(good[: n + 1]) for n in range(len(good))]
    assert [token_pair(office.parts.vault, grant).access.reveal() for grant in fresh] == [GOOD] * sum(good)
    assert all(grant.access_expires_at is None or grant.access_expires_at < limit for grant in fresh)
    assert known in grants
    assert silent == []
    assert GOOD not in str(pages + told)
    counted = f"{len(good)} odd token answers of {platform}: {sum(good)} carry a token, {len(fresh)} stored"
    record_property("counted", counted)


@in_full
async def test_an_answer_that_was_lost_leaves_nothing_and_says_so(office: Office, wire: Wire) -> None:
    begun = await trips(office, 1)
    pages = []

    for platform, [trip] in begun.items():
        office.world.platforms[platform].faults[:] = [Fault(path=TOKEN_ENDPOINT, lose_answer=True)]
        pages.append(await visit(wire, platform, trip))

    told = await messages(office)
    assert ["confirm in time" in page for page in pages] == [True] * len(PLATFORMS)
    assert [f"/octapost connect {key}" in page for key, page in zip(PLATFORMS, pages, strict=True)] == [
        True
    ] * 7
    assert ["Try " in message for message in told] == [True] * len(PLATFORMS)
    assert await office.count(Grant) == 0


@pytest.mark.parametrize(
    ("app", "trouble"), sampled(SILENT, 4), ids=lambda value: getattr(value, "key", value)
)
async def test_a_platform_that_falls_silent_after_the_exchange_is_asked_again_with_one_button(
    office: Office, app: App, trouble: str
) -> None:
    platform = PLATFORM_OF[app.key]
    simulator = office.world.platforms[platform.key]
    ada = await office.installed()
    seen = len(ada.direct_messages())
    silent = Fault(status=503, body="<html>") if trouble == "503" else Fault(lose_answer=True)
    silent.path = BESIDES_LOGIN
    simulator.faults.append(silent)

    page = await ada.travel(
        await ada.link(platform.key, app.key if len(platform.apps) > 1 else ""), Consent()
    )
    waiting = await ada.next_message(seen)
    [pending] = await office.rows(Grant)
    simulator.faults.clear()
    await ada.press(waiting, "connect.resume")
    message = await ada.next_message(seen + 1)
    said = text_of(message)
    if "connect.choose" in str(message.blocks):
        said = await ada.pick(message, 1)

    assert page.title.startswith(f"{platform.name} isn't answering yet")
    assert "Press Finish connecting" in page.text
    assert (pending.status, bool(pending.access_sealed)) == (GrantStatus.PENDING, True)
    assert "Connected to Acme" in said
    [grant] = await office.rows(Grant)
    [account] = await office.rows(Account)
    assert (grant.id, grant.status) == (pending.id, GrantStatus.HEALTHY)
    assert account.grant_id == grant.id


@in_full
@pytest.mark.parametrize("second", ["facebook", "instagram"])
async def test_a_consent_nobody_finished_takes_no_living_account_with_it(office: Office, second: str) -> None:
    """At Meta ending one consent of a person ends all of them, and this one never said whose it is."""
    meta = office.world.platforms[second]
    begun = await trips(office, 1, ["instagram", second])
    await finish(office, begun["instagram"][0])
    [account] = await office.rows(Account)
    meta.faults.append(Fault(path=BESIDES_LOGIN, status=503))
    again = (await trips(office, 1, [second]))[second][0]
    async with Browser() as browser:
        browser.only_cookie(COOKIE, again.browser)
        await travel(browser, again.location, slack_url=office.slack.url, app_url=office.url, slack_person="")
    meta.faults.clear()
    await backdate(office.database, Grant, "consented_at", timedelta(hours=25))
    parts = office.parts

    await parts.sweeper.run()

    [grant] = await office.rows(Grant)
    assert (grant.id, grant.status) == (account.grant_id, GrantStatus.HEALTHY)
    assert meta.calls("/me/permissions$", "DELETE") == []
