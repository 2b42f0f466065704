"""The places inside an account (subreddits), as last read from the platform."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, func, insert
from sqlmodel import col, delete, select, update

from storage.engine.statements import now
from storage.folding import fold
from storage.models import Account, Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

_UNSYNCHRONIZED = {"synchronize_session": False}
_SIGIL = re.compile(r"^(?:[a-z]/|@|#)")
"""What people write before a name: `r/mugs`, `@octademo`."""


class Places:
    """The places inside an account, as last read from the platform."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def replace(
        self, organization_id: str, account_id: str, places: Sequence[tuple[str, str, str]]
    ) -> bool:
        """Store the account's places, each `(remote_id, name, detail)`; False if there is no such account.

        If two lists are stored at once, the later one replaces the other completely.
        """
        read = (
            update(Account)
            .where(col(Account.organization_id) == organization_id, col(Account.id) == account_id)
            .values(places_at=now())
        )
        if (await self._session.exec(read, execution_options=_UNSYNCHRONIZED)).rowcount != 1:
            return False
        old = delete(Place).where(col(Place.account_id) == account_id)
        await self._session.exec(old, execution_options=_UNSYNCHRONIZED)
        rows = {
            remote_id: {
                "account_id": account_id,
                "remote_id": remote_id,
                "organization_id": organization_id,
                "name": name,
                "search": _searchable(name),
                "detail": detail,
            }
            for remote_id, name, detail in places
        }
        if rows:
            await self._session.exec(insert(Place), params=list(rows.values()))
        return True

    async def search(
        self, organization_id: str, account_id: str, query: str, limit: int = 100
    ) -> list[Place]:
        """Return the places whose name begins with `query`, then those that contain it, each by name."""
        wanted = _searchable(query)
        begins = col(Place.search).startswith(wanted, autoescape=True)
        matching = (
            select(Place)
            .where(Place.organization_id == organization_id, Place.account_id == account_id)
            .order_by(case((begins, 0), else_=1), col(Place.search), col(Place.remote_id))
            .limit(limit)
        )
        if wanted:
            matching = matching.where(col(Place.search).contains(wanted, autoescape=True))
        return list(await self._session.exec(matching))

    async def count(self, organization_id: str, account_id: str) -> int:
        """Return how many places the account has."""
        counted = select(func.count()).select_from(Place)
        mine = counted.where(Place.organization_id == organization_id, Place.account_id == account_id)
        return (await self._session.exec(mine)).one()

    async def fresh(self, organization_id: str, account_id: str, max_age: timedelta) -> bool:
        """Return whether the places were read from the platform within `max_age`."""
        read = select(Account.id).where(
            Account.organization_id == organization_id,
            Account.id == account_id,
            col(Account.places_at) >= now(-max_age),
        )
        return (await self._session.exec(read)).first() is not None


def _searchable(name: str) -> str:
    return _SIGIL.sub("", fold(name))
