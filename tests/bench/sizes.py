"""What finding what is due costs when there is little and when there is a million, with the same number due."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psutil
from sqlalchemy import JSON, BigInteger, Float, String, Update, case, cast, event, insert, literal, null
from sqlalchemy import select as core_select
from sqlmodel import SQLModel, col, text, update

from bot.services.posts.contents import dump
from bot.services.posts.delivering import AT_ONCE as DELIVERED_AT_ONCE
from bot.services.tokens.policy import LEASE
from bot.services.tokens.queue import AT_ONCE
from storage.deliveries import Deliveries
from storage.engine.db import Database
from storage.engine.statements import Now, now
from storage.models import Account, Delivery, DeliveryStatus, Grant, GrantStatus, Post
from storage.organizations import Organizations
from storage.refreshes import Refreshes
from storage.vault import KeyRing, Vault
from tests.bench.benchmarks import DIALECTS, Bench, Line
from tests.bench.posts import CONTENT
from tests.bench.refreshes import APP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlmodel.ext.asyncio.session import AsyncSession

MEBIBYTES = 10
"""What may be called flat."""
SCATTER, ROOM = 2_654_435_761, 1 << 32
"""A multiplier without a factor in common with the room: each number below it is met once, in no order."""
SEALED = b"\x01" * 160
LIFE_S = 3000.0
POST, ACCOUNTS = "pst_bench", 1_000
VAULT = Vault(KeyRing.parse(KeyRing.generate()))


@dataclass(slots=True, kw_only=True)
class Sized:
    """A database with so many rows."""

    rows: int
    database: Database
    times: list[float] = field(default_factory=list)
    """Seconds per claimed row, of each claim."""
    grown: float = 0.0
    """Mebibytes this process grew by while claiming."""
    plan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Rows that processes claim when they are due."""

    noun: str
    index: str
    """By which the due ones are found."""
    growth: float
    """How much longer a claim may take among a million than among a thousand."""
    fill: Callable[[AsyncSession, int, int], Awaitable[None]]
    """Stores so many rows, of which so many are due."""
    claim: Callable[[AsyncSession], Awaitable[Sequence[str]]]
    """Claims rows, and returns their ids."""
    due: Callable[[Sequence[str], timedelta], Update]
    """Returns the statement that lets rows be due in a while, and nobody's."""


async def claims(one: Bench) -> list[Line]:
    """The claim of grants at each size, in turns."""
    return await _claims(one, GRANTS)


async def delivery_claims(one: Bench) -> list[Line]:
    """The claim of deliveries at each size, in turns."""
    return await _claims(one, DELIVERIES)


async def _claims(one: Bench, queue: Queue) -> list[Line]:
    lines: list[Line] = []
    for dialect in one.seeded:
        async with AsyncExitStack() as stack:
            sizes = []
            for rows in one.plan.sizes:
                one.say(f"{DIALECTS[dialect]}: {rows:,} {queue.noun}")
                url = await one.fresh(dialect)
                sizes.append(await stack.enter_async_context(_sized(url, queue, rows, one.plan.due)))
            for turn in range(one.plan.rounds + 1):
                for each in sizes:
                    one.say(f"{DIALECTS[dialect]}: round {turn}, claims among {each.rows:,}")
                    await _round(each, queue, one.plan.due, warm=not turn)
            for each in sizes:
                each.plan = await _plan(each.database, queue)
            lines += _compared(DIALECTS[dialect], queue, sizes)
    return lines


def _compared(where: str, queue: Queue, sizes: Sequence[Sized]) -> list[Line]:
    fewest, most = sizes[0], sizes[-1]
    typical = [statistics.median(each.times) for each in sizes]
    lines = [
        Line(
            what=f"{where}: a claim among {each.rows:,} {queue.noun}",
            measured=f"{1e6 * middle:,.0f} µs per claimed row",
            spread=f"{1e6 * min(each.times):,.0f} … {1e6 * max(each.times):,.0f} µs",
        )
        for each, middle in zip(sizes, typical, strict=True)
    ]
    large = [each for each in sizes if each.rows >= ROOM_FOR_AN_INDEX]
    by_index = bool(large) and all(queue.index in each.plan for each in large)
    return [
        *lines,
        Line(
            what=f"{where}: {most.rows:,} {queue.noun} against {fewest.rows:,}",
            measured=f"{typical[-1] / typical[0]:.2f} of the time",
            goal=f"≤ {queue.growth}",
            met=typical[-1] / typical[0] <= queue.growth,
        ),
        Line(
            what=f"{where}: EXPLAIN finds {queue.noun} by `{queue.index}`",
            measured="yes" if by_index else "no",
            met=by_index,
            goal="yes",
        ),
        Line(
            what=f"{where}: memory grown while claiming among {most.rows:,}",
            measured=f"{most.grown:.1f} MiB",
            spread=f"{fewest.grown:.1f} MiB among {fewest.rows:,}",
            goal=f"< {MEBIBYTES} MiB",
            met=most.grown < MEBIBYTES,
        ),
    ]


ROOM_FOR_AN_INDEX = 10_000
"""Below it PostgreSQL may rightly read the whole table."""


@asynccontextmanager
async def _sized(url: str, queue: Queue, rows: int, due: int) -> AsyncIterator[Sized]:
    database = Database(url, answered_within=None)
    try:
        await database.upgrade()
        async with database.system() as session:
            await queue.fill(session, rows, due)
            await (await session.connection()).execute(text("ANALYZE"))
        yield Sized(rows=rows, database=database)
    finally:
        await database.close()


async def _fill(
    session: AsyncSession, model: type[SQLModel], rows: int, values: Callable[[Any], Mapping[str, Any]]
) -> None:
    """Store so many rows in one statement; `values` returns what they have, by their number from 0 on."""
    numbers = core_select(literal(0, BigInteger).label("i")).cte("numbers", recursive=True)
    numbers = numbers.union_all(core_select(numbers.c.i + 1).where(numbers.c.i < rows - 1))
    given = values(numbers.c.i)
    columns = core_select(*(value.label(name) for name, value in given.items())).select_from(numbers)
    await (await session.connection()).execute(insert(model).from_select(list(given), columns))


async def fill_grants(session: AsyncSession, grants: int, due: int) -> None:
    """Store so many grants in no order, of which `due` are due."""

    def values(i: Any) -> dict[str, Any]:
        rank = (i * SCATTER) % grants  # no factor in common with a power of ten either
        name = literal("grt_") + cast((i * SCATTER) % ROOM, String)
        return {
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

    await _fill(session, Grant, grants, values)


async def fill_deliveries(session: AsyncSession, deliveries: int, due: int) -> None:
    """Store so many deliveries of a thousand accounts, of which `due` are due, each of another account.

    A tenth of the others is scheduled, and the rest was sent.
    """
    organization = await Organizations(session).create("Octa Mugs")
    ours: dict[str, Any] = {"organization_id": literal(organization.id)}
    session.add(Post(id=POST, organization_id=organization.id, author="mbr_bench", text="Mugs"))
    await session.flush()

    def accounts(i: Any) -> dict[str, Any]:
        name = literal("acc_") + cast(i, String)
        words = dict.fromkeys(("handle", "url", "avatar_url", "access_error"), literal(""))
        return (
            ours
            | words
            | {
                "id": name,
                "platform": literal(APP),
                "app": literal(APP),
                "remote_id": name,
                "kind": literal("Page"),
                "name": name,
                "missing": literal([], JSON),
                "connected_by": literal("mbr_bench"),
                "connected_at": now(),
            }
        )

    def values(i: Any) -> dict[str, Any]:
        rank = (i * SCATTER) % deliveries
        is_due, waits = rank < due, rank % 10 == 0
        later = Now(cast(rank * 60.0, Float))
        numbers = dict.fromkeys(("generation", "failures", "looks", "misses"), literal(0))
        words = dict.fromkeys(("outcome", "code"), literal(""))
        return (
            ours
            | numbers
            | words
            | {
                "id": literal("dlv_") + cast((i * SCATTER) % ROOM, String),
                "post_id": literal(POST),
                "account_id": literal("acc_") + cast(rank % ACCOUNTS, String),
                "place": cast(i, String),
                "content": literal(dump(CONTENT), JSON),
                "fault": literal({}, JSON),
                "asks": literal(value=False),
                "status": case(
                    (is_due | waits, DeliveryStatus.SCHEDULED.value), else_=DeliveryStatus.SENT.value
                ),
                "due_at": later,
                "work_at": case((is_due, now()), (waits, later), else_=null()),
            }
        )

    await _fill(session, Account, ACCOUNTS, accounts)
    await _fill(session, Delivery, deliveries, values)


async def _claim_grants(session: AsyncSession) -> list[str]:
    return [grant.id for grant in await Refreshes(session).claim(APP, AT_ONCE, LEASE)]


async def _claim_deliveries(session: AsyncSession) -> list[str]:
    return [delivery.id for delivery in await Deliveries(session, VAULT).claim(DELIVERED_AT_ONCE)]


GRANTS = Queue(
    noun="grants",
    index="grant_due",
    growth=1.3,
    fill=fill_grants,
    claim=_claim_grants,
    due=lambda ids, after: (
        update(Grant).where(col(Grant.id).in_(ids)).values(due_at=now(after), lease_until=None)
    ),
)
DELIVERIES = Queue(
    noun="deliveries",
    index="delivery_work",
    growth=1.2,
    fill=fill_deliveries,
    claim=_claim_deliveries,
    due=lambda ids, after: (
        update(Delivery).where(col(Delivery.id).in_(ids)).values(work_at=now(after), lease_until=None)
    ),
)


async def _round(sized: Sized, queue: Queue, due: int, *, warm: bool) -> None:
    """Claim everything that is due, give it back as done, and then let the same be due again."""
    process = psutil.Process()
    before, ids = process.memory_info().rss, list[str]()
    while len(ids) < due:
        began = time.perf_counter()
        async with sized.database.system() as session:
            claimed = await queue.claim(session)
        if not claimed:
            break
        if not warm:
            sized.times.append((time.perf_counter() - began) / len(claimed))
        ids += claimed
        await _reschedule(sized.database, queue.due(claimed, timedelta(seconds=LIFE_S)))
    sized.grown = max(sized.grown, (process.memory_info().rss - before) / 2**20) if not warm else 0.0
    await _reschedule(sized.database, queue.due(ids, timedelta(seconds=-1)))


async def _reschedule(database: Database, change: Update) -> None:
    async with database.system() as session:
        await session.exec(change, execution_options={"synchronize_session": False})


async def _plan(database: Database, queue: Queue) -> str:
    """Return how the database would run the claim, in its own words."""
    said: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        said.append((statement, parameters))

    engine = database._writes.sync_engine
    async with database.system() as session:
        event.listen(engine, "before_cursor_execute", listen)
        await queue.claim(session)
        event.remove(engine, "before_cursor_execute", listen)
        statement, parameters = said[0]
        explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "
        found = await (await session.connection()).exec_driver_sql(explain + statement, parameters)
        plan = "\n".join(str(row[-1]) for row in found)
        await session.rollback()
    return plan
