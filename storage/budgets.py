"""What our apps may still ask of their platforms: one leaky bucket per app, shared by all processes.

A bucket is one time in one row, the moment at which it would be full again (the generic cell rate algorithm,
ITU-T I.371 annex A). Whoever takes calls out of it moves that moment on, and holds the row until its
transaction ends, so that two processes never take the same calls. System sessions only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select, update

from storage.db import insert_once, now
from storage.models import AppBudget

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

AT_ONCE, STEADY = 0.1, 0.8
"""The parts of a limit that may be used in one go, and at an even pace. The last tenth is left for calls
nobody can plan (people who connect) and for clocks that differ."""
_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A limit of so many calls in any span: in no such span does this bucket give more than nine tenths."""

    calls: int
    per: timedelta

    @property
    def depth(self) -> int:
        """How many calls may be made in one go after a rest."""
        return max(1, int(self.calls * AT_ONCE))

    @property
    def between(self) -> timedelta:
        """How long a call takes to come back."""
        return self.per / (self.calls * STEADY)

    def free(self, full_in: timedelta) -> int:
        """Return how many calls are in a bucket that will be full in that time."""
        return max(0, self.depth - _ceil(max(full_in, timedelta(0)) / self.between))


class Budgets:
    """The buckets, by app."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def free(self, app: str, bucket: Bucket) -> int:
        """Return how many calls the app may begin now; nobody else may take any until this transaction ends."""
        row, at = await self._locked(app)
        if row.held_until > at:
            return 0
        return bucket.free(row.full_at - at)

    async def spend(self, app: str, bucket: Bucket, calls: int) -> None:
        """Take calls out of the bucket, also if they are not in it: those who come after wait for them."""
        row, at = await self._locked(app)
        await self._set(app, full_at=max(row.full_at, at) + calls * bucket.between)

    async def hold(self, app: str, span: timedelta) -> None:
        """Let nobody call for `span`; a hold that lasts longer stays."""
        row, at = await self._locked(app)
        await self._set(app, held_until=max(row.held_until, at + span))

    async def held(self, app: str) -> timedelta | None:
        """Return for how long nobody calls, or None if everybody may."""
        found = select(AppBudget.held_until, now()).where(
            AppBudget.app == app, col(AppBudget.held_until) > now()
        )
        row = (await self._session.exec(found)).first()
        return None if row is None else row[0] - row[1]

    async def _locked(self, app: str) -> tuple[AppBudget, datetime]:
        """Return the app's row, made where there is none, and what time it is at the database."""
        asked = select(AppBudget, now()).where(AppBudget.app == app).with_for_update()
        fresh = {"populate_existing": True}
        found = (await self._session.exec(asked, execution_options=fresh)).first()
        if found is None:
            made = insert_once(self._session, AppBudget).values(app=app, full_at=now(), held_until=now())
            await self._session.exec(made.on_conflict_do_nothing(), execution_options=_UNSYNCHRONIZED)
            found = (await self._session.exec(asked, execution_options=fresh)).one()
        return found[0], found[1]

    async def _set(self, app: str, **values: datetime) -> None:
        change = update(AppBudget).where(col(AppBudget.app) == app).values(**values)
        await self._session.exec(change, execution_options=_UNSYNCHRONIZED)


def _ceil(number: float) -> int:
    return -int(-number // 1)
