"""What our apps may still ask of their platforms: one leaky bucket per app, shared by all processes.

A bucket is one time in one row, the moment at which it would be full again (the generic cell rate algorithm,
ITU-T I.371 annex A). Whoever takes calls out of it moves that moment on, and holds the row until its
transaction ends, so that two processes never take the same calls. System sessions only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select, update

from storage.engine.clocks import SET_BACK
from storage.engine.db import insert_once, now
from storage.models import AppBudget

if TYPE_CHECKING:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """An app's bucket as it was found, locked."""

    app: str
    bucket: Bucket
    full_at: datetime
    held_until: datetime
    at: datetime
    """What time it was at the database."""

    @property
    def held(self) -> timedelta | None:
        """For how long nobody calls, or None if everybody may."""
        return self.held_until - self.at if self.held_until > self.at else None

    @property
    def calls(self) -> int:
        """How many calls the app may begin now."""
        return 0 if self.held else self.bucket.free(self.full_at - self.at)


class Budgets:
    """The buckets, by app."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open(self, app: str, bucket: Bucket) -> Purse:
        """Return what the app may begin now; nobody else may take any until this transaction ends."""
        row, at = await self._locked(app)
        return Purse(app=app, bucket=bucket, full_at=row.full_at, held_until=row.held_until, at=at)

    async def spend(self, purse: Purse, calls: int) -> None:
        """Take calls out of the bucket, also if they are not in it: those who come after wait for them."""
        full_at = max(purse.full_at, purse.at) + calls * purse.bucket.between
        await self._set(purse.app, full_at=full_at)

    async def hold(self, app: str, span: timedelta) -> None:
        """Let nobody call for `span`; a hold that lasts longer stays."""
        row, at = await self._locked(app)
        await self._set(app, held_until=max(row.held_until, at + span))

    async def _locked(self, app: str) -> tuple[AppBudget, datetime]:
        """Return the app's row, made where there is none, and what time it is at the database."""
        asked = select(AppBudget, now()).where(AppBudget.app == app).with_for_update()
        fresh = {"populate_existing": True}
        found = (await self._session.exec(asked, execution_options=fresh)).first()
        if found is None:
            made = insert_once(self._session, AppBudget).values(app=app, full_at=now(), held_until=now())
            await self._session.exec(made.on_conflict_do_nothing(), execution_options=_UNSYNCHRONIZED)
            found = (await self._session.exec(asked, execution_options=fresh)).one()
        row, at = found
        if row.written_at is not None and row.written_at - at > SET_BACK:
            # The clock was set back since: what has to be waited for is as long as it was.
            back = row.written_at - at
            await self._set(app, full_at=row.full_at - back, held_until=row.held_until - back)
            row, at = (await self._session.exec(asked, execution_options=fresh)).one()
        return row, at

    async def _set(self, app: str, **values: datetime) -> None:
        change = update(AppBudget).where(col(AppBudget.app) == app).values(**values, written_at=now())
        await self._session.exec(change, execution_options=_UNSYNCHRONIZED)


def _ceil(number: float) -> int:
    return -int(-number // 1)
