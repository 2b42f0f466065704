"""Posts of organizations, and what happens to them while a grant needs a person.

Deliveries of an account are `held` exactly while its grant, or the account itself, needs a person. This holds when
several transactions schedule, reconnect, disconnect or end a grant at the same moment: each locks the account's row
first, so the later one sees what the earlier one has done. A transaction that also changes the grant locks it before
the accounts, and these in the order of their ids. Counts are counts of deliveries: people see each as a post.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, func, true
from sqlmodel import col, select, update

from storage.engine.statements import now
from storage.models import Account, Delivery, DeliveryStatus, Grant, GrantStatus, Post

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

APART = timedelta(minutes=5)
"""The shortest time between late posts of one account: platforms treat a burst as spam."""
_WAITING = (DeliveryStatus.SCHEDULED, DeliveryStatus.HELD, DeliveryStatus.LATE)
_FRESH = {"populate_existing": True}
_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a post is to appear, and when."""

    account_id: str
    due_at: datetime
    place: str = ""


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


class Posts:
    """The posts of organizations, and their deliveries."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def schedule(
        self, organization_id: str, *, author: str, text: str, targets: Collection[Target]
    ) -> Post:
        """Return a post that will be published to every target, or is held where the grant has ended.

        Raises:
            LookupError: An account is not connected, or not the organization's.

        """
        wanted = {target.account_id for target in targets}
        if set(await self._turn(organization_id, wanted)) != wanted:
            raise LookupError("no such account")
        well = await self._well(wanted)
        post = Post(organization_id=organization_id, author=author, text=text)
        self._session.add(post)
        await self._session.flush()
        for target in targets:
            status = DeliveryStatus.SCHEDULED if target.account_id in well else DeliveryStatus.HELD
            self._session.add(
                Delivery(
                    organization_id=organization_id,
                    post_id=post.id,
                    account_id=target.account_id,
                    place=target.place,
                    status=status,
                    due_at=target.due_at,
                )
            )
        await self._session.flush()
        return post

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
        accounts = await self._locked(
            Account.grant_id == grant_id, col(Account.access_error) != "" if lost else true()
        )
        held = (
            update(Delivery)
            .where(
                col(Delivery.account_id).in_(accounts),
                col(Delivery.status).in_([DeliveryStatus.SCHEDULED, DeliveryStatus.LATE]),
            )
            .values(status=DeliveryStatus.HELD)
            .returning(col(Delivery.organization_id))
        )
        rows = await self._session.exec(held, execution_options=_UNSYNCHRONIZED)
        return dict(Counter(rows.scalars()))

    async def release(self, organization_id: str, account_ids: Collection[str]) -> Released:
        """Schedule the held posts of those of the accounts that work again.

        A post whose time has passed, by the database's clock, becomes late. Called in the transaction that renewed the
        grant.
        """
        well = await self._well(await self._turn(organization_id, account_ids))
        on_time = (col(Delivery.due_at) > now(), DeliveryStatus.SCHEDULED.value)
        freed = (
            update(Delivery)
            .where(*_of(organization_id, well), col(Delivery.status) == DeliveryStatus.HELD)
            .values(status=case(on_time, else_=DeliveryStatus.LATE.value))
            .returning(col(Delivery.status))
        )
        rows = await self._session.exec(freed, execution_options=_UNSYNCHRONIZED)
        counted = Counter(rows.scalars())
        return Released(scheduled=counted[DeliveryStatus.SCHEDULED], late=counted[DeliveryStatus.LATE])

    async def publish_late(self, organization_id: str, account_ids: Collection[str]) -> int:
        """Schedule the late posts from now on, the oldest first, `APART` on each account; return how many.

        If two callers do it at once, the second gets 0.
        """
        accounts = await self._turn(organization_id, account_ids)
        late = select(Delivery).where(*_of(organization_id, accounts), Delivery.status == DeliveryStatus.LATE)
        ordered = late.order_by(col(Delivery.due_at), col(Delivery.id))
        found = list(await self._session.exec(ordered, execution_options=_FRESH))
        clock = (await self._session.exec(select(now()))).one()
        taken = await self._taken(organization_id, accounts, clock)
        for one in found:
            one.status, one.due_at = DeliveryStatus.SCHEDULED, free_time(clock, taken[one.account_id])
            taken[one.account_id].append(one.due_at)
        await self._session.flush()
        return len(found)

    async def _taken(
        self, organization_id: str, accounts: Collection[str], clock: datetime
    ) -> defaultdict[str, list[datetime]]:
        """Return the times at which posts are already scheduled, by account."""
        scheduled = select(Delivery.account_id, Delivery.due_at).where(
            *_of(organization_id, accounts),
            Delivery.status == DeliveryStatus.SCHEDULED,
            col(Delivery.due_at) > clock - APART,
        )
        taken = defaultdict(list)
        for account_id, due_at in await self._session.exec(scheduled):
            taken[account_id].append(due_at)
        return taken

    async def discard_late(self, organization_id: str, account_ids: Collection[str]) -> int:
        """Cancel the late posts; return how many. If two callers do it at once, the second gets 0."""
        accounts = await self._turn(organization_id, account_ids)
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
        cancelled = gone.values(status=DeliveryStatus.CANCELLED)
        return (await self._session.exec(cancelled, execution_options=_UNSYNCHRONIZED)).rowcount

    async def _turn(self, organization_id: str, account_ids: Collection[str]) -> list[str]:
        """Lock those of the accounts that are the organization's and connected, and return their ids."""
        return await self._locked(
            Account.organization_id == organization_id,
            col(Account.id).in_(list(account_ids)),
            col(Account.disconnected_at).is_(None),
        )

    async def _locked(self, *which: ColumnElement[bool] | bool) -> list[str]:
        in_order = select(Account.id).where(*which).order_by(col(Account.id))
        return list(await self._session.exec(in_order.with_for_update(key_share=True)))

    async def _well(self, accounts: Collection[str]) -> set[str]:
        """Return those of the accounts that need no person; current only after `_turn` has locked them."""
        well = (
            select(Account.id)
            .join(Grant, col(Grant.id) == col(Account.grant_id))
            .where(
                col(Account.id).in_(list(accounts)),
                Account.access_error == "",
                Grant.status == GrantStatus.HEALTHY,
            )
        )
        return set(await self._session.exec(well))


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
