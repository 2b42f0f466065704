"""Access tokens that work now, for whoever is about to call a platform."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from adapters.base import Busy, GrantDead, Misconfigured, Rejected, TokenRefused, Tokens
from adapters.http import counting
from bot.services.tokens.policy import lease_for
from storage.engine import time_limit
from storage.engine.statements import database_time
from storage.models import REJECTED, Grant, GrantStatus
from storage.refreshes import Refreshes

if TYPE_CHECKING:
    from adapters.base import Client
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.tokens.refreshing import Refresher
    from storage.engine.db import Database

Answer = TypeVar("Answer")
WAIT_FOR_SIBLING_S = 25.0
"""How long to wait for another caller, in any process, that is refreshing the same grant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """A grant whose access token was good a moment ago."""

    grant: Grant
    tokens: Tokens


class FreshTokens:
    """Hands out access tokens, refreshing a grant first where that is needed."""

    def __init__(self, catalog: PlatformCatalog, refresher: Refresher, database: Database) -> None:
        self._catalog = catalog
        self._refresher = refresher
        self._database = database

    async def get(self, grant_id: str, *, refused: int | None = None) -> Fresh:
        """Return tokens that should work now; refreshes at most once, however many callers ask at once.

        `refused` is the generation whose access token a platform has just answered with a 401.

        Raises:
            GrantDead: The grant has ended for certain. A platform's first word of it is Busy.
            TokenRefused: Asked about the token it refused, the platform finds nothing wrong with it.
            PlatformError: The verdict of the refresh, and Busy for every caller until it is time to ask
                again: those who waited for a refresh that failed do not repeat it.

        """
        loop = asyncio.get_running_loop()
        deadline, first, checked = loop.time() + WAIT_FOR_SIBLING_S, None, None
        while True:
            async with self._database.system(write=False) as session:
                grant = await Refreshes(session).look(grant_id)
                if grant is None or grant.access_sealed is None:
                    raise GrantDead("ended")
                if grant.status == GrantStatus.NEEDS_RECONNECT:
                    raise GrantDead(grant.reason)
                tokens, clock = self._refresher.tokens(grant), await database_time(session)
            first = first or grant.generation
            if grant.generation != refused and (grant.generation != first or not _expired(grant, clock)):
                return Fresh(grant=grant, tokens=tokens)
            if (wait := _paused_for(grant, clock)) is not None:
                kind = Rejected if grant.last_outcome == REJECTED else Busy
                raise kind(grant.last_error_code, retry_after=wait)
            if grant.generation == checked:
                raise TokenRefused("refused_but_good")
            leased = None if _leased(grant, clock) else await self._lease(grant)
            if leased is not None:
                checked = leased.generation
                await self._refresh(leased)
            elif loop.time() > deadline:
                raise Busy("refresh_in_progress")
            else:
                await asyncio.sleep(0.05)

    async def standing(self, grant_id: str) -> Fresh | None:
        """Return tokens that work as they are; None: there are none, or they would have to be renewed first."""
        async with self._database.system(write=False) as session:
            grant = await Refreshes(session).look(grant_id)
            clock = await database_time(session)
        if grant is None or grant.access_sealed is None or grant.status == GrantStatus.NEEDS_RECONNECT:
            return None
        ends = grant.access_expires_at
        over = ends is not None and ends - clock < timedelta(minutes=1)
        return None if over else Fresh(grant=grant, tokens=self._refresher.tokens(grant))

    async def use(self, grant_id: str, call: Callable[[Client, Tokens], Awaitable[Answer]]) -> Answer:
        """Return what `call` answers, given tokens that work; a refused one is refreshed once and tried again.

        The operator is paged where the platform refuses our app.

        Raises:
            PlatformError: What `call` raises, or why there are no tokens: see `get`.

        """
        found = await self.get(grant_id)
        client = self._catalog.client(found.grant.platform, found.grant.app)
        queue = self._refresher.queues.get(found.grant.app)
        if queue is not None and (held := await queue.paused()) is not None:
            raise Busy("held_back", retry_after=held)
        try:
            try:
                return await self.counted(found.grant.app, call(client, found.tokens))
            except TokenRefused:
                renewed = await self.get(grant_id, refused=found.grant.generation)
                return await self.counted(found.grant.app, call(client, renewed.tokens))
        except Misconfigured as error:
            await self._refresher.report(found.grant, error)
            raise

    async def counted(self, app: str, call: Awaitable[Answer]) -> Answer:
        """Return what `call` answers, and take the requests it made out of the app's budget.

        How many a listing takes is known only afterwards; refreshes then wait for longer.
        """
        queue = self._refresher.queues.get(app)
        with counting() as calls:
            try:
                return await call
            finally:
                if queue is not None and calls.made:
                    await queue.spend(calls.made)

    async def _lease(self, grant: Grant) -> Grant | None:
        lease = lease_for(self._catalog.platform(grant.platform))
        async with self._database.system() as session:
            return await Refreshes(session).take(grant.id, grant.generation, lease)

    async def _refresh(self, grant: Grant) -> None:
        """Refresh a leased grant.

        A GrantDead is not raised: whether it is believed stands in the row.

        Raises:
            PlatformError: The verdict; Busy while the app may not call.

        """
        queue = self._refresher.queues.get(grant.app)
        held = None if queue is None else await queue.spend()
        if held is not None:
            async with self._database.system() as session:
                await Refreshes(session).release([grant])
            raise Busy("held_back", retry_after=held)
        with time_limit.unlimited():  # what a platform answered is stored however long that takes
            work = self._refresher.refresh(grant)
            failed = await (work if queue is None else queue.to_the_end(work))
        if failed is not None and not isinstance(failed, GrantDead):
            raise failed


def _expired(grant: Grant, clock: datetime) -> bool:
    """Tell whether a grant that can be refreshed has an access token that ends within a minute."""
    ends = grant.access_expires_at
    return ends is not None and ends - clock < timedelta(minutes=1) and grant.refresh_sealed is not None


def _leased(grant: Grant, clock: datetime) -> bool:
    return grant.lease_until is not None and grant.lease_until > clock


def _paused_for(grant: Grant, clock: datetime) -> timedelta | None:
    """Return how long nobody asks the platform again after a refresh that settled nothing; None: ask now."""
    unsettled = grant.failures > 0 or grant.suspected_at is not None
    if _leased(grant, clock) or not unsettled or grant.due_at is None or grant.due_at <= clock:
        return None
    return grant.due_at - clock
