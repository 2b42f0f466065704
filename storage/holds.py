"""Accounts whose posts members hold until a time. A sign-in that has ended holds them too (`storage.posts`)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select, update

from storage.engine.statements import now
from storage.models import BEFORE_SENDING, Account, Delivery, DeliveryStatus, DeliveryStep
from storage.posts import Posts, Released
from storage.publishing_accounts import lock_accounts

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a hold stops."""

    accounts: int
    posts: frozenset[str]
    """The ids of the posts of which something waits now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What the end of a hold lets go."""

    accounts: int
    released: Released
    posts: frozenset[str]


class Holds:
    """The holds of an organization."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def hold(self, organization_id: str, account_ids: Collection[str], until: datetime) -> Held:
        """Hold the posts of accounts, those that are decided later too. What has begun to go out goes on."""
        locked = await lock_accounts(self._session, organization_id, account_ids)
        held = update(Account).where(col(Account.id).in_(locked)).values(held_until=until)
        await self._session.exec(held, execution_options=_UNSYNCHRONIZED)
        begun = select(DeliveryStep.delivery_id).where(DeliveryStep.organization_id == organization_id)
        stopped = (
            update(Delivery)
            .where(
                col(Delivery.organization_id) == organization_id,
                col(Delivery.account_id).in_(locked),
                col(Delivery.status).in_(BEFORE_SENDING),
                col(Delivery.id).not_in(begun),
            )
            .values(
                status=DeliveryStatus.HELD,
                work_at=None,
                lease_until=None,
                generation=col(Delivery.generation) + 1,
            )
            .returning(col(Delivery.post_id))
        )
        found = await self._session.exec(stopped, execution_options=_UNSYNCHRONIZED)
        return Held(accounts=len(locked), posts=frozenset(found.scalars()))

    async def resume(self, organization_id: str, account_ids: Collection[str]) -> Resumed:
        """End the holds of accounts. A post whose time has passed becomes late: a person is asked about it."""
        locked = await lock_accounts(self._session, organization_id, account_ids)
        ended = (
            update(Account)
            .where(col(Account.id).in_(locked), col(Account.held_until).is_not(None))
            .values(held_until=None)
            .returning(col(Account.id))
        )
        accounts = list((await self._session.exec(ended, execution_options=_UNSYNCHRONIZED)).scalars())
        waiting = select(Delivery.post_id).where(
            Delivery.organization_id == organization_id,
            col(Delivery.account_id).in_(accounts),
            Delivery.status == DeliveryStatus.HELD,
        )
        posts = frozenset(await self._session.exec(waiting))
        released = await Posts(self._session).release(organization_id, accounts)
        return Resumed(accounts=len(accounts), released=released, posts=posts)

    async def over(self) -> dict[str, list[str]]:
        """Return the accounts whose hold is over, by organization. System session."""
        found = select(Account.organization_id, Account.id).where(col(Account.held_until) <= now())
        by_organization = defaultdict(list)
        for organization_id, account_id in await self._session.exec(found):
            by_organization[organization_id].append(account_id)
        return by_organization
