"""What strangers can cost a running process: 200 hostile connections, and each kind of them alone.

The product is a process of its own, on uvloop as in production; ratios and memory are in tests/bench.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bench import servers
from tests.bench.load import HOST, command
from tests.bench.servers import CHANNEL, OCTAPOST, TEAM, Seeded, Server
from tests.counts import FULL, in_full, tries
from tests.hostile.strangers import BOMB, KINDS, Strangers, head

Count = Callable[[str, object], None]
CONNECTIONS = 200
LASTS_S = tries(full=25, sample=1)
"""In full longer than any time limit, so that connections are closed and come again."""
SLACK_WAITS_S, PATIENCE_S = 3.0, 15.0
PATIENT = ("idle", "slow_head", "half_body")
"""Who waits until the server closes the connection, which takes ten seconds."""
ANSWERS = {
    "gzip_bomb": 415,
    "large_post": 413,
    "endless_chunks": 413,
    "malformed": 400,
    "repeated_header": 400,
}
AT_ONCE = 20
MEBIBYTES = 16
"""By how much the process may have grown once a kind has gone: what malloc keeps, and what 40 connections leave."""
GONE_S = 0.5
FEW_FILES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A process, and what it has logged."""

    server: Server
    seeded: Seeded
    log: Path

    def logged(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()


@asynccontextmanager
async def product(folder: Path, *before: str) -> AsyncIterator[Product]:
    """Run `octapost run --only web` on SQLite; `before` is what starts it."""
    url = f"sqlite+aiosqlite:///{folder / 'octapost.sqlite3'}"
    seeded = await servers.seed(url, members=50, pages=1, places=1)
    port, log = servers.free_port(), folder / "log"
    command_line = (*before, OCTAPOST, "run", "--only", "web")
    env = servers.environment(seeded, port)
    async with servers.process(*command_line, port=port, path="/livez", env=env, log=log) as server:
        yield Product(server=server, seeded=seeded, log=log)


@dataclass(kw_only=True)
class Members:
    """Signed commands, each over a connection of its own, as many as there is time for."""

    product: Product
    sent: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)

    async def work(self, lasts_s: float) -> None:
        """Send commands, ten at once, for `lasts_s` seconds."""
        ends, numbers = time.monotonic() + lasts_s, itertools.count()

        async def member(user: str) -> None:
            for text in itertools.cycle(["help", "status", "accounts"]):
                if time.monotonic() > ends:
                    return
                await self._send(command(text, user, TEAM, CHANNEL, next(numbers)))
                await asyncio.sleep(0.05)

        await asyncio.gather(*(member(user) for user in self.product.seeded.users[:10]))

    async def _send(self, request: bytes) -> None:
        self.sent += 1
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S):
                reader, writer = await asyncio.open_connection(HOST, self.product.server.port)
                try:
                    writer.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
                    answer = await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            self.lost[type(error).__name__] += 1
            return
        if answer.startswith(b"HTTP/1.1 200") and b'"ephemeral"' in answer:
            self.took_s.append(time.monotonic() - began)
        else:
            self.lost[answer[:40].decode(errors="replace")] += 1


@in_full
async def test_signed_commands_get_through_200_hostile_connections(
    tmp_path: Path, record_property: Count
) -> None:
    async with product(tmp_path) as one:
        strangers, members = Strangers(port=one.server.port), Members(product=one)
        async with strangers.at_work(CONNECTIONS):
            await members.work(LASTS_S)

    late = sum(took > SLACK_WAITS_S for took in members.took_s)
    assert members.lost == {}
    assert len(members.took_s) == members.sent > 0
    assert late == 0 or not FULL
    assert set(strangers.tries) == set(KINDS)
    assert sum(strangers.tries.values()) >= CONNECTIONS
    assert "Traceback" not in one.log.read_text(encoding="utf-8")
    record_property(
        "counted",
        f"{CONNECTIONS} hostile connections of {len(KINDS)} kinds, {sum(strangers.tries.values())} tries:"
        f" {members.sent} signed commands, {sum(members.lost.values())} lost, {late} late",
    )


@in_full
async def test_no_kind_of_stranger_costs_memory_or_more_than_a_line_in_the_log(
    tmp_path: Path, record_property: Count
) -> None:
    count = tries(full=400, sample=20)
    async with product(tmp_path) as one:
        strangers = Strangers(port=one.server.port)
        await attack(strangers, "repeated_header", AT_ONCE)  # whatever is made once is there
        await asyncio.sleep(GONE_S)
        before, logged, grown = one.server.memory(), len(one.logged()), {}
        files = one.server.process.num_fds()
        for kind in KINDS:
            at_once = count if kind in PATIENT else AT_ONCE
            async with AsyncExitStack() as stack:
                await attack(strangers, kind, count, at_once=at_once, stack=stack)
            await gone(one.server, files)
            grown[kind] = round(one.server.memory() - before)
        lines = one.logged()[logged:]

    answered = {kind: status for kind, status in strangers.answers if kind not in PATIENT}
    assert answered == ANSWERS
    assert {kind: size for kind, size in grown.items() if size > MEBIBYTES} == {}
    assert len(lines) <= count * len(KINDS)
    assert [line for line in lines if "Traceback" in line or "canary" in line] == []
    worst = max(grown, key=lambda kind: grown[kind])
    record_property(
        "counted",
        f"{count} connections of each of {len(KINDS)} hostile kinds: memory grew by {grown[worst]} MiB"
        f" at most ({worst}), 0 tracebacks",
    )


async def attack(
    strangers: Strangers,
    kind: str,
    count: int,
    *,
    at_once: int = AT_ONCE,
    stack: AsyncExitStack | None = None,
) -> None:
    """Let `count` strangers of a kind come, `at_once` at a time; who waits is left waiting until `stack` ends."""
    for _ in range(0, count, at_once):
        tasks = [asyncio.create_task(strangers.once(kind)) for _ in range(at_once)]
        if stack is not None and kind in PATIENT:
            stack.push_async_callback(_end, tasks)
            await asyncio.sleep(0.5)
        else:
            async with asyncio.timeout(60):
                await asyncio.gather(*tasks)


async def gone(server: Server, files: int) -> None:
    """Wait until no connection is open any more, and what they had sent has been dropped."""
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.sleep(GONE_S)
        while server.process.num_fds() > files:  # noqa: ASYNC110 - another process's files have no event
            await asyncio.sleep(GONE_S)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@in_full
async def test_what_is_compressed_costs_no_more_than_what_is_not(
    tmp_path: Path, record_property: Count
) -> None:
    count = 60
    async with product(tmp_path) as one:
        strangers = Strangers(port=one.server.port)
        costs = {}
        for name in ("large_post", "gzip_bomb"):
            await attack(strangers, name, AT_ONCE)
            before = one.server.cpu()
            await attack(strangers, name, count)
            costs[name] = (one.server.cpu() - before) / count

    # A tick of the kernel's clock is 10 ms: less than one in all is not measured.
    assert costs["gzip_bomb"] <= 5 * max(costs["large_post"], 0.01)
    record_property(
        "counted",
        f"{count} gzip bombs of {len(BOMB) >> 10} KiB: {1000 * costs['gzip_bomb']:.1f} ms of CPU each,"
        f" {count} unsigned posts of 5 MiB: {1000 * costs['large_post']:.1f} ms",
    )


@in_full
@pytest.mark.parametrize("sent", [head("POST /slack/events")[:30], b""])
async def test_more_connections_than_the_process_may_open_files_lock_nobody_out(
    tmp_path: Path, sent: bytes, record_property: Count
) -> None:
    few = ("sh", "-c", f'ulimit -n {FEW_FILES}; exec "$@"', "sh")
    async with product(tmp_path, *few) as one, AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        for _ in range(FEW_FILES + 50):
            transport, _ = await loop.create_connection(asyncio.Protocol, HOST, one.server.port)
            stack.callback(transport.abort)
            transport.write(sent)
        members = Members(product=one)
        await members.work(1)
        files = one.server.process.num_fds()

    assert members.lost == {}
    assert files < FEW_FILES
    assert "Traceback" not in one.log.read_text(encoding="utf-8")
    record_property(
        "counted",
        f"{FEW_FILES + 50} connections that say {'half' if sent else 'nothing'}, {FEW_FILES} files:"
        f" {members.sent} signed commands, {sum(members.lost.values())} lost, {files} files open",
    )


@in_full
@pytest.mark.parametrize("kind", PATIENT)
async def test_whoever_never_finishes_is_closed_in_time(tmp_path: Path, kind: str) -> None:
    async with product(tmp_path) as one:
        before = one.server.process.num_fds()
        strangers = Strangers(port=one.server.port)
        async with asyncio.timeout(30):
            await attack(strangers, kind, 100, at_once=100)
        await asyncio.sleep(0.1)
        after = one.server.process.num_fds()

    assert strangers.closed[kind] == 100
    assert after <= before
