"""What 200 hostile connections do to everybody else: the same commands with them and without, in turns."""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop

from tests.bench import servers
from tests.bench.benchmarks import DIALECTS, Bench, Line, percentile
from tests.bench.load import command, fire
from tests.bench.servers import CHANNEL, ROOT, TEAM, Server, surroundings
from tests.hostile.strangers import Strangers

TEXTS = ("help", "accounts", "status")
AT_ONCE = 4
SLOWER, MEBIBYTES = 5.0, 20
"""The goals: of the 99th percentile, and of the memory that stays."""
LAST = 19
"""What a process adds to its niceness to come after every other."""
COMING_S = 3.0
"""Until the strangers are there and have begun: a Python process has to start."""


async def strangers(one: Bench) -> list[Line]:
    """What members wait for while strangers attack, and the memory a minute after they have gone."""
    lines: list[Line] = []
    for dialect, seeded in one.seeded.items():
        numbers, users = itertools.count(), itertools.cycle(seeded.users)

        def requests() -> list[bytes]:
            return [
                command(text, next(users), TEAM, CHANNEL, next(numbers))  # noqa: B023 - called in this turn
                for text in itertools.islice(itertools.cycle(TEXTS), one.plan.attacked)
            ]

        async with servers.octapost(seeded, "--only", "web") as server:
            calm, attacked = list[float](), list[float]()
            await fire(server.port, requests(), AT_ONCE)
            await asyncio.sleep(one.plan.idle_s)
            idle, peak = server.memory(), 0.0
            for turn in range(one.plan.rounds):
                one.say(
                    f"{DIALECTS[dialect]}, {one.plan.strangers} strangers, round {turn + 1} of {one.plan.rounds}"
                )
                calm.append(_p99(await _latencies(server, requests())))
                async with attacking(server.port, one.plan.strangers):
                    await asyncio.sleep(COMING_S)
                    attacked.append(_p99(await _latencies(server, requests())))
                    peak = max(peak, server.memory())
                await asyncio.sleep(1)
            one.say(f"{DIALECTS[dialect]}: a minute later")
            await asyncio.sleep(one.plan.gone_s)
            lines += _compared(one, dialect, calm, attacked)
            lines.append(_remembered(one, dialect, idle, peak, server.memory()))
    return lines


async def _latencies(server: Server, requests: list[bytes]) -> list[float]:
    return (await fire(server.port, requests, AT_ONCE, b'"ephemeral"')).latencies


def _p99(latencies: list[float]) -> float:
    return 1000 * percentile(latencies, 99)


def _compared(one: Bench, dialect: str, calm: list[float], attacked: list[float]) -> list[Line]:
    ratios = [with_ / without for with_, without in zip(attacked, calm, strict=True)]
    return [
        Line(
            what=f"{DIALECTS[dialect]}: 99th percentile with {one.plan.strangers} hostile connections",
            measured=f"{statistics.median(ratios):.1f} times what it is without, {statistics.median(attacked):.1f} ms",
            spread=f"{min(ratios):.1f} … {max(ratios):.1f}; {min(attacked):.1f} … {max(attacked):.1f} ms,"
            f" without {statistics.median(calm):.1f} ms; none of {len(calm) * one.plan.attacked:,} commands lost",
            goal=f"≤ {SLOWER:.0f} times",
            met=statistics.median(ratios) <= SLOWER,
        )
    ]


def _remembered(one: Bench, dialect: str, idle: float, peak: float, after: float) -> Line:
    return Line(
        what=f"{DIALECTS[dialect]}: resident memory {one.plan.gone_s:.0f} s after they have gone",
        measured=f"{after - idle:+.1f} MiB, {after / idle:.2f} of idle",
        spread=f"idle {idle:.1f} MiB, at most {peak:.1f} MiB meanwhile",
        goal=f"≤ idle + {MEBIBYTES} MiB",
        met=after - idle <= MEBIBYTES,
    )


@asynccontextmanager
async def attacking(port: int, connections: int) -> AsyncIterator[None]:
    """Let strangers, in a process of their own, attack `port` until the block ends."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(port), str(connections), cwd=ROOT, env=surroundings({})
    )
    try:
        yield
    finally:
        running.terminate()
        await running.wait()


async def attack(port: int, connections: int) -> None:
    """Attack until the process is ended. Strangers bring processors of their own: here they get what is left."""
    os.nice(LAST)
    async with Strangers(port=port).at_work(connections):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(attack(*map(int, sys.argv[1:])))
