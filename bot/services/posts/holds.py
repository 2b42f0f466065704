"""Holding the posts of accounts until a time, and letting them go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from bot.services.posts.composing import due
from storage.audit import Audit
from storage.deliveries import PostDeliveries
from storage.engine.statements import database_time
from storage.holds import Held, Holds, Resumed

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.posts.results import Results
    from storage.engine.db import Database


class HoldService:
    """The use cases of holding posts. Built once, in `bot.app`."""

    def __init__(self, results: Results, database: Database) -> None:
        self._results = results
        self._database = database

    async def hold(self, actor: Actor, account_ids: Collection[str], until: datetime) -> Held:
        """Hold the posts of accounts of the actor's organization until a time, and return what that stops.

        Raises:
            NotFoundError: None of the accounts is there any more.
            TimeError: The time has passed, or is too far away.

        """
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            until = due(until, await database_time(session))
            held = await Holds(session).hold(actor.organization_id, account_ids, until)
            if not held.accounts:
                raise NotFoundError(Thing.ACCOUNT)
            await _write(session, actor, "posts held", held)
            await self._show(session, actor.organization_id, held.posts)
        return held

    async def resume(self, actor: Actor, account_ids: Collection[str]) -> Resumed:
        """End the holds of accounts of the actor's organization, and return what that lets go."""
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            resumed = await Holds(session).resume(actor.organization_id, account_ids)
            if resumed.accounts:
                await _write(session, actor, "posts resumed", resumed)
            await self._show(session, actor.organization_id, resumed.posts)
        return resumed

    async def run(self) -> None:
        """End every hold whose time has come."""
        async with self._database.system(write=False) as session:
            found = await Holds(session).over()
        for organization_id, account_ids in found.items():
            async with self._database.system() as session:
                resumed = await Holds(session).resume(organization_id, account_ids)
                await self._show(session, organization_id, resumed.posts)

    async def _show(self, session: AsyncSession, organization_id: str, posts: Collection[str]) -> None:
        """Draw the messages of the posts again."""
        for post_id in sorted(posts):
            post = await PostDeliveries(session).post(organization_id, post_id)
            if post is not None:
                await self._results.update(session, post)


async def _write(session: AsyncSession, actor: Actor, what: str, found: Held | Resumed) -> None:
    """Write into the audit trail how much was held or let go."""
    organization_id, posts = actor.organization_id, len(found.posts)
    await Audit(session).write(
        organization_id, actor.membership_id, what, organization_id, accounts=found.accounts, posts=posts
    )
