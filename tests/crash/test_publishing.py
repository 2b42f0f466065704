"""Processes that are killed while they publish to all seven platforms: nothing goes out twice, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from storage.deliveries import LEASE
from storage.engine.db import Database
from storage.models import DeliveryStatus
from tests.counts import in_full, sampled, tries
from tests.crash.children import publishing
from tests.crash.newsroom import Newsroom, open_newsroom
from tests.crash.publisher import Moment
from tests.databases import DIALECTS

DEATHS = tries(10, 1)
A_WHILE = timedelta(hours=2)
"""After so long the platforms take another post: TikTok takes 15 a day."""
PLATFORMS = 7
SLOW, KILLED = timedelta(seconds=222), timedelta(seconds=30)
"""How long the platforms take to answer, and when the process is killed that waits for them."""
EVERYWHERE = [(kind, moment) for moment in Moment for kind in DIALECTS]


@pytest.mark.parametrize(("database", "moment"), sampled(EVERYWHERE, 8, 4), indirect=["database"])
async def test_a_killed_process_publishes_nothing_twice_and_loses_nothing(
    database: Database, moment: Moment, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with open_newsroom(database, tmp_path) as room:
        for number in range(DEATHS):
            await room.schedule(f"Mug {number}")
            await kill(room, moment)
            await room.pass_time(LEASE + timedelta(seconds=1))
            await room.settle()
            await room.pass_time(A_WHILE)

        counts, states, asked = room.counts(), await room.states(), room.asked
    doubled = sum(count for times, count in counts.items() if times > 1)
    record_property(
        "counted",
        f"{database.dialect}, killed, {moment}: {DEATHS} deaths, {sum(counts.values())} deliveries,"
        f" {doubled} doubled, {counts[0]} lost, people asked about {dict(asked)}",
    )
    assert counts == {1: DEATHS * PLATFORMS}
    assert states == {DeliveryStatus.SENT: DEATHS * PLATFORMS}


async def kill(room: Newsroom, moment: Moment) -> None:
    """Let a process begin with what is due, and kill it when all seven deliveries are at the moment."""
    if moment is Moment.IN_FLIGHT:
        async with room.holding():
            await kill_in_flight(room)
        return
    async with publishing(room.env, moment) as (child, have_arrived):
        await have_arrived(PLATFORMS)
        await child.killed()


async def kill_in_flight(room: Newsroom, after: timedelta = timedelta(0)) -> None:
    """Let a process begin, and kill it so long after all platforms have got the requests that publish."""
    async with publishing(room.env, Moment.IN_FLIGHT) as (child, _):
        await room.all_held()
        await room.pass_time(after)
        await child.killed()


@in_full
@pytest.mark.parametrize("database", DIALECTS, indirect=True)
async def test_an_answer_that_takes_222_seconds_is_one_post_although_its_process_was_killed_meanwhile(
    database: Database, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with open_newsroom(database, tmp_path) as room:
        await room.schedule("Mug")
        async with room.holding():
            await kill_in_flight(room, KILLED)
            await room.pass_time(LEASE)
            await room.work()
            looked = await room.states()
            await room.pass_time(SLOW - KILLED - LEASE)
        await room.settle()

        counts, states, receipts = room.counts(), await room.states(), await room.receipts()
    record_property(
        "counted",
        f"{database.dialect}: {PLATFORMS} answers after {SLOW.total_seconds():.0f} s, the process killed after"
        f" {KILLED.total_seconds():.0f}: {sum(counts.values())} posts, {receipts} receipts",
    )
    assert DeliveryStatus.UNKNOWN in looked
    assert counts == {1: PLATFORMS}
    assert (states, receipts) == ({DeliveryStatus.SENT: PLATFORMS}, PLATFORMS)
