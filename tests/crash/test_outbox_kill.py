"""A process that says things, killed and stopped while it does: nothing lost, and what is said again counted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlmodel import col, select, update

from bot.slack.sender import OutboxSender
from sandbox.core import Fault
from sandbox.slack.world import ACME, ADA, OLGA, OTTO
from storage.models import Notice
from tests.application import PACE, Office
from tests.counts import tries
from tests.crash.children import octapost
from tests.crash.house import UNSYNCHRONIZED, url_of
from tests.outbox import put_text
from tests.patience import until

KILLS, STOPS = tries(40, 2), tries(20, 1)
CHANNELS = ("C0ACMEGEN", "C0ACMESOC", ADA, OTTO, OLGA)
SLOW_S, SLOWER_S = 0.05, 0.3
"""How long Slack takes: long enough that whoever says several at once has several in flight."""
MORE, MANY = 10, 30
"""How many messages are owed anew before each kill and each stop: the latter for longer than the grace."""
GRACE_S = 5


def environment(office: Office) -> dict[str, str]:
    """Return the settings of the office's application, for a process of its own."""
    settings = office.parts.settings
    env = {
        "PUBLIC_URL": settings.public_url,
        "PORT": "0",
        "METRICS_PORT": "0",
        "DATABASE_URL": url_of(office.database),
        "VAULT_KEYS": settings.keys,
        "SLACK_CLIENT_ID": settings.slack_client_id,
        "SLACK_CLIENT_SECRET": settings.slack_client_secret.get_secret_value(),
        "SLACK_SIGNING_SECRET": settings.slack_signing_secret.get_secret_value(),
        "SLACK_API_URL": settings.slack_api_url,
        "SLACK_WEB_URL": settings.slack_web_url,
        "LOG_LEVEL": "WARNING",
        "SHUTDOWN_GRACE_S": str(GRACE_S),
    }
    return {f"OCTAPOST_{name}": value for name, value in env.items()} | {PACE: "0"}


async def open_for_business(office: Office, takes_s: float) -> None:
    """Install the app, bring it where it speaks, and let nobody in this process send."""
    await office.installed()
    for channel in CHANNELS[:2]:
        await office.slack.invite(channel)
    await office.parts.scheduler.stop(5)
    office.slack.faults.append(Fault(path="chat.postMessage", delay_s=takes_s))


async def owe(office: Office, numbers: Sequence[int]) -> None:
    """Owe these messages, one channel after the other."""
    async with office.database.system() as session:
        for number in numbers:
            channel, text = CHANNELS[number % len(CHANNELS)], f"message {number:04}"
            await put_text(session, key=f"kill:{number}", slack_id=ACME, channel=channel, text=text)


def heard(office: Office) -> list[list[str]]:
    """Return what Slack shows in each place, in its order."""
    state = office.slack.state
    places = [each if each.startswith("C") else state.dm(ACME, each).id for each in CHANNELS]
    return [
        [message.text for message in state.messages(place) if message.text.startswith("message ")]
        for place in places
    ]


def said(office: Office) -> int:
    """Return how many messages Slack shows."""
    return sum(map(len, heard(office)))


async def in_doubt(office: Office) -> set[str]:
    """Return what Slack has and we still owe, once everything that was on its way has arrived."""
    await asyncio.sleep(2 * max(fault.delay_s for fault in office.slack.faults))
    async with office.database.system(write=False) as session:
        owed = await session.exec(select(Notice.facts).where(col(Notice.due_at).is_not(None)))
        ours = {str(facts["text"]) for facts in owed}
    return ours & {text for place in heard(office) for text in place}


async def end_leases(office: Office) -> None:
    """Let the leases of a dead process be over."""
    ours = update(Notice).where(col(Notice.due_at).is_not(None))
    async with office.database.system() as session:
        await session.exec(ours.values(lease_until=None), execution_options=UNSYNCHRONIZED)


async def say_the_rest(office: Office) -> int:
    """Say what is still owed; return how many messages are lost, or out of their order."""
    office.slack.faults.clear()
    await OutboxSender(
        office.database, office.parts.slack_clients, office.parts.notices.renderer, between=timedelta(0)
    ).run()
    async with office.database.system(write=False) as session:
        every = list(await session.exec(select(Notice).where(col(Notice.key).startswith("kill:"))))
    wrong = 0
    for place, channel in zip(heard(office), CHANNELS, strict=True):
        expected = sorted(str(each.facts["text"]) for each in every if each.channel == channel)
        first = list(dict.fromkeys(place))
        wrong += sum(one != other for one, other in zip(first, expected, strict=False))
        wrong += abs(len(first) - len(expected))
    return wrong


async def test_a_process_that_is_killed_while_it_says_things_repeats_one_at_most_and_loses_none(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    await open_for_business(office, SLOW_S)
    doubts = []
    for kill in range(KILLS):
        await owe(office, range(kill * MORE, (kill + 1) * MORE))
        before = said(office)
        async with octapost(environment(office), "run", "--only", "jobs") as child:
            await until(lambda before=before: said(office) >= before + 3)  # type: ignore[misc]
            await asyncio.sleep(random.uniform(0, 2 * SLOW_S))  # noqa: S311 - any moment will do
            await child.killed()
        doubts.append(len(await in_doubt(office)))
        await end_leases(office)

    wrong = await say_the_rest(office)

    twice = sum(len(place) - len(set(place)) for place in heard(office))
    record_property(
        "counted",
        f"{office.database.dialect}: {KILLS} kills of a process with {len(CHANNELS)} channels to speak to:"
        f" {wrong} of {KILLS * MORE} messages lost or out of order, {twice} said twice,"
        f" at most {max(doubts)} for one kill",
    )
    assert wrong == 0
    assert max(doubts) <= 1
    assert twice == sum(doubts)


async def test_a_process_that_is_asked_to_stop_with_much_to_say_repeats_nothing(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    await open_for_business(office, SLOWER_S)
    doubts, statuses = 0, []
    for stop in range(STOPS):
        await owe(office, range(stop * MANY, (stop + 1) * MANY))
        before = said(office)
        async with octapost(environment(office), "run", "--only", "jobs") as child:
            await until(lambda before=before: said(office) >= before + 1)  # type: ignore[misc]
            statuses.append(await child.stopped())
        doubts += len(await in_doubt(office))

    wrong = await say_the_rest(office)  # without waiting for a lease: none is left

    twice = sum(len(place) - len(set(place)) for place in heard(office))
    record_property(
        "counted",
        f"{office.database.dialect}: {STOPS} x SIGTERM while it has {len(CHANNELS)} channels to speak to:"
        f" {wrong} of {STOPS * MANY} messages lost or out of order, {twice} said twice",
    )
    assert (wrong, doubts, twice) == (0, 0, 0)
    assert statuses == [0] * STOPS
