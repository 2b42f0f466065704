"""Many requests in one moment: each is answered in time, with what it asked for or with "busy"."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.slack.dispatch.admission import AT_ONCE
from bot.views.waiting import BUSY
from tests.bench import servers
from tests.bench.load import HOST, command
from tests.bench.servers import CHANNEL, TEAM
from tests.counts import in_full, tries

SLACK_WAITS_S = 3.0
COMMANDS = tries(1000, 100)


async def ask(port: int, request: bytes, ready: asyncio.Barrier) -> tuple[float, bytes]:
    """Send a request on a connection of its own, with all others, and return how long it took and the answer."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        await ready.wait()
        began = time.monotonic()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        return time.monotonic() - began, head.split(b" ", 2)[1] + b" " + body
    finally:
        writer.close()


@in_full
@pytest.mark.parametrize("words", ["accounts", "status", "org switch Octa Mugs"])
async def test_a_thousand_commands_at_once_are_all_answered_in_time(
    tmp_path: Path, words: str, record_property: Callable[[str, object], None]
) -> None:
    seeded = await servers.seed(
        f"sqlite+aiosqlite:///{tmp_path / 'crowd.sqlite3'}", members=10, pages=1, places=1
    )
    async with servers.octapost(seeded) as server:
        users = seeded.users
        requests = [command(words, users[n % len(users)], TEAM, CHANNEL, n) for n in range(COMMANDS)]
        ready = asyncio.Barrier(COMMANDS)
        answers = await asyncio.gather(*(ask(server.port, request, ready) for request in requests))

    late = sum(took > SLACK_WAITS_S for took, _ in answers)
    busy = sum(BUSY.encode() in answer for _, answer in answers)
    refused = sum(answer.startswith(b"503") for _, answer in answers)
    record_property(
        "counted",
        f"{COMMANDS} times `{words.split(' Octa', maxsplit=1)[0]}` at once: {late} answered late,"
        f" {COMMANDS - busy - refused} done, {busy + refused} refused,"
        f" the last after {max(took for took, _ in answers):.1f} s",
    )
    assert late == 0
    assert COMMANDS - busy - refused >= AT_ONCE
    assert {answer[:3] for _, answer in answers} <= {b"200", b"503"}
