"""A delivery goes out exactly once, whatever the platform answers and whenever we die."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlmodel import select, update

from adapters.base import (
    Accepted,
    Busy,
    Content,
    Expired,
    Finding,
    Format,
    FormatRule,
    MediaKind,
    MediaRule,
    Misconfigured,
    Outcome,
    OutcomeUnknown,
    Part,
    Prepared,
    Receipt,
    Rejected,
    TokenRefused,
)
from bot.services.posts.contents import load
from bot.services.posts.delivering import AT_ONCE
from bot.services.posts.policy import (
    FILE_GONE,
    LATE_AFTER,
    LINK_WITHIN,
    LOOKS,
    NOT_CONVERTED,
    OUR_FAULT_PAUSE,
)
from storage.deliveries import LEASE, Deliveries, LeaseLost, any_due
from storage.delivery_decisions import DeliveryDecisions
from storage.engine.db import Database
from storage.engine.statements import now
from storage.models import Delivery, DeliveryStatus, DeliveryStep, Grant, OperatorAlert
from storage.posts import Posts
from storage.refreshes import Refreshes
from storage.vault import Vault
from tests.counts import in_full
from tests.services.posts.press import LOST, Desk, open_desk

HOUR = timedelta(hours=1)
SENDING, UNKNOWN, SENT = DeliveryStatus.SENDING, DeliveryStatus.UNKNOWN, DeliveryStatus.SENT


@pytest_asyncio.fixture
async def desk(database: Database, vault: Vault) -> Desk:
    return await open_desk(database, vault)


@pytest_asyncio.fixture
async def small(sqlite_database: Database, vault: Vault) -> Desk:
    """A desk on SQLite, for what does not depend on the database."""
    return await open_desk(sqlite_database, vault)


async def test_what_is_due_goes_out_once_and_keeps_its_receipt(desk: Desk) -> None:
    post = await desk.schedule("Mugs")

    await desk.run()
    await desk.run()

    row = await desk.delivery(post)
    assert desk.press.posts == [("4711", "Mugs")]
    assert (row.status, row.work_at, row.lease_until) == (SENT, None, None)
    assert await desk.steps(post) == [("post", "sent")]
    assert await desk.told() >= 1


async def test_what_is_not_due_waits_for_its_time(small: Desk) -> None:
    post = await small.schedule("Mugs", HOUR)

    await small.run()

    waits = await small.waits(post)
    assert small.press.calls == []
    assert (await small.delivery(post)).status == DeliveryStatus.SCHEDULED
    assert waits is not None
    assert HOUR - timedelta(minutes=1) < waits <= HOUR


async def test_a_platform_that_still_works_on_the_media_is_asked_again(small: Desk) -> None:
    small.press.prepares.append(Prepared(handles={"media": "m1"}, again_in=timedelta(seconds=30)))
    post = await small.schedule("Mugs")

    await small.run()
    first = (await small.delivery(post)).status
    await small.later(post)
    await small.run()

    assert first == DeliveryStatus.PREPARING
    assert small.press.calls == ["prepare", "prepare", "send post 0"]
    assert b"m1" not in ((await small.delivery(post)).handles_sealed or b"m1")


@pytest.mark.parametrize("phase", ["prepares", "sends"])
async def test_a_busy_platform_is_tried_again_and_gets_it_once(small: Desk, phase: str) -> None:
    getattr(small.press, phase).append(Busy("http_503", retry_after=timedelta(minutes=3)))
    post = await small.schedule("Mugs")

    await small.run()
    between, waits = await small.delivery(post), await small.waits(post)
    await small.later(post)
    await small.run()

    assert (between.outcome, between.code, between.failures) == ("Busy", "http_503", 1)
    assert waits is not None
    assert timedelta(minutes=2) < waits <= timedelta(minutes=3)
    assert small.press.posts == [("4711", "Mugs")]


@pytest.mark.parametrize("phase", ["prepares", "sends"])
async def test_what_the_platform_refuses_fails_with_its_code(small: Desk, phase: str) -> None:
    getattr(small.press, phase).append(Rejected("not_allowed"))
    post = await small.schedule("Mugs")

    await small.run()

    row = await small.delivery(post)
    assert (row.status, row.code, row.work_at) == (DeliveryStatus.FAILED, "not_allowed", None)
    assert await small.steps(post) == []
    assert small.press.posts == []


async def test_a_lost_answer_is_looked_up_and_never_sent_again(desk: Desk) -> None:
    desk.press.sends.append(LOST)
    post = await desk.schedule("Mugs")

    await desk.run()
    between, waits = await desk.delivery(post), await desk.waits(post)
    await desk.later(post)
    await desk.run()

    assert between.status == UNKNOWN
    assert waits is not None
    assert waits <= LOOKS[0]
    assert desk.press.calls == ["prepare", "send post 0", "look"]
    assert desk.press.posts == [("4711", "Mugs")]
    assert (await desk.delivery(post)).status == SENT


async def test_a_duplicate_may_be_ours_so_it_is_looked_up(small: Desk) -> None:
    small.press.posts.append(("4711", "Mugs"))
    small.press.sends.append(OutcomeUnknown("duplicate"))
    post = await small.schedule("Mugs")

    await small.run()
    await small.later(post)
    await small.run()

    assert (await small.delivery(post)).status == SENT
    assert small.press.posts == [("4711", "Mugs")]


async def test_what_is_not_found_in_three_looks_is_for_a_person_to_say(small: Desk) -> None:
    small.press.sends.append(OutcomeUnknown("no_answer"))
    post = await small.schedule("Mugs")

    for _ in range(6):
        await small.run()
        await small.later(post)

    row = await small.delivery(post)
    assert small.press.calls == ["prepare", "send post 0", "look", "look", "look"]
    assert (row.status, row.asks, row.work_at) == (UNKNOWN, True, None)


@pytest.mark.parametrize(
    ("finding", "calls", "posts"),
    [
        pytest.param(Finding(outcome=Outcome.NOT_SENT), 2, 1, id="proof that nothing happened"),
        pytest.param(Finding(outcome=Outcome.UNREADABLE), 1, 0, id="nobody can read it"),
        pytest.param(Finding(outcome=Outcome.REFUSED, code="spam"), 1, 0, id="refused later"),
    ],
)
async def test_only_a_proof_that_nothing_happened_lets_it_be_sent_again(
    small: Desk, finding: Finding, calls: int, posts: int
) -> None:
    small.press.sends.append(OutcomeUnknown("no_answer"))
    small.press.looks.append(finding)
    post = await small.schedule("Mugs")

    for _ in range(4):
        await small.run()
        await small.later(post)

    assert small.press.calls.count("send post 0") == calls
    assert len(small.press.posts) == posts


async def test_what_the_platform_accepted_is_live_when_it_says_so(small: Desk) -> None:
    small.press.sends.append(Accepted(handles={"publish_id": "p1"}, again_in=timedelta(seconds=5)))
    small.press.looks.append(Finding(outcome=Outcome.PROCESSING))
    post = await small.schedule("Mugs")
    states = []

    for _ in range(3):
        await small.run()
        states.append((await small.delivery(post)).status)
        await small.later(post)

    assert states == [SENDING, SENDING, SENT]
    assert small.press.posts == [("4711", "Mugs")]


async def test_a_look_that_gets_no_answer_says_nothing_and_is_repeated(small: Desk) -> None:
    small.press.sends.append(LOST)
    small.press.looks.extend(Busy("http_503") for _ in range(5))
    post = await small.schedule("Mugs")

    for _ in range(8):
        await small.run()
        await small.later(post)

    assert (await small.delivery(post)).status == SENT
    assert small.press.calls.count("send post 0") == 1


async def test_a_refused_token_is_renewed_and_the_post_goes_out_once(desk: Desk) -> None:
    desk.press.sends.append(TokenRefused("unauthorized"))
    post = await desk.schedule("Mugs")

    await desk.run()

    assert (await desk.delivery(post)).status == SENT
    assert desk.press.tokens == ["access", "access+"]
    assert desk.press.posts == [("4711", "Mugs")]


async def test_a_dead_sign_in_holds_the_post_and_a_reconnect_lets_it_go(desk: Desk) -> None:
    post = await desk.schedule("Mugs")
    await _end_grant(desk)

    await desk.run()
    held = (await desk.delivery(post)).status
    async with desk.database.system() as session:
        await session.exec(update(Grant).values(status="healthy"))
        released = await Posts(session).release(desk.organization_id, [desk.account_id])
        late = await Posts(session).publish_late(desk.organization_id, [desk.account_id])
    await desk.later(post)
    await desk.run()

    assert held == DeliveryStatus.HELD
    assert released.scheduled + late == 1
    assert desk.press.posts == [("4711", "Mugs")]


async def test_a_post_is_not_left_held_by_a_death_that_a_reconnect_has_overtaken(small: Desk) -> None:
    post = await small.schedule("Mugs")
    await small.run()  # so that there is nothing else due
    second = await small.schedule("Cups")
    await _end_grant(small)

    async def reconnected() -> None:
        async with small.database.system() as session:
            await session.exec(update(Grant).values(status="healthy"))

    small.press.prepares.append(Busy("http_503"))
    await small.run()
    await reconnected()
    async with small.database.system() as session:
        row = (await session.exec(select(Delivery).where(Delivery.id == second))).one()
        row.status = DeliveryStatus.HELD
        await session.flush()
        await Posts(session).park(row)

    assert (await small.delivery(post)).status == SENT
    assert (await small.delivery(second)).status == DeliveryStatus.SCHEDULED


async def _end_grant(desk: Desk) -> None:
    async with desk.database.system() as session:
        grant = await Refreshes(session).look(desk.grant_id)
        assert grant is not None
        assert await Refreshes(session).dead(grant, "invalid_grant")


async def test_our_own_fault_pages_the_operator_and_keeps_the_post(small: Desk) -> None:
    small.press.sends.append(Misconfigured("credits"))
    post = await small.schedule("Mugs")

    await small.run()

    waits = await small.waits(post)
    assert waits is not None
    assert waits > OUR_FAULT_PAUSE - timedelta(minutes=1)
    async with small.database.system(write=False) as session:
        assert [one.code for one in await session.exec(select(OperatorAlert))] == ["credits"]


async def test_what_we_cannot_read_is_tried_for_an_hour_and_then_a_person_decides(small: Desk) -> None:
    post = await small.schedule("Mugs")
    await small.change(post, content={"format": "hologram"})

    await small.run()
    tried = (await small.delivery(post)).status
    await small.later(post, due_at=now(-LATE_AFTER - timedelta(minutes=1)))
    await small.run()

    assert tried == DeliveryStatus.SCHEDULED
    assert (await small.delivery(post)).status == DeliveryStatus.LATE
    assert await small.waits(post) is None


async def test_what_we_cannot_read_any_more_and_may_be_live_becomes_a_question(small: Desk) -> None:
    small.press.sends.append(OutcomeUnknown("timeout"))
    post = await small.schedule("Mugs")
    await small.run()
    await small.change(post, content={"format": "hologram"})

    await small.later(post, due_at=now(-LATE_AFTER - timedelta(minutes=1)))
    await small.run()

    found = await small.delivery(post)
    assert (found.status, found.asks) == (DeliveryStatus.UNKNOWN, True)


async def test_a_process_that_stood_still_after_the_commit_sends_nothing(small: Desk) -> None:
    ticks = iter([0.0, LEASE.total_seconds()])
    post = await small.schedule("Mugs")

    slow = small.another_engine(clock=lambda: next(ticks))
    await slow.run()
    await slow.finish()

    assert small.press.posts == []
    assert (await small.delivery(post)).status == DeliveryStatus.SENDING


async def test_what_expired_before_it_was_sent_is_prepared_anew(small: Desk) -> None:
    small.press.prepares.append(Prepared(handles={"session": "s1"}))
    small.press.sends.append(Expired("session_gone"))
    post = await small.schedule("Mugs")

    await small.run()
    await small.later(post)
    await small.run()

    assert small.press.calls == ["prepare", "send post 0", "prepare", "send post 0"]
    assert small.press.posts == [("4711", "Mugs")]


async def test_what_is_more_than_an_hour_late_asks_instead_of_going_out(small: Desk) -> None:
    late = await small.schedule("Mugs", -LATE_AFTER - timedelta(minutes=1))
    await small.run()
    in_time = await small.schedule("Cups", -LATE_AFTER + timedelta(minutes=1))
    await small.run()

    assert (await small.delivery(late)).status == DeliveryStatus.LATE
    assert (await small.delivery(in_time)).status == SENT
    assert small.press.posts == [("4711", "Cups")]


@pytest.mark.parametrize(
    "published", [True, False], ids=["after it was published", "before it was published"]
)
async def test_who_finds_a_delivery_in_sending_looks_and_does_not_send(desk: Desk, published: bool) -> None:
    post = await desk.schedule("Mugs")
    async with desk.database.system() as session:
        (dead,) = await Deliveries(session, desk.vault).claim(1)
        await Deliveries(session, desk.vault).arm(dead, 0, "post")
    if published:
        desk.press.posts.append(("4711", "Mugs"))

    for _ in range(5):
        await desk.later(post)
        await desk.run()

    assert "send post 0" not in desk.press.calls
    row = await desk.delivery(post)
    assert (row.status, row.asks) == ((SENT, False) if published else (UNKNOWN, True))


async def test_a_receipt_that_comes_after_the_lease_was_lost_is_still_the_truth(desk: Desk) -> None:
    post = await desk.schedule("Mugs")

    async def another_process() -> None:
        """Take the delivery as if the lease were over, find nothing, and ask a person."""
        desk.press.during_send = None
        await desk.later(post)
        async with desk.database.system() as session:
            (theirs,) = await Deliveries(session, desk.vault).claim(1)
            await Deliveries(session, desk.vault).settle(theirs, UNKNOWN, asks=True)

    desk.press.during_send = another_process
    await desk.run()
    await desk.run()

    row = await desk.delivery(post)
    assert (row.status, row.asks) == (SENT, False)
    assert desk.press.posts == [("4711", "Mugs")]


async def test_what_is_cancelled_while_it_is_prepared_is_not_sent(desk: Desk) -> None:
    post = await desk.schedule("Mugs")
    async with desk.database.system() as session:
        (ours,) = await Deliveries(session, desk.vault).claim(1)
        work = await Deliveries(session, desk.vault).work(ours)
    async with desk.database.system() as session:
        await Posts(session).cancel(desk.organization_id, [desk.account_id])

    with pytest.raises(LeaseLost):
        await desk.engine._sending.send(work)

    assert desk.press.posts == []
    assert (await desk.delivery(post)).status == DeliveryStatus.CANCELLED


THREAD = Content(format=Format.THREAD, thread=(Part(text="One"), Part(text="Two"), Part(text="Three")))


async def test_a_thread_resumes_at_its_first_missing_element(small: Desk) -> None:
    small.press.sends.extend([Accepted(handles={}, again_in=timedelta(seconds=1)), Busy("http_503")])
    post = await small.schedule(THREAD)

    for _ in range(4):
        await small.run()
        await small.later(post)

    assert [text for _, text in small.press.posts] == ["One", "Two", "Three"]
    assert (await small.delivery(post)).status == SENT


async def test_a_first_comment_that_is_refused_does_not_fail_the_post(small: Desk) -> None:
    small.press.sends.extend([Accepted(handles={}, again_in=timedelta(seconds=1)), Rejected("comments_off")])
    post = await small.schedule(Content(format=Format.TEXT, text="Mugs", first_comment="More"))

    for _ in range(2):
        await small.run()
        await small.later(post)

    assert (await small.delivery(post)).status == SENT
    assert await small.steps(post) == [("post", "sent"), ("comment", "failed")]


COMMENTED = Content(format=Format.TEXT, text="Mugs", first_comment="More")


async def test_a_sign_in_that_ends_before_the_first_comment_leaves_the_post_live(small: Desk) -> None:
    post = await small.schedule(COMMENTED)

    async def the_sign_in_ends() -> None:
        small.press.during_send = None
        await _end_grant(small)

    small.press.during_send = the_sign_in_ends
    await small.run()

    assert (await small.delivery(post)).status == SENT
    assert await small.steps(post) == [("post", "sent"), ("comment", "failed")]


@pytest.mark.parametrize("answer", [Busy("http_503"), Misconfigured("credits")])
async def test_a_post_that_only_waits_for_its_first_comment_cannot_be_cancelled(
    small: Desk, answer: Exception
) -> None:
    small.press.sends.extend(["published", answer])
    post = await small.schedule(COMMENTED)

    await small.run()
    async with small.database.system() as session:
        cancelled = await DeliveryDecisions(session).cancel(small.organization_id, post)
    await small.later(post)
    await small.run()

    assert not cancelled
    assert await small.steps(post) == [("post", "sent"), ("comment", "sent")]
    assert (await small.delivery(post)).status == SENT


@pytest.mark.parametrize(
    ("found", "comment"),
    [
        (Finding(outcome=Outcome.REFUSED, code="removed"), "failed"),
        (Finding(outcome=Outcome.NOT_SENT), "sent"),
    ],
)
async def test_a_first_comment_that_is_looked_up_never_fails_the_post(
    small: Desk, found: Finding, comment: str
) -> None:
    small.press.sends.extend(["published", OutcomeUnknown("no_answer")])
    small.press.looks.append(found)
    post = await small.schedule(COMMENTED)

    for _ in range(3):
        await small.run()
        await small.later(post)

    assert (await small.delivery(post)).status == SENT
    assert await small.steps(post) == [("post", "sent"), ("comment", comment)]


async def test_a_fault_of_our_own_during_the_call_counts_as_unknown(small: Desk) -> None:
    small.press.sends.append(RuntimeError("a bug"))
    post = await small.schedule("Mugs")

    await small.run()

    assert (await small.delivery(post)).status == UNKNOWN


async def test_an_account_gets_one_post_at_a_time(desk: Desk) -> None:
    first, second = await desk.schedule("Mugs"), await desk.schedule("Cups")
    async with desk.database.system() as session:
        taken = await Deliveries(session, desk.vault).claim(10)
    async with desk.database.system() as session:
        none = await Deliveries(session, desk.vault).claim(10)

    assert [one.id for one in taken] == [first]
    assert none == []
    assert not await any_due(desk.database.autocommit)
    await desk.later(first)
    await desk.run()
    await desk.run()
    assert {(await desk.delivery(one)).status for one in (first, second)} == {SENT}


async def test_an_engine_that_is_full_says_when_it_has_room_again(small: Desk) -> None:
    gate = asyncio.Event()
    small.press.during_send = gate.wait
    for number in range(AT_ONCE + 1):
        await small.schedule("Mugs", account_id=await small.account(number))

    await small.engine.run()
    full = small.engine.room.is_set()
    gate.set()
    await small.engine.room.wait()
    small.engine.room.clear()
    await small.run()

    assert not full
    assert len(small.press.posts) == AT_ONCE + 1
    assert not small.engine.room.is_set()


async def test_two_processes_never_have_two_posts_of_one_account(
    postgres_database: Database, vault: Vault
) -> None:
    desk = await open_desk(postgres_database, vault)
    await desk.schedule("Mugs")
    await desk.schedule("Cups")

    async with postgres_database.system() as ours, postgres_database.system() as theirs:
        first = await Deliveries(ours, vault).claim(10)
        second = await Deliveries(theirs, vault).claim(10)

    assert (len(first), second) == (1, [])


@in_full
async def test_processes_that_begin_together_leave_each_account_one_post(desk: Desk) -> None:
    accounts = [await desk.account(number) for number in range(5)]
    for number, account in enumerate(accounts * 4):
        await desk.schedule(f"Post {number}", account_id=account)

    async def claim() -> list[Delivery]:
        async with desk.database.system() as session:
            return await Deliveries(session, desk.vault).claim(3)

    taken = [one for found in await asyncio.gather(*(claim() for _ in range(12))) for one in found]

    times = Counter(one.account_id for one in taken)
    assert set(times) <= set(accounts)
    assert set(times.values()) == {1}


async def test_a_file_that_vanished_fails_the_post_before_the_platform_hears_of_it(small: Desk) -> None:
    picture = small.files.image()
    post = await small.schedule(Content(format=Format.IMAGE, text="Mugs", media=(picture,)))
    del small.files.files[picture.key]

    await small.run()

    row = await small.delivery(post)
    assert (row.status, row.code, small.press.calls) == (DeliveryStatus.FAILED, FILE_GONE, [])


async def test_a_file_that_vanishes_between_preparing_and_sending_fails_the_post(small: Desk) -> None:
    picture = small.files.image()
    post = await small.schedule(Content(format=Format.IMAGE, text="Mugs", media=(picture,)), HOUR / 12)
    await small.run()
    between = (await small.delivery(post)).status
    del small.files.files[picture.key]
    await small.later(post, due_at=now())

    await small.run()

    row = await small.delivery(post)
    assert (between, row.status, row.code) == (DeliveryStatus.READY, DeliveryStatus.FAILED, FILE_GONE)
    assert small.press.calls == ["prepare"]


@pytest.fixture
def strict(small: Desk) -> Desk:
    """Return a desk whose platform takes only JPEGs."""
    jpegs = MediaRule(types=frozenset({"image/jpeg"}), most_bytes=8_000_000, converts=True)
    formats = {Format.IMAGE: FormatRule(media={MediaKind.IMAGE: jpegs}, most=1)}
    small.press.limits["formats"] = {**small.press.facts.formats, **formats}
    return small


async def test_a_picture_is_converted_while_it_is_prepared_and_tries_later_send_the_same_one(
    strict: Desk,
) -> None:
    picture = strict.files.picture(alt_text="A mug")
    post = await strict.schedule(Content(format=Format.IMAGE, text="Mugs", media=(picture,)), HOUR / 12)
    strict.press.prepares += [Busy("busy"), Expired("expired")]

    for _ in range(4):
        await strict.run()
        await strict.later(post, due_at=now())

    row = await strict.delivery(post)
    [sent] = load(row.content).media
    assert (row.status, strict.files.conversions) == (SENT, [(row.post_id, "mug.png")])
    assert (sent.type, sent.alt_text, sent.key != picture.key) == ("image/jpeg", "A mug", True)
    assert picture.key in strict.files.files


async def test_a_picture_that_cannot_be_converted_fails_the_post_before_the_platform_hears_of_it(
    strict: Desk,
) -> None:
    picture = strict.files.picture(name="broken.png")
    strict.files.unreadable.add(picture.key)
    post = await strict.schedule(Content(format=Format.IMAGE, text="Mugs", media=(picture,)))

    await strict.run()

    row = await strict.delivery(post)
    assert (row.status, row.code, strict.press.calls) == (DeliveryStatus.FAILED, NOT_CONVERTED, [])


async def test_an_address_that_the_platform_names_later_is_added_to_the_receipt(desk: Desk) -> None:
    nameless = Receipt(id="", url="https://x.com/octademo", note="link_later")
    soon = timedelta(minutes=5)
    desk.press.sends.append(Accepted(handles={}, again_in=timedelta(seconds=5)))
    desk.press.looks.extend(
        [
            Finding(outcome=Outcome.LIVE, receipt=nameless, again_in=soon),
            Busy("http_503"),
            Finding(outcome=Outcome.LIVE, receipt=nameless, again_in=soon),
        ]
    )
    post = await desk.schedule("Mugs")
    seen = []
    for _ in range(6):
        await desk.run()
        seen.append((await desk.delivery(post)).status)
        await desk.later(post)

    assert seen == [SENDING, SENT, SENT, SENT, SENT, SENT]
    assert desk.press.calls == ["prepare", "send post 0", "look", "look", "look", "look"]
    assert await desk.addresses(post) == ["https://x.com/octademo/status/1"]
    assert await desk.waits(post) is None


async def test_an_address_that_never_comes_is_not_waited_for_longer_than_a_day(small: Desk) -> None:
    nameless = Receipt(id="", url="https://x.com/octademo", note="link_later")
    small.press.sends.append(Accepted(handles={}, again_in=timedelta(seconds=5)))
    small.press.looks.extend(
        Finding(outcome=Outcome.LIVE, receipt=nameless, again_in=timedelta(minutes=5)) for _ in range(3)
    )
    post = await small.schedule("Mugs")
    for _ in range(2):
        await small.run()
        await small.later(post)
    async with small.database.system() as session:
        await session.exec(update(DeliveryStep).values(started_at=now(-LINK_WITHIN)))

    await small.run()

    assert await small.waits(post) is None
    assert (await small.delivery(post)).status == SENT


async def test_a_call_that_a_shutdown_cuts_off_is_looked_up_and_not_repeated(desk: Desk) -> None:
    called = asyncio.Event()

    async def never_answers() -> None:
        called.set()
        await asyncio.Event().wait()

    desk.press.during_send = never_answers
    post = await desk.schedule("Mugs")
    await desk.engine.run()
    await called.wait()

    await desk.engine.drain(0)
    between = (await desk.delivery(post)).status
    desk.press.posts.append(("4711", "Mugs"))  # the platform had it
    successor = desk.another_engine()
    await desk.later(post)
    await successor.run()
    await successor.finish()

    assert between == SENDING
    assert desk.press.calls == ["prepare", "send post 0", "look"]
    assert (await desk.delivery(post)).status == SENT


async def test_a_call_that_takes_minutes_keeps_its_delivery(desk: Desk) -> None:
    engine = desk.another_engine(renew_every_s=0.05)
    post = await desk.schedule("Mugs")

    async def until_renewed() -> None:
        """Answer only after the lease was over and is extended again."""
        await desk.lease_ends(post)
        for _ in range(500):
            if await desk.leased(post):
                return
            await asyncio.sleep(0.02)

    desk.press.during_send = until_renewed
    await engine.run()
    await engine.finish()

    assert (await desk.delivery(post)).status == SENT
    assert desk.press.calls == ["prepare", "send post 0"]


@in_full
@pytest.mark.parametrize(
    ("content", "status", "live"),
    [
        pytest.param(THREAD, DeliveryStatus.FAILED, ["One"], id="a thread"),
        pytest.param(
            Content(format=Format.TEXT, text="Mugs", first_comment="More"),
            SENT,
            ["Mugs"],
            id="a first comment",
        ),
    ],
)
async def test_nothing_follows_a_step_that_only_a_person_has_seen(
    small: Desk, content: Content, status: DeliveryStatus, live: list[str]
) -> None:
    small.press.sends.append(LOST)
    small.press.looks.append(Finding(outcome=Outcome.UNREADABLE))
    post = await small.schedule(content)
    await small.run()
    await small.later(post)
    await small.run()

    async with small.database.system() as session:
        assert await DeliveryDecisions(session).confirm(small.organization_id, post)
    await small.run()

    assert [text for _, text in small.press.posts] == live
    assert (await small.delivery(post)).status == status
