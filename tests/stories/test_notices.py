"""The outbox's way into Slack: at once, in order, a second apart, and nothing lost while Slack is down."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio
from sqlmodel import select, update

from bot.services.notifications import Listener
from bot.services.organizations.notifications import OrganizationGone
from bot.slack.clients import SlackClients
from bot.slack.sender import OutboxSender
from sandbox.core import Fault
from sandbox.slack.world import ACME, ADA, IRIS, NORTH, OTTO
from storage.engine.statements import now
from storage.models import Installation, Notice
from storage.outbox import Notices, StandIn
from tests.application import PACE, Office, open_office
from tests.counts import in_full, sampled
from tests.databases import another
from tests.hostile.slack_side import first_organization
from tests.outbox import put_body, put_text
from tests.patience import PATIENCE_S, until

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.slack.sender import DeliveryListener
    from sandbox.core import Recorded

pytestmark = pytest.mark.unrecorded("what is sent here are the tests' own words")
GENERAL, SOCIAL, ARCHIVED = "C0ACMEGEN", "C0ACMESOC", "C0ACMEOLD"
POST = "/api/chat.postMessage"


@pytest_asyncio.fixture
async def paced(tmp_path: Path) -> AsyncIterator[Office]:
    """Give the product with a second between two messages, as Slack demands it."""
    async with AsyncExitStack() as stack:
        yield await open_office(tmp_path, stack, {PACE: "1.0"})


async def owe(office: Office, channel: str, *texts: str) -> None:
    async with office.database.system() as session:
        for text in texts:
            await put_text(session, key=f"{channel}:{text}", slack_id=ACME, channel=channel, text=text)


async def owed(office: Office) -> list[Notice]:
    async with office.database.system(write=False) as session:
        return list((await session.exec(select(Notice).order_by(Notice.sequence))).all())  # type: ignore[arg-type]


async def all_settled(office: Office, within_s: float = PATIENCE_S) -> list[Notice]:
    """Return the notices once none is due any more."""
    async with asyncio.timeout(within_s):
        while True:
            found = await owed(office)
            if all(notice.due_at is None for notice in found):
                return found
            await asyncio.sleep(0.02)


async def tried(office: Office, times: int) -> Notice:
    """Return the unsent notice that was tried so often already."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for notice in await owed(office):
                if notice.due_at is not None and notice.attempts >= times:
                    return notice
            await asyncio.sleep(0.02)


async def hurry(office: Office) -> None:
    """Make what waits for later due now."""
    async with office.database.system() as session:
        late = update(Notice).where(Notice.due_at.is_not(None))  # type: ignore[union-attr]
        await session.exec(late.values(due_at=now(), lease_until=None))


def heard(office: Office, channel: str) -> list[str]:
    return [message.text for message in office.slack.state.messages(channel, ADA) if message.app_id]


def posts(office: Office) -> list[Recorded]:
    return office.slack.calls(POST)


def sender_of(office: Office, listener: DeliveryListener | None = None) -> OutboxSender:
    """Return a sender that does not wait between two messages of a channel."""
    return OutboxSender(
        office.database,
        office.parts.slack_clients,
        office.parts.notices.renderer,
        between=timedelta(0),
        listeners={} if listener is None else {Listener.INCIDENT_CARDS: listener},
    )


async def alone(office: Office, listener: DeliveryListener | None = None) -> OutboxSender:
    """Give the one sender there is: it sends when the test says so."""
    await office.parts.scheduler.stop(1)
    office.slack.requests.clear()
    return sender_of(office, listener)


async def old(office: Office, age: timedelta) -> None:
    """Let everything that is owed have been owed for so long already."""
    async with office.database.system() as session:
        await session.exec(update(Notice).values(created_at=now(-age)))


async def wait_of(office: Office, notice: Notice) -> float:
    """Return after how many seconds the notice is tried again."""
    async with office.database.system(write=False) as session:
        clock = (await session.exec(select(now()))).one()
    assert notice.due_at is not None
    return (notice.due_at - clock).total_seconds()


async def nobody_writes(office: Office, span: timedelta) -> None:
    """Keep the SQLite file for so long."""
    with closing(sqlite3.connect(office.database._writes.url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(span.total_seconds())
        other.execute("ROLLBACK")


async def present(office: Office, *channels: str) -> None:
    """Install the app and bring its bot into channels."""
    await office.installed()
    for channel in channels:
        await office.slack.invite(channel)


async def test_a_channel_hears_its_messages_in_the_order_they_became_true(either_office: Office) -> None:
    await present(either_office, SOCIAL)

    for number in range(1, 13):
        await owe(either_office, SOCIAL, f"message {number}")
    await all_settled(either_office)

    assert heard(either_office, SOCIAL) == [f"message {number}" for number in range(1, 13)]


@in_full
async def test_a_message_goes_out_at_once_and_not_at_the_next_tick(paced: Office) -> None:
    await present(paced, SOCIAL)
    await asyncio.sleep(1.05)  # the pause after what was said so far
    paced.parts.scheduler._scheduler.pause()

    for number, channel in enumerate((SOCIAL, GENERAL, ADA)):
        await owe(paced, channel, f"quick {number}")
        await all_settled(paced)

    assert heard(paced, SOCIAL) == ["quick 0"]


async def test_a_channel_hears_one_message_a_second_and_slack_never_has_to_say_so(paced: Office) -> None:
    await present(paced, SOCIAL, GENERAL)
    paced.slack.requests.clear()

    await owe(paced, SOCIAL, "one", "two", "three", "four")
    await owe(paced, GENERAL, "elsewhere one", "elsewhere two")
    await all_settled(paced)

    sent = posts(paced)
    assert [call.status for call in sent] == [200] * 6
    assert not [call for call in sent if "ratelimited" in call.body]
    times = [call.at for call in sent if SOCIAL in call.body]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert min(pauses) >= 1.0
    assert min(pauses) < 2.0
    assert heard(paced, GENERAL) == ["elsewhere one", "elsewhere two"]


@in_full
async def test_one_channel_does_not_wait_for_another(office: Office) -> None:
    await present(office, SOCIAL, GENERAL)
    office.slack.faults.append(Fault(path=POST, status=503, body="{}", times=1))

    await owe(office, SOCIAL, "stuck")
    await tried(office, 1)
    await owe(office, GENERAL, "free")
    await office.slack.until(lambda: heard(office, GENERAL) or None)

    assert heard(office, SOCIAL) == []


async def test_retry_after_is_obeyed_and_order_kept(office: Office) -> None:
    await present(office, SOCIAL)
    refusal = '{"ok": false, "error": "ratelimited"}'
    office.slack.faults.append(
        Fault(path=POST, status=429, body=refusal, headers={"Retry-After": "2"}, times=1)
    )
    office.slack.requests.clear()

    await owe(office, SOCIAL, "first", "second")
    await all_settled(office)

    refused, first, second = posts(office)
    assert first.at - refused.at >= 2.0
    assert second.at >= first.at
    assert heard(office, SOCIAL) == ["first", "second"]


@pytest.mark.parametrize(
    ("channel", "code"),
    sampled(
        [
            (ARCHIVED, "is_archived"),
            ("C0NOWHERE", "channel_not_found"),
            ("C0ACMEPRI", "not_in_channel|channel_not_found"),
        ],
        3,
    ),
)
async def test_a_channel_that_will_never_take_it_is_given_up_and_named(
    office: Office, channel: str, code: str
) -> None:
    await present(office, SOCIAL)

    await owe(office, channel, "lost")
    [*_, notice] = await all_settled(office)

    assert notice.failure in code.split("|")
    assert notice.sent_ts is None
    await owe(office, SOCIAL, "not lost")
    await all_settled(office)
    assert heard(office, SOCIAL) == ["not lost"]


@in_full
@pytest.mark.parametrize(
    "fault",
    sampled(
        [
            pytest.param(
                Fault(path="^/api/", status=502, body="<html>Bad gateway</html>", content_type="text/html"),
                id="html",
            ),
            pytest.param(
                Fault(path="^/api/", status=503, body='{"ok": false, "error": "service_unavailable"}'),
                id="unavailable",
            ),
            pytest.param(Fault(path="^/api/", status=500, body="not json at all"), id="no-json"),
            pytest.param(
                Fault(path="^/api/", status=200, body='{"ok": false, "error": "internal_error"}'),
                id="an-error-of-theirs",
            ),
        ],
        4,
    ),
)
async def test_what_slack_could_not_take_is_said_when_it_is_back(office: Office, fault: Fault) -> None:
    await present(office, SOCIAL)
    office.slack.faults.append(fault)

    await owe(office, SOCIAL, "one", "two")
    await tried(office, 1)
    assert heard(office, SOCIAL) == []
    office.slack.faults.clear()
    await hurry(office)
    await all_settled(office)

    assert heard(office, SOCIAL) == ["one", "two"]


@in_full
async def test_pauses_grow_while_slack_is_down(office: Office) -> None:
    await present(office, SOCIAL)
    office.slack.faults.append(Fault(path="^/api/", status=503, body="{}"))
    sender = sender_of(office)

    await owe(office, SOCIAL, "patience")
    pauses = []
    for attempt in range(1, 4):
        pauses.append(await wait_of(office, await tried(office, attempt)))
        if attempt < 3:
            await hurry(office)
            await sender.run()

    assert 2 < pauses[0] <= 5
    assert 4.9 < pauses[1] <= 10
    assert 9.9 < pauses[2] <= 20


@in_full
async def test_a_removed_app_is_no_reason_to_try_for_ever(office: Office) -> None:
    await present(office, SOCIAL)
    await office.slack.uninstall(ACME)

    await owe(office, SOCIAL, "too late")
    [*_, notice] = await all_settled(office)

    assert notice.failure == "not_installed"


async def test_two_senders_at_once_say_everything_once(either_office: Office) -> None:
    await present(either_office, SOCIAL, GENERAL)
    senders = [sender_of(either_office) for _ in range(3)]

    for channel in (SOCIAL, GENERAL, ADA, OTTO):
        await owe(either_office, channel, *(f"{channel} {n}" for n in range(5)))
    await asyncio.gather(*(sender.run() for sender in senders))
    await all_settled(either_office)

    for channel in (SOCIAL, GENERAL):
        assert heard(either_office, channel) == [f"{channel} {n}" for n in range(5)]


async def say(office: Office, key: str, channel: str = SOCIAL, **more: str) -> None:
    async with office.database.system() as session:
        await put_text(session, key=key, slack_id=ACME, channel=channel, text=key, **more)


async def test_a_message_is_edited_in_place_and_answered_in_its_thread(either_office: Office) -> None:
    await present(either_office, SOCIAL)

    await say(either_office, "card")
    await say(either_office, "in the thread", thread_of="card")
    await all_settled(either_office)
    await say(either_office, "card, resolved", edits="card")
    await all_settled(either_office)

    card, answer = [m for m in either_office.slack.state.messages(SOCIAL, ADA) if m.app_id]
    assert (card.text, card.edited, card.thread_ts) == ("card, resolved", True, "")
    assert (answer.text, answer.thread_ts) == ("in the thread", card.ts)


@in_full
async def test_a_direct_message_is_edited_too(office: Office) -> None:
    await present(office, SOCIAL)
    await say(office, "card", channel=ADA)
    await say(office, "card, claimed", channel=ADA, edits="card")

    await all_settled(office)

    member = await office.person(ADA)
    assert member.direct_messages()[-1].text == "card, claimed"


async def test_a_message_somebody_deleted_is_posted_anew_and_stays_editable(office: Office) -> None:
    await present(office, SOCIAL)
    await say(office, "card")
    await all_settled(office)
    (card,) = [m for m in office.slack.state.messages(SOCIAL, ADA) if m.app_id]
    office.slack.state.remove_message(card)

    await say(office, "card, claimed", edits="card")
    await all_settled(office)
    await say(office, "card, resolved", edits="card")
    await all_settled(office)

    assert heard(office, SOCIAL) == ["card, resolved"]


@in_full
async def test_a_message_somebody_deleted_is_not_posted_anew_only_to_be_taken_down(office: Office) -> None:
    await present(office, SOCIAL)
    organization_id = (await first_organization(office, ACME)).organization_id
    await say(office, "card", organization_id=organization_id)
    await say(office, "another", organization_id=organization_id)
    await all_settled(office)
    (card, _) = [m for m in office.slack.state.messages(SOCIAL, ADA) if m.app_id]
    office.slack.state.remove_message(card)

    gone = OrganizationGone(organization="Acme")
    async with office.database.system() as session:
        stand_in = StandIn(kind=gone.KIND, facts=gone.dump())
        await Notices(session).take_down(organization_id, stand_in, asking=(), open_keys=("card", "another"))
    await all_settled(office)

    assert heard(office, SOCIAL) == ["Acme was deleted, so there's nothing left to do here."]


async def test_a_message_slack_cannot_draw_arrives_as_its_words(office: Office) -> None:
    await present(office, SOCIAL)
    async with office.database.system() as session:
        body = {"text": "the words", "blocks": [{"type": "no_such_block"}]}
        await put_body(session, key="odd", slack_id=ACME, channel=SOCIAL, body=body)

    await all_settled(office)

    assert heard(office, SOCIAL) == ["the words"]


@in_full
async def test_what_comes_while_a_process_speaks_is_said_after_it(office: Office) -> None:
    await present(office, SOCIAL, GENERAL)
    office.slack.requests.clear()
    slow = Fault(path=POST, delay_s=0.3)
    office.slack.faults.append(slow)

    await owe(office, SOCIAL, "first")
    await asyncio.sleep(0.15)
    await owe(office, GENERAL, "second")
    await all_settled(office)

    first, second = posts(office)
    assert second.at - first.at >= slow.delay_s


# What is no answer, or one that nobody can read


@in_full
@pytest.mark.parametrize(
    ("status", "body", "kind", "wait", "longest"),
    sampled(
        [
            pytest.param(503, "upstream connect error", "text/plain", 0, 5, id="a-proxy's-words"),
            pytest.param(429, "slow down", "text/plain", 30, 30, id="a-limit-in-words"),
            pytest.param(429, "slow down", "text/plain", 10**15, 5, id="a-limit-without-end"),
            pytest.param(503, "[]", "application/json", 0, 5, id="a-list"),
            pytest.param(200, '"x"', "application/json", 0, 60, id="a-text"),
            pytest.param(200, "null", "application/json", 0, 60, id="nothing"),
            pytest.param(200, "<html>", "text/html", 0, 60, id="a-page"),
            pytest.param(502, "{", "application/json; charset=utf-7x", 0, 60, id="no-such-encoding"),
        ],
        4,
    ),
)
async def test_an_answer_that_is_none_of_slacks_is_waited_out_and_stops_nobody(
    office: Office, status: int, body: str, kind: str, wait: int, longest: int
) -> None:
    await present(office, SOCIAL, GENERAL)
    sender = await alone(office)
    kind, _, charset = kind.partition(";")
    headers = {"Retry-After": str(wait)} if wait else {}
    if charset:
        headers["Content-Type"] = f"{kind};{charset}"
    odd = Fault(path=POST, status=status, body=body, content_type=kind, headers=headers, times=1)
    office.slack.faults.append(odd)

    await owe(office, SOCIAL, "one")
    await owe(office, GENERAL, "another")
    await sender.run()

    notice = await tried(office, 1)
    assert (notice.attempts, notice.lease_until) == (1, None)
    assert longest / 2 - 1 < await wait_of(office, notice) <= longest
    assert heard(office, SOCIAL) + heard(office, GENERAL) == [
        {"one": "another", "another": "one"}[notice.facts["text"]]
    ]


async def times(office: Office, sender: OutboxSender, count: int) -> None:
    """Let the sender look so often, each time long after the last."""
    for _ in range(count):
        await hurry(office)
        await sender.run()


@pytest.mark.parametrize(
    ("status", "code"),
    sampled(
        [
            (503, "backend_unavailable"),
            (429, "whatever"),
            (200, "team_added_to_org"),
            (200, "org_login_required"),
            (200, "rate_limited"),
            (200, "ekm_access_denied"),
        ],
        3,
    ),
)
async def test_a_state_of_slacks_costs_no_message_however_long_it_lasts(
    office: Office, status: int, code: str
) -> None:
    await present(office, SOCIAL)
    sender = await alone(office)
    error = f'{{"ok": false, "error": "{code}"}}'
    office.slack.faults.append(Fault(path=POST, status=status, body=error))
    await owe(office, SOCIAL, "patience")
    await old(office, timedelta(days=2))

    await times(office, sender, 12)
    office.slack.faults.clear()
    await times(office, sender, 1)

    assert heard(office, SOCIAL) == ["patience"]


@in_full
async def test_a_refusal_nobody_knows_is_final_after_six_hours_and_ten_tries(office: Office) -> None:
    await present(office, SOCIAL)
    elsewhere = Elsewhere()
    sender = await alone(office, elsewhere)
    refusal = '{"ok": false, "error": "a_new_word"}'
    office.slack.faults.append(Fault(path=POST, status=200, body=refusal))
    await say(office, "card", fallback=Listener.INCIDENT_CARDS)

    await times(office, sender, 12)
    early = (await tried(office, 12)).failure, list(elsewhere.codes)
    await old(office, timedelta(hours=7))
    office.slack.faults.clear()
    office.slack.faults.append(Fault(path=POST, status=200, body=refusal, times=1))
    await times(office, sender, 1)

    assert early == ("a_new_word", [])
    assert elsewhere.codes == ["a_new_word"]
    assert (await office.person(OTTO)).direct_messages()[-1].text == "card"


@in_full
async def test_what_waited_long_behind_others_is_tried_more_than_once(office: Office) -> None:
    await present(office, SOCIAL)
    sender = await alone(office)
    refusal = '{"ok": false, "error": "a_new_word"}'
    office.slack.faults.append(Fault(path=POST, status=200, body=refusal, times=1))
    await owe(office, SOCIAL, "patience")
    await old(office, timedelta(hours=7))

    await times(office, sender, 2)

    assert heard(office, SOCIAL) == ["patience"]


async def test_an_answer_that_got_lost_is_asked_for_once_a_try_and_ever_more_rarely(office: Office) -> None:
    await present(office, SOCIAL)
    sender = await alone(office)
    office.slack.faults.append(Fault(path=POST, lose_answer=True))
    await owe(office, SOCIAL, "said?")
    pauses = []

    for attempt in range(1, 5):
        await times(office, sender, 1)
        pauses.append(await wait_of(office, await tried(office, attempt)))

    assert len(heard(office, SOCIAL)) == 4
    assert all(30 * 2**n - 2 < pause <= 60 * 2**n for n, pause in enumerate(pauses))


@in_full
async def test_an_answer_that_never_comes_is_given_up_at_last(office: Office) -> None:
    await present(office, SOCIAL)
    sender = await alone(office)
    office.slack.faults.append(Fault(path=POST, lose_answer=True))
    await owe(office, SOCIAL, "said?")
    await old(office, timedelta(hours=7))

    await times(office, sender, 15)

    [*_, notice] = await owed(office)
    assert (notice.due_at, notice.attempts, notice.failure) == (None, 11, "ServerDisconnectedError")


@in_full
async def test_a_call_that_hangs_is_left_and_its_workspace_rests_while_others_are_said(
    office: Office,
) -> None:
    await present(office, SOCIAL, GENERAL)
    sender = await alone(office)
    office.slack.faults.append(Fault(path=POST, delay_s=PATIENCE_S, times=1))
    await owe(office, SOCIAL, "hangs")
    await owe(office, GENERAL, "waits")
    began = asyncio.get_running_loop().time()

    await sender.run()

    first, second = (await owed(office))[-2:]
    assert asyncio.get_running_loop().time() - began < PATIENCE_S
    assert (first.failure, first.attempts, second.attempts) == ("TimeoutError", 1, 0)
    assert 55 < await wait_of(office, second) <= 60


# What is wrong with us


async def test_a_fault_of_ours_holds_up_its_own_channel_alone_and_not_for_ever(office: Office) -> None:
    await present(office, SOCIAL)
    iris = await office.installed(IRIS)
    elsewhere = Elsewhere()
    sender = await alone(office, elsewhere)
    async with office.database.system() as session:
        broken = update(Installation).where(Installation.slack_id == ACME)  # type: ignore[arg-type]
        await session.exec(broken.values(bot_token_sealed=b"\x01\x00\x01" + b"x" * 60))
    await say(office, "poison", fallback=Listener.INCIDENT_CARDS)
    async with office.database.system() as session:
        await put_text(session, key="other", slack_id=NORTH, channel=IRIS, text="not poisoned")

    await sender.run()
    first = await tried(office, 1)
    await old(office, timedelta(hours=7))
    await times(office, sender, 11)

    assert (first.key, first.failure, first.lease_until) == ("poison", "SealBroken", None)
    assert iris.direct_messages()[-1].text == "not poisoned"
    assert elsewhere.codes == ["SealBroken"]


class Clumsy:
    """A fallback that fails at everything."""

    async def on_undeliverable(self, *_: object, **__: object) -> None:
        raise LookupError

    async def on_delivered(self, session: AsyncSession, notice: Notice) -> None:  # noqa: ARG002
        raise LookupError(notice.id)


@in_full
async def test_a_fallback_that_fails_repeats_nothing_and_blocks_nothing_for_ever(office: Office) -> None:
    await present(office, SOCIAL)
    sender = await alone(office, Clumsy())
    await say(office, "heard", fallback=Listener.INCIDENT_CARDS)
    await say(office, "lost", channel=ARCHIVED, fallback=Listener.INCIDENT_CARDS)

    await sender.run()
    waiting = await tried(office, 1)
    await old(office, timedelta(hours=7))
    await times(office, sender, 11)

    assert heard(office, SOCIAL) == ["heard"]
    assert (waiting.key, waiting.failure) == ("lost", "is_archived")
    assert all(notice.due_at is None for notice in await owed(office))


@in_full
async def test_what_slack_has_is_noted_once_the_database_is_back_and_not_said_again(office: Office) -> None:
    await present(office, SOCIAL)
    sender = await alone(office)
    slow = Fault(path=POST, delay_s=0.3, times=1)
    office.slack.faults.append(slow)
    await owe(office, SOCIAL, "once")

    sending = asyncio.create_task(sender.run())
    await office.slack.until(lambda: slow.times == 0)
    await nobody_writes(office, timedelta(seconds=6))  # longer than a writer waits for its turn
    await sending
    await times(office, sender, 2)

    assert heard(office, SOCIAL) == ["once"]


# The end of a process, and several of them


async def test_a_sender_that_is_stopped_ends_with_what_it_is_saying(office: Office) -> None:
    await present(office, SOCIAL, GENERAL)
    sender = await alone(office)
    slow = Fault(path=POST, delay_s=0.2)
    office.slack.faults.append(slow)
    await owe(office, SOCIAL, *(f"message {number}" for number in range(5)))
    await owe(office, GENERAL, "elsewhere")

    sending = asyncio.create_task(sender.run())
    await asyncio.sleep(0.1)
    sender.stop()
    taken = await sending

    assert taken == len(posts(office)) == 1
    assert [notice.lease_until for notice in await owed(office) if notice.due_at] == [None] * 5


async def test_a_stopped_application_says_nothing_more(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        office = await open_office(tmp_path, stack)
        slack = office.slack
        await present(office, SOCIAL)
        slack.faults.append(Fault(path=POST, delay_s=0.2))
        await owe(office, SOCIAL, *(f"message {number}" for number in range(50)))
        await slack.until(lambda: heard(office, SOCIAL) or None)

    assert len(heard(office, SOCIAL)) < 50


@in_full
async def test_two_processes_keep_a_channels_second_between_them(paced: Office) -> None:
    await present(paced, SOCIAL)
    await paced.parts.scheduler.stop(1)
    paced.slack.requests.clear()
    other = another(paced.database)
    senders = [
        OutboxSender(each, paced.parts.slack_clients, paced.parts.notices.renderer)
        for each in (paced.database, other)
    ]
    await owe(paced, SOCIAL, "one", "two", "three")

    async def until_heard(count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(heard(paced, SOCIAL)) < count:
                await asyncio.gather(*(sender.run() for sender in senders))
                await asyncio.sleep(0.02)

    await until_heard(3)
    await owe(paced, SOCIAL, "four")  # has nothing to wait behind
    await until_heard(4)
    await other.close()

    assert [call.status for call in posts(paced)] == [200] * 4
    assert not [call for call in posts(paced) if "ratelimited" in call.body]
    arrivals = [call.at for call in posts(paced)]
    assert min(later - earlier for earlier, later in pairwise(arrivals)) >= 1.0
    assert heard(paced, SOCIAL) == ["one", "two", "three", "four"]


# Bot tokens that rotate


async def a_night_later(office: Office, *channels: str) -> OutboxSender:
    """Install with rotating tokens, which then are over because nothing was said for a night."""
    office.slack.settings |= {"token_rotation": True, "token_life_s": 12 * 3600}
    await present(office, *channels)
    sender = await alone(office)
    async with office.database.system() as session:
        await session.exec(update(Installation).values(token_expires_at=now(timedelta(hours=-1))))
    for token in office.slack.state.tokens.values():
        if token.kind == "bot":
            token.expires_at = office.slack.state.now() - 3600
    return sender


@in_full
async def test_a_token_that_could_not_be_rotated_at_once_costs_no_message(office: Office) -> None:
    sender = await a_night_later(office, SOCIAL)
    office.slack.faults.append(Fault(path="oauth.v2.access", status=503, body="{}", times=1))

    await owe(office, SOCIAL, "one")
    await sender.run()
    waiting = await tried(office, 1)
    await times(office, sender, 1)

    assert waiting.failure == "no_code"
    assert heard(office, SOCIAL) == ["one"]


@in_full
async def test_a_new_token_waits_for_a_database_that_is_away(office: Office) -> None:
    sender = await a_night_later(office, SOCIAL)
    slow = Fault(path="oauth.v2.access", delay_s=0.3, times=1)
    office.slack.faults.append(slow)
    await owe(office, SOCIAL, "one")

    sending = asyncio.create_task(sender.run())
    await until(lambda: slow.times == 0)
    await nobody_writes(office, timedelta(seconds=6))
    await sending
    await times(office, sender, 1)

    assert len(office.slack.calls("oauth.v2.access")) == 1
    assert heard(office, SOCIAL) == ["one"]


@in_full
async def test_of_two_processes_one_rotates_a_token_and_both_use_it(office: Office) -> None:
    await a_night_later(office, SOCIAL, GENERAL)
    office.slack.faults.append(Fault(path="oauth.v2.access", delay_s=0.3))
    parts = office.parts
    databases = [parts.database, another(parts.database)]
    async with aiohttp.ClientSession() as session:
        slack_clients = [SlackClients(parts.settings, each, parts.vault, session) for each in databases]
        senders = [
            OutboxSender(database, each, parts.notices.renderer, between=timedelta(0))
            for database, each in zip(databases, slack_clients, strict=True)
        ]
        await owe(office, SOCIAL, "one")
        await owe(office, GENERAL, "two")

        await asyncio.gather(*(sender.run() for sender in senders))
    await databases[1].close()

    assert len(office.slack.calls("oauth.v2.access")) == 1
    assert (heard(office, SOCIAL), heard(office, GENERAL)) == (["one"], ["two"])


@in_full
async def test_a_token_that_slack_will_not_rotate_is_given_up_at_last(office: Office) -> None:
    sender = await a_night_later(office, SOCIAL)
    office.slack.state.refresh_tokens.clear()

    await owe(office, SOCIAL, "one")
    await times(office, sender, 11)
    waiting = await tried(office, 11)
    await old(office, timedelta(hours=7))
    await times(office, sender, 1)

    assert waiting.failure == "invalid_refresh_token"
    assert all(notice.due_at is None for notice in await owed(office))


class Elsewhere:
    """Says what a channel will not hear to Otto instead, and takes note of what was heard."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.arrived: list[str] = []

    async def on_undeliverable(self, session: AsyncSession, notice: Notice, code: str, **_: object) -> None:
        self.codes.append(code)
        await put_text(
            session,
            key=f"{notice.key}:dm",
            slack_id=notice.slack_id,
            channel=OTTO,
            text=notice.facts["text"],
            fallback=Listener.INCIDENT_CARDS,
        )

    async def on_delivered(self, session: AsyncSession, notice: Notice) -> None:  # noqa: ARG002 - the interface
        self.arrived.append(notice.key)


@pytest.mark.parametrize(
    ("channel", "code"),
    sampled([(GENERAL, "not_in_channel"), (ARCHIVED, "is_archived"), ("C0NOWHERE", "channel_not_found")], 3),
)
async def test_what_a_channel_will_never_hear_goes_elsewhere(office: Office, channel: str, code: str) -> None:
    await present(office)
    elsewhere = Elsewhere()
    await office.parts.scheduler.stop(1)
    sender = sender_of(office, elsewhere)

    await say(office, "card", channel=channel, fallback=Listener.INCIDENT_CARDS)
    await sender.run()

    assert elsewhere.codes == [code]
    assert elsewhere.arrived == ["card:dm"]
    assert (await office.person(OTTO)).direct_messages()[-1].text == "card"


@in_full
async def test_an_edit_that_a_channel_takes_no_more_goes_elsewhere_and_one_it_takes_proves_nothing(
    office: Office,
) -> None:
    await present(office, SOCIAL)
    elsewhere = Elsewhere()
    await office.parts.scheduler.stop(1)
    sender = sender_of(office, elsewhere)
    await say(office, "card", fallback=Listener.INCIDENT_CARDS)
    await say(office, "card, claimed", edits="card", fallback=Listener.INCIDENT_CARDS)
    await sender.run()
    inactive = '{"ok": false, "error": "is_inactive"}'
    office.slack.faults.append(Fault(path="chat.update", status=200, body=inactive))

    await say(office, "card, resolved", edits="card", fallback=Listener.INCIDENT_CARDS)
    await sender.run()

    assert elsewhere.codes == ["is_inactive"]
    assert elsewhere.arrived[0] == "card"
    assert "card, claimed" not in elsewhere.arrived
