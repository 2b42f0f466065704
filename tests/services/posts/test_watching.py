"""A post that was live and is removed is noticed, told once, and never on the word of one look."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.base import Busy, Presence
from bot.services.posts.policy import next_watch_in
from storage.engine.db import Database
from storage.engine.statements import database_time, now
from storage.models import DeliveryStatus
from storage.publishing_uses import PublishingUses
from storage.vault import Vault
from tests.services.posts.press import Desk, open_desk

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SENT, GONE = DeliveryStatus.SENT, DeliveryStatus.GONE


@pytest.fixture
async def desk(sqlite_database: Database, vault: Vault) -> Desk:
    return await open_desk(sqlite_database, vault)


@pytest.mark.parametrize(
    ("age", "following"),
    [(0 * DAY, 10 * MINUTE), (10 * MINUTE, 50 * MINUTE), (HOUR, 23 * HOUR), (DAY, None), (3 * DAY, None)],
)
def test_a_post_is_looked_at_after_ten_minutes_an_hour_and_a_day(
    age: timedelta, following: timedelta | None
) -> None:
    assert next_watch_in(age) == following


async def test_a_post_that_two_looks_miss_is_gone_and_told_once(database: Database, vault: Vault) -> None:
    desk = await open_desk(database, vault)
    post = await _live(desk)
    desk.press.presences.extend([Presence.GONE, Presence.GONE])

    await _look(desk, post)
    first, told = await desk.delivery(post), await desk.alerts()
    await _look(desk, post)
    await _look(desk, post)

    assert (first.status, first.misses, told) == (SENT, 1, [])
    assert (await desk.delivery(post)).status == GONE
    assert await desk.alerts() == [f"alert:{post}:gone"]
    assert desk.press.calls.count("presence 1") == 2


async def test_a_second_miss_has_to_come_as_late_as_the_platform_demands(desk: Desk) -> None:
    desk.press.limits["missed_apart"] = DAY
    post = await _live(desk)
    desk.press.presences.append(Presence.GONE)

    await _look(desk, post)

    row = await desk.delivery(post)
    async with desk.database.system(write=False) as session:
        at = await database_time(session)
    assert row.watch_at is not None
    assert DAY - MINUTE < row.watch_at - at <= DAY


async def test_a_post_that_is_back_was_never_gone(desk: Desk) -> None:
    post = await _live(desk)
    desk.press.presences.extend([Presence.GONE, Presence.THERE, Presence.GONE])

    for _ in range(3):
        await _look(desk, post)

    row = await desk.delivery(post)
    assert (row.status, row.misses, await desk.alerts()) == (SENT, 1, [])


@pytest.mark.parametrize(
    "answer", [Busy("http_503"), Presence.UNREADABLE], ids=["an outage", "no right to read"]
)
async def test_what_cannot_be_seen_is_not_gone(desk: Desk, answer: Presence | Exception) -> None:
    post = await _live(desk)
    desk.press.presences.extend([answer] * 3)

    for _ in range(3):
        await _look(desk, post)

    row = await desk.delivery(post)
    assert (row.status, row.misses) == (SENT, 0)
    assert (row.watch_at is None) == (answer is Presence.UNREADABLE)


async def test_posts_of_an_account_are_looked_at_together_and_paid_once_a_day(
    sqlite_database: Database, vault: Vault
) -> None:
    desk = await open_desk(sqlite_database, vault)
    desk.press.limits["cents_per_read"] = 0.5
    posts = [await _live(desk, f"Post {number}") for number in range(3)]

    for _ in range(2):
        for post in posts:
            await desk.change(post, watch_at=now())
        await desk.watching.run()

    async with sqlite_database.system(write=False) as session:
        used = await PublishingUses(session).used("app/x", await database_time(session))
    assert desk.press.calls.count("presence 3") == 2
    assert (used.posts, used.cents) == (0, 1.5)


async def _live(desk: Desk, text: str = "Mugs") -> str:
    post = await desk.schedule(text)
    await desk.run()
    assert (await desk.delivery(post)).watch_at is not None
    return post


async def _look(desk: Desk, post: str) -> None:
    """Let the time of the next look come, if there is one."""
    if (await desk.delivery(post)).watch_at is not None:
        await desk.change(post, watch_at=now())
    await desk.watching.run()
