"""Several real processes on one PostgreSQL: no singleton, any may be killed."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from sandbox.browser import PLAIN
from tests.bench import servers
from tests.counts import FULL
from tests.databases import postgres

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.databases import Postgres

__all__ = ["postgres"]
HALVES = ("web", "web", "jobs", "jobs")


@pytest.mark.skipif(not FULL, reason="starts four processes")
async def test_two_of_each_are_ready_and_stay_so_when_one_of_each_is_killed(
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.delenv("OCTAPOST_FULL")  # of the tests, no setting of theirs
    name = await postgres.migrated()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(postgres.drop, name)
        seeded = await servers.seed(postgres.url(name), members=1, pages=1, places=1)
        started = await asyncio.gather(
            *(stack.enter_async_context(servers.octapost(seeded, "--only", half)) for half in HALVES)
        )
        http = await stack.enter_async_context(httpx.AsyncClient(verify=PLAIN, trust_env=False))

        async def answers(path: str, ports: list[int]) -> list[int]:
            return [(await http.get(f"http://localhost:{port}{path}")).status_code for port in ports]

        assert await answers("/readyz", [one.monitoring_port for one in started]) == [200] * 4
        assert await answers("/", [one.port for one in started]) == [200, 200, 404, 404]
        assert await answers("/readyz", [one.port for one in started]) == [404] * 4
        for one in (started[0], started[2]):
            one.process.kill()
        left = [started[1].monitoring_port, started[3].monitoring_port]
        assert await answers("/readyz", left) == [200] * 2
        assert await answers("/metrics", left) == [200] * 2
    record_property("counted", "4 processes on one PostgreSQL, 2 killed, 2 of 2 left are ready")
