"""How many calls each of our apps may still make to its platform, shared by all processes. System sessions only.

The state of a rate limit is one time in one row: when the whole limit is available again (the generic cell rate
algorithm, ITU-T I.371 annex A). A caller that consumes calls moves this time on. It locks the row until its
transaction ends, so two processes never consume the same calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam
from sqlmodel import col, select, update

from storage.engine.clocks import SET_BACK
from storage.engine.statements import insert_once, now, rows
from storage.models import AppRateLimit

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner

AT_ONCE, STEADY = 0.1, 0.8
"""The shares of a limit that may be used at once, and at an even pace. The remaining tenth is for calls that cannot be
planned (members who connect accounts) and for clocks that differ."""
_UNSYNCHRONIZED = {"synchronize_session": False}
_PAUSE = select(col(AppRateLimit.app)).where(
    col(AppRateLimit.app) == bindparam("asked"), col(AppRateLimit.paused_until) > now()
)


async def is_paused(runner: AutocommitRunner, app: str) -> bool:
    """Tell whether nobody may call for the app now. It locks nothing, so it can be asked before every call."""
    return bool(await rows(runner, _PAUSE, asked=app))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A platform's limit: so many calls in any period of length `per`. At most nine tenths of it are used."""

    calls: int
    per: timedelta

    @property
    def burst(self) -> int:
        """How many calls may be made at once after a pause."""
        return max(1, int(self.calls * AT_ONCE))

    @property
    def interval(self) -> timedelta:
        """How long it takes until one more call is available."""
        return self.per / (self.calls * STEADY)

    def available(self, full_in: timedelta) -> int:
        """Return how many calls are available when the whole limit is available in `full_in`."""
        return max(0, self.burst - _ceil(max(full_in, timedelta(0)) / self.interval))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitState:
    """What an app has used of its limit, as it was read and locked."""

    app: str
    rate_limit: RateLimit
    full_at: datetime
    paused_until: datetime
    at: datetime
    """The database's time when it was read."""

    @property
    def paused_for(self) -> timedelta | None:
        """How long the app must not call; None: it may."""
        return self.paused_until - self.at if self.paused_until > self.at else None

    @property
    def calls(self) -> int:
        """How many calls the app may make now."""
        return 0 if self.paused_for else self.rate_limit.available(self.full_at - self.at)


class RateLimits:
    """The rate limits of our apps."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, app: str, rate_limit: RateLimit) -> RateLimitState:
        """Return the app's state, locked until the transaction ends."""
        row, at = await self._locked(app)
        return RateLimitState(
            app=app, rate_limit=rate_limit, full_at=row.full_at, paused_until=row.paused_until, at=at
        )

    async def consume(self, state: RateLimitState, calls: int) -> None:
        """Consume calls, also more than are available: later callers then wait for longer."""
        full_at = max(state.full_at, state.at) + calls * state.rate_limit.interval
        await self._set(state.app, full_at=full_at)

    async def pause(self, app: str, span: timedelta) -> None:
        """Stop all calls of the app for `span`; a pause that lasts longer stays."""
        row, at = await self._locked(app)
        await self._set(app, paused_until=max(row.paused_until, at + span))

    async def _locked(self, app: str) -> tuple[AppRateLimit, datetime]:
        """Return the app's row, inserted if it is missing, and the database's time."""
        asked = select(AppRateLimit, now()).where(AppRateLimit.app == app).with_for_update()
        fresh = {"populate_existing": True}
        found = (await self._session.exec(asked, execution_options=fresh)).first()
        if found is None:
            made = insert_once(self._session, AppRateLimit).values(app=app, full_at=now(), paused_until=now())
            await self._session.exec(made.on_conflict_do_nothing(), execution_options=_UNSYNCHRONIZED)
            found = (await self._session.exec(asked, execution_options=fresh)).one()
        row, at = found
        if row.written_at is not None and row.written_at - at > SET_BACK:
            # The clock was set back since then: the waits stay as long as they were.
            back = row.written_at - at
            await self._set(app, full_at=row.full_at - back, paused_until=row.paused_until - back)
            row, at = (await self._session.exec(asked, execution_options=fresh)).one()
        return row, at

    async def _set(self, app: str, **values: datetime) -> None:
        change = update(AppRateLimit).where(col(AppRateLimit.app) == app).values(**values, written_at=now())
        await self._session.exec(change, execution_options=_UNSYNCHRONIZED)


def _ceil(number: float) -> int:
    return -int(-number // 1)
