"""No account and no app of ours publishes more than its platform takes, or the operator pays for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, select

from adapters.base import Busy, Content, DailyCap, Finding, Format, Outcome, Part, Rejected, Step, StepKind
from adapters.x.formats import FACTS
from bot.services.posts.budgets import charges_of, reserve
from bot.services.posts.policy import CAP_REACHED, MONEY_SPENT, POSTPONED, TOO_SOON
from storage.engine.db import Database
from storage.engine.statements import database_time
from storage.models import Delivery, DeliveryStatus
from storage.publishing_uses import COUNTED_FOR, PublishingUses
from storage.vault import Vault
from tests.counts import in_full
from tests.services.posts.press import LOST, Desk, open_desk
from tests.states import account_state

SENT, SCHEDULED = DeliveryStatus.SENT, DeliveryStatus.SCHEDULED
OURS = "account/x/4711"
THE_APP = "app/x"
MUGS = Content(format=Format.TEXT, text="Mugs")


async def test_what_the_daily_cap_has_no_room_for_gets_a_later_time(database: Database, vault: Vault) -> None:
    desk = await open_desk(database, vault)
    desk.press.limits["daily_cap"] = DailyCap(posts=1)
    first, second = await desk.schedule("Mugs"), await desk.schedule("Cups")

    for _ in range(3):
        await desk.run()

    row, waits = await desk.delivery(second), await desk.waits(second)
    assert (await desk.delivery(first)).status == SENT
    assert (row.status, row.outcome, row.code) == (SCHEDULED, POSTPONED, CAP_REACHED)
    assert waits is not None
    assert timedelta(hours=23) < waits <= timedelta(hours=25)
    assert abs(row.due_at - (row.work_at or row.due_at)) < timedelta(minutes=1)
    assert desk.press.posts == [("4711", "Mugs")]
    assert desk.press.calls == ["prepare", "send post 0"]  # nothing is uploaded for what can't go out yet


@in_full
async def test_the_limit_holds_for_all_processes_together(
    database: Database, vault: Vault, record_property: Callable[[str, object], None]
) -> None:
    desk = await open_desk(database, vault)
    desk.press.limits["daily_cap"] = DailyCap(posts=7, whole_app=True)
    for number in range(20):
        await desk.schedule(f"Post {number}", account_id=await desk.account(number))
    engines = [desk.another_engine() for _ in range(4)]

    for _ in range(3):
        await asyncio.gather(*(engine.run() for engine in engines))
        await asyncio.gather(*(engine.finish() for engine in engines))

    async with database.system(write=False) as session:
        waiting = await session.exec(select(Delivery.code).where(col(Delivery.status) != SENT))
        assert list(waiting) == [CAP_REACHED] * 13
    assert len(desk.press.posts) == 7
    record_property("counted", "budgets: 20 posts by four engines within a cap of 7: 7 sent, 13 postponed")


@pytest.mark.parametrize("answer", [Busy("http_503"), Rejected("not_allowed")], ids=["busy", "refused"])
async def test_what_was_not_sent_is_given_back(
    sqlite_database: Database, vault: Vault, answer: Exception
) -> None:
    desk = await open_desk(sqlite_database, vault)
    desk.press.limits["daily_cap"] = DailyCap(posts=5)
    desk.press.sends.append(answer)
    await desk.schedule("Mugs")

    await desk.run()

    assert await _posts(desk, OURS) == 0


async def test_what_the_platform_proves_was_not_sent_is_given_back_once(
    sqlite_database: Database, vault: Vault
) -> None:
    desk = await open_desk(sqlite_database, vault)
    desk.press.limits["daily_cap"] = DailyCap(posts=5)
    desk.press.sends.append(LOST)
    desk.press.looks.append(Finding(outcome=Outcome.NOT_SENT))
    post = await desk.schedule("Mugs")
    await desk.run()
    taken = await _posts(desk, OURS)

    for _ in range(2):
        await desk.later(post)
        await desk.run()

    assert (taken, await _posts(desk, OURS)) == (1, 1)
    assert (await desk.delivery(post)).status == SENT


async def test_every_element_of_a_thread_counts_and_costs(sqlite_database: Database, vault: Vault) -> None:
    desk = await open_desk(sqlite_database, vault)
    desk.press.limits |= {"cents_per_post": lambda text: 20.0 if "http" in text else 1.5}
    parts = (Part(text="One"), Part(text="Two http://a.example"), Part(text="Three"))
    await desk.schedule(Content(format=Format.THREAD, thread=parts))

    await desk.run()

    async with sqlite_database.system(write=False) as session:
        used = await PublishingUses(session).used(THE_APP, await database_time(session))
    assert (used.posts, used.cents) == (3, 23.0)


async def test_a_post_that_would_cost_too_much_today_gets_a_later_time(
    sqlite_database: Database, vault: Vault
) -> None:
    desk = await open_desk(sqlite_database, vault, X_CENTS_PER_DAY="40")
    desk.press.limits["cents_per_post"] = lambda _: 20.0
    posts = [await desk.schedule(f"Post {number}") for number in range(3)]

    for _ in range(4):
        await desk.run()

    rows = [await desk.delivery(post) for post in posts]
    assert [(row.status, row.code) for row in rows] == [(SENT, ""), (SENT, ""), (SCHEDULED, MONEY_SPENT)]


async def test_posts_of_an_account_keep_the_distance_that_its_platform_wants(
    sqlite_database: Database, vault: Vault
) -> None:
    desk = await open_desk(sqlite_database, vault)
    desk.press.limits["spaced"] = timedelta(minutes=2)
    first, second = await desk.schedule("Mugs"), await desk.schedule("Cups")

    for _ in range(3):
        await desk.run()

    row, waits = await desk.delivery(second), await desk.waits(second)
    assert (await desk.delivery(first)).status == SENT
    assert (row.code, row.outcome) == (TOO_SOON, "Busy")
    assert waits is not None
    assert timedelta(minutes=1) < waits <= timedelta(minutes=2)


async def test_a_limit_that_the_platform_reports_gives_a_later_time_too(
    sqlite_database: Database, vault: Vault
) -> None:
    desk = await open_desk(sqlite_database, vault)
    desk.press.limits["cap_codes"] = frozenset({"quota"})
    desk.press.sends.append(Busy("quota", retry_after=timedelta(hours=5)))
    post = await desk.schedule("Mugs")

    await desk.run()

    waits = await desk.waits(post)
    assert (await desk.delivery(post)).outcome == POSTPONED
    assert waits is not None
    assert timedelta(hours=4) < waits <= timedelta(hours=5)


async def test_counts_are_forgotten_and_costs_are_kept(sqlite_database: Database, vault: Vault) -> None:
    desk = await open_desk(sqlite_database, vault)
    async with sqlite_database.system() as session:
        at, uses = await database_time(session), PublishingUses(session)
        for name, cents in ((OURS, 0.0), (THE_APP, 20.0)):
            await uses.lock(name, at)
            await uses.add(name, at, 1, cents)

        gone = await uses.forget(at + COUNTED_FOR + timedelta(hours=1))

    assert gone == 1
    assert (await _posts(desk, OURS), await _posts(desk, THE_APP)) == (0, 1)


async def _posts(desk: Desk, name: str) -> int:
    async with desk.database.system(write=False) as session:
        return (await PublishingUses(session).used(name, await database_time(session))).posts


async def test_a_thumbnail_is_counted_in_units_and_never_waits_for_them(sqlite_database: Database) -> None:
    account = account_state("x").account
    facts = replace(FACTS, daily_units=10, step_units={StepKind.THUMBNAIL: 50})
    thumbnail, post = (Step(kind=kind) for kind in (StepKind.THUMBNAIL, StepKind.POST))
    charges = charges_of(facts, account, MUGS, thumbnail)

    async with sqlite_database.system() as session:
        at = await database_time(session)
        for _ in range(2):
            await reserve(session, charges, at)
        used = await PublishingUses(session).used("units/x", at)

    assert used.posts == 100
    assert "units/x" not in {charge.name for charge in charges_of(facts, account, MUGS, post)}
