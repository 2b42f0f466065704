"""How many posts accounts and apps have published, for the budgets that all processes share. System sessions only.

Platforms count over 24 hours. We count by the hour, so what was used returns up to an hour after the platform gives it
back, and never before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import and_, col, delete, func, select, update

from storage.engine.statements import insert_once
from storage.models import BEFORE_SENDING, Account, Delivery, PublishingUse

if TYPE_CHECKING:
    from sqlalchemy import Update
    from sqlmodel.ext.asyncio.session import AsyncSession

HOURS = 24
HOUR = timedelta(hours=1)
COUNTED_FOR = timedelta(hours=48)
"""How long a row is kept that only counts posts: longer than the window."""
CHARGED_FOR = timedelta(days=400)
"""How long a row is kept that has costs."""
_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What was published within 24 hours."""

    posts: int = 0
    cents: float = 0.0
    last_at: datetime | None = None
    frees_at: datetime | None = None
    """When the first of it is not counted any more; None: nothing is counted."""


class PublishingUses:
    """What accounts and apps have published."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def used(self, name: str, at: datetime) -> Used:
        """Return what was published under this name in the 24 hours before `at`. After `lock` it stays true."""
        found = (
            select(PublishingUse)
            .where(PublishingUse.name == name, PublishingUse.hour >= hour_of(at) - HOURS)
            .order_by(col(PublishingUse.hour))
        )
        fresh = found.execution_options(populate_existing=True)
        rows = [row for row in await self._session.exec(fresh) if row.posts or row.cents]
        if not rows:
            return Used()
        return Used(
            posts=sum(row.posts for row in rows),
            cents=sum(row.cents for row in rows),
            last_at=max(row.last_at for row in rows),
            frees_at=_start_of(rows[0].hour + HOURS + 1),
        )

    async def planned(self, account: Account, since: datetime, until: datetime, *, whole_app: bool) -> int:
        """Return how many deliveries are due after `since` and until `until`: to this account, or through its app."""
        same = (
            col(Account.app) == account.app
            if whole_app
            else and_(col(Account.platform) == account.platform, col(Account.remote_id) == account.remote_id)
        )
        found = (
            select(func.count())
            .select_from(Delivery)
            .join(Account, col(Account.id) == col(Delivery.account_id))
            .where(
                same,
                col(Delivery.status).in_(BEFORE_SENDING),
                col(Delivery.due_at) > since,
                col(Delivery.due_at) <= until,
            )
        )
        return (await self._session.exec(found)).one()

    async def lock(self, name: str, at: datetime) -> None:
        """Let nobody else count under this name until the transaction ends."""
        new = insert_once(self._session, PublishingUse).values(
            name=name, hour=hour_of(at), posts=0, cents=0.0, last_at=at
        )
        locked = new.on_conflict_do_update(
            index_elements=["name", "hour"], set_={"posts": PublishingUse.posts}
        )
        await self._session.exec(locked, execution_options=_UNSYNCHRONIZED)

    async def add(self, name: str, at: datetime, posts: int, cents: float) -> None:
        """Count posts at this time. Called after `lock`."""
        more = _row(name, at).values(
            posts=PublishingUse.posts + posts, cents=PublishingUse.cents + cents, last_at=at
        )
        await self._session.exec(more, execution_options=_UNSYNCHRONIZED)

    async def give_back(self, name: str, at: datetime, posts: int, cents: float) -> None:
        """Take back what was counted at this time: it was not published after all."""
        less = _row(name, at).values(posts=PublishingUse.posts - posts, cents=PublishingUse.cents - cents)
        await self._session.exec(less, execution_options=_UNSYNCHRONIZED)

    async def forget(self, at: datetime) -> int:
        """Delete what no budget and no account of costs needs any more; return how many rows."""
        old = delete(PublishingUse).where(
            (col(PublishingUse.hour) < hour_of(at - CHARGED_FOR))
            | ((col(PublishingUse.hour) < hour_of(at - COUNTED_FOR)) & (col(PublishingUse.cents) <= 0))
        )
        return (await self._session.exec(old, execution_options=_UNSYNCHRONIZED)).rowcount


def hour_of(at: datetime) -> int:
    """Return the hour of a time: Unix time divided by 3600."""
    return int(at.timestamp() // HOUR.total_seconds())


def _row(name: str, at: datetime) -> Update:
    return update(PublishingUse).where(
        col(PublishingUse.name) == name, col(PublishingUse.hour) == hour_of(at)
    )


def _start_of(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * HOUR.total_seconds(), UTC)
