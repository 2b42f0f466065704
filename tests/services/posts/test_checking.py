"""What will keep a post from going out is told an hour ahead, once; an outage never is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select, update

from adapters.base import (
    Busy,
    Content,
    DailyCap,
    Format,
    Live,
    Misconfigured,
    OutcomeUnknown,
    Rejected,
    TokenRefused,
)
from bot.services.posts.faults import Fault, FaultKind, load
from bot.services.posts.policy import CAP_REACHED, FILE_GONE, first_check_in, next_check_in
from bot.services.posts.risks import RiskCode
from storage.engine.db import Database
from storage.engine.statements import now
from storage.models import Delivery, DeliveryStatus, Grant
from storage.vault import Vault
from tests.counts import in_full
from tests.services.posts.press import Desk, open_desk

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def desk(sqlite_database: Database, vault: Vault) -> Desk:
    return await open_desk(sqlite_database, vault)


@pytest.mark.parametrize(
    ("due_in", "first"),
    [(3 * DAY, 2 * DAY), (5 * HOUR, 0 * HOUR), (11 * MINUTE, 0 * HOUR), (10 * MINUTE, None)],
)
def test_a_delivery_is_checked_first_a_day_ahead_or_at_once(
    due_in: timedelta, first: timedelta | None
) -> None:
    assert first_check_in(due_in) == first


@pytest.mark.parametrize(
    ("due_in", "following"),
    [
        (2 * DAY, DAY),
        (DAY, 23 * HOUR),
        (DAY + MINUTE, 23 * HOUR + MINUTE),
        (HOUR, 50 * MINUTE),
        (HOUR + MINUTE, 51 * MINUTE),
        (10 * MINUTE, None),
        (-HOUR, None),
    ],
)
def test_a_check_is_followed_by_the_next_one(due_in: timedelta, following: timedelta | None) -> None:
    assert next_check_in(due_in) == following


async def test_what_is_scheduled_is_checked_a_day_an_hour_and_ten_minutes_ahead(
    database: Database, vault: Vault
) -> None:
    desk = await open_desk(database, vault)
    post = await desk.schedule("Mugs", 3 * DAY)
    await desk.run()

    await desk.checking.run()
    before = desk.press.calls.count("live")
    for due_in in (DAY, HOUR, 10 * MINUTE):
        await desk.check(post, due_in)
    await desk.checking.run()

    assert (before, desk.press.calls.count("live")) == (0, 3)
    assert (await desk.delivery(post)).check_at is None
    assert await desk.alerts() == []


async def test_a_choice_that_is_gone_is_told_once(database: Database, vault: Vault) -> None:
    desk = await open_desk(database, vault)
    desk.press.lives.extend([Live(refuses="banned")] * 3)
    post = await desk.schedule("Mugs", 2 * DAY)
    await desk.run()

    for due_in in (DAY, HOUR, 10 * MINUTE):
        await desk.check(post, due_in)

    assert await desk.alerts() == [f"alert:{post}:refused:banned"]
    assert await _fault(desk, post) == Fault(kind=FaultKind.REFUSED, code="banned")


async def test_a_fault_that_was_mended_is_forgotten(desk: Desk) -> None:
    desk.press.lives.append(Live(refuses="banned"))
    post = await desk.schedule("Mugs", 2 * DAY)
    await desk.check(post, DAY)
    found = await _fault(desk, post)

    await desk.check(post, HOUR)

    assert (found is None, await _fault(desk, post)) == (False, None)


async def test_a_file_that_is_gone_is_told(desk: Desk) -> None:
    picture = desk.files.image()
    post = await desk.schedule(Content(format=Format.IMAGE, text="Mugs", media=(picture,)), 2 * DAY)
    desk.files.files.clear()

    await desk.check(post, HOUR)

    assert await _fault(desk, post) == Fault(kind=FaultKind.CONTENT, code=FILE_GONE)
    assert len(await desk.alerts()) == 1


async def test_what_the_platform_does_not_take_any_more_is_told(desk: Desk) -> None:
    post = await desk.schedule("M" * 281, 2 * DAY)

    await desk.check(post, HOUR)

    fault = await _fault(desk, post)
    assert fault is not None
    assert (fault.kind, fault.problem is not None) == (FaultKind.CONTENT, True)


async def test_a_permission_that_is_gone_is_told(desk: Desk) -> None:
    post = await desk.schedule("Mugs", 2 * DAY)
    async with desk.database.system() as session:
        await session.exec(update(Grant).values(status="needs_reconnect", reason="invalid_grant"))

    await desk.check(post, HOUR)

    assert await _fault(desk, post) == Fault(kind=FaultKind.ACCOUNT, code=RiskCode.CANNOT_PUBLISH)
    assert desk.press.calls == []


async def test_a_limit_of_the_day_is_shown_an_hour_ahead_and_nobody_is_asked(desk: Desk) -> None:
    desk.press.limits["daily_cap"] = DailyCap(posts=1)
    await desk.schedule("Mugs")
    await desk.run()
    post = await desk.schedule("Cups", 2 * DAY)

    await desk.check(post, DAY)
    early = await _fault(desk, post)
    await desk.check(post, HOUR)

    assert early is None
    assert await _fault(desk, post) == Fault(kind=FaultKind.LIMIT, code=CAP_REACHED)
    assert await desk.alerts() == []


async def test_a_check_renews_no_token(desk: Desk) -> None:
    """A token that is over renews itself when the post is due: at X each renewal uses one up."""
    post = await desk.schedule("Mugs", 2 * DAY)
    async with desk.database.system() as session:
        await session.exec(update(Grant).values(access_expires_at=now(-HOUR)))
        before = (await session.exec(select(Grant.generation))).one()

    await desk.check(post, HOUR)

    async with desk.database.system(write=False) as session:
        assert (await session.exec(select(Grant.generation))).one() == before
    assert desk.press.calls == []
    assert await _fault(desk, post) is None


OUTAGES = [
    Busy("http_503"),
    Busy("no_answer", retry_after=timedelta(hours=2)),
    Busy("rate_limited", whole_app=True),
    OutcomeUnknown("no_answer"),
    TokenRefused("unauthorized"),
    Misconfigured("invalid_client"),
    Rejected("odd"),
    TimeoutError(),
    RuntimeError("a bug"),
]


@in_full
async def test_an_outage_is_no_fault(
    sqlite_database: Database, vault: Vault, record_property: Callable[[str, object], None]
) -> None:
    desk = await open_desk(sqlite_database, vault)
    posts = [await desk.schedule(f"Post {number}", 2 * DAY) for number in range(20)]

    for due_in in (DAY, HOUR, 10 * MINUTE):
        for post in posts:
            desk.press.lives.append(OUTAGES[len(desk.press.calls) % len(OUTAGES)])
            await desk.check(post, due_in)

    async with sqlite_database.system(write=False) as session:
        faults = [one for one in await session.exec(select(Delivery.fault)) if one]
    assert (faults, await desk.alerts()) == ([], [])
    assert desk.press.calls.count("live") == 60
    record_property("counted", "checks: 60 of 20 posts in outages of 9 kinds, 0 false alarms")


async def test_a_fault_stays_while_the_platform_does_not_answer(desk: Desk) -> None:
    desk.press.lives.extend([Live(refuses="banned"), Busy("http_503")])
    post = await desk.schedule("Mugs", 2 * DAY)

    await desk.check(post, DAY)
    await desk.check(post, HOUR)

    assert await _fault(desk, post) == Fault(kind=FaultKind.REFUSED, code="banned")


async def test_what_is_out_is_not_checked_any_more(desk: Desk) -> None:
    post = await desk.schedule("Mugs")
    await desk.run()

    await desk.change(post, check_at=now())
    await desk.checking.run()

    assert (await desk.delivery(post)).status == DeliveryStatus.SENT
    assert "live" not in desk.press.calls


async def _fault(desk: Desk, delivery_id: str) -> Fault | None:
    return load((await desk.delivery(delivery_id)).fault)
