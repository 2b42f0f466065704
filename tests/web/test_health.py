"""What an orchestrator and Prometheus see."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlmodel import col, update
from structlog.testing import capture_logs

from bot import app, process
from bot.settings import ConfigurationError
from bot.web.health import ASKED_EVERY_S, Readiness
from sandbox.browser import PLAIN
from sandbox.start import bound
from sandbox.world import World
from storage.engine.db import Database
from storage.engine.statements import now
from storage.models import Grant, GrantStatus
from storage.tallies import Outcome, Tallies
from tests.application import Office
from tests.counts import in_full, sampled
from tests.databases import sqlite_file
from tests.outbox import put_text
from tests.patience import PATIENCE_S
from tests.storage.world import build

LONG_AGO = timedelta(minutes=31)


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[process.Running]:
    """Give a process that does jobs only, with one grant; its clock has been at work for an hour, and waits."""
    sqlite_file(tmp_path)
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(World())
        env = world.env("http://localhost:1", tmp_path) | {"OCTAPOST_PORT": "0"}
        running = await stack.enter_async_context(
            process.run(app.settings_from(env), serve=False, monitoring_listener=bound())
        )
        parts = running.parts
        parts.scheduler._scheduler.pause()
        for task in parts.scheduler._listening:
            task.cancel()
        parts.scheduler._started_at -= 3600
        await build(parts.database, parts.vault, "1")
        yield running


@pytest.fixture
async def watcher(worker: process.Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        verify=PLAIN, base_url=str(worker.monitoring_url), trust_env=False, timeout=10
    ) as found:
        yield found


async def make_due(database: Database, ago: timedelta) -> None:
    async with database.system() as session:
        due = update(Grant).where(col(Grant.status) == GrantStatus.HEALTHY).values(due_at=now(-ago))
        await session.exec(due, execution_options={"synchronize_session": False})


async def asked_again(watcher: httpx.AsyncClient) -> httpx.Response:
    """Ask once the last answer is no longer good."""
    await asyncio.sleep(ASKED_EVERY_S)
    return await watcher.get("/readyz")


async def measured(client: httpx.AsyncClient) -> dict[str, float]:
    page = (await client.get("/metrics")).text
    lines = re.findall(r"^(octapost_\S+) (\S+)$", page, re.MULTILINE)
    return {name: float(value) for name, value in lines}


async def test_a_process_with_its_database_is_alive_and_ready(
    office: Office, browser: httpx.AsyncClient
) -> None:
    live = await browser.get("/livez")
    async with office.watcher() as watcher:
        ready = await watcher.get("/readyz")

    assert (live.status_code, live.text) == (200, "alive\n")
    assert (ready.status_code, ready.text) == (200, "ready\n")


async def test_with_another_schema_it_is_alive_but_not_ready(
    office: Office, browser: httpx.AsyncClient
) -> None:
    async with office.parts.database.system() as session:
        await session.exec(text("DELETE FROM alembic_version"))  # type: ignore[call-overload]

    live = await browser.get("/livez")
    async with office.watcher() as watcher:
        ready = await watcher.get("/readyz")

    assert live.status_code == 200
    assert (ready.status_code, ready.text) == (503, "not ready: SchemaTooOld\n")


async def test_strangers_are_told_that_it_is_alive_and_nothing_else(
    office: Office, browser: httpx.AsyncClient
) -> None:
    answers = [await browser.get(path) for path in ("/readyz", "/metrics", "/no-such-page")]
    async with office.watcher() as watcher:
        public = [(await watcher.get(path)).status_code for path in ("/livez", "/", "/slack/install")]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert {answer.text for answer in answers} == {answers[2].text}
    assert public == [404] * 3


async def test_pages_are_counted_by_route_never_by_address(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await browser.get("/connect/somebodys-secret-ticket")

    async with office.watcher() as watcher:
        page = await watcher.get("/metrics")

    assert 'octapost_web_requests_total{route="/connect/{ticket}",status="410"}' in page.text
    assert "somebodys-secret-ticket" not in page.text
    assert page.headers["content-type"].startswith("text/plain")


# A process that does the jobs


@in_full
async def test_a_process_without_the_web_serves_its_health_and_nothing_else(
    worker: process.Running, watcher: httpx.AsyncClient
) -> None:
    routes = {route.resource.canonical for route in worker.parts.web.router.routes() if route.resource}
    everything = sorted({*routes, "/readyz", "/metrics"})

    async with httpx.AsyncClient(verify=PLAIN, base_url=worker.url, trust_env=False) as visitor:
        public = {route: (await visitor.get(route)).status_code for route in everything}
        events = await visitor.post("/slack/events")
    private = {route: (await watcher.get(route)).status_code for route in everything}

    assert {route for route, status in public.items() if status == 200} == {"/livez"}
    assert {route for route, status in private.items() if status == 200} == {"/readyz", "/metrics"}
    assert {status for status in (*public.values(), *private.values()) if status != 200} == {404}
    assert events.status_code == 404


async def test_a_clock_that_stopped_makes_it_not_ready(
    worker: process.Running, watcher: httpx.AsyncClient
) -> None:
    worker.parts.scheduler.ticked_at -= 61

    answer = await watcher.get("/readyz")

    assert (answer.status_code, answer.text) == (503, "not ready: clock_stopped\n")
    async with httpx.AsyncClient(verify=PLAIN, base_url=worker.url, trust_env=False) as visitor:
        assert (await visitor.get("/livez")).status_code == 200


@in_full
async def test_a_clock_ticks_while_its_jobs_take_long(worker: process.Running) -> None:
    clock, never = worker.parts.scheduler, asyncio.Event()
    clock.every(timedelta(milliseconds=10), "long", never.wait)
    clock.ticked_at -= 61
    clock._scheduler.resume()

    async with asyncio.timeout(PATIENCE_S):
        while clock.silent_s > 60:  # noqa: ASYNC110 - the clock tells nobody that it ticked
            await asyncio.sleep(0.05)

    never.set()


async def test_a_grant_that_is_due_for_too_long_makes_it_not_ready(
    worker: process.Running, watcher: httpx.AsyncClient
) -> None:
    await make_due(worker.parts.database, timedelta(minutes=29))
    before = await watcher.get("/readyz")
    await make_due(worker.parts.database, LONG_AGO)

    after = await asked_again(watcher)

    assert before.status_code == 200
    assert (after.status_code, after.text) == (503, "not ready: refreshes_overdue\n")


async def test_what_fell_due_before_it_started_is_given_time(
    worker: process.Running, watcher: httpx.AsyncClient
) -> None:
    worker.parts.scheduler._started_at += 3600
    await make_due(worker.parts.database, timedelta(days=3))

    assert (await watcher.get("/readyz")).status_code == 200


@in_full
async def test_a_platform_that_is_not_believed_holds_nothing_up(
    worker: process.Running, watcher: httpx.AsyncClient
) -> None:
    await make_due(worker.parts.database, LONG_AGO)
    async with worker.parts.database.system() as session:
        tallies = Tallies(session)
        await tallies.count("x", int(time.time() // 60), {Outcome.DEAD: 20})

    assert (await watcher.get("/readyz")).status_code == 200
    assert (await measured(watcher))['octapost_breaker_open{platform="x"}'] == 1


@pytest.mark.parametrize(
    ("counted", "status"),
    sampled(
        [
            pytest.param({90: {Outcome.FRESH: 5}, 61: {Outcome.BUSY: 3}}, 200, id="held-since-an-hour"),
            pytest.param({2: {Outcome.OTHER: 1}}, 200, id="refuses-our-app"),
            pytest.param({3: {Outcome.FRESH: 1}, 1: {Outcome.BUSY: 9}}, 503, id="answers-somebody"),
            pytest.param({3: {Outcome.DEAD: 1}}, 503, id="calls-one-dead"),
        ],
        2,
    ),
)
async def test_a_platform_that_answers_nobody_holds_nothing_up(
    worker: process.Running, watcher: httpx.AsyncClient, counted: dict[int, dict[Outcome, int]], status: int
) -> None:
    await make_due(worker.parts.database, LONG_AGO)
    async with worker.parts.database.system() as session:
        tallies = Tallies(session)
        for minutes_ago, outcomes in counted.items():
            await tallies.count("x", int(time.time() // 60) - minutes_ago, outcomes)

    assert (await watcher.get("/readyz")).status_code == status


async def test_a_process_without_jobs_is_ready_whatever_is_due(
    office: Office,
) -> None:
    await build(office.parts.database, office.parts.vault, "1")
    await make_due(office.parts.database, timedelta(days=3))

    async with office.watcher() as watcher:
        assert (await watcher.get("/readyz")).status_code == 200


async def test_the_gauges_say_how_the_installation_stands(
    worker: process.Running, watcher: httpx.AsyncClient
) -> None:
    database, vault = worker.parts.database, worker.parts.vault
    await make_due(database, timedelta(minutes=5))
    async with database.system() as session:
        lost = update(Grant).where(col(Grant.status) == GrantStatus.PENDING).values(in_doubt=True)
        await session.exec(lost, execution_options={"synchronize_session": False})
        await put_text(session, key="late", slack_id="T9", channel="C9", text="late")
        await session.exec(
            text("UPDATE notice SET created_at = '2026-01-01 00:00:00.000000' WHERE key = 'late'")  # type: ignore[call-overload]
        )

    found = await measured(watcher)

    assert found['octapost_grants{platform="x",status="healthy"}'] == 1
    assert found['octapost_grants{platform="x",status="pending"}'] == 1
    assert found['octapost_prompts_per_thousand_grants{platform="x"}'] == 500
    assert found['octapost_prompts_per_thousand_grants{platform="tiktok"}'] == 0
    assert found['octapost_rotations_in_doubt{platform="x"}'] == 1
    assert found['octapost_rotations_in_doubt{platform="tiktok"}'] == 0
    assert found['octapost_breaker_open{platform="x"}'] == 0
    assert 299 < found['octapost_refresh_oldest_due_seconds{platform="x"}'] < 400
    assert found['octapost_refresh_oldest_due_seconds{platform="tiktok"}'] == 0
    assert found["octapost_outbox_waiting"] == 2
    assert found["octapost_outbox_oldest_seconds"] > 24 * 3600
    assert found['octapost_vault_seals_total{key="1"}'] >= vault.seals[1]
    assert time.time() - found["octapost_measured_timestamp_seconds"] < 10


@in_full
async def test_the_database_is_asked_once_in_ten_seconds(
    worker: process.Running, watcher: httpx.AsyncClient
) -> None:
    first = await measured(watcher)
    async with worker.parts.database.system() as session:
        await put_text(session, key="later", slack_id="T9", channel="C9", text="later")

    second = await measured(watcher)

    assert second["octapost_outbox_waiting"] == first["octapost_outbox_waiting"]


@in_full
async def test_without_a_database_there_are_still_counters(
    worker: process.Running, watcher: httpx.AsyncClient
) -> None:
    async with worker.parts.database.system() as session:
        await session.exec(text("ALTER TABLE notice RENAME TO gone"))  # type: ignore[call-overload]

    page = await watcher.get("/metrics")

    assert page.status_code == 200
    assert "octapost_web_requests_total" in page.text


# What a readiness is worth


async def test_however_many_ask_the_database_is_tried_once_a_second() -> None:
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        return "trouble"

    readiness = Readiness(ask)
    answers = await asyncio.gather(*(readiness.trouble() for _ in range(100)))
    answers += [await readiness.trouble() for _ in range(100)]

    assert set(answers) == {"trouble"}
    assert asked == 1


@in_full
async def test_metrics_that_could_not_be_measured_are_not_tried_for_by_everyone(
    worker: process.Running, watcher: httpx.AsyncClient
) -> None:
    async with worker.parts.database.system() as session:
        await session.exec(text("ALTER TABLE notice RENAME TO gone"))  # type: ignore[call-overload]

    with capture_logs() as logs:
        for _ in range(10):
            await watcher.get("/metrics")

    assert [line["event"] for line in logs].count("metrics.not_measured") == 1


@in_full
async def test_a_port_that_is_taken_is_named_with_its_setting(office: Office, tmp_path: Path) -> None:
    with bound() as taken:
        taken.listen()
        port = str(taken.getsockname()[1])
        said = []
        for setting in ("OCTAPOST_PORT", "OCTAPOST_METRICS_PORT"):
            env = office.world.env(office.url, tmp_path / setting) | {
                "OCTAPOST_HOST": "127.0.0.1",
                "OCTAPOST_PORT": "0",
                setting: port,
            }
            with pytest.raises(ConfigurationError) as refused:
                async with process.run(app.settings_from(env)):
                    pass
            said.append(str(refused.value))

    assert said == [
        f"OCTAPOST_PORT: port {port} on 127.0.0.1 is in use by another process. Set another port.",
        f"OCTAPOST_METRICS_PORT: port {port} on 127.0.0.1 is in use by another process. Set another port.",
    ]
