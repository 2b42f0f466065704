"""An organization's posts as a list shows them, a page at a time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlmodel import and_, case, col, func, or_, select

from storage.models import (
    BEFORE_SENDING,
    Account,
    Delivery,
    DeliveryStatus,
    DeliveryStep,
    Draft,
    Membership,
    Post,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession


class Which(StrEnum):
    """Which posts a list shows. A post is shown if one of its deliveries is in such a state."""

    OPEN = "open"
    """Everything that is not settled: what needs a person first, then what is scheduled."""
    ATTENTION = "attention"
    """What needs a person: held, late, refused or in doubt."""
    SCHEDULED = "scheduled"
    """On its way, without anybody's help."""
    HELD = "held"
    """Held, late because it was, or objected to."""
    FAILED = "failed"
    """Refused, or in doubt so that a person is asked."""
    SENT = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPost:
    """A post with everything that a list shows of it."""

    post: Post
    deliveries: tuple[tuple[Delivery, Account], ...]
    """By platform and account name."""
    steps: tuple[DeliveryStep, ...]
    author: str | None
    """The Slack user id of the member who scheduled it; None: they have left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """How much there is for an agenda."""

    attention: int
    """Posts that need a person."""
    coming: int
    """Posts that go out by themselves."""
    drafts: int
    """Drafts of the reader's own."""


OUT = (DeliveryStatus.SENT, DeliveryStatus.CHANGING, DeliveryStatus.DELETED, DeliveryStatus.GONE)
"""The states of what is live, or was."""
SETTLED = (*OUT, DeliveryStatus.CANCELLED)
"""The states after which nothing happens by itself, and nobody is needed."""
_STATUS = col(Delivery.status)
_IN_DOUBT = and_(_STATUS == DeliveryStatus.UNKNOWN, col(Delivery.asks))
_LOOKED_UP = and_(_STATUS == DeliveryStatus.UNKNOWN, ~col(Delivery.asks))
_IS: dict[Which, ColumnElement[bool]] = {
    Which.OPEN: _STATUS.not_in(SETTLED),
    Which.ATTENTION: or_(
        _STATUS.in_([DeliveryStatus.HELD, DeliveryStatus.LATE, DeliveryStatus.FAILED]), _IN_DOUBT
    ),
    Which.SCHEDULED: or_(_STATUS.in_([*BEFORE_SENDING, DeliveryStatus.SENDING]), _LOOKED_UP),
    Which.HELD: _STATUS.in_([DeliveryStatus.HELD, DeliveryStatus.LATE, DeliveryStatus.OBJECTED]),
    Which.FAILED: or_(_STATUS == DeliveryStatus.FAILED, _IN_DOUBT),
    Which.SENT: _STATUS.in_(OUT),
}
_NEEDS_A_PERSON = func.max(case((_IS[Which.ATTENTION], 1), else_=0))


def _posts_in(which: Which) -> ColumnElement[int]:
    """Return how many of the posts that are counted are in a list."""
    return func.count(func.distinct(case((_IS[which], col(Delivery.post_id)))))


_NEXT_DUE = func.min(Delivery.due_at)
_ORDER = {
    Which.OPEN: (_NEEDS_A_PERSON.desc(), _NEXT_DUE, col(Delivery.post_id)),
    Which.SENT: (func.max(Delivery.due_at).desc(), col(Delivery.post_id).desc()),
}


class PostListings:
    """The posts of organizations, as lists show them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count(self, organization_id: str, which: Which) -> int:
        """Return how many posts the list has."""
        found = select(func.count(func.distinct(Delivery.post_id))).where(
            Delivery.organization_id == organization_id, _IS[which]
        )
        return (await self._session.exec(found)).one()

    async def totals(self, organization_id: str, author: str) -> Totals:
        """Return how much an agenda has to show the member who is its `author`, in one statement."""
        drafts = select(func.count()).where(Draft.organization_id == organization_id, Draft.author == author)
        found = select(
            _posts_in(Which.ATTENTION), _posts_in(Which.SCHEDULED), drafts.scalar_subquery()
        ).where(col(Delivery.organization_id) == organization_id, _IS[Which.OPEN])
        attention, coming, own = (await self._session.exec(found)).one()
        return Totals(attention=attention, coming=coming, drafts=own)

    async def page(self, organization_id: str, which: Which, first: int, limit: int) -> list[ListedPost]:
        """Return up to `limit` posts from the `first` one on (from 0): the next due first; of sent ones the newest."""
        order = _ORDER.get(which, (_NEXT_DUE, col(Delivery.post_id)))
        wanted = (
            select(Delivery.post_id)
            .where(Delivery.organization_id == organization_id, _IS[which])
            .group_by(col(Delivery.post_id))
            .order_by(*order)
            .offset(first)
            .limit(limit)
        )
        return await self._listed(organization_id, list(await self._session.exec(wanted)))

    async def get(self, organization_id: str, post_id: str) -> ListedPost | None:
        """Return one post of the organization; None if it has no such post."""
        known = select(Post.id).where(Post.organization_id == organization_id, Post.id == post_id)
        return next(iter(await self._listed(organization_id, list(await self._session.exec(known)))), None)

    async def _listed(self, organization_id: str, ids: list[str]) -> list[ListedPost]:
        if not ids:
            return []
        posts = await self._posts(organization_id, ids)
        deliveries, steps = await self._deliveries(ids), await self._steps(ids)
        return [
            ListedPost(
                post=posts[post_id][0],
                deliveries=tuple(deliveries[post_id]),
                steps=tuple(steps[post_id]),
                author=posts[post_id][1],
            )
            for post_id in ids
        ]

    async def ids(self, organization_id: str, which: Which) -> list[str]:
        """Return the ids of all such posts."""
        found = select(Delivery.post_id).where(Delivery.organization_id == organization_id, _IS[which])
        return list(await self._session.exec(found.distinct()))

    async def _posts(self, organization_id: str, ids: list[str]) -> dict[str, tuple[Post, str | None]]:
        author = and_(
            col(Membership.id) == col(Post.author),
            col(Membership.organization_id) == col(Post.organization_id),
            col(Membership.ended_at).is_(None),
        )
        found = (
            select(Post, Membership.user_id)
            .outerjoin(Membership, author)
            .where(Post.organization_id == organization_id, col(Post.id).in_(ids))
        )
        return {post.id: (post, user_id) for post, user_id in await self._session.exec(found)}

    async def _deliveries(self, ids: list[str]) -> defaultdict[str, list[tuple[Delivery, Account]]]:
        found = (
            select(Delivery, Account)
            .join(Account, col(Account.id) == col(Delivery.account_id))
            .where(col(Delivery.post_id).in_(ids))
            .order_by(col(Account.platform), col(Account.name), col(Delivery.place), col(Delivery.id))
        )
        by_post = defaultdict(list)
        for delivery, account in await self._session.exec(found):
            by_post[delivery.post_id].append((delivery, account))
        return by_post

    async def _steps(self, ids: list[str]) -> defaultdict[str, list[DeliveryStep]]:
        found = (
            select(Delivery.post_id, DeliveryStep)
            .join(DeliveryStep, col(DeliveryStep.delivery_id) == col(Delivery.id))
            .where(col(Delivery.post_id).in_(ids))
            .order_by(col(DeliveryStep.position))
        )
        by_post = defaultdict(list)
        for post_id, step in await self._session.exec(found):
            by_post[post_id].append(step)
        return by_post
