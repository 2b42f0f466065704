"""How many of the commands that only look something up one process answers, against a Bolt app that does nothing."""

from __future__ import annotations

import itertools
import statistics

from tests.bench import servers
from tests.bench.benchmarks import DIALECTS, Bench, Line
from tests.bench.load import command, fire
from tests.bench.servers import CHANNEL, TEAM, Server

READS = {"accounts": b"Octa Mugs: ", "status": b"Octa Mugs"}
"""Commands, and what their answers contain."""
AT_ONCE = 16


async def reads(one: Bench) -> list[Line]:
    """`/octapost accounts` and `/octapost status` on `octapost run`, in turns with bare Bolt."""
    lines: list[Line] = []
    for dialect, seeded in one.seeded.items():
        users, numbers = itertools.cycle(seeded.users), itertools.count()

        async def measured(server: Server, text: str, expected: bytes) -> tuple[float, float]:
            """Return the requests per second, and the server's CPU milliseconds for each."""
            requests = [
                command(text, next(users), TEAM, CHANNEL, next(numbers))  # noqa: B023 - called in this turn
                for _ in range(one.plan.reads)
            ]
            before = server.cpu()
            burst = await fire(server.port, requests, AT_ONCE, expected)
            return burst.rate, 1000 * (server.cpu() - before) / len(requests)

        async with servers.bare() as bare, servers.octapost(seeded, "--only", "web") as ours:
            ratios: dict[str, list[float]] = {text: [] for text in READS}
            costs: dict[str, list[float]] = {text: [] for text in READS}
            for turn in range(one.plan.rounds + 1):
                one.say(f"{DIALECTS[dialect]}: reads, round {turn} of {one.plan.rounds}")
                nothing, _ = await measured(bare, "help", b"")
                for text, expected in READS.items():
                    rate, cpu_ms = await measured(ours, text, expected)
                    if turn:  # the first round warms up
                        ratios[text].append(rate / nothing)
                        costs[text].append(cpu_ms)
        lines += [
            Line(
                what=f"{DIALECTS[dialect]}, {AT_ONCE} at once: `{text}`",
                measured=f"{statistics.median(ratios[text]):.2f} of bare Bolt,"
                f" {statistics.median(costs[text]):.2f} ms of CPU each",
                spread=f"{min(ratios[text]):.2f} … {max(ratios[text]):.2f}",
            )
            for text in READS
        ]
    return lines
