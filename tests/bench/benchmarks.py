"""The benchmarks. Each is a function that returns lines; what it compares runs in turns within one run."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from storage.engine.db import Database
from storage.seen_requests import first_seen
from storage.standing import standing
from storage.tickets import NewTicket, open_ticket
from tests.bench import servers
from tests.bench.load import Burst, command, fire, typeahead
from tests.bench.servers import CHANNEL, NAMES, TEAM, Seeded, Server

DIALECTS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
MEBIBYTES, READY_S, HELP, CONNECT, P99_MS, TYPEAHEAD_MS = 120, 2.0, 0.85, 0.3, 100, 300
"""The goals of the issue that asked for these numbers."""
TICKETS_EACH = 4
"""A member may have 5 links open, so nobody asks for more than that in a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured."""

    rounds: int = 21
    requests: dict[int, int] = field(default_factory=lambda: {1: 200, 16: 400, 64: 640})
    """How many per round, by concurrency."""
    starts: int = 5
    idle_s: float = 2.0
    typed: int = 300
    pages: int = 1000
    places: int = 10_000
    transactions: int = 500
    grants: int = 3000
    rate_rounds: int = 5
    memory_rounds: int = 6
    sizes: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    due: int = 640
    day_s: int = 86_400
    day_grants: int = 1_000_000
    outage_grants: int = 10_000
    reads: int = 400
    """Commands of each kind in a round."""
    strangers: int = 200
    attacked: int = 600
    """Commands of each round with strangers, and of each without."""
    gone_s: float = 60.0
    posts: int = 10_000
    punctual: int = 1_000
    minute_s: float = 60.0
    shared: int = 2_000
    """Posts that one process and two publish."""
    writers: int = 150
    """Members who write a post."""
    video: int = 4_000_000_000
    """Bytes: TikTok takes no more."""
    s3_video: int = 256_000_000
    videos: int = 3
    """How often each is uploaded."""

    @property
    def members(self) -> int:
        """How many admins must share the connect commands so that nobody reaches a limit."""
        asked = (self.rounds + 1) * sum(self.requests.values()) + self.transactions * (self.rounds + 1)
        return asked // TICKETS_EACH + 1


SMALL = Plan(
    rounds=1,
    requests={1: 3, 4: 8},
    starts=1,
    idle_s=0.0,
    typed=4,
    pages=30,
    places=50,
    transactions=4,
    grants=20,
    rate_rounds=1,
    memory_rounds=2,
    sizes=(50, 10_000),
    due=20,
    day_s=1_200,
    day_grants=2_000,
    outage_grants=100,
    reads=4,
    strangers=18,
    attacked=9,
    gone_s=0.0,
    posts=20,
    punctual=10,
    minute_s=1.0,
    shared=10,
    writers=4,
    video=256_000_000,
    s3_video=30_000_000,
    videos=1,
)
"""Enough to see that everything still runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One number, and whether it is what it should be."""

    what: str
    measured: str
    spread: str = ""
    goal: str = ""
    met: bool | None = None
    """None where there is no goal."""


Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where the benchmarks run: a seeded database of each kind. `say` is told what is going on."""

    plan: Plan
    seeded: dict[str, Seeded]
    say: Say
    fresh: Callable[[str], Awaitable[str]]
    """Gives the URL of another, empty database of a kind."""
    pictures: Path
    """Where they are put."""


@asynccontextmanager
async def bench(
    plan: Plan,
    folder: Path,
    say: Say,
    dialects: Sequence[str] = tuple(DIALECTS),
    pictures: Path | None = None,
) -> AsyncIterator[Bench]:
    """Start and fill the databases."""
    async with AsyncExitStack() as stack:
        seeded, numbers = {}, itertools.count()

        async def fresh(dialect: str) -> str:
            if dialect == "sqlite":
                return f"sqlite+aiosqlite:///{folder / f'{next(numbers)}.sqlite3'}"
            return postgres.url(await postgres.migrated())

        for dialect in dialects:
            say(
                f"{DIALECTS[dialect]}: {plan.members:,} members, {plan.pages:,} Pages, {plan.places:,} places"
            )
            if dialect == "sqlite":
                url = f"sqlite+aiosqlite:///{folder / 'bench.sqlite3'}"
            else:
                postgres = await stack.enter_async_context(servers.postgres())
                url = postgres.url(postgres.name)
            seeded[dialect] = await servers.seed(
                url, members=plan.members, pages=plan.pages, places=plan.places
            )
        yield Bench(plan=plan, seeded=seeded, say=say, fresh=fresh, pictures=pictures or folder)


# Slash commands


async def slash_commands(one: Bench) -> list[Line]:
    """`/octapost help` and `/octapost connect x` on `octapost run`, against a Bolt app that does nothing."""
    lines: list[Line] = []
    for dialect, seeded in one.seeded.items():
        async with servers.bare() as bare, servers.octapost(seeded, "--only", "web") as ours:
            numbers = itertools.count()
            kinds = {
                "nothing": (bare, "help", b""),
                "help": (ours, "help", b"/octapost connect"),
                "connect": (ours, "connect x", b"/connect/"),
            }
            users = {kind: itertools.cycle(seeded.users) for kind in kinds}
            for concurrency, count in one.plan.requests.items():
                rounds: dict[str, list[_Round]] = {kind: [] for kind in kinds}
                for turn in range(one.plan.rounds + 1):
                    one.say(f"{DIALECTS[dialect]}, {concurrency} at once, round {turn} of {one.plan.rounds}")
                    for kind in sorted(kinds, reverse=bool(turn % 2)):
                        server, text, expected = kinds[kind]
                        requests = [
                            command(text, next(users[kind]), TEAM, CHANNEL, next(numbers))
                            for _ in range(count)
                        ]
                        measured = await _measure(server, requests, concurrency, expected)
                        if turn:  # the first round warms up
                            rounds[kind].append(measured)
                lines += _compared(DIALECTS[dialect], concurrency, rounds)
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    burst: Burst
    cpu: float
    """The server's CPU seconds per request."""


async def _measure(server: Server, requests: list[bytes], concurrency: int, expected: bytes) -> _Round:
    before = server.cpu()
    burst = await fire(server.port, requests, concurrency, expected)
    return _Round(burst=burst, cpu=(server.cpu() - before) / len(requests))


def _compared(where: str, concurrency: int, rounds: dict[str, list[_Round]]) -> Iterator[Line]:
    bare = [each.burst.rate for each in rounds["nothing"]]
    yield Line(
        what=f"{where}, {concurrency} at once: bare Bolt",
        measured=f"{statistics.median(bare):,.0f}/s",
        spread=_costs(bare, rounds["nothing"])[0],
    )
    for kind, goal in (("help", HELP), ("connect", CONNECT)):
        ratios = [each.burst.rate / other for each, other in zip(rounds[kind], bare, strict=True)]
        rates = [each.burst.rate for each in rounds[kind]]
        costs, p99 = _costs(rates, rounds[kind])
        yield Line(
            what=f"{where}, {concurrency} at once: `{kind}`",
            measured=f"{statistics.median(ratios):.2f} of bare Bolt, {statistics.median(rates):,.0f}/s",
            spread=f"{min(ratios):.2f} … {max(ratios):.2f}; {costs}",
            goal=f"≥ {goal}",
            met=statistics.median(ratios) >= goal,
        )
        if concurrency == 64:
            yield Line(
                what=f"{where}, {concurrency} at once: `{kind}`, 99th percentile",
                measured=f"{p99:.0f} ms",
                goal=f"< {P99_MS} ms",
                met=p99 < P99_MS,
            )


def _costs(rates: list[float], rounds: list[_Round]) -> tuple[str, float]:
    latencies = [1000 * each for round_ in rounds for each in round_.burst.latencies]
    p99 = percentile(latencies, 99)
    cpu = statistics.median(each.cpu for each in rounds) * 1e6
    idle = statistics.median(1 - each.burst.generator for each in rounds)
    return (
        f"{min(rates):,.0f} … {max(rates):,.0f}/s, p99 {p99:.1f} ms, {cpu:,.0f} µs of CPU each,"
        f" generator idle {idle:.0%}"
    ), p99


def percentile(values: Sequence[float], part: int) -> float:
    """Return the value that `part` percent of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * part // 100)]


# The process


async def start_and_memory(one: Bench) -> list[Line]:
    """How long `octapost run` takes until it is ready, and what it holds when nothing happens."""
    lines = []
    for dialect, seeded in one.seeded.items():
        starts, memory = [], []
        for turn in range(one.plan.starts + 1):
            one.say(f"{DIALECTS[dialect]}: start {turn} of {one.plan.starts}")
            async with servers.octapost(seeded) as server:
                if turn:  # the first one compiles what was just installed
                    await asyncio.sleep(one.plan.idle_s)
                    starts.append(server.ready_after_s)
                    memory.append(server.memory())
        lines += [
            Line(
                what=f"{DIALECTS[dialect]}: `octapost run` from start to ready",
                measured=f"{statistics.median(starts):.2f} s",
                spread=f"{min(starts):.2f} … {max(starts):.2f} s",
                goal=f"< {READY_S:.0f} s",
                met=statistics.median(starts) < READY_S,
            ),
            Line(
                what=f"{DIALECTS[dialect]}: resident memory of `octapost run`, idle",
                measured=f"{statistics.median(memory):.1f} MiB",
                spread=f"{min(memory):.1f} … {max(memory):.1f} MiB",
                goal=f"< {MEBIBYTES} MiB",
                met=max(memory) < MEBIBYTES,
            ),
        ]
    return lines


# Typing into a picker


async def typeaheads(one: Bench) -> list[Line]:
    """What people wait for while they type: the Pages of a discovery and the places of an account."""
    lines = []
    for dialect, seeded in one.seeded.items():
        user, organization = seeded.users[0], seeded.organization_id
        pickers = {
            f"{one.plan.pages:,} Pages": ("connect.search", f"{organization}/{seeded.discovery_id}"),
            f"{one.plan.places:,} places": ("account.place", f"{organization}/{seeded.account_id}"),
        }
        async with servers.octapost(seeded, "--only", "web") as server:
            for name, (action, metadata) in pickers.items():
                one.say(f"{DIALECTS[dialect]}: typing over {name}")
                for concurrency in (1, 16):
                    typed = itertools.cycle(prefixes())
                    requests = [
                        typeahead(action, next(typed), metadata, user, TEAM) for _ in range(one.plan.typed)
                    ]
                    await fire(server.port, requests[:2], 1, b'"options"')
                    burst = await fire(server.port, requests[2:], concurrency, b'"options"')
                    times = [1000 * each for each in burst.latencies]
                    lines.append(waited(f"{DIALECTS[dialect]}: {name}, {concurrency} typing at once", times))
    return lines


def waited(what: str, times: list[float]) -> Line:
    """Return what people wait for, of so many milliseconds each time."""
    p99 = percentile(times, 99)
    return Line(
        what=f"{what}, 99th percentile",
        measured=f"{p99:.0f} ms",
        spread=f"{min(times):.0f} … {max(times):.0f} ms, median {statistics.median(times):.0f} ms",
        goal=f"< {TYPEAHEAD_MS} ms",
        met=p99 < TYPEAHEAD_MS,
    )


def prefixes() -> list[str]:
    """Return what is in the field while people type these names: nothing, then ever more of the word."""
    return ["", *(name[:end] for name in (*NAMES, "Unknown") for end in range(1, len(name) + 1))]


# Storage


async def transactions(one: Bench) -> list[Line]:
    """What each of a command's transactions costs this process in CPU time, one after the other."""
    lines = []
    for dialect, seeded in one.seeded.items():
        database = Database(seeded.url)
        people = itertools.cycle(zip(seeded.users, seeded.memberships, strict=True))
        try:
            for name in ("standing", "first_seen", "open_ticket"):
                costs, times = [], []
                for turn in range(one.plan.rounds + 1):
                    one.say(f"{DIALECTS[dialect]}: {name}, round {turn} of {one.plan.rounds}")
                    cpu, began = time.process_time(), time.perf_counter()
                    for number in range(one.plan.transactions):
                        await _transaction(name, database, seeded, *next(people), f"{turn}.{number}")
                    if turn:  # the first round warms up
                        costs.append((time.process_time() - cpu) * 1e6 / one.plan.transactions)
                        times.append((time.perf_counter() - began) * 1e6 / one.plan.transactions)
                lines.append(
                    Line(
                        what=f"{DIALECTS[dialect]}: `{name}`",
                        measured=f"{statistics.median(costs):,.0f} µs of CPU",
                        spread=f"{min(costs):,.0f} … {max(costs):,.0f} µs;"
                        f" {statistics.median(times):,.0f} µs until committed",
                    )
                )
        finally:
            await database.close()
    return lines


async def _transaction(
    name: str, database: Database, seeded: Seeded, user: str, membership: str, number: str
) -> None:
    match name:
        case "standing":
            await standing(database.autocommit, TEAM, user, TEAM, CHANNEL)
        case "first_seen":
            await first_seen(database.autocommit, number)
        case _:
            await open_ticket(
                database.autocommit,
                NewTicket(
                    organization_id=seeded.organization_id,
                    membership_id=membership,
                    team_id=TEAM,
                    channel_id=CHANNEL,
                    platform="x",
                    app="x",
                ),
            )
