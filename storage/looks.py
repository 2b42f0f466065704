"""When the accounts of each grant are looked at next, and the accounts themselves. System sessions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select, update

from storage.engine.statements import now, now_or_null
from storage.models import Account, Grant, GrantStatus

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

_UNSYNCHRONIZED = {"synchronize_session": False}
_FRESH = {"populate_existing": True}


def _due(app: str) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a grant of an app is due for a look."""
    return (
        col(Grant.app) == app,
        col(Grant.look_at) <= now(),
        col(Grant.status) == GrantStatus.HEALTHY,
        col(Grant.access_sealed).is_not(None),
    )


class Looks:
    """The regular looks at accounts."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def any_due(self, app: str) -> bool:
        """Return whether grants of an app are due for a look: a read that most of the time says no."""
        due = select(Grant.id).where(*_due(app)).limit(1)
        return (await self._session.exec(due)).first() is not None

    async def claim(self, app: str, limit: int, lease: timedelta) -> list[str]:
        """Return the ids of up to `limit` grants of an app that are due for a look, the longest due first.

        They are due again after `lease`, so a caller that dies loses nothing and another one repeats its look.
        """
        due = (
            select(Grant.id)
            .where(*_due(app))
            .order_by(col(Grant.look_at), col(Grant.id))
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")  # PostgreSQL runs this once; as a plain subquery it may run again and take more
        )
        taken = update(Grant).where(col(Grant.id).in_(select(due.c.id))).values(look_at=now(lease))
        rows = await self._session.exec(
            taken.returning(col(Grant.id)), execution_options=_UNSYNCHRONIZED | _FRESH
        )
        return list(rows.scalars())

    async def again(self, grant_id: str, after: timedelta | None) -> None:
        """Look at the grant's accounts again in `after`; None: not before the next consent."""
        look_at = now_or_null(after)
        change = update(Grant).where(col(Grant.id) == grant_id).values(look_at=look_at)
        await self._session.exec(change, execution_options=_UNSYNCHRONIZED)

    async def lock(self, grant_id: str) -> tuple[Grant, list[Account]] | None:
        """Return a grant and its connected accounts, locked in the usual order; None if it has ended meanwhile."""
        living = select(Grant).where(Grant.id == grant_id, Grant.status == GrantStatus.HEALTHY)
        locked = living.with_for_update(key_share=True)
        grant = (await self._session.exec(locked, execution_options=_FRESH)).first()
        if grant is None:
            return None
        connected = (
            select(Account)
            .where(Account.grant_id == grant_id, col(Account.disconnected_at).is_(None))
            .order_by(col(Account.id))
        )
        accounts = await self._session.exec(
            connected.with_for_update(key_share=True), execution_options=_FRESH
        )
        return grant, list(accounts)
