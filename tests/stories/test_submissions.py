"""A member writes a post, and an admin or owner decides whether it goes out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import col, select, update

from sandbox.member import text_of
from sandbox.slack.world import OLGA, OTTO
from storage.engine.statements import now
from storage.models import AuditLine, Delivery, DeliveryStatus, Draft, Post, Submission, SubmissionStatus
from tests.counts import in_full
from tests.stories.test_posts import page_owner, settled, written
from tests.stories.told import hears, joins

if TYPE_CHECKING:
    from sandbox.member import Member
    from sandbox.slack.state import Message
    from tests.application import Office

TOMORROW = int((datetime.now(UTC) + timedelta(days=1)).timestamp())


async def writer(office: Office, ada: Member) -> Member:
    """Give Otto as a member, in Ada's channel."""
    otto = await office.person(OTTO)
    await joins(ada, otto)
    return otto


async def channel_for_alerts(ada: Member) -> None:
    """Let cards go to Ada's channel."""
    await ada.press(await ada.command("alerts"), "alerts.change")
    form = await ada.modal_with("Warn before a sign-in expires")
    await ada.submit(form, {"channel": {"select": ada.channel_id}})


async def card(ada: Member, words: str) -> Message:
    """Return the card in the channel as soon as it says this."""

    def found() -> Message | None:
        messages = ada.slack.messages(ada.channel_id, ada.user_id)
        return next((m for m in messages if words in text_of(m) and not m.ephemeral_for), None)

    return await ada.slack.until(found)


async def test_what_a_member_writes_goes_out_when_an_admin_approves_it(office: Office) -> None:
    ada = await page_owner(office)
    await channel_for_alerts(ada)
    otto = await writer(office, ada)

    shown = await written(otto, "Fresh mugs today")
    asked = await card(ada, "would like to publish")
    kept = await office.count(Post), await office.rows(Draft), await office.rows(Submission)
    listed = text_of(await otto.command("posts submitted"))
    await ada.press(asked, "submissions.publish")
    await hears(otto, "<@U0ADA> approved your post")
    decided = await card(ada, "<@U0ADA> approved <@U0OTTO>'s post")
    await settled(office)

    assert "An admin or owner decides" in text_of(shown)
    assert kept[:2] == (0, [])
    assert [one.status for one in kept[2]] == [SubmissionStatus.WAITING]
    assert "Fresh mugs today" in text_of(asked)
    assert "1 post waiting for approval" in listed
    assert decided.ts == asked.ts
    assert "submissions.publish" not in str(decided.blocks)
    assert [one.text for one in office.world.platforms["facebook"].timeline.posts()] == ["Fresh mugs today"]
    [post] = await office.rows(Post)
    [submission] = await office.rows(Submission)
    assert (post.author, submission.status) == (submission.author, SubmissionStatus.PUBLISHED)
    actions = [line.action for line in await office.rows(AuditLine)]
    assert {"post submitted", "submission published", "post scheduled"} <= set(actions)


async def test_a_returned_post_is_the_authors_draft_again_with_the_reason(office: Office) -> None:
    ada = await page_owner(office)
    otto = await writer(office, ada)
    await written(otto, "Fresh mugs today", when=TOMORROW)
    asked = await hears(ada, "would like to publish")  # no channel for alerts: in direct messages

    await ada.press(asked, "submissions.return")
    form = await ada.modal_with("What should change?")
    empty = str((await ada.submit(form, {"submissions.reason": " "})).errors)
    await ada.submit(form, {"submissions.reason": "Say *where*, please"})
    told = await hears(otto, "returned your post")
    await hears(ada, "<@U0ADA> returned <@U0OTTO>'s post")
    await otto.press(told, "compose.continue")
    again = await otto.modal_with("Fresh mugs today")
    kept = str(again.blocks)
    await otto.submit(again, {})
    await hears(ada, "would like to publish")

    assert "Say what should change." in empty
    assert "where" in text_of(told)
    assert str(TOMORROW) in kept
    first, second = sorted(await office.rows(Submission), key=lambda one: one.created_at)
    assert (first.status, second.status) == (SubmissionStatus.RETURNED, SubmissionStatus.WAITING)
    assert (await office.rows(Draft), await office.count(Post)) == ([], 0)


@in_full
async def test_an_approval_after_its_time_asks_for_another_one(office: Office) -> None:
    ada = await page_owner(office)
    otto = await writer(office, ada)
    await written(otto, "Fresh mugs today", when=TOMORROW)
    asked = await hears(ada, "would like to publish")
    async with office.database.system() as session:
        past = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
        [submission] = list(await session.exec(select(Submission)))
        submission.written = {**submission.written, "due_at": past}

    await ada.press(asked, "submissions.publish")
    form = await ada.modal_with("That time has passed")
    assert await office.count(Post) == 0
    await ada.submit(form, {"submissions.when": None})
    await hears(otto, "<@U0ADA> approved your post")
    await settled(office)

    assert [one.text for one in office.world.platforms["facebook"].timeline.posts()] == ["Fresh mugs today"]


@in_full
@pytest.mark.unrecorded("which of the two is first differs")
async def test_of_two_admins_who_press_at_once_one_decides(office: Office) -> None:
    ada = await page_owner(office)
    otto = await writer(office, ada)
    olga = await office.person(OLGA)
    await joins(ada, olga, "admin")
    await written(otto, "Fresh mugs today")
    adas, olgas = await hears(ada, "would like"), await hears(olga, "would like")

    await asyncio.gather(ada.press(adas, "submissions.publish"), olga.press(olgas, "submissions.publish"))
    await hears(ada, "approved <@U0OTTO>'s post")
    await hears(olga, "approved <@U0OTTO>'s post")
    await settled(office)

    assert await office.count(Post) == 1
    assert len(office.world.platforms["facebook"].timeline.posts()) == 1
    approvals = [line for line in await office.rows(AuditLine) if line.action == "submission published"]
    assert len(approvals) == 1


async def test_whoever_leaves_stops_neither_what_they_submitted_nor_what_was_scheduled(
    office: Office,
) -> None:
    ada = await page_owner(office)
    otto = await writer(office, ada)
    olga = await office.person(OLGA)
    await joins(ada, olga, "admin")
    await written(otto, "By a member")
    await written(olga, "By an admin", when=TOMORROW)
    asked = await hears(ada, "would like to publish")
    for gone in (OTTO, OLGA):
        await ada.command(f"org remove <@{gone}>")

    await ada.press(asked, "submissions.publish")
    await hears(ada, "<@U0ADA> approved a former member's post")
    await office.slack.until(lambda: len(office.world.platforms["facebook"].timeline.posts()) == 1)
    async with office.database.system() as session:
        scheduled = update(Delivery).where(col(Delivery.status) == DeliveryStatus.SCHEDULED)
        await session.exec(scheduled.values(due_at=now(), work_at=now()))
    office.database.outbox_signal.set()
    await settled(office)

    published = [one.text for one in office.world.platforms["facebook"].timeline.posts()]
    assert sorted(published) == ["By a member", "By an admin"]
