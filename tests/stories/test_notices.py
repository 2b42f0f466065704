"""The outbox's way into Slack: at once, in order, a second apart, and nothing lost while Slack is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sqlmodel import select, update

from bot.jobs.notices import NoticeSender
from sandbox.core import Fault
from sandbox.slack.world import ACME, ADA, OTTO
from storage.db import now
from storage.models import Notice
from storage.outbox import Notices
from tests.application import PACE, Office, open_office
from tests.counts import sampled

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from sandbox.core import Recorded

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
            body = {"text": text}
            await Notices(session).put(key=f"{channel}:{text}", slack_id=ACME, channel=channel, body=body)


async def owed(office: Office) -> list[Notice]:
    async with office.database.system(write=False) as session:
        return list((await session.exec(select(Notice).order_by(Notice.sequence))).all())  # type: ignore[arg-type]


async def all_settled(office: Office, within_s: float = 10) -> list[Notice]:
    """Return the notices once none is due any more."""
    async with asyncio.timeout(within_s):
        while True:
            found = await owed(office)
            if all(notice.due_at is None for notice in found):
                return found
            await asyncio.sleep(0.02)


async def tried(office: Office, times: int) -> Notice:
    """Return the unsent notice that was tried so often already."""
    async with asyncio.timeout(5):
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


async def test_a_message_goes_out_at_once_and_not_at_the_next_tick(paced: Office) -> None:
    await present(paced, SOCIAL)
    await asyncio.sleep(1.05)

    waits = []
    loop = asyncio.get_running_loop()
    for number in range(3):
        began = loop.time()
        await owe(paced, (SOCIAL, GENERAL, ADA)[number], f"quick {number}")
        await all_settled(paced)
        waits.append(loop.time() - began)

    assert sorted(waits)[1] < 0.5


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
    assert min(later - earlier for earlier, later in pairwise(times)) >= 1.0
    assert times[-1] - times[0] < 5
    assert heard(paced, GENERAL) == ["elsewhere one", "elsewhere two"]


async def test_one_channel_does_not_wait_for_another(office: Office) -> None:
    await present(office, SOCIAL, GENERAL)
    office.slack.faults.append(Fault(path=POST, status=503, body="{}", times=1))

    await owe(office, SOCIAL, "stuck")
    await tried(office, 1)
    await owe(office, GENERAL, "free")
    await office.slack.until(lambda: heard(office, GENERAL) or None, 5)

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


async def test_pauses_grow_while_slack_is_down(office: Office) -> None:
    await present(office, SOCIAL)
    office.slack.faults.append(Fault(path="^/api/", status=503, body="{}"))
    sender = NoticeSender(office.database, office.parts.slacks, between=timedelta(0))

    await owe(office, SOCIAL, "patience")
    pauses = []
    for attempt in range(1, 4):
        notice = await tried(office, attempt)
        assert notice.due_at is not None
        async with office.database.system(write=False) as session:
            clock = (await session.exec(select(now()))).one()
        pauses.append((notice.due_at - clock).total_seconds())
        if attempt < 3:
            await hurry(office)
            await sender.run()

    assert 2 < pauses[0] <= 5
    assert 4.9 < pauses[1] <= 10
    assert 9.9 < pauses[2] <= 20


async def test_a_removed_app_is_no_reason_to_try_for_ever(office: Office) -> None:
    await present(office, SOCIAL)
    await office.slack.uninstall(ACME)

    await owe(office, SOCIAL, "too late")
    [*_, notice] = await all_settled(office)

    assert notice.failure == "not_installed"


async def test_two_senders_at_once_say_everything_once(either_office: Office) -> None:
    await present(either_office, SOCIAL, GENERAL)
    senders = [
        NoticeSender(either_office.database, either_office.parts.slacks, between=timedelta(0))
        for _ in range(3)
    ]

    for channel in (SOCIAL, GENERAL, ADA, OTTO):
        await owe(either_office, channel, *(f"{channel} {n}" for n in range(5)))
    await asyncio.gather(*(sender.run() for sender in senders))
    await all_settled(either_office)

    for channel in (SOCIAL, GENERAL):
        assert heard(either_office, channel) == [f"{channel} {n}" for n in range(5)]


async def say(office: Office, key: str, channel: str = SOCIAL, **more: str) -> None:
    async with office.database.system() as session:
        body = {"text": key, "blocks": [{"type": "section", "text": {"type": "plain_text", "text": key}}]}
        await Notices(session).put(key=key, slack_id=ACME, channel=channel, body=body, **more)


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


async def test_a_message_slack_cannot_draw_arrives_as_its_words(office: Office) -> None:
    await present(office, SOCIAL)
    async with office.database.system() as session:
        body = {"text": "the words", "blocks": [{"type": "no_such_block"}]}
        await Notices(session).put(key="odd", slack_id=ACME, channel=SOCIAL, body=body)

    await all_settled(office)

    assert heard(office, SOCIAL) == ["the words"]


class Elsewhere:
    """Says what a channel will not hear to Otto instead, and takes note of what was heard."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.arrived: list[str] = []

    async def lost(self, session: AsyncSession, notice: Notice, code: str) -> None:
        self.codes.append(code)
        await Notices(session).put(
            key=f"{notice.key}:dm",
            slack_id=notice.slack_id,
            channel=OTTO,
            body=notice.body,
            fallback="elsewhere",
        )

    async def heard(self, session: AsyncSession, notice: Notice) -> None:  # noqa: ARG002 - the interface
        self.arrived.append(notice.key)


@pytest.mark.parametrize(
    ("channel", "code"),
    sampled([(GENERAL, "not_in_channel"), (ARCHIVED, "is_archived"), ("C0NOWHERE", "channel_not_found")], 3),
)
async def test_what_a_channel_will_never_hear_goes_elsewhere(office: Office, channel: str, code: str) -> None:
    await present(office)
    elsewhere = Elsewhere()
    await office.parts.clock.stop(1)
    sender = NoticeSender(
        office.database, office.parts.slacks, between=timedelta(0), fallbacks={"elsewhere": elsewhere}
    )

    await say(office, "card", channel=channel, fallback="elsewhere")
    await sender.run()

    assert elsewhere.codes == [code]
    assert elsewhere.arrived == ["card:dm"]
    assert (await office.person(OTTO)).direct_messages()[-1].text == "card"


async def test_an_edit_that_a_channel_takes_no_more_goes_elsewhere_and_one_it_takes_proves_nothing(
    office: Office,
) -> None:
    await present(office, SOCIAL)
    elsewhere = Elsewhere()
    await office.parts.clock.stop(1)
    sender = NoticeSender(
        office.database, office.parts.slacks, between=timedelta(0), fallbacks={"elsewhere": elsewhere}
    )
    await say(office, "card", fallback="elsewhere")
    await say(office, "card, claimed", edits="card", fallback="elsewhere")
    await sender.run()
    inactive = '{"ok": false, "error": "is_inactive"}'
    office.slack.faults.append(Fault(path="chat.update", status=200, body=inactive))

    await say(office, "card, resolved", edits="card", fallback="elsewhere")
    await sender.run()

    assert elsewhere.codes == ["is_inactive"]
    assert elsewhere.arrived[0] == "card"
    assert "card, claimed" not in elsewhere.arrived
