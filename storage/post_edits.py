"""Changes of posts that are not out yet: what they say, where they go and when they are due.

Only deliveries of which nothing is live are changed. Each gets a new generation, so a process that works on what it
was before can store nothing more, and can't begin to send it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from storage.delivery_decisions import CANCELLABLE
from storage.engine.statements import database_time
from storage.models import Delivery, DeliveryStatus, DeliveryStep, Post
from storage.posts import count_decision, delivery_of, post_of
from storage.publishing_accounts import able_to_publish, lock_accounts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.posts import NewPost, Target

_FRESH = {"populate_existing": True}
_OPEN = (*CANCELLABLE, DeliveryStatus.CANCELLED)


class PostChanged(Exception):
    """Something was decided about the post since the form was opened."""


class PostOut(Exception):
    """Deliveries that the change is about are going out, or live."""

    def __init__(self, account_ids: Sequence[str]) -> None:
        super().__init__("out")
        self.account_ids = tuple(account_ids)


def edit_draft(post: Post, author: str) -> str:
    """Return the id of the draft in which a member changes a post as it is now.

    It says what it changes, so a form can be opened without anything being stored.
    """
    return f"drf_{post.id.removeprefix('pst_')}.{post.revision}.{author.removeprefix('mem_')}"


def revision_of(draft_id: str) -> int | None:
    """Return the revision of the post that a draft changes; None: it changes none."""
    _, _, rest = draft_id.partition(".")
    number = rest.partition(".")[0]
    return int(number) if number.isdecimal() else None


def changeable(rows: Iterable[Delivery], begun: Collection[str]) -> list[Delivery]:
    """Return the deliveries that are still to come; `begun`: the ids of those that have a step."""
    return [row for row in rows if row.status in CANCELLABLE and row.id not in begun]


class PostEdits:
    """Posts of organizations that are not out yet, or not everywhere."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: str, post_id: str) -> Post | None:
        """Return a post of the organization, locked until the transaction ends."""
        found = select(Post).where(Post.organization_id == organization_id, Post.id == post_id)
        return (await self._session.exec(found.with_for_update(), execution_options=_FRESH)).one_or_none()

    async def edit(
        self, organization_id: str, draft_id: str, new_post: NewPost, targets: Collection[Target]
    ) -> Post:
        """Let what is not out yet of a post go to these targets only, and return the post.

        Raises:
            LookupError: There is no such post, or an account is not connected.
            PostChanged: Something was decided about it since the form was opened.
            PostOut: It is going out to one of the targets, or is live there.

        """
        post_id, accounts = post_of(draft_id), {target.account_id for target in targets}
        locked = set(await lock_accounts(self._session, organization_id, accounts))
        post = await self.get(organization_id, post_id)
        if post is None or locked != accounts:
            raise LookupError("no such post or account")
        if post.revision != revision_of(draft_id):
            raise PostChanged
        able, clock = await able_to_publish(self._session, locked), await database_time(self._session)
        here = {(row.account_id, row.place): row for row in await self._rows(organization_id, post_id)}
        begun = await self._begun(post_id)
        out = {key for key, row in here.items() if row.status not in _OPEN or row.id in begun}
        wanted = {(target.account_id, target.place): target for target in targets}
        if seen := [account_id for account_id, place in wanted if (account_id, place) in out]:
            raise PostOut(seen)
        for key, row in here.items():
            if key not in out and key not in wanted and row.status != DeliveryStatus.CANCELLED:
                _become(row, DeliveryStatus.CANCELLED, None)
        for key, target in wanted.items():
            goes = target.account_id in able
            if key in here:
                row = here[key]
                row.content, row.due_at, row.handles_sealed = dict(target.content), target.due_at, None
                _become(row, *_next(clock, able=goes))
            else:
                self._session.add(delivery_of(post, target, clock, able=goes))
        post.text, post.content = new_post.text, dict(new_post.content)
        post.revision += 1
        await self._session.flush()
        return post

    async def reschedule(self, organization_id: str, post_id: str, due_at: datetime) -> int:
        """Let what is not out yet of a post go out at this time; return how many deliveries that are."""
        found = select(Delivery.account_id).where(
            Delivery.organization_id == organization_id, Delivery.post_id == post_id
        )
        locked = await lock_accounts(self._session, organization_id, set(await self._session.exec(found)))
        rows = changeable(await self._rows(organization_id, post_id), await self._begun(post_id))
        able, clock = await able_to_publish(self._session, locked), await database_time(self._session)
        for row in rows:
            row.due_at = due_at
            _become(row, *_next(clock, able=row.account_id in able))
        await self._session.flush()
        if rows:
            await self.decided(organization_id, post_id)
        return len(rows)

    async def decided(self, organization_id: str, post_id: str) -> None:
        """Store that something was decided about the post: a form that was opened before can't change it."""
        ours = select(Post.id).where(Post.organization_id == organization_id, Post.id == post_id)
        await count_decision(self._session, ours)

    async def _rows(self, organization_id: str, post_id: str) -> list[Delivery]:
        """Return a post's deliveries, locked until the transaction ends."""
        found = select(Delivery).where(
            Delivery.organization_id == organization_id, Delivery.post_id == post_id
        )
        in_order = found.order_by(col(Delivery.id)).with_for_update()
        return list(await self._session.exec(in_order, execution_options=_FRESH))

    async def _begun(self, post_id: str) -> set[str]:
        """Return the deliveries with a step that was sent. Read after they were locked: a step comes with a lock."""
        found = (
            select(DeliveryStep.delivery_id)
            .join(Delivery, col(Delivery.id) == col(DeliveryStep.delivery_id))
            .where(Delivery.post_id == post_id)
        )
        return set(await self._session.exec(found))


def _next(clock: datetime, *, able: bool) -> tuple[DeliveryStatus, datetime | None]:
    """Return the state of a delivery that is to go out, and when to look after it."""
    return (DeliveryStatus.SCHEDULED, clock) if able else (DeliveryStatus.HELD, None)


def _become(row: Delivery, status: DeliveryStatus, work_at: datetime | None) -> None:
    """Put a delivery in a state, as it was before the first try."""
    row.status, row.work_at, row.lease_until = status, work_at, None
    row.generation += 1
    row.failures, row.looks, row.outcome, row.code, row.asks = 0, 0, "", "", False
