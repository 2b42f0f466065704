from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from adapters.base import Budget
from tests.bench.benchmarks import SMALL, bench, percentile, prefixes
from tests.bench.day import MIX, Lane
from tests.bench.load import HOST, WrongAnswer, fire, signed
from tests.bench.report import BEGIN, END, PAGE, markdown, put
from tests.bench.sizes import claims, delivery_claims
from tests.bench.suite import BENCHMARKS
from tests.counts import in_full
from tests.platforms import PLATFORMS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.benchmarks import Line


CERTAIN = ("EXPLAIN", "expired before they were renewed", "h without an answer")
"""What the lines say that are the same on every machine, however busy it is."""


@in_full
async def test_every_benchmark_runs_and_measures_something(tmp_path: Path) -> None:
    results: dict[str, list[Line]] = {}
    async with bench(SMALL, tmp_path, lambda _: None, ("sqlite",)) as one:
        for name in BENCHMARKS:
            results[name] = await BENCHMARKS[name](one)

    assert all(results.values())
    page = markdown("uv run python -m tests.bench --small", results, 0.5)
    lines = [line for found in results.values() for line in found]
    assert all(line.measured in page for line in lines)
    certain = [line for line in lines if any(words in line.what for words in CERTAIN)]
    assert len(certain) == 3 + len(MIX)
    assert [line for line in certain if not line.met] == []


@in_full
async def test_postgresql_too_finds_what_is_due_by_its_index(tmp_path: Path) -> None:
    async with bench(SMALL, tmp_path, lambda _: None, ("postgresql",)) as one:
        lines = [*await claims(one), *await delivery_claims(one)]

    explained = [line.met for line in lines if "EXPLAIN" in line.what]
    assert explained == [True, True]


def test_a_day_in_which_nobody_looks_in_time_is_seen() -> None:
    platform = replace(PLATFORMS["facebook"], budget=Budget(calls=1, per=timedelta(hours=1)))
    lane = Lane(platform=platform, grants=5000, seconds=6 * 3600, chance=Random(1))  # noqa: S311 - the same every time
    lane.run()

    assert 5 < lane.ending < 50
    assert lane.late > 0


async def answering(*answers: bytes) -> asyncio.Server:
    """Return a server that gives these answers in turn, on every connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            writer.write(answer)
            await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, HOST, 0)


def answer(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


async def test_the_generator_counts_every_answer_once() -> None:
    server = await answering(*[answer("fine")] * 5)

    async with server:
        port = server.sockets[0].getsockname()[1]
        burst = await fire(port, [signed({"n": str(n)}) for n in range(10)], 2, b"fine")

    assert len(burst.latencies) == 10
    assert 0 < min(burst.latencies) <= max(burst.latencies) <= burst.seconds


@pytest.mark.parametrize("wrong", [answer("no"), answer("fine", "401 Unauthorized")], ids=["words", "status"])
async def test_a_wrong_answer_is_no_measurement(wrong: bytes) -> None:
    server = await answering(answer("fine"), wrong)

    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(WrongAnswer):
            await fire(port, [signed({"n": str(n)}) for n in range(2)], 1, b"fine")


async def test_a_server_that_hangs_up_is_no_measurement() -> None:
    server = await answering(answer("fine"))

    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionError):
            await fire(port, [signed({"n": str(n)}) for n in range(2)], 1, b"fine")


def test_of_a_hundred_values_one_is_above_the_99th_percentile() -> None:
    assert percentile([float(each) for each in range(100)], 99) == 99.0
    assert percentile([float(each) for each in range(1000)], 99) == 990.0
    assert percentile([3.0], 99) == 3.0


def test_people_type_every_beginning_of_a_word() -> None:
    assert {"", "M", "Mu", "Mugs"} <= set(prefixes())


def test_the_results_have_a_place_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")

    written = put(page, "NUMBERS")

    assert written.count("NUMBERS") == 1
    assert written.partition(BEGIN)[0] == page.partition(BEGIN)[0]
    assert written.partition(END)[2] == page.partition(END)[2]
    with pytest.raises(ValueError, match="begin"):
        put("a page without a place", "NUMBERS")
