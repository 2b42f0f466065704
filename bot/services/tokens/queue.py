"""How fast one app of ours goes through its due grants.

Three things set the pace. The app's budget at the platform, shared by all processes, says how many calls may
start. The slots limit how many are in flight in this process: by Little's law a platform that takes twice as
long to answer fills twice as many. And a platform that answers nothing is asked by one call at a time, until
one of them is answered; then what waited is done at the budget's pace.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from bot.ops.logs import logger
from bot.services.tokens.policy import LEASE
from storage.rate_limits import RateLimit, RateLimits, is_paused
from storage.refreshes import Refreshes, any_due
from storage.tallies import Outcome, Tallies

if TYPE_CHECKING:
    from adapters.base import PlatformError
    from storage.engine.db import Database
    from storage.models import Grant

log = logger(__name__)
Answer = TypeVar("Answer")
BEGUN_WITHIN_S = 20.0
"""A grant that waited longer for a slot is released, so that a lease always outlasts its call."""
AT_ONCE = 64
"""Calls in flight per app and process: at 150 ms a call, four hundred a second."""
SILENCE = 20
"""After so many calls in a row without an answer about a grant, the platform is at fault."""
ASK_AGAIN = timedelta(seconds=15)
LONGEST_HOLD = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLimits:
    """One app of ours at a platform, and how fast its grants may be refreshed."""

    platform: str
    app: str
    rate_limit: RateLimit
    lease: timedelta = LEASE
    """How long a grant belongs to the process that refreshes it."""
    at_once: int = AT_ONCE
    """The most calls in flight in this process."""


class RefreshQueue:
    """Claims an app's due grants and hands them to `work`, each in a task of its own."""

    def __init__(
        self,
        database: Database,
        work: Callable[[Grant], Awaitable[object]],
        limits: AppLimits,
    ) -> None:
        self.app = limits.app
        self.rate_limit = limits.rate_limit
        self.counts: Counter[Outcome] = Counter()
        """Outcomes of calls since they were last saved."""
        self._limits = limits
        self._database = database
        self._work = work
        self._slots = asyncio.Semaphore(limits.at_once)
        self._working: set[asyncio.Task[Any]] = set()
        self._unanswered = 0
        self._held_until = 0.0
        self._stopping = False

    async def run(self) -> None:
        """Work until nothing is due, the budget is used up, or the queue is stopped."""
        more = await any_due(self._database.autocommit, self.app)
        while more and not self._stopping:
            if self._unanswered >= SILENCE:
                await self._finish()
            claimed, more = await self._claim()
            await self._begin(claimed)
        await self._finish()

    def stop(self) -> None:
        """Start nothing more."""
        self._stopping = True

    async def drain(self, within_s: float) -> None:
        """Start nothing more, and let what is in flight be committed."""
        self.stop()
        await self._finish(within_s)

    async def to_the_end(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Return what `work` returns. It goes on when its caller is cancelled, and `drain` waits for it."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        task.add_done_callback(_log_failure)
        return await asyncio.shield(task)

    async def spend(self, calls: int = 1) -> timedelta | None:
        """Take calls that cannot wait out of the budget; or return for how long nobody may call."""
        async with self._database.system() as session:
            limits = RateLimits(session)
            state = await limits.lock(self.app, self.rate_limit)
            if state.paused_for is None:
                await limits.consume(state, calls)
        return state.paused_for

    async def paused(self) -> timedelta | None:
        """Return for how long nobody may call; None: they may."""
        return await self.spend(0) if await is_paused(self._database.autocommit, self.app) else None

    def answered(self) -> None:
        """Record that the platform said something about a grant."""
        self._unanswered = 0

    async def unanswered(self, error: PlatformError) -> None:
        """Record a call that said nothing about its grant, and pause the app if many do."""
        self._unanswered += 1
        span = error.retry_after if error.whole_app and error.retry_after else timedelta(0)
        if self._unanswered >= SILENCE:
            span = max(span, ASK_AGAIN)
        span = min(span, LONGEST_HOLD)
        until = time.monotonic() + span.total_seconds()
        if span and until > self._held_until + 1:
            self._held_until = until
            async with self._database.system() as session:
                await RateLimits(session).pause(self.app, span)
            log.warning("refresh.app_paused", app=self.app, code=error.code, seconds=span.total_seconds())

    async def save_counts(self) -> None:
        """Add what this process counted to the counts that all processes share."""
        if self.counts:
            async with self._database.system() as session:
                await self.save_counts_in(Tallies(session))

    async def save_counts_in(self, tallies: Tallies) -> None:
        """Save the counts in a transaction that is open already."""
        counted, self.counts = self.counts, Counter()
        if counted:
            try:
                await tallies.count(self._limits.platform, await tallies.minute(), counted)
            except BaseException:
                self.counts += counted
                raise

    async def _claim(self) -> tuple[list[Grant], bool]:
        """Return grants to start now, taken out of the budget, and whether there may be more."""
        limit = 1 if self._unanswered >= SILENCE else self._limits.at_once
        async with self._database.system() as session:
            limits, refreshes = RateLimits(session), Refreshes(session)
            state = await limits.lock(self.app, self.rate_limit)
            # Before any grant is locked, in the order `Outcomes` uses, so that two transactions never deadlock.
            await self.save_counts_in(Tallies(session))
            limit = min(limit, state.calls)
            claimed = await refreshes.claim(self.app, limit, self._limits.lease) if limit else []
            if claimed:
                await limits.consume(state, len(claimed))
        return claimed, bool(claimed) and len(claimed) == limit

    async def _begin(self, claimed: Collection[Grant]) -> None:
        claimed_at, late = time.monotonic(), []
        for grant in claimed:
            await self._slots.acquire()
            silent = self._unanswered >= SILENCE and len(claimed) > 1
            if self._stopping or silent or time.monotonic() - claimed_at > BEGUN_WITHIN_S:
                self._slots.release()
                late.append(grant)
                continue
            task = asyncio.create_task(self._one(grant))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        if late:
            async with self._database.system() as session:
                await Refreshes(session).release(late)

    async def _one(self, grant: Grant) -> None:
        try:
            await self._work(grant)
        except Exception as error:
            log.exception("refresh.interrupted", grant=grant.id, type=type(error).__name__)
        finally:
            self._slots.release()

    async def _finish(self, within_s: float | None = None) -> None:
        if self._working:
            await asyncio.wait(set(self._working), timeout=within_s)
        await self.save_counts()


def _log_failure(task: asyncio.Task[Any]) -> None:
    """Log what a task failed with: its caller may be gone."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("refresh.interrupted", type=type(error).__name__)
