"""Slack away for hours: what is owed arrives when it is back, in order, once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import col, func, select

from bot.slack.sender import BETWEEN, LONGEST_DOUBT, LONGEST_PAUSE, OutboxSender
from sandbox.core import Fault
from sandbox.slack.world import ACME, ADA, OTTO
from storage.models import Notice
from storage.outbox import Notices
from tests.ageing import aged
from tests.application import PACE, Office, open_office
from tests.counts import sampled, tries
from tests.databases import another
from tests.outbox import put_text

NOTICES = tries(1000, 30)
SENDERS = 3
AWAY, STEP = timedelta(hours=2), timedelta(minutes=tries(1, 10))
CHANNELS = ("C0ACMEGEN", "C0ACMESOC", ADA, OTTO)
WAIT = timedelta(minutes=20)
"""What Slack asks for in a Retry-After: longer than any pause of ours, so that it is seen whether it is obeyed."""
LOOK = timedelta(seconds=15)
MOST_CALLS = 8 + AWAY // (LONGEST_PAUSE / 2)
"""In a channel: pauses double eight times, and then are at least half the longest."""
REFUSED = Fault(path="^/api/", status=503, body="{}")
GATEWAY = Fault(path="^/api/", status=503, body="upstream connect error", content_type="text/plain")
LIMITED = Fault(
    path="^/api/",
    status=429,
    body='{"ok": false, "error": "ratelimited"}',
    headers={"Retry-After": f"{WAIT.total_seconds():.0f}"},
)
BROKEN = Fault(path="^/api/", status=502, body="<html>Bad gateway</html>", content_type="text/html")
UNSURE = Fault(path="^/api/", status=200, body='{"ok": false, "error": "internal_error"}')
ENDS = {
    "nothing was said": ((UNSURE, BROKEN, LIMITED, REFUSED, GATEWAY), timedelta(minutes=15)),
    # After such an answer each try may be a repetition, so the pauses are longer: see decision 0013.
    "something may have been": (
        (REFUSED, GATEWAY, LIMITED, BROKEN, UNSURE),
        LONGEST_DOUBT + timedelta(minutes=5),
    ),
}
"""How Slack is away, each for a part of the time, and within what time after it all has to have arrived."""


async def owe(office: Office, first: int, last: int) -> None:
    """Owe these messages, one channel after the other."""
    async with office.database.system() as session:
        for number in range(first, last):
            channel, text = CHANNELS[number % len(CHANNELS)], f"message {number:04}"
            await put_text(session, key=f"crash:{number}", slack_id=ACME, channel=channel, text=text)


async def pass_time(office: Office, span: timedelta) -> None:
    """Let time pass, while nobody sends."""
    async with office.database.system() as session:
        connection = await session.connection()
        for statement in aged(office.database.dialect, span):
            await connection.execute(text(statement))


async def owed(office: Office) -> int:
    """Return how many messages are not said yet."""
    async with office.database.system(write=False) as session:
        return await Notices(session).waiting()


def heard(office: Office) -> list[list[str]]:
    """Return what Slack shows in each place, in its order."""
    state = office.slack.state
    places = [each if each.startswith("C") else state.dm(ACME, each).id for each in CHANNELS]
    return [
        [message.text for message in state.messages(place) if message.text.startswith("message ")]
        for place in places
    ]


def calls(office: Office) -> list[str]:
    """Return where Slack was asked to post, call by call."""
    return [json.loads(call.body)["channel"] for call in office.slack.calls("chat.postMessage")]


async def opened(tmp_path: Path, stack: AsyncExitStack) -> Office:
    """Give an office in whose channels nobody but the test sends."""
    office = await open_office(tmp_path, stack, {PACE: "0"})
    await office.installed()
    for channel in CHANNELS[:2]:
        await office.slack.invite(channel)
    await office.parts.scheduler.stop(5)
    return office


@pytest.mark.parametrize("end", sampled(list(ENDS), 2))
async def test_a_thousand_notices_wait_two_hours_for_slack_and_arrive_in_order_once(
    tmp_path: Path, end: str, record_property: Callable[[str, object], None]
) -> None:
    ways, within = ENDS[end]
    async with AsyncExitStack() as stack:
        office = await opened(tmp_path, stack)
        databases = [office.database, *(another(office.database) for _ in range(SENDERS - 1))]
        senders = [
            OutboxSender(
                each, office.parts.slack_clients, office.parts.notices.renderer, between=timedelta(0)
            )
            for each in databases
        ]
        steps, limited = AWAY // STEP, dict[str, list[int]]()
        for step in range(steps):
            way, before = ways[step * len(ways) // steps], len(calls(office))
            office.slack.faults[:] = [way]
            await owe(office, step * NOTICES // steps, (step + 1) * NOTICES // steps)
            await asyncio.gather(*(sender.run() for sender in senders))
            for channel in calls(office)[before:] if way is LIMITED else ():
                limited.setdefault(channel, []).append(step)
            await pass_time(office, STEP)
        meanwhile, waiting = sum(map(len, heard(office))), await owed(office)
        tried = len(calls(office))
        office.slack.faults.clear()
        silent = timedelta(0)
        while await owed(office):
            await asyncio.gather(*(sender.run() for sender in senders))
            await pass_time(office, LOOK)
            silent += LOOK

        said = heard(office)
        async with office.database.system(write=False) as session:
            given_up = (await session.exec(select(func.count()).where(col(Notice.failure) != ""))).one()
        for database in databases[1:]:
            await database.close()
    # Here nothing is waited for between two messages; in Slack a channel takes one a second.
    took = silent + max(map(len, said)) * BETWEEN
    waits = [STEP * (after - at) for each in limited.values() for at, after in pairwise(each)]
    record_property(
        "counted",
        f"Slack away for 2 h, at the end so that {end}, {NOTICES} notices in {len(CHANNELS)} channels, {SENDERS}"
        f" senders: {tried} calls ({sum(map(len, limited.values()))} of them answered 429) and {meanwhile}"
        f" said meanwhile, {waiting} waiting; afterwards"
        f" {sum(map(len, said))} said within {took.total_seconds() / 60:.1f} min,"
        f" {sum(len(each) - len(set(each)) for each in said)} twice, {given_up} given up",
    )
    expected = [
        [f"message {number:04}" for number in range(place, NOTICES, len(CHANNELS))]
        for place in range(len(CHANNELS))
    ]
    assert (meanwhile, waiting, given_up) == (0, NOTICES, 0)
    assert said == expected
    assert took <= within
    assert len(limited) > 0
    assert all(wait >= WAIT for wait in waits)
    assert tried <= len(CHANNELS) * MOST_CALLS
