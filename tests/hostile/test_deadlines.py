"""Every request is answered within Slack's three seconds, whatever Slack's API or the database does."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import psutil
import pytest
import structlog.testing

from bot.slack.dispatch.admission import AT_ONCE
from bot.slack.routes import Kind, Route
from sandbox.core import Fault
from sandbox.slack.delivery import Outcome
from sandbox.slack.world import ACME, ADA, INITECH, OTTO
from storage.models import Role
from tests.application import Office, open_office
from tests.counts import FULL, in_full, sampled
from tests.databases import Postgres, locked
from tests.hostile.slack_side import Desk, Json, belongings, first_organization, outcomes, seat
from tests.hostile.test_roles import PAT, target_of, words_for

SLACK_WAITS_S = 3.0
HANGS_S = 30.0 if FULL else 4.0
"""How long Slack's API says nothing; what waits for it is late after 3 s in either case."""
API = "^/api/"
REFUSALS = ("missing_scope", "fatal_error", "token_revoked")
SLACK = {
    "silent": Fault(path=API, status=503, delay_s=HANGS_S),
    "429": Fault(path=API, status=429, body="{}", headers={"Retry-After": "30"}),
    "500": Fault(path=API, status=500, body="{}"),
    "503": Fault(path=API, status=503, body="{}"),
    "HTML": Fault(path=API, status=200, body="<html>Back soon</html>", content_type="text/html"),
    "a list": Fault(path=API, status=200, body="[]"),
    "silent everywhere": Fault(path="", status=503, delay_s=HANGS_S),
    **{code: Fault(path=API, status=200, body=f'{{"ok": false, "error": "{code}"}}') for code in REFUSALS},
}
EVENTS: dict[str, Json] = {
    "app_home_opened": {"user": ADA, "tab": "home", "channel": "D1"},
    "app_uninstalled": {},
    "tokens_revoked": {"tokens": {"bot": ["U1"]}},
    "grid_migration_finished": {"enterprise_id": INITECH},
    "user_change": {"user": {"id": OTTO, "team_id": ACME, "deleted": True}},
}
"""All are of before the installation, so that a removal is Slack's to confirm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What one route answered."""

    route: Route
    outcome: Outcome
    late_s: float
    """How long after the third second, apart from what this process itself lost."""


@contextmanager
def stalls() -> Iterator[list[float]]:
    """Measure how long the event loop, which the app and its Slack share here, did nothing for anybody."""
    lost = [0.0]

    async def tick() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.02)
            lost[0] += max(0.0, time.monotonic() - began - 0.03)

    task = asyncio.ensure_future(tick())
    try:
        yield lost
    finally:
        task.cancel()


@contextmanager
def stopped(server: Sequence[psutil.Process]) -> Iterator[None]:
    """Let every process of a PostgreSQL server say nothing: who connects is let in by the kernel, and waits."""
    there = [process for process in server if process.is_running()]
    for process in there:
        process.suspend()
    try:
        yield
    finally:
        for process in there:
            process.resume()


async def processes_of(postgres: Postgres) -> list[psutil.Process]:
    connection = await asyncpg.connect(postgres.admin, database="postgres")
    postmaster = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()")).parent()
    assert postmaster is not None
    server = [postmaster, *postmaster.children()]
    await connection.close()
    return server


@asynccontextmanager
async def desk_at(data: Path, extra: dict[str, str] | None = None) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        office: Office = await open_office(data, stack, extra)
        await office.installed(ADA)
        yield Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(tmp_path) as found:
        yield found


async def requests(desk: Desk) -> list[tuple[Route, Json]]:
    """Return a payload for every route, about things that exist."""
    owner = await first_organization(desk.office, ACME)
    mine = await belongings(desk.office, "Crumb", owner)
    desk.person(PAT, "pat")
    spare = await seat(desk.office, owner.organization_id, PAT, ACME, Role.MEMBER)
    made: list[tuple[Route, Json]] = []
    for route in desk.office.parts.routes:
        match route.kind:
            case Kind.EVENT:
                body = desk.event({"type": route.key, **EVENTS[route.key]}) | {"event_time": 1}
            case Kind.COMMAND:
                body = desk.request(route, ADA, words_for(route, mine, ADA))
            case _:
                body = desk.request(route, ADA, target_of(route, mine, spare.id))
        made.append((route, body))
    return made


async def deliver(desk: Desk, made: Sequence[tuple[Route, Json]]) -> list[Answered]:
    """Send requests over HTTP, all at once, and return what became of each."""

    async def one(route: Route, body: Json) -> Answered:
        signed = desk.signed(body)
        headers = {name: values[0] for name, values in signed.headers.items()}
        outcome = await desk.slack.courier.raw(signed.raw_body, headers)
        return Answered(route=route, outcome=outcome, late_s=outcome.took_s - SLACK_WAITS_S)

    with stalls() as lost:
        found = await asyncio.gather(*(one(route, body) for route, body in made))
    return [replace(each, late_s=each.late_s - lost[0]) for each in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What all routes together came to under one fault."""

    late: list[str]
    broke: float
    tracebacks: list[str]
    statuses: Counter[str]


async def tally(desk: Desk, broken: Callable[[], ExitStack], one_in: int, *, at_once: int = 1000) -> Tally:
    """Ask every route (or a sample) while something is broken; what they leave for later is done when it is not."""
    made = await requests(desk)
    before = outcomes().get("incident", 0)
    with structlog.testing.capture_logs() as logged:
        with broken():
            asked = sampled(made, one_in)
            found = []
            for start in range(0, len(asked), at_once):
                found += await deliver(desk, asked[start : start + at_once])
        await desk.office.parts.dispatcher.drain(10)
    return Tally(
        late=[
            f"{each.route.kind} {each.route.key} {each.outcome.took_s:.1f} s"
            for each in found
            if each.late_s > 0
        ],
        broke=outcomes().get("incident", 0) - before,
        tracebacks=[str(entry) for entry in logged if entry.get("exc_info")],
        statuses=Counter(f"{each.route.kind} {each.outcome.status}" for each in found),
    )


def check(
    found: Tally,
    what: str,
    record_property: Callable[[str, object], None],
    refused: frozenset[str] = frozenset({Kind.EVENT}),
) -> None:
    """Check what came of it; only these kinds may be refused with 503."""
    record_property(
        "counted",
        f"{what}: {found.statuses.total()} routes asked, {len(found.late)} answered late,"
        f" {found.broke:.0f} “something broke on our side”, {len(found.tracebacks)} tracebacks logged",
    )
    assert (found.late, found.broke, found.tracebacks) == ([], 0, [])
    assert {key.partition(" ")[2] for key in found.statuses} <= {"200", "503"}
    assert {key.partition(" ")[0] for key in found.statuses if key.endswith("503")} <= refused


@pytest.mark.parametrize("fault", sampled([*SLACK], len(SLACK)))
async def test_every_route_answers_in_time_whatever_slack_does(
    desk: Desk, fault: str, record_property: Callable[[str, object], None]
) -> None:
    def broken() -> ExitStack:
        desk.slack.faults.append(replace(SLACK[fault]))
        stack = ExitStack()
        stack.callback(desk.slack.faults.clear)
        return stack

    # As many as are worked on at once, so that none is refused because others wait.
    check(await tally(desk, broken, 1, at_once=AT_ONCE), f"Slack: {fault}", record_property)


@in_full
async def test_every_route_answers_in_time_while_sqlite_is_locked(
    desk: Desk, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    def broken() -> ExitStack:
        stack = ExitStack()
        stack.enter_context(locked(tmp_path / "octapost.sqlite3"))
        return stack

    check(await tally(desk, broken, 1, at_once=AT_ONCE), "SQLite locked", record_property)


@in_full
async def test_every_route_answers_in_time_while_postgresql_is_stopped(
    postgres: Postgres, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    url = postgres.url(postgres.name)
    async with desk_at(tmp_path, {"OCTAPOST_DATABASE_URL": url}) as desk:
        server = await processes_of(postgres)

        def broken() -> ExitStack:
            stack = ExitStack()
            stack.enter_context(stopped(server))
            return stack

        found = await tally(desk, broken, 1)
    await postgres.empty()

    # 64 requests are worked on at once, and all of these wait: the others are refused.
    check(
        found,
        "PostgreSQL stopped",
        record_property,
        frozenset({Kind.EVENT, Kind.ACTION, Kind.SHORTCUT, Kind.CLOSED}),
    )
