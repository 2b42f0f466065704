"""What members do with a post they have: give it another time, or write another one like it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.base import Publishes
from bot.services.acting import acting
from bot.services.errors import NotFoundError, PostSettledError, Thing
from bot.services.permissions import Permission
from bot.services.posts.composing import due
from bot.services.posts.drafts import dump, for_another_post, load
from bot.services.posts.editing import Opened, opened
from storage.audit import Audit
from storage.deliveries import PostDeliveries
from storage.drafts import Drafts, new_draft_id
from storage.engine.statements import database_time
from storage.media import Files
from storage.post_edits import PostEdits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Adapter, PublishingFacts
    from bot.services.access import Actor
    from bot.services.posts.composing import Where
    from bot.services.posts.results import Results
    from storage.engine.db import Database
    from storage.models import Account, Post


class PostChanges:
    """Changes posts of an organization. Built once, in `bot.app`."""

    def __init__(self, adapters: Mapping[str, Adapter], results: Results, database: Database) -> None:
        self._adapters = adapters
        self._results = results
        self._database = database

    async def open(self, actor: Actor, post_id: str) -> Opened:
        """Return the form that changes a post; see `editing.opened`.

        Raises:
            NotFoundError: The actor's organization has no such post.
            PostSettledError: There is nothing left to change.

        """
        async with self._database.organization(actor.organization_id, write=False) as session:
            found = await opened(session, actor, post_id)
        if not found.changeable:
            raise PostSettledError
        return found

    async def reschedule(self, actor: Actor, post_id: str, wanted: datetime) -> None:
        """Let what is not out yet of a post go out at this time.

        Raises:
            NotFoundError: The actor's organization has no such post.
            PostSettledError: All of it is out, going out or cancelled.
            TimeError: The time has passed, or is too far away.

        """
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            post = await _post(session, actor, post_id)
            due_at = due(wanted, await database_time(session))
            moved = await PostEdits(session).reschedule(actor.organization_id, post_id, due_at)
            await self._moved(session, actor, post, moved)

    async def move(self, actor: Actor, post_id: str, by: timedelta) -> None:
        """Let what is not out yet of a post go out so much later. Raises what `reschedule` raises."""
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            post = await _post(session, actor, post_id)
            moved = await PostEdits(session).move(actor.organization_id, post_id, by)
            clock = await database_time(session)
            for each in moved:
                due(each, clock)
            await self._moved(session, actor, post, len(moved))

    async def _moved(self, session: AsyncSession, actor: Actor, post: Post, moved: int) -> None:
        """Store who moved so many deliveries of a post."""
        if not moved:
            raise PostSettledError
        await Audit(session).write(
            actor.organization_id, actor.membership_id, "post rescheduled", post.id, accounts=moved
        )
        await self._results.update(session, post)

    async def duplicate(self, actor: Actor, post_id: str, where: Where) -> Opened:
        """Return a new draft of the actor's with what a post says and where it went, for no time yet.

        What must be decided for each post is left out.

        Raises:
            NotFoundError: The actor's organization has no such post, or a file of it is gone.

        """
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            post = await _post(session, actor, post_id)
            before = load(post.content)
            found = await PostDeliveries(session).all(actor.organization_id, post_id)
            accounts = {account.id: account for _, account in found if account.disconnected_at is None}
            written = replace(
                for_another_post(before, self._facts(accounts)), accounts=tuple(accounts), due_at=None
            )
            keys = {one.key for one in written.files}
            if await Files(session).touch(actor.organization_id, keys) != len(keys):
                raise NotFoundError(Thing.FILE)
            draft = await Drafts(session).save(
                actor.organization_id,
                actor.membership_id,
                new_draft_id(actor.membership_id),
                dump(written),
                slack_id=where.slack_id,
                channel=where.channel,
            )
        return Opened(draft_id=draft.id, written=written)

    def _facts(self, accounts: Mapping[str, Account]) -> dict[str, PublishingFacts]:
        """Return what each account's platform takes, by account id."""
        found = {account_id: self._adapters.get(account.platform) for account_id, account in accounts.items()}
        return {
            account_id: adapter.publisher.facts
            for account_id, adapter in found.items()
            if isinstance(adapter, Publishes)
        }


async def _post(session: AsyncSession, actor: Actor, post_id: str) -> Post:
    post = await PostDeliveries(session).post(actor.organization_id, post_id)
    if post is None:
        raise NotFoundError(Thing.POST)
    return post
