"""Slots of accounts: everybody who asks at once gets one of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bot.services.errors import NotFoundError
from bot.services.posts.schedule import weekly_of
from bot.services.posts.slots import SlotService, free_slots
from storage.models import new_id
from storage.posts import NewPost, Posts, Target
from tests.services.posts.press import Desk, open_desk
from tests.services.posts.test_listing import member

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault

DAILY = weekly_of(["9:00, 17:30"] * 7, "America/New_York")
AT_ONCE = 20


@pytest_asyncio.fixture
async def desk(database: Database, vault: Vault) -> Desk:
    return await open_desk(database, vault)


async def in_a_slot(desk: Desk, text: str) -> datetime:
    """Schedule a post in the account's next free slot, and return when it is due."""
    async with desk.database.organization(desk.organization_id) as session:
        found = await free_slots(session, desk.organization_id, [desk.account_id])
        at = found[desk.account_id]
        assert at is not None
        await asyncio.sleep(0)
        await Posts(session).schedule(
            desk.organization_id,
            NewPost(draft_id=new_id("drf"), author=desk.membership_id, text=text),
            [Target(account_id=desk.account_id, due_at=at, content={})],
        )
    return at


async def test_posts_submitted_at_once_never_get_the_same_slot(
    desk: Desk, record_property: Callable[[str, object], None]
) -> None:
    await SlotService(desk.database).save(member(desk), [desk.account_id], DAILY)

    found = await asyncio.gather(*(in_a_slot(desk, f"post {n}") for n in range(AT_ONCE)))

    doubled = AT_ONCE - len(set(found))
    assert doubled == 0
    assert (max(found) - min(found)).days in {9, 10}
    record_property("counted", f"slots: {AT_ONCE} posts at once, {doubled} slots taken twice")


async def test_without_times_there_is_no_slot_and_empty_times_take_them_away(desk: Desk) -> None:
    slots, actor = SlotService(desk.database), member(desk)
    first = await slots.save(actor, [desk.account_id], DAILY)
    known = await slots.of(actor, [desk.account_id])

    last = await slots.save(actor, [desk.account_id], weekly_of([""] * 7, "UTC"))

    assert first[desk.account_id] is not None
    assert known == {desk.account_id: DAILY}
    assert last == {desk.account_id: None}
    assert await slots.of(actor, [desk.account_id]) == {}


async def test_an_account_that_is_not_there_gets_no_times(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        await SlotService(desk.database).save(member(desk), [desk.account_id, new_id("acc")], DAILY)

    assert await SlotService(desk.database).of(member(desk), [desk.account_id]) == {}
