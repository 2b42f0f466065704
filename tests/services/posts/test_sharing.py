"""Whoever wrote a message is told that it is published, and only they can object, as long as it is not out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from sqlmodel import col, update

from bot.services.access import Actor, Sender
from bot.services.errors import AlreadyResolvedError, NotFoundError
from bot.services.posts.drafts import Written, dump
from bot.services.posts.notifications import MessageShared
from bot.services.posts.results import Results
from bot.services.posts.sharing import TIME_TO_OBJECT, Sharing, SlackMessage, not_before
from bot.services.posts.sources import SharedFile, Source
from storage.engine.statements import database_time
from storage.memberships import Members
from storage.models import Delivery, DeliveryStatus, Post, Role, new_id
from storage.posts import NewPost, Posts, Target
from tests.services.posts.press import Desk, open_desk

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def desk(database: Database, vault: Vault) -> Desk:
    return await open_desk(database, vault)


def sharing(desk: Desk) -> Sharing:
    return Sharing(Results(), desk.database)


def member(desk: Desk, membership_id: str, user_id: str = "U1") -> Actor:
    return Actor(
        sender=Sender(user_id=user_id, team_id="T1", enterprise_id=None, channel_id="C1"),
        membership_id=membership_id,
        organization_id=desk.organization_id,
        organization="Acme",
        role=Role.MEMBER,
    )


async def writer(desk: Desk) -> str:
    """Let Uma join as a member, and return her membership."""
    async with desk.database.system() as session:
        joined = await Members(session).add(
            desk.organization_id, realm="T1", user_id="U2", team_id="T1", role=Role.MEMBER
        )
        return joined.id


async def published(desk: Desk, source: Source) -> Post:
    """Schedule a post that was made from a message, and tell its author."""
    async with desk.database.system() as session:
        target = Target(
            account_id=desk.account_id, due_at=await database_time(session) + timedelta(hours=1), content={}
        )
        written = Written(text="We sold 100 mugs", source=source)
        new = NewPost(
            draft_id=new_id("drf"), author=desk.membership_id, text=written.text, content=dump(written)
        )
        post = await Posts(session).schedule(desk.organization_id, new, [target])
        await sharing(desk).tell_author(session, post, source)
        return post


async def become(desk: Desk, post: Post, status: DeliveryStatus) -> None:
    async with desk.database.system() as session:
        await session.exec(
            update(Delivery).where(col(Delivery.post_id) == post.id).values(status=status),
            execution_options={"synchronize_session": False},
        )


def test_only_a_post_whose_author_is_told_waits_for_them() -> None:
    told = Written(source=Source(author="mbr_1"))

    assert not_before(NOON, NOON, told) == NOON + TIME_TO_OBJECT
    assert not_before(NOON + timedelta(hours=1), NOON, told) == NOON + timedelta(hours=1)
    assert not_before(NOON, NOON, Written(source=Source(untold=True))) == NOON
    assert not_before(NOON, NOON, Written()) == NOON


async def test_what_is_remembered_of_a_message_names_its_author_if_they_can_be_told(desk: Desk) -> None:
    uma = await writer(desk)
    message = SlackMessage(
        text="Mugs", user_id="U2", private=True, files=(SharedFile(id="F1", name="mugs.jpg"),)
    )
    ada = member(desk, desk.membership_id)

    theirs = await sharing(desk).source_of(ada, message)
    strangers = await sharing(desk).source_of(ada, replace(message, user_id="U9"))
    apps = await sharing(desk).source_of(ada, replace(message, user_id=""))
    own = await sharing(desk).source_of(ada, replace(message, user_id="U1"))

    assert theirs == Source(wrote="U2", author=uma, private=True, files=message.files)
    assert [(one.author, one.untold) for one in (strangers, apps, own)] == [
        ("", True),
        ("", True),
        ("", False),
    ]


async def test_only_whoever_wrote_it_can_object(desk: Desk) -> None:
    uma = await writer(desk)
    post = await published(desk, Source(wrote="U2", author=uma))

    with pytest.raises(NotFoundError):
        await sharing(desk).object(member(desk, desk.membership_id), post.id)
    await sharing(desk).object(member(desk, uma, "U2"), post.id)

    async with desk.database.system(write=False) as session:
        about = MessageShared(organization_id=desk.organization_id, post_id=post.id, author=uma)
        said = await sharing(desk).read(session, about)
    assert said is not None
    assert (said.objected, said.can_object, said.text) == (True, False, "We sold 100 mugs")


@pytest.mark.parametrize(
    "status",
    [
        DeliveryStatus.SENDING,
        DeliveryStatus.UNKNOWN,
        DeliveryStatus.SENT,
        DeliveryStatus.CANCELLED,
        DeliveryStatus.OBJECTED,
    ],
)
async def test_what_is_out_or_stopped_already_cannot_be_objected_to(
    desk: Desk, status: DeliveryStatus
) -> None:
    uma = await writer(desk)
    post = await published(desk, Source(wrote="U2", author=uma))
    await become(desk, post, status)

    with pytest.raises(AlreadyResolvedError):
        await sharing(desk).object(member(desk, uma, "U2"), post.id)


async def test_an_author_who_has_left_is_told_nothing(desk: Desk) -> None:
    uma = await writer(desk)
    post = await published(desk, Source(wrote="U2", author=uma))
    about = MessageShared(organization_id=desk.organization_id, post_id=post.id, author=uma)

    async with desk.database.system() as session:
        await Members(session).end(desk.organization_id, uma)
        said = await sharing(desk).read(session, about)

    assert said is None
