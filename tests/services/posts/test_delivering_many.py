"""Many deliveries: each goes out once, whoever works beside, and whatever becomes of one of them or of the database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from sqlmodel import col, func, select, update

from adapters.base import Content, Format
from bot.services.posts.contents import dump
from bot.services.posts.delivering import Delivering
from storage.engine.db import Database
from storage.engine.statements import database_time, now
from storage.models import Delivery, DeliveryStatus, new_id
from storage.posts import NewPost, Posts, Target
from storage.vault import Vault
from tests.counts import in_full, tries
from tests.databases import Postgres, another, away, started
from tests.patience import until
from tests.services.posts.press import Desk, open_desk

ACCOUNTS, WORKERS = tries(50, 10), 20
SENT = DeliveryStatus.SENT


async def scheduled(desk: Desk, count: int, accounts: Sequence[str]) -> list[str]:
    """Return the ids of so many deliveries that are due now, in turns on the accounts."""
    async with desk.database.system() as session:
        due_at = await database_time(session)
        for number in range(count):
            content = Content(format=Format.TEXT, text=f"Post {number}")
            target = Target(account_id=accounts[number % len(accounts)], due_at=due_at, content=dump(content))
            new = NewPost(draft_id=new_id("drf"), author=desk.membership_id, text=content.text)
            await Posts(session).schedule(desk.organization_id, new, [target])
        return list(await session.exec(select(Delivery.id)))


async def crowd(desk: Desk) -> list[str]:
    """Return the ids of so many accounts."""
    return [await desk.account(number) for number in range(ACCOUNTS)]


async def states(database: Database) -> Counter[str]:
    """Return how many deliveries have each status."""
    async with database.system(write=False) as session:
        counted = select(Delivery.status, func.count()).group_by(col(Delivery.status))
        return Counter(dict((await session.exec(counted)).all()))


async def leases_end(database: Database) -> None:
    """Let the lease of whoever had a delivery end, and the time of its next work come."""
    async with database.system() as session:
        ours = update(Delivery).where(col(Delivery.work_at).is_not(None), col(Delivery.status) != SENT)
        await session.exec(
            ours.values(work_at=now(), lease_until=None), execution_options={"synchronize_session": False}
        )


async def work(engines: Sequence[Delivering], rounds: int) -> None:
    """Let the engines work side by side, so many rounds."""
    for _ in range(rounds):
        await asyncio.gather(*(engine.run() for engine in engines))
        await asyncio.gather(*(engine.finish() for engine in engines))


async def test_twenty_workers_send_each_delivery_once(
    database: Database, vault: Vault, record_property: Callable[[str, object], None]
) -> None:
    desk = await open_desk(database, vault)
    count = tries(10_000, 40) if database.dialect == "postgresql" else tries(1_000, 40)
    await scheduled(desk, count, await crowd(desk))
    engines = [desk.another_engine() for _ in range(WORKERS)]

    while set(await states(database)) != {SENT}:
        await work(engines, 1)

    times = Counter(text for _, text in desk.press.posts)
    sends = sum(call.startswith("send") for call in desk.press.calls)
    record_property(
        "counted",
        f"{database.dialect}: {count} deliveries, {WORKERS} workers: {sends} sends, {len(times)} posts",
    )
    assert (sends, len(times)) == (count, count)


@in_full
async def test_one_that_nobody_can_read_keeps_nobody_waiting(
    sqlite_database: Database, vault: Vault, record_property: Callable[[str, object], None]
) -> None:
    desk, count = await open_desk(sqlite_database, vault), 1_000
    accounts = await crowd(desk)
    ids = await scheduled(desk, count, accounts)
    poisoned = ids[count // 2]
    await desk.change(poisoned, content={"format": "nonsense"})

    engine = desk.another_engine()
    before, rounds = -1, 0
    while len(desk.press.posts) > before:
        before, rounds = len(desk.press.posts), rounds + 1
        await work([engine], 1)

    row, found = await desk.delivery(poisoned), await states(sqlite_database)
    record_property(
        "counted", f"1 of {count} deliveries can't be read: {found[SENT]} sent, tried {row.failures} time"
    )
    assert found[SENT] == count - 1
    assert row.failures == 1
    assert rounds <= count // len(accounts) + 2


@asynccontextmanager
async def of_its_own() -> AsyncIterator[tuple[Any, Database]]:
    """Give a PostgreSQL that nobody else uses, and a database on it."""
    with started() as running:
        server = Postgres(running.get_uri(), "octapost_crowd")
        await server.prepare()
        database = Database(server.url(server.name))
        yield running, database
        await database.close()


@in_full
@pytest.mark.parametrize("how", ["stopped", "crashed"])
async def test_nothing_is_lost_or_doubled_when_postgresql_is_restarted_under_load(
    vault: Vault, how: str, record_property: Callable[[str, object], None]
) -> None:
    count = 400
    async with of_its_own() as (running, database):
        desk = await open_desk(database, vault)
        await scheduled(desk, count, await crowd(desk))

        async def takes_a_while() -> None:
            await asyncio.sleep(0.02)

        desk.press.during_send = takes_a_while
        engines = [desk.another_engine() for _ in range(4)]
        loops = [asyncio.create_task(without_end(engine)) for engine in engines]
        await until(lambda: len(desk.press.posts) >= count // 10)
        await away(running, how)
        under_load = count - len(desk.press.posts)
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        for engine in engines:
            await engine.finish()
        survivor = another(database)
        desk.press.during_send = None
        while set(found := await states(survivor)) != {SENT}:
            await leases_end(survivor)
            await work([desk.engine_on(survivor)], 1)
        await survivor.close()

    times = Counter(Counter(text for _, text in desk.press.posts).values())
    record_property(
        "counted",
        f"PostgreSQL {how} and started again with {under_load} of {count} deliveries to come:"
        f" {count - times[1]} doubled or lost, {desk.press.calls.count('look')} looked up",
    )
    assert times == {1: count}
    assert found == {SENT: count}


async def without_end(engine: Delivering) -> None:
    """Work as the scheduler lets an engine work: what fails is tried again."""
    while True:
        with suppress(Exception):
            await engine.run()
        await asyncio.sleep(0.05)
