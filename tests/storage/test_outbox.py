from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import sqlite
from sqlmodel import col, select, update

from storage.engine.leases import claim
from storage.engine.statements import now
from storage.models import Grant, Notice
from storage.outbox import FIRST, WAITING, NewNotice, Notices, Place, StandIn
from tests.patience import PATIENCE_S
from tests.storage.world import ahead, backdate, pending_grant, run_sql, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault

LEASE = timedelta(minutes=1)


def new(key: str, channel: str = "C1", *, slack_id: str = "T1", **more: Any) -> NewNotice:
    """Return a message that says its key."""
    return NewNotice(key=key, slack_id=slack_id, channel=channel, kind="text", facts={"text": key}, **more)


async def put(database: Database, *keys: str, channel: str = "C1") -> list[bool]:
    async with database.system() as session:
        notices = Notices(session)
        return [await notices.put(new(key, channel)) for key in keys]


async def take(database: Database, limit: int = 100) -> list[Notice]:
    async with database.system() as session:
        return await Notices(session).claim(limit, LEASE)


async def test_the_same_thing_is_said_once(database: Database) -> None:
    answers = await put(database, "a", "a", "b")

    assert answers == [True, False, True]


async def test_an_organization_may_put_a_notice_that_another_has_put(database: Database) -> None:
    first, second = await tenant(database), await tenant(database)
    answers = []

    for organization in (first, second):
        async with database.organization(organization) as session:
            answers.append(await Notices(session).put(new("k", organization_id=organization)))

    assert answers == [True, False]


async def test_each_channel_gets_its_messages_one_at_a_time_and_in_order(database: Database) -> None:
    await put(database, *"abc")
    await put(database, "x", channel="C2")
    said = []

    while claimed := await take(database):
        assert len({notice.channel for notice in claimed}) == len(claimed)
        said.append(sorted(notice.facts["text"] for notice in claimed))
        async with database.system() as session:
            for notice in claimed:
                await Notices(session).sent(notice, "D1", "1.2")

    assert said == [["a", "x"], ["b"], ["c"]]
    assert await run_sql(database, "SELECT DISTINCT sent_ts, attempts, due_at FROM notice") == [
        ("1.2", 1, None)
    ]


async def test_what_a_host_with_a_late_clock_puts_is_said_after_what_one_with_an_early_clock_put(
    database: Database,
) -> None:
    await put(database, "first")
    await run_sql(database, "UPDATE notice SET sequence = sequence + 300000000")
    await put(database, "second", "third")
    said = []

    while claimed := await take(database):
        said += [notice.facts["text"] for notice in claimed]
        async with database.system() as session:
            await Notices(session).sent(claimed[0], "D1", "1.2")

    assert said == ["first", "second", "third"]


async def test_a_claimed_message_is_nobody_elses_until_its_lease_ends(database: Database) -> None:
    await put(database, "a", "b")

    first, second = await take(database), await take(database)
    await backdate(database, Notice, "lease_until", timedelta(seconds=1))
    third = await take(database)

    assert [notice.facts["text"] for notice in first] == ["a"]
    assert second == []
    assert [notice.id for notice in third] == [first[0].id]


async def test_a_message_that_waits_holds_back_its_channel_only(database: Database) -> None:
    await put(database, "a", "b")
    await put(database, "x", channel="C2")
    (waiting,) = [notice for notice in await take(database, 2) if notice.facts["text"] == "a"]
    async with database.system() as session:
        await Notices(session).later(waiting, timedelta(hours=1), "ratelimited")
    await backdate(database, Notice, "lease_until", timedelta(seconds=1))

    others = await take(database)
    await backdate(database, Notice, "due_at", timedelta(seconds=1))
    await backdate(database, Notice, "lease_until", timedelta(seconds=1))
    again = await take(database)

    assert [notice.facts["text"] for notice in others] == ["x"]
    first = next(notice for notice in again if notice.channel == "C1")
    assert (first.facts["text"], first.attempts, first.failure) == ("a", 1, "ratelimited")


async def test_a_message_given_up_lets_the_next_one_go(database: Database) -> None:
    await put(database, "a", "b")
    (hopeless,) = await take(database)

    async with database.system() as session:
        await Notices(session).give_up(hopeless, "channel_not_found")

    assert [notice.facts["text"] for notice in await take(database)] == ["b"]
    assert await run_sql(database, "SELECT failure FROM notice WHERE due_at IS NULL") == [
        ("channel_not_found",)
    ]


async def test_whoever_comes_back_after_their_lease_changes_nothing_of_the_next_holders(
    database: Database,
) -> None:
    await put(database, "card")
    (card,) = await take(database)
    async with database.system() as session:
        await Notices(session).sent(card, "C1", "1.1")
    await say(database, "claimed", edits="card")
    (late,) = await take(database)
    await backdate(database, Notice, "lease_until", timedelta(seconds=1))
    (present,) = await take(database)

    async with database.system() as session:
        notices = Notices(session)
        said = await notices.sent(present, "C1", "2.2")
        changed = (
            await notices.later(late, timedelta(0), "TimeoutError"),
            await notices.give_up(late, "TimeoutError"),
            await notices.sent(late, "C1", "3.3"),
        )

    assert (said, changed) == (False, (False, False, None))
    assert await run_sql(database, "SELECT sent_ts, failure, due_at FROM notice ORDER BY sequence") == [
        ("2.2", "", None),
        ("2.2", "", None),
    ]


async def test_a_channel_that_heard_something_rests_for_what_waits_and_for_what_comes(
    database: Database,
) -> None:
    await put(database, "one", "two")
    await put(database, "x", channel="C2")
    rest = timedelta(seconds=30)
    more = {}
    for notice in await take(database):
        async with database.system() as session:
            more[notice.key] = await Notices(session).sent(notice, "C", "1.1", rest=rest)

    await put(database, "y", channel="C2")
    await put(database, "free", channel="C3")
    (free,) = await take(database)
    await run_sql(database, "UPDATE notice SET due_at = created_at WHERE due_at IS NOT NULL")
    rested = await take(database)

    assert more == {"one": True, "x": False}
    assert free.key == "free"
    assert {notice.key for notice in rested} == {"two", "y"}


async def test_a_clock_that_is_set_back_an_hour_keeps_no_channel_silent(database: Database) -> None:
    await put(database, "one")
    (one,) = await take(database)
    async with database.system() as session:
        await Notices(session).sent(one, "C", "1.1", rest=timedelta(seconds=1))
    await ahead(database, "notice", "lease_until", timedelta(hours=1))

    await put(database, "two")

    assert [notice.key for notice in await take(database)] == ["two"]


async def test_an_installation_that_hangs_holds_what_is_due_through_it_and_nothing_else(
    database: Database,
) -> None:
    await put(database, "one")
    await put(database, "two", channel="C2")
    async with database.system() as session:
        await Notices(session).put(new("other", "C3", slack_id="T2"))
        (one,) = await claim(session, Notice, limit=1, lease=LEASE)
    async with database.system() as session:
        await Notices(session).later(one, timedelta(0), "TimeoutError")
        await Notices(session).hold("T1", timedelta(minutes=1))

    assert [notice.key for notice in await take(database)] == ["other"]


async def test_what_is_owed_is_counted_and_its_age_known(database: Database) -> None:
    async with database.system(write=False) as session:
        assert (await Notices(session).waiting(), await Notices(session).oldest()) == (0, None)
    await put(database, "a", "b")
    (first,) = await take(database)

    async with database.system() as session:
        notices = Notices(session)
        assert (await notices.waiting(), await notices.oldest()) == (2, first.created_at)
        await notices.sent(first, "D1", "1.2")
        assert await notices.waiting() == 1
        assert await notices.oldest() != first.created_at


async def test_twenty_claimers_share_the_work_without_overlap(database: Database) -> None:
    for number in range(50):
        await put(database, f"n{number}", channel=f"C{number}")

    claimed = await asyncio.gather(*(take(database, 5) for _ in range(20)))

    ids = [notice.id for batch in claimed for notice in batch]
    assert len(ids) == len(set(ids)) == 50
    assert max(map(len, claimed)) <= 5


async def test_due_grants_are_claimed_longest_due_first(database: Database, vault: Vault) -> None:
    organization = await tenant(database)
    async with database.system() as session:
        ids = [(await pending_grant(session, vault, organization)).id for _ in range(4)]
    table = "UPDATE grant_ SET due_at = :at WHERE id = :id"
    times = ["2026-01-03 00:00:00.000000", "2026-01-01 00:00:00.000000", "2999-01-01 00:00:00.000000"]
    for grant_id, at in zip(ids, times, strict=False):
        sql = table if database.dialect == "sqlite" else table.replace(":at", f"timestamptz '{at}+00'")
        values = {"at": at} if database.dialect == "sqlite" else {}
        await run_sql(database, sql, id=grant_id, **values)

    async with database.system() as session:
        one = await claim(session, Grant, limit=1, lease=LEASE)
    async with database.system() as session:
        rest = await claim(session, Grant, limit=10, lease=LEASE)

    assert [grant.id for grant in one] == [ids[1]]
    assert [grant.id for grant in rest] == [ids[0]]


async def say(database: Database, key: str, **more: str) -> None:
    async with database.system() as session:
        await Notices(session).put(new(key, **more))


async def test_of_several_states_that_wait_only_the_newest_is_said(database: Database) -> None:
    await put(database, "card")
    (card,) = await take(database)
    for state in ("claimed", "snoozed", "resolved"):
        await say(database, state, edits="card")
    async with database.system() as session:
        await Notices(session).sent(card, "C1", "1.2")

    (newest,) = await take(database)

    assert newest.key == "resolved"
    assert await run_sql(database, "SELECT key FROM notice WHERE failure = 'superseded' ORDER BY key") == [
        ("claimed",),
        ("snoozed",),
    ]


async def test_a_state_that_is_being_said_is_not_taken_back(database: Database) -> None:
    await say(database, "claimed", edits="card")
    (claimed,) = await take(database)

    await say(database, "resolved", edits="card")

    assert claimed.key == "claimed"
    assert await run_sql(database, "SELECT count(*) FROM notice WHERE failure <> ''") == [(0,)]


async def test_a_message_that_another_replaces_is_not_said_nor_what_waits_for_it(database: Database) -> None:
    await put(database, "card", "news")
    await take(database)
    await say(database, "claimed", edits="card")
    await say(database, "line", thread_of="card")
    async with database.system() as session:
        await Notices(session).forget("card")

    waiting = await run_sql(database, "SELECT key FROM notice WHERE due_at IS NOT NULL ORDER BY key")

    assert waiting == [("news",)]


async def test_what_waits_for_a_message_is_found_without_reading_all_that_was_said(
    sqlite_database: Database,
) -> None:
    waits = select(Notice.id).where(Notice.edits == "card", WAITING)
    words = str(waits.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))

    plan = str(await run_sql(sqlite_database, f"EXPLAIN QUERY PLAN {words}"))

    assert "notice_due" in plan
    assert "SCAN" not in plan


async def test_what_names_an_organization_is_found_without_reading_all_that_was_said(
    sqlite_database: Database,
) -> None:
    async with sqlite_database.system() as session:
        facts = {"organization": {"organization_id": "org_00000000000000000001"}}
        await Notices(session).put(replace(new("invited"), facts=facts))
        await Notices(session).put(new("news"))
    named = "SELECT key FROM notice WHERE names_organization_id = 'org_00000000000000000001'"

    plan = str(await run_sql(sqlite_database, f"EXPLAIN QUERY PLAN {named}"))

    assert await run_sql(sqlite_database, named) == [("invited",)]
    assert "notice_named" in plan
    assert "SCAN" not in plan


async def test_whether_a_message_is_the_channels_next_is_found_without_reading_all_that_was_said(
    sqlite_database: Database,
) -> None:
    first = select(Notice.id).where(WAITING, FIRST)
    words = str(first.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))

    plan = str(await run_sql(sqlite_database, f"EXPLAIN QUERY PLAN {words}"))

    assert "notice_waiting" in plan
    assert "SCAN" not in plan


async def test_a_message_is_found_where_its_last_state_was_posted(database: Database) -> None:
    await put(database, "card")
    (card,) = await take(database)
    async with database.system() as session:
        notices = Notices(session)
        before = await notices.place("card")
        await notices.sent(card, "D1", "1.2")
        first = await notices.place("card")
    await say(database, "again", edits="card")
    (again,) = await take(database)

    async with database.system() as session:
        await Notices(session).sent(again, "D1", "3.4")
        second = await Notices(session).place("card")

    assert (before, first, second) == (None, Place(channel="D1", ts="1.2"), Place(channel="D1", ts="3.4"))


async def test_what_was_said_long_ago_is_forgotten_but_not_what_is_owed_nor_where_a_card_stands(
    database: Database,
) -> None:
    async with database.system() as session:
        notices = Notices(session)
        for key, fallback in (("said", ""), ("card", "incident"), ("owed", ""), ("old card", "incident")):
            await notices.put(new(key, key, fallback=fallback))
    await put(database, "new")
    for notice in await take(database):
        if notice.key != "owed":
            async with database.system() as session:
                await Notices(session).sent(notice, notice.channel, "1.1")
    async with database.system() as session:
        for key, days in (("said", 61), ("card", 61), ("owed", 61), ("old card", 401)):
            age = update(Notice).where(col(Notice.key) == key).values(created_at=now(timedelta(days=-days)))
            await session.exec(age, execution_options={"synchronize_session": False})

    async with database.system() as session:
        gone = await Notices(session).forget_older(timedelta(days=60), timedelta(days=400))

    async with database.system(write=False) as session:
        left = set(await session.exec(select(Notice.key)))
    assert (gone, left) == (2, {"card", "owed", "new"})


async def taken_down(database: Database, organization: str) -> None:
    async with database.system() as session:
        stand_in = StandIn(kind="gone", facts={"organization": "Acme"})
        await Notices(session).take_down(organization, stand_in, asking={"asks"}, open_keys={"card"})


async def rows(database: Database) -> list[Notice]:
    async with database.system(write=False) as session:
        return list(await session.exec(select(Notice)))


async def test_a_message_that_is_taken_down_is_an_edit_of_itself_and_names_nobody(database: Database) -> None:
    organization, other = await tenant(database), await tenant(database)
    async with database.system() as session:
        notices = Notices(session)
        asks, card, says, theirs = (
            replace(new(key, organization_id=whose), kind=kind)
            for key, kind, whose in (
                ("1", "asks", organization),
                ("card", "card", organization),
                ("old card", "card", organization),
                ("2", "asks", other),
            )
        )
        for each in (asks, card, says, theirs):
            await notices.put(each)
            sent = (await session.exec(select(Notice).where(Notice.key == each.key))).one()
            sent.due_at, sent.sent_channel, sent.sent_ts = None, "D1", f"ts {each.key}"

    await taken_down(database, organization)
    due = [*await take(database), *await take(database)]
    kept = [one.key for one in await rows(database) if one.kind != "gone"]

    assert sorted(str(one.sent_ts) for one in due) == ["ts 1"]
    assert [(one.kind, one.edits == one.key, one.organization_id) for one in due] == [("gone", True, None)]
    assert sorted(kept) == ["2", "old card"]


async def test_a_message_that_is_taken_down_while_it_is_sent_is_replaced_then(database: Database) -> None:
    organization = await tenant(database)
    async with database.system() as session:
        await Notices(session).put(replace(new("1", organization_id=organization), kind="asks"))
    [sending] = await take(database)

    await taken_down(database, organization)
    waits = await take(database)
    async with database.system() as session:
        more = await Notices(session).sent(sending, "D1", "1.2")
    [replaced] = await take(database)
    async with database.system(write=False) as session:
        place = await Notices(session).place(replaced.edits or "")

    assert (waits, more) == ([], None)
    assert (replaced.kind, place) == ("gone", Place(channel="D1", ts="1.2"))


async def test_a_message_that_was_not_sent_is_not_taken_down(database: Database) -> None:
    organization = await tenant(database)
    async with database.system() as session:
        await Notices(session).put(replace(new("1", organization_id=organization), kind="asks"))

    await taken_down(database, organization)

    assert [(one.key, one.kind) for one in await rows(database)] == [("1", "asks")]


async def ends(database: Database, column: str) -> None:
    """Let a time that was set be over for five seconds."""
    async with database.system() as session:
        set_ = update(Notice).where(col(getattr(Notice, column)).is_not(None))
        await session.exec(set_.values({column: now(timedelta(seconds=-5))}))


async def test_an_edit_that_has_to_wait_is_looked_for_when_its_time_comes(database: Database) -> None:
    await put(database, "post")
    [message] = await take(database)
    async with database.system() as session:
        await Notices(session).sent(message, "C1", "1.2", rest=timedelta(seconds=1))
    database.outbox_signal.clear()

    async with database.system() as session:
        edit = new("post:1", edits="post", apart=timedelta(seconds=2))
        await Notices(session).put(edit)
    at_once = database.outbox_signal.is_set()
    database.outbox_signal.clear()
    first = await take(database)
    async with asyncio.timeout(PATIENCE_S):
        await database.outbox_signal.wait()

    assert (at_once, first) == (True, [])
    assert [one.key for one in await take(database)] == ["post:1"]


async def test_a_hundred_changes_of_one_message_are_one_edit_until_the_time_between_edits_is_over(
    database: Database,
) -> None:
    apart, rest = timedelta(seconds=3), timedelta(seconds=1)
    await put(database, "post")
    [message] = await take(database)
    edits = 0

    for round_ in range(2):
        async with database.system() as session:
            assert await Notices(session).sent(message, "C1", "1.2", rest=rest) is not None
        for change in range(100):
            async with database.system() as session:
                key = f"post:{round_}:{change}"
                await Notices(session).put(new(key, edits="post", apart=apart))
        assert await take(database) == []  # not before the time is over
        waiting = await run_sql(database, "SELECT count(*) FROM notice WHERE due_at IS NOT NULL")
        await ends(database, "due_at")
        [message] = await take(database)
        edits += waiting[0][0]

    assert edits == 2
    async with database.system() as session:
        await Notices(session).sent(message, "C1", "1.2", rest=rest)
    await ends(database, "lease_until")
    async with database.system() as session:
        await Notices(session).put(new("post:late", edits="post", apart=apart))
    assert [one.key for one in await take(database)] == ["post:late"]
