"""A post that would pass a limit of its day is told so while it is being scheduled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapters.base import DailyCap, PublishingFacts, StepKind
from bot.services.posts.budgets import units_of
from bot.services.posts.candidates import Candidate
from bot.services.posts.caps import CapReached, Caps
from bot.views.publishing.caps import sentences
from storage.engine.db import Database
from storage.engine.statements import database_time
from storage.models import Account
from storage.publishing_uses import PublishingUses
from storage.vault import Vault
from tests.composing import account
from tests.services.posts.press import Desk, open_desk

TOMORROW = timedelta(days=1, hours=2)


async def now_of(desk: Desk) -> datetime:
    async with desk.database.system(write=False) as session:
        return await database_time(session)


async def candidate(desk: Desk, facts: PublishingFacts, account_id: str = "") -> Candidate:
    """Return an account of the desk, on a platform with these facts."""
    async with desk.database.system(write=False) as session:
        row = await session.get(Account, account_id or desk.account_id)
    assert row is not None
    return Candidate(profile=replace(account("x"), account=row, label="Mugs"), facts=facts)


async def reached(desk: Desk, facts: PublishingFacts, due_in: timedelta, *others: str) -> list[CapReached]:
    chosen = [await candidate(desk, facts, each) for each in ("", *others)]
    return await Caps(desk.database).reached(chosen, await now_of(desk) + due_in)


@pytest.mark.parametrize("whole_app", [False, True])
async def test_what_is_planned_for_that_day_counts(
    database: Database,
    vault: Vault,
    whole_app: bool,
) -> None:
    desk = await open_desk(database, vault)
    other = await desk.account(2)
    facts = PublishingFacts(formats={}, daily_cap=DailyCap(posts=2, whole_app=whole_app))
    await desk.schedule("Mugs", TOMORROW)
    await desk.schedule("Cups", TOMORROW, other)

    one = await reached(desk, facts, TOMORROW + timedelta(minutes=1))
    both = await reached(desk, facts, TOMORROW + timedelta(minutes=1), other)
    another_day = await reached(desk, facts, TOMORROW + timedelta(days=2), other)

    assert len(one) == (1 if whole_app else 0)
    assert len(both) == (2 if whole_app else 0)
    assert len(another_day) == 0


async def test_what_went_out_a_moment_ago_counts_today_and_not_next_week(
    sqlite_database: Database, vault: Vault
) -> None:
    desk = await open_desk(sqlite_database, vault)
    facts = PublishingFacts(formats={}, daily_cap=DailyCap(posts=1))
    desk.press.limits["daily_cap"] = DailyCap(posts=1)
    await desk.schedule("Mugs")
    await desk.run()

    today = await reached(desk, facts, timedelta(hours=2))
    later = await reached(desk, facts, timedelta(days=7))

    assert [each.partition(",")[0] for each in sentences(today)] == [
        "X's 1 post of that day is used up for Mugs"
    ]
    assert later == []


async def test_units_of_the_quota_that_all_processes_used_are_told(
    sqlite_database: Database, vault: Vault
) -> None:
    desk = await open_desk(sqlite_database, vault)
    facts = PublishingFacts(formats={}, daily_units=10_000, step_units={StepKind.THUMBNAIL: 50})
    one, at = await candidate(desk, facts), await now_of(desk)
    before = await reached(desk, facts, timedelta(0))
    async with sqlite_database.system() as session:
        uses = PublishingUses(session)
        await uses.lock(units_of(one.profile.account), at)
        await uses.add(units_of(one.profile.account), at, 9_960, 0)

    after = await reached(desk, facts, timedelta(0))

    assert before == []
    assert [(each.units, each.most) for each in after] == [(True, 10_000)]
    assert "quota of 10,000 units a day is used up" in sentences(after)[0]


async def test_an_account_without_limits_asks_the_database_nothing() -> None:
    unlimited = Candidate(profile=account("x"), facts=PublishingFacts(formats={}))

    assert await Caps(None).reached([unlimited], None) == []  # type: ignore[arg-type]
