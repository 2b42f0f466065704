"""Messages in Slack that become posts, and what their authors have to say about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.errors import NotFoundError, PostDecidedError, Thing
from bot.services.outbox import Conversation, enqueue
from bot.services.permissions import Permission
from bot.services.posts import drafts
from bot.services.posts.notifications import MessageShared
from bot.services.posts.sources import SharedFile, Source
from storage.audit import Audit
from storage.deliveries import PostDeliveries
from storage.delivery_decisions import DeliveryDecisions
from storage.memberships import Members
from storage.models import BEFORE_SENDING, DeliveryStatus, new_id
from storage.organizations import Organizations

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.posts.drafts import Written
    from bot.services.posts.results import Results
    from storage.engine.db import Database
    from storage.models import Post

TIME_TO_OBJECT = timedelta(minutes=5)
"""How long at least the author of a message has, from when they are told."""
CAN_OBJECT = frozenset({*BEFORE_SENDING, DeliveryStatus.HELD, DeliveryStatus.LATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackMessage:
    """A message as Slack sends it with a message shortcut."""

    text: str
    """Without markup."""
    user_id: str
    """Who wrote it; empty: an app."""
    private: bool
    files: tuple[SharedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedReport:
    """What the author of a message is told about its post."""

    post_id: str
    organization_id: str
    organization: str
    text: str
    publisher: str | None
    """The user id of whoever publishes it; None: they have left."""
    due_at: datetime
    can_object: bool
    objected: bool


class Sharing:
    """Makes posts from messages. Built once, in `bot.publishing`."""

    def __init__(self, results: Results, database: Database) -> None:
        self._results = results
        self._database = database

    async def source_of(self, actor: Actor, message: SlackMessage) -> Source:
        """Return what is to be remembered of a message that the actor wants to publish."""
        source = Source(wrote=message.user_id, private=message.private, files=message.files)
        if message.user_id == actor.sender.user_id:
            return source
        async with self._database.organization(actor.organization_id, write=False) as session:
            author = await Members(session).find(actor.organization_id, actor.sender.realm, message.user_id)
        return replace(source, untold=True) if author is None else replace(source, author=author.id)

    async def tell_author(self, session: AsyncSession, post: Post, source: Source | None) -> None:
        """Tell whoever wrote the message that it is going to be published.

        Called in the transaction that decides it.
        """
        if source is None or not source.author:
            return
        author = await Members(session).get(post.organization_id, source.author)
        if author is not None:
            to = Conversation(
                slack_id=author.team_id, id=author.user_id, organization_id=post.organization_id
            )
            await enqueue(session, to, _key(post.id), _about(post, author.id))

    async def object(self, actor: Actor, post_id: str) -> None:
        """Stop a post that was made from the actor's message, for an admin to decide.

        Raises:
            NotFoundError: There is no such post, or somebody else wrote its message.
            PostDecidedError: It is out, cancelled, or objected to already.

        """
        organization_id = actor.organization_id
        async with acting(self._database, actor, Permission.SEE_ACCOUNTS) as session:
            post = await PostDeliveries(session).post(organization_id, post_id)
            source = drafts.load(post.content).source if post is not None else None
            if post is None or source is None or source.author != actor.membership_id:
                raise NotFoundError(Thing.POST)
            decisions = DeliveryDecisions(session)
            rows = await decisions.of_post(organization_id, post_id)
            stopped = [one.id for one in rows if await decisions.stop(organization_id, one.id)]
            if not stopped:
                raise PostDecidedError
            await Audit(session).write(organization_id, actor.membership_id, "post objected to", post_id)
            await self._results.update(session, post)
            to = Conversation(
                slack_id=actor.sender.team_id, id=actor.sender.user_id, organization_id=organization_id
            )
            key = _key(post_id)
            await enqueue(session, to, f"{key}:{new_id('upd')}", _about(post, source.author), edits=key)

    async def read(self, session: AsyncSession, one: MessageShared) -> SharedReport | None:
        """Return what the author is told now; None if the post is gone, or they have left the organization."""
        repository = PostDeliveries(session)
        post = await repository.post(one.organization_id, one.post_id)
        members = Members(session)
        organization = await Organizations(session).get(one.organization_id)
        if post is None or organization is None or not await members.get(one.organization_id, one.author):
            return None
        publisher = await members.get(one.organization_id, post.author)
        rows = [delivery for delivery, _ in await repository.all(one.organization_id, one.post_id)]
        return SharedReport(
            post_id=post.id,
            organization_id=post.organization_id,
            organization=organization.name,
            text=post.text,
            publisher=publisher.user_id if publisher is not None else None,
            due_at=min(row.due_at for row in rows),
            can_object=any(row.status in CAN_OBJECT for row in rows),
            objected=any(row.status == DeliveryStatus.OBJECTED for row in rows),
        )


def not_before(due_at: datetime, clock: datetime, written: Written) -> datetime:
    """Return when a post goes out at the earliest: whoever wrote its message has some minutes to object."""
    told = written.source is not None and written.source.author
    return max(due_at, clock + TIME_TO_OBJECT) if told else due_at


def _about(post: Post, author: str) -> MessageShared:
    return MessageShared(organization_id=post.organization_id, post_id=post.id, author=author)


def _key(post_id: str) -> str:
    return f"shared:{post_id}"
