"""A regular look at every account: whether it can be used, and its name, link and picture.

Each grant is looked at about once a day, for all organizations that share it: at X a look costs money. A platform that
is asked about a grant's accounts by its daily check (LinkedIn) is not asked again here.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from adapters.base import Busy, GrantDead, PlatformError
from bot.ops.logs import logger
from bot.services.tokens.policy import next_check_in, renewable
from storage.engine.autocommit import FAILURES
from storage.looks import Looks
from storage.rate_limits import RateLimits
from storage.refreshes import Refreshes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.base import Adapter, Client, Discovery, Tokens
    from bot.services.tokens.fresh import FreshTokens
    from bot.services.tokens.refreshing import Refresher
    from storage.engine.db import Database
    from storage.rate_limits import RateLimit

log = logger(__name__)
AT_ONCE = 8
"""Grants that one process looks at, at the same time, at one app of ours."""
ANSWERED_WITHIN_S = 60.0
"""How long one look may take, with a refresh before it."""
LEASE = timedelta(minutes=5)
"""After this, a look that did not end is made again."""
RETRY = timedelta(hours=1)
NEVER = timedelta.max


def next_look_in(rate_limit: RateLimit, grants: int) -> timedelta:
    """Return in how long a grant is looked at again, as one of so many of its app: in about a day."""
    return next_check_in(rate_limit, grants, jitter=random.random())  # noqa: S311 - jitter, not a secret


class Looking:
    """Looks at accounts that are due. Built once, in `bot.app`."""

    def __init__(
        self, refresher: Refresher, tokens: FreshTokens, adapters: Mapping[str, Adapter], database: Database
    ) -> None:
        self._refresher = refresher
        self._tokens = tokens
        self._adapters = adapters
        self._database = database

    async def run(self) -> None:
        """Look at everything that is due, within the budgets. Any number of processes may do so at once."""
        await asyncio.gather(*(self._run(app) for app in self._refresher.queues))

    async def _run(self, app: str) -> None:
        while due := await self._claim(app):
            await asyncio.gather(*(self._look(app, grant_id) for grant_id in due))

    async def _claim(self, app: str) -> list[str]:
        """Return grants to look at now, taken out of the app's budget."""
        async with self._database.system(write=False) as session:
            if not await Looks(session).any_due(app):
                return []
        async with self._database.system() as session:
            limits = RateLimits(session)
            state = await limits.lock(app, self._refresher.queues[app].rate_limit)
            limit = min(AT_ONCE, state.calls)
            claimed = await Looks(session).claim(app, limit, LEASE) if limit else []
            if claimed:
                await limits.consume(state, len(claimed))
        return claimed

    async def _look(self, app: str, grant_id: str) -> None:
        """Look at one grant's accounts, and store when to look again."""
        again: timedelta | None = None
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                again = await self._ask(grant_id)
        except GrantDead:  # a look follows the next consent
            return
        except (Busy, TimeoutError) as error:
            again = (error.retry_after if isinstance(error, Busy) else None) or RETRY
            log.info("look.unanswered", grant=grant_id, type=type(error).__name__)
        except PlatformError as error:
            log.info("look.refused", grant=grant_id, outcome=type(error).__name__, code=error.code)
        except (DBAPIError, *FAILURES):
            log.warning("look.interrupted", grant=grant_id)
            return
        except Exception as error:
            log.exception("look.unexpected_error", grant=grant_id, type=type(error).__name__)
        async with self._database.system() as session:
            if again is None:
                others = await Refreshes(session).looked_after(app)
                again = next_look_in(self._refresher.queues[app].rate_limit, others)
            await Looks(session).again(grant_id, None if again is NEVER else again)

    async def _ask(self, grant_id: str) -> timedelta | None:
        """Store what the platform shows; return when to look again, or None: as usual.

        Raises:
            PlatformError: It did not answer, or refused.

        """
        async with self._database.system(write=False) as session:
            grant = await Refreshes(session).look(grant_id)
        if grant is None:
            return None
        adapter = self._adapters[grant.platform]
        if not renewable(adapter.platform, grant):  # its daily check looks at the accounts, too
            return NEVER

        async def discover(client: Client, tokens: Tokens) -> Discovery:
            return await adapter.discover(client, tokens)

        found = await self._tokens.use(grant_id, discover)
        result = await self._refresher.shown(grant, found)
        return result.again_in
