"""Members hold accounts: nothing goes out there until the hold ends, and what missed its time asks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sqlmodel import col, select, update

from adapters.base import Finding, Outcome
from bot.services.errors import NotFoundError
from bot.services.posts.decisions import Decision, DeliveryDecider
from bot.services.posts.errors import TimeError
from bot.services.posts.holds import HoldService
from bot.services.posts.results import Results
from storage.engine.statements import database_time, now
from storage.models import Account, AuditLine, DeliveryStatus, Grant, GrantStatus
from storage.posts import Posts
from tests.services.posts.press import LOST, Desk, open_desk
from tests.services.posts.test_listing import member

if TYPE_CHECKING:
    from datetime import datetime

    from storage.engine.db import Database
    from storage.vault import Vault

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def desk(database: Database, vault: Vault) -> Desk:
    return await open_desk(database, vault)


def service(desk: Desk) -> HoldService:
    return HoldService(Results(), desk.database)


async def clock(desk: Desk) -> datetime:
    async with desk.database.system(write=False) as session:
        return await database_time(session)


async def hold(desk: Desk, *account_ids: str) -> None:
    """Hold accounts, by default the first one, for an hour."""
    await service(desk).hold(member(desk), account_ids or (desk.account_id,), await clock(desk) + HOUR)


async def resume(desk: Desk) -> None:
    """End the hold of the first account."""
    await service(desk).resume(member(desk), [desk.account_id])


async def status(desk: Desk, delivery_id: str) -> str:
    return (await desk.delivery(delivery_id)).status


async def test_what_is_held_does_not_go_out_and_then_goes_out_as_planned(desk: Desk) -> None:
    waiting = await desk.schedule("Mugs", HOUR)
    await hold(desk)
    later = await desk.schedule("Cups", 2 * HOUR)
    await desk.run()

    assert [await status(desk, each) for each in (waiting, later)] == [DeliveryStatus.HELD] * 2
    assert desk.press.posts == []
    await resume(desk)
    assert [await status(desk, each) for each in (waiting, later)] == [DeliveryStatus.SCHEDULED] * 2


async def test_what_missed_its_time_asks_instead_of_going_out(desk: Desk) -> None:
    due = await desk.schedule("Mugs")
    await hold(desk)

    await resume(desk)
    await desk.run()

    assert await status(desk, due) == DeliveryStatus.LATE
    assert desk.press.posts == []


async def test_only_the_accounts_that_are_held_stop(desk: Desk) -> None:
    second = await desk.account(2)
    held, other = await desk.schedule("Mugs"), await desk.schedule("Mugs", account_id=second)
    await hold(desk)

    await desk.run()

    assert await status(desk, held) == DeliveryStatus.HELD
    assert await status(desk, other) == DeliveryStatus.SENT


async def test_publish_now_does_not_get_around_a_hold(desk: Desk) -> None:
    delivery_id = await desk.schedule("Mugs")
    await hold(desk)
    await resume(desk)
    await hold(desk)

    await DeliveryDecider(Results(), desk.database).decide(member(desk), delivery_id, Decision.PUBLISH)
    await desk.run()

    assert await status(desk, delivery_id) == DeliveryStatus.HELD
    assert desk.press.posts == []


async def test_a_post_that_turns_out_not_to_be_live_waits_for_the_end_of_the_hold(desk: Desk) -> None:
    delivery_id = await desk.schedule("Mugs")
    desk.press.sends.append(LOST)
    desk.press.looks.append(Finding(outcome=Outcome.NOT_SENT))
    await desk.run()
    await hold(desk)
    desk.press.posts.clear()

    await desk.later(delivery_id)
    await desk.run()
    await desk.run()

    assert await status(desk, delivery_id) == DeliveryStatus.HELD
    assert desk.press.posts == []


async def test_a_hold_during_preparing_stops_what_was_prepared(desk: Desk) -> None:
    delivery_id = await desk.schedule("Mugs")

    async def held() -> None:
        await hold(desk)

    desk.press.during_prepare = held
    await desk.run()

    assert await status(desk, delivery_id) == DeliveryStatus.HELD
    assert desk.press.posts == []


async def test_a_hold_ends_by_itself_when_its_time_comes(desk: Desk) -> None:
    delivery_id = await desk.schedule("Mugs", 2 * HOUR)
    await hold(desk)
    await service(desk).run()
    before = await status(desk, delivery_id)
    async with desk.database.system() as session:
        over = update(Account).values(held_until=now(-timedelta(seconds=1)))
        await session.exec(over, execution_options={"synchronize_session": False})

    await service(desk).run()

    assert (before, await status(desk, delivery_id)) == (DeliveryStatus.HELD, DeliveryStatus.SCHEDULED)


async def test_the_end_of_a_hold_lets_nothing_go_whose_sign_in_has_ended(desk: Desk) -> None:
    delivery_id = await desk.schedule("Mugs", HOUR)
    await hold(desk)
    async with desk.database.system() as session:
        dead = update(Grant).where(col(Grant.id) == desk.grant_id).values(status=GrantStatus.NEEDS_RECONNECT)
        await session.exec(dead, execution_options={"synchronize_session": False})
        await Posts(session).hold(desk.grant_id)

    await resume(desk)

    assert await status(desk, delivery_id) == DeliveryStatus.HELD


async def test_a_reconnect_lets_nothing_go_that_members_hold(desk: Desk) -> None:
    delivery_id = await desk.schedule("Mugs", HOUR)
    await hold(desk)

    async with desk.database.system() as session:
        released = await Posts(session).release(desk.organization_id, [desk.account_id])

    assert (released.scheduled, released.late) == (0, 0)
    assert await status(desk, delivery_id) == DeliveryStatus.HELD


async def test_a_hold_is_in_the_audit_log_and_refuses_what_makes_no_sense(desk: Desk) -> None:
    await hold(desk)
    with pytest.raises(NotFoundError):
        await hold(desk, "acc_absent")
    with pytest.raises(TimeError):
        await service(desk).hold(member(desk), [desk.account_id], await clock(desk) - HOUR)
    await resume(desk)
    nothing = await service(desk).resume(member(desk), [desk.account_id])

    assert nothing.accounts == 0
    async with desk.database.system(write=False) as session:
        lines = [line.action for line in await session.exec(select(AuditLine)) if "posts" in line.action]
    assert lines == ["posts held", "posts resumed"]
