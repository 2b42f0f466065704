"""What finding the due grants costs when there are few and when there are a million, with the same number due."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psutil
from sqlalchemy import JSON, BigInteger, Float, String, cast, event, insert, literal
from sqlalchemy import select as core_select
from sqlmodel import col, text, update

from bot.services.tokens.policy import LEASE
from bot.services.tokens.queue import AT_ONCE
from storage.engine.db import Database
from storage.engine.statements import Now, now
from storage.models import Grant, GrantStatus
from storage.refreshes import Refreshes
from tests.bench.benchmarks import DIALECTS, Bench, Line
from tests.bench.refreshes import APP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.sql.elements import KeyedColumnElement

GROWTH, MEBIBYTES = 1.3, 10
"""The goals: of the issue that asked for these numbers, and of what may be called flat."""
SCATTER, ROOM = 2_654_435_761, 1 << 32
"""A multiplier without a factor in common with the room: each number below it is met once, in no order."""
SEALED = b"\x01" * 160
LIFE_S = 3000.0
INDEX = "grant_due"


@dataclass(slots=True, kw_only=True)
class Sized:
    """A database with so many grants."""

    grants: int
    database: Database
    times: list[float] = field(default_factory=list)
    """Seconds per claimed grant, of each claim."""
    grown: float = 0.0
    """Mebibytes this process grew by while claiming."""
    plan: str = ""


async def claims(one: Bench) -> list[Line]:
    """The claim at each size, in turns."""
    lines: list[Line] = []
    for dialect in one.seeded:
        async with AsyncExitStack() as stack:
            sizes = []
            for grants in one.plan.sizes:
                one.say(f"{DIALECTS[dialect]}: {grants:,} grants")
                url = await one.fresh(dialect)
                sizes.append(await stack.enter_async_context(_sized(url, grants, one.plan.due)))
            for turn in range(one.plan.rounds + 1):
                for each in sizes:
                    one.say(f"{DIALECTS[dialect]}: round {turn}, claims among {each.grants:,}")
                    await _round(each, one.plan.due, warm=not turn)
            for each in sizes:
                each.plan = await _plan(each.database)
            lines += _compared(DIALECTS[dialect], sizes)
    return lines


def _compared(where: str, sizes: Sequence[Sized]) -> list[Line]:
    fewest, most = sizes[0], sizes[-1]
    typical = [statistics.median(each.times) for each in sizes]
    lines = [
        Line(
            what=f"{where}: a claim among {each.grants:,} grants",
            measured=f"{1e6 * middle:,.0f} µs per claimed grant",
            spread=f"{1e6 * min(each.times):,.0f} … {1e6 * max(each.times):,.0f} µs",
        )
        for each, middle in zip(sizes, typical, strict=True)
    ]
    large = [each for each in sizes if each.grants >= ROOM_FOR_AN_INDEX]
    by_index = bool(large) and all(INDEX in each.plan for each in large)
    return [
        *lines,
        Line(
            what=f"{where}: {most.grants:,} against {fewest.grants:,}",
            measured=f"{typical[-1] / typical[0]:.2f} of the time",
            goal=f"≤ {GROWTH}",
            met=typical[-1] / typical[0] <= GROWTH,
        ),
        Line(
            what=f"{where}: EXPLAIN finds them by `{INDEX}`",
            measured="yes" if by_index else "no",
            met=by_index,
            goal="yes",
        ),
        Line(
            what=f"{where}: memory grown while claiming among {most.grants:,}",
            measured=f"{most.grown:.1f} MiB",
            spread=f"{fewest.grown:.1f} MiB among {fewest.grants:,}",
            goal=f"< {MEBIBYTES} MiB",
            met=most.grown < MEBIBYTES,
        ),
    ]


ROOM_FOR_AN_INDEX = 10_000
"""Below it PostgreSQL may rightly read the whole table."""


@asynccontextmanager
async def _sized(url: str, grants: int, due: int) -> AsyncIterator[Sized]:
    database = Database(url, answered_within=None)
    try:
        await database.upgrade()
        await fill(database, grants, due)
        yield Sized(grants=grants, database=database)
    finally:
        await database.close()


async def fill(database: Database, grants: int, due: int) -> None:
    """Store so many grants in no order, of which `due` are due, in one statement."""
    numbers = core_select(literal(0, BigInteger).label("i")).cte("numbers", recursive=True)
    numbers = numbers.union_all(core_select(numbers.c.i + 1).where(numbers.c.i < grants - 1))
    i: Any = numbers.c.i
    scattered = (i * SCATTER) % ROOM
    rank = (i * SCATTER) % grants  # no factor in common with a power of ten either
    name = literal("grt_") + cast(scattered, String)
    values: dict[str, KeyedColumnElement[Any] | Any] = {
        "id": name,
        "platform": literal(APP),
        "app": literal(APP),
        "external_id": name,
        "external_name": literal("bench"),
        "access_sealed": literal(SEALED),
        "refresh_sealed": literal(SEALED),
        "scopes": literal(["scope"], JSON),
        "generation": literal(1),
        "status": literal(GrantStatus.HEALTHY.value),
        "reason": literal(""),
        "created_at": now(),
        "renewed_at": now(),
        "due_at": Now(cast((rank - due) * LIFE_S / grants, Float)),
        "last_outcome": literal("fresh"),
        "last_error_code": literal(""),
        "failures": literal(0),
        "in_doubt": literal(value=False),
    }
    async with database.system() as session:
        connection = await session.connection()
        columns = core_select(*(value.label(name) for name, value in values.items())).select_from(numbers)
        await connection.execute(insert(Grant).from_select(list(values), columns))
        await connection.execute(text("ANALYZE grant_"))


async def _round(sized: Sized, due: int, *, warm: bool) -> None:
    """Claim everything that is due, give it back as renewed, and then let the same be due again."""
    process = psutil.Process()
    before, ids = process.memory_info().rss, list[str]()
    while len(ids) < due:
        began = time.perf_counter()
        async with sized.database.system() as session:
            claimed = await Refreshes(session).claim(APP, AT_ONCE, LEASE)
        if not claimed:
            break
        if not warm:
            sized.times.append((time.perf_counter() - began) / len(claimed))
        ids += [grant.id for grant in claimed]
        await _reschedule(sized.database, ids[-len(claimed) :], timedelta(seconds=LIFE_S))
    sized.grown = max(sized.grown, (process.memory_info().rss - before) / 2**20) if not warm else 0.0
    await _reschedule(sized.database, ids, timedelta(seconds=-1))


async def _reschedule(database: Database, ids: Sequence[str], due_in: timedelta) -> None:
    change = update(Grant).where(col(Grant.id).in_(ids)).values(due_at=now(due_in), lease_until=None)
    async with database.system() as session:
        await session.exec(change, execution_options={"synchronize_session": False})


async def _plan(database: Database) -> str:
    """Return how the database would run the claim, in its own words."""
    said: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        said.append((statement, parameters))

    engine = database._writes.sync_engine
    async with database.system() as session:
        event.listen(engine, "before_cursor_execute", listen)
        await Refreshes(session).claim(APP, AT_ONCE, LEASE)
        event.remove(engine, "before_cursor_execute", listen)
        statement, parameters = said[-1]
        explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "
        found = await (await session.connection()).exec_driver_sql(explain + statement, parameters)
        plan = "\n".join(str(row[-1]) for row in found)
        await session.rollback()
    return plan
