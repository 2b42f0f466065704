"""Time that passes in the sandbox: what was stored grows old, and the app's clocks tick."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlmodel import select

from sandbox.browser import Consent
from sandbox.core import Fault
from sandbox.member import text_of
from storage.models import Grant, GrantStatus
from tests.application import Office
from tests.counts import in_full
from tests.patience import PATIENCE_S


async def the_grant(office: Office) -> Grant:
    async with office.database.system(write=False) as session:
        return (await session.exec(select(Grant))).one()


async def once(office: Office, holds: Callable[[Grant], bool], within_s: float = PATIENCE_S) -> Grant:
    """Return the one grant as soon as this holds of it."""
    async with asyncio.timeout(within_s):
        while True:
            grant = await the_grant(office)
            if holds(grant):
                return grant
            await asyncio.sleep(0.05)


async def test_fifty_three_days_leave_seven_of_linkedins_sixty_and_the_admin_hears_of_it(
    office: Office,
) -> None:
    ada = await office.installed()
    await ada.connect("linkedin", Consent(person="ana-ruiz"), app="linkedin")
    heard = len(ada.direct_messages())

    await office.world.pass_time(timedelta(days=53))
    warning = await ada.next_message(heard)

    grant = await the_grant(office)
    assert grant.access_expires_at is not None
    left = grant.access_expires_at - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    assert "7 days" in text_of(warning)


@in_full
async def test_a_week_renews_what_nobody_used(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("x", Consent(person="4711"))
    before = await the_grant(office)

    await office.world.pass_time(timedelta(days=8))
    after = await once(office, lambda grant: grant.generation > before.generation)

    assert after.status == GrantStatus.HEALTHY


@in_full
async def test_a_removed_permission_is_noticed_after_two_looks(office: Office) -> None:
    ada = await office.installed()
    await ada.connect("youtube", Consent(person="110000000000000000001"))
    await office.world.platforms["youtube"].controls()["revoke"]({"person": "110000000000000000001"})

    await office.world.pass_time(timedelta(days=1))
    first = await once(office, lambda grant: grant.suspected_at is not None)
    await office.world.pass_time(timedelta(minutes=20))
    second = await once(office, lambda grant: grant.status == GrantStatus.NEEDS_RECONNECT)

    assert (first.status, second.reason) == (GrantStatus.HEALTHY, "invalid_grant")


@in_full
async def test_a_message_on_its_way_is_not_said_twice_because_time_passes(office: Office) -> None:
    ada = await office.installed()
    seen = len(ada.direct_messages())
    slow = Fault(path="chat.postMessage", delay_s=0.5, times=1)
    office.slack.faults.append(slow)
    await ada.travel(await ada.link("x"), Consent(person="4711"))
    await once(office, lambda _: slow.times == 0)

    await office.world.pass_time(timedelta(hours=1))
    await asyncio.sleep(slow.delay_s)
    await ada.next_message(seen)

    assert len(ada.direct_messages()) == seen + 1


async def test_time_passes_for_no_database_that_is_not_there(office: Office) -> None:
    office.world.database = None

    await office.world.pass_time(timedelta(hours=6))

    clocks = {s.name: s.clock.offset_s for s in office.world.simulators}
    assert clocks.pop("slack") == 0
    assert all(offset == 6 * 3600 for offset in clocks.values())
