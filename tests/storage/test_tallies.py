"""What all replicas counted lately, with the database's own time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.tallies import Outcome, Tallies, Tally, recent_tallies

if TYPE_CHECKING:
    from storage.engine.db import Database


async def test_tallies_are_sorted_by_platform_and_minute(database: Database) -> None:
    async with database.system() as session:
        counts = Tallies(session)
        now = await counts.minute()
        await counts.count("x", now - 2, {Outcome.DEAD: 2})
        await counts.count("x", now - 1, {Outcome.FRESH: 1})
        await counts.count("reddit", now - 1, {Outcome.BUSY: 3})
        await counts.count("reddit", now - 90, {Outcome.BUSY: 9})

    minute, tallies = await recent_tallies(database.autocommit, 60)

    assert 0 <= minute - now <= 1
    assert tallies == {
        "x": {
            now - 2: Tally(fresh=0, dead=2, busy=0, other=0),
            now - 1: Tally(fresh=1, dead=0, busy=0, other=0),
        },
        "reddit": {now - 1: Tally(fresh=0, dead=0, busy=3, other=0)},
    }
    async with database.system(write=False) as session:
        assert (await recent_tallies(session, 60))[1] == tallies


async def test_where_nothing_was_counted_the_time_is_told_all_the_same(database: Database) -> None:
    minute, tallies = await recent_tallies(database.autocommit, 60)

    assert tallies == {}
    async with database.system(write=False) as session:
        assert 0 <= await Tallies(session).minute() - minute <= 1
