"""Posts of organizations, and what happens to them while a grant needs a person.

Deliveries of an account are `held` exactly while its grant, or the account itself, needs a person, or while members
hold it (`storage.holds`). This is true when
several transactions schedule, reconnect, disconnect or end a grant at the same moment: each locks the account's row
first, so the later one sees what the earlier one has done (`storage.publishing_accounts`). A transaction that also
changes the grant locks it before the accounts, and these in the order of their ids. Counts are counts of deliveries:
people see each as a post.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, true
from sqlmodel import col, select, update

from storage.engine.statements import database_time, now
from storage.models import BEFORE_SENDING, Account, Delivery, DeliveryStatus, Post
from storage.publishing_accounts import able_to_publish, lock_accounts, lock_matching

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession
    from sqlmodel.sql.expression import SelectOfScalar

APART = timedelta(minutes=5)
"""The shortest time between late posts of one account: platforms treat a burst as spam."""
_WAITING = (*BEFORE_SENDING, DeliveryStatus.HELD, DeliveryStatus.LATE, DeliveryStatus.OBJECTED)
_NEXT: dict[str, Any] = {"generation": col(Delivery.generation) + 1, "lease_until": None}
"""A process that works on it can no longer store anything about it."""
_LATER: dict[str, Any] = {"work_at": None}
_FRESH = {"populate_existing": True}
_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a post is to appear, when, and what it says there."""

    account_id: str
    due_at: datetime
    place: str = ""
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPost:
    """A post that the organization has decided to publish."""

    draft_id: str
    """The draft that becomes this post. It becomes one only once."""
    author: str
    """The membership that scheduled it."""
    text: str
    content: Mapping[str, Any] = field(default_factory=dict)
    """What was written, for all accounts and for single platforms."""
    slack_id: str = ""
    """The installation of the channel where it was decided."""
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many posts wait, and when the first of them is due; None when none waits."""

    posts: int
    first: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What happened to the posts that were held."""

    scheduled: int
    late: int


def post_of(draft_id: str) -> str:
    """Return the id of the post that a draft becomes or changes: a form that is submitted twice publishes once."""
    return f"pst_{draft_id.removeprefix('drf_').partition('.')[0]}"


class Posts:
    """The posts of organizations, and their deliveries."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def schedule(self, organization_id: str, new_post: NewPost, targets: Collection[Target]) -> Post:
        """Return a post that will be published to every target, or is held where the grant has ended.

        Raises:
            LookupError: An account is not connected, or not the organization's.
            IntegrityError: The draft has become a post already.

        """
        wanted = {target.account_id for target in targets}
        if set(await lock_accounts(self._session, organization_id, wanted)) != wanted:
            raise LookupError("no such account")
        able = await able_to_publish(self._session, wanted)
        post = Post(
            id=post_of(new_post.draft_id),
            organization_id=organization_id,
            author=new_post.author,
            text=new_post.text,
            content=dict(new_post.content),
            slack_id=new_post.slack_id,
            channel=new_post.channel,
        )
        self._session.add(post)
        await self._session.flush()
        clock = await database_time(self._session)
        for target in targets:
            self._session.add(delivery_of(post, target, clock, able=target.account_id in able))
        await self._session.flush()
        return post

    async def taken(
        self, organization_id: str, account_ids: Collection[str], *, lock: bool = True
    ) -> dict[str, list[datetime]]:
        """Return when posts of these accounts go out from now on, by account id.

        `lock`: until the transaction ends nobody else schedules a post to them.
        """
        locked = account_ids
        if lock:
            locked = await lock_accounts(self._session, organization_id, account_ids)
        found = select(Delivery.account_id, Delivery.due_at).where(
            *_of(organization_id, locked),
            col(Delivery.due_at) > now(-APART),
            col(Delivery.status).not_in([DeliveryStatus.CANCELLED, DeliveryStatus.FAILED]),
        )
        times: dict[str, list[datetime]] = {account_id: [] for account_id in locked}
        for account_id, due_at in await self._session.exec(found):
            times[account_id].append(due_at)
        return times

    async def waiting(
        self, organization_id: str, account_ids: Collection[str], *, after: datetime | None = None
    ) -> Waiting:
        """Return how many posts wait for these accounts; with `after`, only those that are due later."""
        found = select(func.count(), func.min(Delivery.due_at)).where(
            *_of(organization_id, account_ids), col(Delivery.status).in_(_WAITING)
        )
        if after is not None:
            found = found.where(col(Delivery.due_at) > after)
        posts, first = (await self._session.exec(found)).one()
        return Waiting(posts=posts, first=first)

    async def late(self, organization_id: str, account_ids: Collection[str]) -> int:
        """Return how many posts to these accounts wait for a person's decision."""
        found = select(func.count()).where(
            *_of(organization_id, account_ids), Delivery.status == DeliveryStatus.LATE
        )
        return (await self._session.exec(found)).one()

    async def hold(self, grant_id: str, *, lost: bool = False) -> dict[str, int]:
        """Hold the posts that wait for the accounts of a grant that has ended; return how many, by organization.

        `lost`: only for the accounts that the grant gives no access to any more. Called in the transaction that ends
        the grant or the access. System session.
        """
        accounts = await lock_matching(
            self._session, Account.grant_id == grant_id, col(Account.access_error) != "" if lost else true()
        )
        held = (
            update(Delivery)
            .where(
                col(Delivery.account_id).in_(accounts),
                col(Delivery.status).in_([*BEFORE_SENDING, DeliveryStatus.LATE]),
            )
            .values(status=DeliveryStatus.HELD, **_LATER, **_NEXT)
            .returning(col(Delivery.organization_id))
        )
        rows = await self._session.exec(held, execution_options=_UNSYNCHRONIZED)
        return dict(Counter(rows.scalars()))

    async def park(self, delivery: Delivery) -> None:
        """Hold one delivery whose grant was found to have ended, unless the account works again by now.

        Called in the transaction in which the caller, who had its lease, stored that it is held.
        """
        locked = await lock_accounts(self._session, delivery.organization_id, [delivery.account_id])
        if await able_to_publish(self._session, locked):
            back = update(Delivery).where(
                col(Delivery.id) == delivery.id, col(Delivery.generation) == delivery.generation
            )
            await self._session.exec(
                back.values(status=DeliveryStatus.SCHEDULED, work_at=now()), execution_options=_UNSYNCHRONIZED
            )

    async def release(self, organization_id: str, account_ids: Collection[str]) -> Released:
        """Schedule the held posts of those of the accounts that work again.

        A post whose time has passed, by the database's clock, becomes late. Called in the transaction that renewed the
        grant.
        """
        locked = await lock_accounts(self._session, organization_id, account_ids)
        able = await able_to_publish(self._session, locked)
        on_time = (col(Delivery.due_at) > now(), DeliveryStatus.SCHEDULED.value)
        freed = (
            update(Delivery)
            .where(*_of(organization_id, able), col(Delivery.status) == DeliveryStatus.HELD)
            .values(
                status=case(on_time, else_=DeliveryStatus.LATE.value),
                work_at=case((col(Delivery.due_at) > now(), now()), else_=None),
                **_NEXT,
            )
            .returning(col(Delivery.status))
        )
        rows = await self._session.exec(freed, execution_options=_UNSYNCHRONIZED)
        counted = Counter(rows.scalars())
        return Released(scheduled=counted[DeliveryStatus.SCHEDULED], late=counted[DeliveryStatus.LATE])

    async def publish_late(self, organization_id: str, account_ids: Collection[str]) -> int:
        """Schedule the late posts from now on, the oldest first, `APART` on each account; return how many.

        If two callers do it at once, the second gets 0.
        """
        accounts = await lock_accounts(self._session, organization_id, account_ids)
        late = select(Delivery).where(*_of(organization_id, accounts), Delivery.status == DeliveryStatus.LATE)
        ordered = late.order_by(col(Delivery.due_at), col(Delivery.id))
        found = list(await self._session.exec(ordered, execution_options=_FRESH))
        clock = await database_time(self._session)
        taken = await self._taken(organization_id, accounts, clock)
        for one in found:
            one.status, one.due_at = DeliveryStatus.SCHEDULED, free_time(clock, taken[one.account_id])
            one.work_at, one.generation = clock, one.generation + 1
            taken[one.account_id].append(one.due_at)
        await self._session.flush()
        return len(found)

    async def _taken(
        self, organization_id: str, accounts: Collection[str], clock: datetime
    ) -> defaultdict[str, list[datetime]]:
        """Return the times at which posts are already scheduled, by account."""
        scheduled = select(Delivery.account_id, Delivery.due_at).where(
            *_of(organization_id, accounts),
            col(Delivery.status).in_(BEFORE_SENDING),
            col(Delivery.due_at) > clock - APART,
        )
        taken = defaultdict(list)
        for account_id, due_at in await self._session.exec(scheduled):
            taken[account_id].append(due_at)
        return taken

    async def discard_late(self, organization_id: str, account_ids: Collection[str]) -> int:
        """Cancel the late posts; return how many. If two callers do it at once, the second gets 0."""
        accounts = await lock_accounts(self._session, organization_id, account_ids)
        late = select(Delivery.post_id).where(
            *_of(organization_id, accounts), Delivery.status == DeliveryStatus.LATE
        )
        await count_decision(self._session, late)
        return await self._cancel(organization_id, accounts, [DeliveryStatus.LATE])

    async def cancel(self, organization_id: str, account_ids: Collection[str]) -> int:
        """Cancel the waiting posts of accounts that were disconnected; return how many.

        Called in the transaction that disconnected them.
        """
        return await self._cancel(organization_id, account_ids, _WAITING)

    async def _cancel(
        self, organization_id: str, account_ids: Collection[str], statuses: Collection[DeliveryStatus]
    ) -> int:
        gone = update(Delivery).where(*_of(organization_id, account_ids), col(Delivery.status).in_(statuses))
        cancelled = gone.values(status=DeliveryStatus.CANCELLED, **_LATER, **_NEXT)
        return (await self._session.exec(cancelled, execution_options=_UNSYNCHRONIZED)).rowcount


async def count_decision(session: AsyncSession, posts: SelectOfScalar[str]) -> None:
    """Store that something was decided about these posts: a form that was opened before changes them no more."""
    decided = update(Post).where(col(Post.id).in_(posts)).values(revision=col(Post.revision) + 1)
    await session.exec(decided, execution_options=_UNSYNCHRONIZED)


def delivery_of(post: Post, target: Target, clock: datetime, *, able: bool) -> Delivery:
    """Return a new delivery of a post; `able`: its account can publish, so it is not held."""
    return Delivery(
        organization_id=post.organization_id,
        post_id=post.id,
        account_id=target.account_id,
        place=target.place,
        content=dict(target.content),
        status=DeliveryStatus.SCHEDULED if able else DeliveryStatus.HELD,
        due_at=target.due_at,
        work_at=clock if able else None,
    )


def _of(organization_id: str, account_ids: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Delivery.organization_id) == organization_id,
        col(Delivery.account_id).in_(list(account_ids)),
    )


def free_time(start: datetime, taken: Collection[datetime]) -> datetime:
    """Return the first time from `start` on that is at least `APART` from every time in `taken`."""
    at = start
    while near := [other for other in taken if abs(other - at) < APART]:
        at = max(near) + APART
    return at
