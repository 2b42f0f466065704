"""What is live is edited and deleted, once, whatever becomes of the answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from adapters.base import Busy, Content, Format, OutcomeUnknown, Part, Presence, Rejected, TokenRefused
from bot.services.access import Actor, Sender
from bot.services.errors import NotFoundError, PostDecidedError
from bot.services.posts.altering import MOST_TRIES
from bot.services.posts.contents import load
from bot.services.posts.live import LivePosts, TextProblemsError
from bot.services.posts.results import Results
from storage.models import DeliveryStatus, Role
from tests.services.posts.press import LOST, Desk, PressAdapter, open_desk

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault

BOTH = {"can_edit": True, "can_delete": True}


async def live_desk(database: Database, vault: Vault, text: str | Content = "Mugs") -> tuple[Desk, str]:
    """Return a desk with a post that is live, on a platform that lets us edit and delete it."""
    desk = await open_desk(database, vault)
    desk.press.limits.update(BOTH)
    delivery_id = await desk.schedule(text)
    await desk.run()
    assert (await desk.delivery(delivery_id)).status == DeliveryStatus.SENT
    return desk, delivery_id


def posts_of(desk: Desk) -> LivePosts:
    return LivePosts({"x": PressAdapter(desk.press)}, Results(), desk.database)


def admin(desk: Desk, organization_id: str = "") -> Actor:
    sender = Sender(user_id="U1", team_id="T1", enterprise_id=None, channel_id="")
    return Actor(
        sender=sender,
        membership_id=desk.membership_id,
        organization_id=organization_id or desk.organization_id,
        organization="Acme",
        role=Role.ADMIN,
    )


async def state(desk: Desk, delivery_id: str) -> tuple[str, str]:
    row = await desk.delivery(delivery_id)
    return row.status, row.code


async def test_a_text_is_changed_and_stays_so(database: Database, vault: Vault) -> None:
    desk, delivery_id = await live_desk(database, vault)

    await posts_of(desk).edit(admin(desk), delivery_id, "Cups")
    await desk.run()

    row = await desk.delivery(delivery_id)
    assert desk.press.posts == [("4711", "Cups")]
    assert (row.status, row.wish, load(row.content).text) == (DeliveryStatus.SENT, {}, "Cups")
    assert row.watch_at is not None


async def test_a_deleted_thread_is_deleted_from_its_end_and_is_not_gone(
    database: Database, vault: Vault
) -> None:
    thread = Content(format=Format.THREAD, thread=(Part(text="One"), Part(text="Two")))
    desk, delivery_id = await live_desk(database, vault, thread)

    await posts_of(desk).delete(admin(desk), delivery_id)
    await desk.run()
    await desk.change(delivery_id, watch_at=(await desk.delivery(delivery_id)).due_at)
    desk.press.presences.extend([Presence.GONE, Presence.GONE])
    await desk.watching.run()

    assert [call for call in desk.press.calls if call.startswith("delete")] == ["delete 2", "delete 1"]
    assert await state(desk, delivery_id) == (DeliveryStatus.DELETED, "")
    assert await desk.steps(delivery_id) == [("post", "deleted"), ("post", "deleted")]
    assert await desk.alerts() == []


async def test_a_deletion_whose_answer_is_lost_is_read_back_and_not_made_again(
    database: Database, vault: Vault
) -> None:
    desk, delivery_id = await live_desk(database, vault)
    desk.press.alterations.append(LOST)
    desk.press.presences.append(Presence.GONE)

    await posts_of(desk).delete(admin(desk), delivery_id)
    await desk.run()
    between = await state(desk, delivery_id)
    await desk.later(delivery_id)
    await desk.run()

    assert between == (DeliveryStatus.CHANGING, "no_answer")
    assert await state(desk, delivery_id) == (DeliveryStatus.DELETED, "")
    assert desk.press.calls.count("delete 1") == 1


async def test_an_edit_whose_answer_is_lost_and_a_deletion_that_did_not_happen_are_made_again(
    database: Database, vault: Vault
) -> None:
    desk, delivery_id = await live_desk(database, vault)
    desk.press.alterations.extend([LOST, "", OutcomeUnknown("no_answer")])

    for decide in (
        posts_of(desk).edit(admin(desk), delivery_id, "Cups"),
        posts_of(desk).delete(admin(desk), delivery_id),
    ):
        await decide
        await desk.run()
        await desk.later(delivery_id)
        await desk.run()

    assert desk.press.calls.count("edit 1") == 2
    assert desk.press.calls.count("delete 1") == 2
    assert await state(desk, delivery_id) == (DeliveryStatus.DELETED, "")


async def test_a_refused_token_is_renewed_and_a_pause_is_kept(database: Database, vault: Vault) -> None:
    desk, delivery_id = await live_desk(database, vault)
    desk.press.alterations.extend([TokenRefused("401"), Busy("429")])

    await posts_of(desk).delete(admin(desk), delivery_id)
    await desk.run()
    between = await state(desk, delivery_id)
    await desk.later(delivery_id)
    await desk.run()

    assert between == (DeliveryStatus.CHANGING, "429")
    assert desk.press.calls.count("delete 1") == 3
    assert await state(desk, delivery_id) == (DeliveryStatus.DELETED, "")


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "never answered"])
async def test_what_cannot_be_done_leaves_the_post_as_it_was_and_says_why(
    database: Database, vault: Vault, *, refused: bool
) -> None:
    desk, delivery_id = await live_desk(database, vault)
    desk.press.alterations.extend([Rejected("too_old")] if refused else [Busy("503")] * MOST_TRIES)

    await posts_of(desk).delete(admin(desk), delivery_id)
    for _ in range(MOST_TRIES):
        await desk.run()
        await desk.later(delivery_id)

    row = await desk.delivery(delivery_id)
    assert (row.status, row.code) == (DeliveryStatus.SENT, "too_old" if refused else "503")
    assert row.wish == {"kind": "delete", "text": ""}
    assert desk.press.posts == [("4711", "Mugs")]


async def test_of_two_who_delete_at_once_one_does_it(database: Database, vault: Vault) -> None:
    desk, delivery_id = await live_desk(database, vault)
    posts, actor = posts_of(desk), admin(desk)

    both = await asyncio.gather(
        posts.delete(actor, delivery_id), posts.delete(actor, delivery_id), return_exceptions=True
    )
    await desk.run()

    assert [type(one) for one in both].count(PostDecidedError) == 1
    assert desk.press.calls.count("delete 1") == 1


async def test_a_process_that_dies_while_it_deletes_is_followed_by_another(
    database: Database, vault: Vault
) -> None:
    desk, delivery_id = await live_desk(database, vault)

    async def dies() -> None:
        desk.press.during_send = None
        await desk.lease_ends(delivery_id)
        other = desk.another_engine()
        await other.run()
        await other.finish()

    desk.press.during_send = dies
    await posts_of(desk).delete(admin(desk), delivery_id)
    await desk.run()
    await desk.engine.finish()

    assert desk.press.posts == [("4711", "")]


async def test_what_a_platform_does_not_offer_is_not_begun(database: Database, vault: Vault) -> None:
    desk, delivery_id = await live_desk(database, vault)
    posts = posts_of(desk)
    desk.press.limits.clear()

    with pytest.raises(PostDecidedError):
        await posts.delete(admin(desk), delivery_id)
    desk.press.limits.update(BOTH)
    with pytest.raises(TextProblemsError):
        await posts.edit(admin(desk), delivery_id, "x" * 300)
    with pytest.raises(NotFoundError):
        await posts.delete(admin(desk), "dlv_absent")

    assert (await posts.of(admin(desk), (await desk.delivery(delivery_id)).post_id)).deliveries[0].can_edit
    assert desk.press.posts == [("4711", "Mugs")]
