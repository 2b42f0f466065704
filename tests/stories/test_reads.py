"""What looking something up costs: trips to the database, counted on both databases."""

from __future__ import annotations

from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from sandbox.member import text_of
from sandbox.slack.world import ADA
from storage.engine import time_limit
from storage.engine.autocommit import AutocommitRunner
from tests.application import open_office
from tests.counts import sampled
from tests.databases import DIALECTS
from tests.stories.told import connected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.sql.elements import ClauseElement

    from storage.engine.db import Database
    from tests.databases import Postgres

READS = {"accounts": (3, 1), "status": (3, 1), "doctor": (3, 1), "org": (4, 1), "home": (9, 3)}
"""At most so many statements, and so many sessions; the statements that are in none are each a transaction."""


@dataclass(slots=True)
class Trips:
    """What requests asked of the database, the home tab with the look for Slack's token."""

    statements: int = 0
    sessions: int = 0


class CountedRunner(AutocommitRunner):
    """Passes lone statements on, and counts them."""

    def __init__(self, inner: AutocommitRunner, trips: Trips) -> None:
        super().__init__(inner._dialect)
        self._inner = inner
        self._trips = trips

    async def _rows(self, statement: ClauseElement, values: dict[str, Any]) -> Any:
        self._trips.statements += time_limit.current() is not None
        return await self._inner._rows(statement, values)

    async def close(self) -> None:
        await self._inner.close()


@contextmanager
def counted(database: Database) -> Iterator[Trips]:
    """Count what requests ask; jobs have no time limit, and so don't count."""
    trips, single = Trips(), database.autocommit
    engines = {database._writes.sync_engine} | (
        {database._reads.sync_engine} if database.dialect == "sqlite" else set()
    )

    def said(*_: object) -> None:
        trips.statements += time_limit.current() is not None

    def began(_connection: object) -> None:
        trips.sessions += time_limit.current() is not None

    for engine in engines:
        event.listen(engine, "before_cursor_execute", said)
        event.listen(engine, "begin", began)
    database.autocommit = CountedRunner(single, trips)
    try:
        yield trips
    finally:
        database.autocommit = single
        for engine in engines:
            event.remove(engine, "before_cursor_execute", said)
            event.remove(engine, "begin", began)


@pytest.mark.parametrize("dialect", sampled(DIALECTS, 2))
async def test_a_look_costs_few_trips_to_the_database(
    dialect: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    found: dict[str, tuple[int, int]] = {}
    async with AsyncExitStack() as stack:
        extra = {}
        if dialect == "postgresql":
            postgres: Postgres = request.getfixturevalue("postgres")
            stack.push_async_callback(postgres.empty)
            extra = {"OCTAPOST_DATABASE_URL": postgres.url(postgres.name)}
        office = await open_office(tmp_path, stack, extra)
        ada = await office.installed()
        await connected(ada, "x", "4711")
        for what in READS:
            with counted(office.database) as trips:
                shown = await (office.slack.open_home(ADA) if what == "home" else ada.command(what))
            assert "Acme" in text_of(shown)
            found[what] = (trips.statements, trips.sessions)

    said = ", ".join(f"{what} {s} in {t}" for what, (s, t) in found.items())
    record_property("counted", f"statements and sessions of a look on {dialect}: {said}")
    assert all(s > 0 for s, _ in found.values())
    over = {
        what: cost for what, cost in found.items() if cost[0] > READS[what][0] or cost[1] > READS[what][1]
    }
    assert over == {}
