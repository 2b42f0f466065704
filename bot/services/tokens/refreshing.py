"""Due grants -> fresh tokens, or a verdict.

A row is claimed by a lease longer than the call and its commit. Nothing stands between the platform's answer and
the commit, because a single-use refresh token is spent the moment the platform has answered. What a failure means
is decided in `bot.services.tokens.outcomes`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from sqlalchemy.exc import DBAPIError

from adapters.base import (
    Busy,
    GrantDead,
    Misconfigured,
    Platform,
    PlatformError,
    Rejected,
    TokenRefused,
    Tokens,
)
from bot.ops.logs import logger
from bot.ops.metrics import REFRESH_SECONDS
from bot.ops.retrying import retry
from bot.ops.tracing import traced
from bot.services.tokens.account_states import AccountStates, LookResult
from bot.services.tokens.outcomes import Outcomes, Reports
from bot.services.tokens.page_tokens import ExchangeResult, PageTokenChecker
from bot.services.tokens.policy import (
    ACCOUNTS_ONLY,
    BREAKER_OPEN,
    COMMIT_FOR_S,
    HEALTH_CHECK,
    REFUSAL_PAUSE,
    at_latest,
    lease_for,
    next_check_in,
    next_refresh_in,
    renewable,
)
from bot.services.tokens.queue import AT_ONCE, AppLimits, RefreshQueue
from storage.engine.autocommit import FAILURES
from storage.grants import token_pair
from storage.models import Grant, GrantStatus
from storage.rate_limits import RateLimit
from storage.refreshes import Refreshes
from storage.renewals import Renewal, renew
from storage.revocations import Revocations
from storage.tallies import Outcome

if TYPE_CHECKING:
    from datetime import timedelta

    from adapters.base import AccountTokens, Adapter, Client, Discovery
    from bot.services.accounts.catalog import PlatformCatalog
    from storage.engine.db import Database
    from storage.vault import Vault

log = logger(__name__)


class Refresher:
    """Keeps every grant fresh. Any number of these may run, in any number of processes."""

    def __init__(
        self,
        catalog: PlatformCatalog,
        adapters: Mapping[str, Adapter],
        database: Database,
        vault: Vault,
        reports: Reports,
        *,
        at_once: int = AT_ONCE,
    ) -> None:
        self._catalog = catalog
        self._adapters = adapters
        self._database = database
        self._vault = vault
        self.queues = {
            app: RefreshQueue(
                database,
                self.refresh,
                AppLimits(
                    platform=found.platform.key,
                    app=app,
                    rate_limit=RateLimit(calls=found.budget.calls, per=found.budget.per),
                    lease=lease_for(found.platform),
                    at_once=at_once,
                ),
            )
            for found in catalog.configured()
            for app in found.clients
        }
        """One for each app of ours, each to be run on its own: a slow platform delays no other."""
        self._outcomes = Outcomes(database, reports, self.queues)
        self._states = AccountStates(catalog, database, vault, reports.incidents, self._outcomes.breaker_open)
        self._incidents = reports.incidents
        self._checker = PageTokenChecker(
            database, vault, reports.incidents, spend=self._spend, doubted=self._outcomes.breaker_open
        )

    async def run(self) -> None:
        """Work on everything that is due, within the budgets; return when nothing is left to do now."""
        await asyncio.gather(*(queue.run() for queue in self.queues.values()))

    def stop(self) -> None:
        """Claim nothing more."""
        for queue in self.queues.values():
            queue.stop()

    async def drain(self, within_s: float) -> None:
        """Claim nothing more, and let what is in flight be committed."""
        await asyncio.gather(*(queue.drain(within_s) for queue in self.queues.values()))

    def tokens(self, grant: Grant) -> Tokens:
        """Return a grant's tokens, opened."""
        pair = token_pair(self._vault, grant)
        return Tokens(
            access_token=pair.access.reveal(),
            refresh_token=pair.refresh.reveal() if pair.refresh else None,
            scopes=frozenset(grant.scopes),
            subject=grant.external_id,
        )

    async def report(self, grant: Grant, error: Misconfigured) -> None:
        """Page the operator about a call with the grant's token that failed because of our app."""
        await self._outcomes.page(self._catalog.platform(grant.platform), error.code)

    @traced("refresh", lambda _self, grant: {"platform": grant.platform, "grant": grant.id})
    async def refresh(self, grant: Grant) -> PlatformError | None:
        """Refresh one leased grant and store the result; return the verdict if there are no new tokens."""
        platform = self._catalog.platform(grant.platform)
        if grant.access_sealed is None:  # ended meanwhile
            return None
        started = time.perf_counter()
        try:
            older = self.tokens(grant)
            result = await self._ask(grant, platform, older)
        except PlatformError as error:
            await self._outcomes.failed(grant, platform, error)
            return error
        except (DBAPIError, *FAILURES):
            raise  # the lease ends by itself
        except Exception as error:
            log.exception("refresh.unexpected_error", grant=grant.id, type=type(error).__name__)
            unexpected = Busy("unexpected")
            await self._outcomes.failed(grant, platform, unexpected)
            return unexpected
        if result is None:
            return None
        if result.doubted:
            await self._outcomes.page(platform, BREAKER_OPEN)
        if result.ended:
            await self._accounts_live_on(grant, result)
        else:
            await self._store(grant, platform, older, result)
            REFRESH_SECONDS.labels(grant.platform).observe(time.perf_counter() - started)
        return None

    async def _ask(self, grant: Grant, platform: Platform, tokens: Tokens) -> ExchangeResult | None:
        """Return the tokens that follow these; None where there are none to be had and the grant is well.

        Raises:
            PlatformError: The verdict.

        """
        client, adapter = self._catalog.client(grant.platform, grant.app), self._adapters[grant.platform]
        if not renewable(platform, grant):
            await self._check(grant, adapter, client, tokens)
            return None
        if platform.account_tokens:
            result = await self._checker.exchange(grant, cast("AccountTokens", adapter), client, tokens)
        else:
            result = ExchangeResult(tokens=await adapter.refresh(client, tokens))
        if (shown := result.tokens.data_access_expires_in) is not None:
            async with self._database.system() as session:
                await Refreshes(session).shown_until(grant, shown)
        return result

    async def _check(self, grant: Grant, adapter: Adapter, client: Client, tokens: Tokens) -> None:
        """Ask with the access token itself whether a grant that cannot be refreshed works, and look at its accounts.

        Raises:
            GrantDead: Only for a code that is documented to say so: any gateway can answer 401.
            Busy, Rejected: Nothing is known; the next check is an hour away.

        """
        try:
            found = await adapter.discover(client, tokens)
        except TokenRefused as refusal:
            if refusal.code in adapter.platform.dead_token_codes:
                raise GrantDead(refusal.code) from None
            raise Busy(refusal.code, retry_after=REFUSAL_PAUSE) from None
        except Rejected as refusal:
            raise Rejected(refusal.code, retry_after=REFUSAL_PAUSE) from None
        result = await self.shown(grant, found)
        async with self._database.system() as session:
            refreshes = Refreshes(session)
            others = await refreshes.looked_after(grant.app)
            usual = next_check_in(self.queues[grant.app].rate_limit, others, jitter=_jitter())
            await refreshes.healthy(grant, at_latest(usual, result.again_in))

    async def shown(self, grant: Grant, found: Discovery) -> LookResult:
        """Store what a platform shows of a grant's accounts, and return what came of it."""
        result = await self._states.store(grant, found)
        if len(found.accounts) > 1:  # a list may cost a call for each account in it
            await self._spend(grant.app, len(found.accounts) - 1)
        self._outcomes.answered(grant, "fresh", Outcome.DEAD if result.newly_suspected else Outcome.FRESH)
        if result.doubted:
            await self._outcomes.page(self._catalog.platform(grant.platform), BREAKER_OPEN)
        return result

    async def _store(self, grant: Grant, platform: Platform, older: Tokens, result: ExchangeResult) -> None:
        newer = result.tokens
        kept = newer if newer.refresh_token else replace(newer, refresh_token=older.refresh_token)
        renewal = Renewal(
            access=newer.access_token,
            refresh=newer.refresh_token,
            access_expires_in=newer.expires_in or platform.access_lifetime,
            refresh_expires_in=newer.refresh_expires_in,
            due_in=at_latest(next_refresh_in(platform, kept, jitter=_jitter()), result.again_in),
            scopes=newer.scopes,
        )
        stored = await self._commit(grant, renewal)
        self._outcomes.answered(grant, "fresh", Outcome.DEAD if result.newly_suspected else Outcome.FRESH)
        if not stored and not await self._commit_to_queue(grant, newer):
            log.warning("refresh.newer_generation_exists", grant=grant.id)

    async def _commit(self, grant: Grant, renewal: Renewal) -> bool:
        """Store new tokens."""
        if grant.status != GrantStatus.NEEDS_RECONNECT:
            work = partial(renew, self._database.durable_autocommit, self._vault, grant, renewal)
            return await _until_stored(grant, work)

        async def recover() -> bool:
            """Close the card as well that asked a person after hours of refusals."""
            async with self._database.system() as session:
                stored = await renew(session, self._vault, grant, renewal)
                if stored:
                    await self._incidents.accounts_back(session, grant)
            return stored

        return await _until_stored(grant, recover)

    async def _commit_to_queue(self, grant: Grant, newer: Tokens) -> bool:
        """Store new tokens of a grant that was queued to be revoked meanwhile; False if it was not."""

        async def store() -> bool:
            async with self._database.system() as session:
                return await Revocations(session, self._vault).renewed(
                    grant.id, newer.access_token, newer.refresh_token, newer.expires_in
                )

        return await _until_stored(grant, store)

    async def _accounts_live_on(self, grant: Grant, result: ExchangeResult) -> None:
        """Store that the person's token has ended, which calls nobody: its accounts can still publish."""
        async with self._database.system() as session:
            after = at_latest(HEALTH_CHECK * (0.9 + 0.2 * _jitter()), result.again_in)
            await Refreshes(session).healthy(grant, after, outcome=ACCOUNTS_ONLY, error_code=result.ended)
        outcome = Outcome.DEAD if result.newly_suspected else Outcome.FRESH
        self._outcomes.answered(grant, ACCOUNTS_ONLY, outcome)

    async def _spend(self, app: str, calls: int) -> timedelta | None:
        """Take more calls out of an app's budget; or return for how long nobody may call."""
        queue = self.queues.get(app)
        return None if queue is None else await queue.spend(calls)


async def _until_stored(grant: Grant, store: Callable[[], Awaitable[bool]]) -> bool:
    """Return what `store` returns; while the database is away the tokens wait here, because nobody else has them."""
    return await retry(
        store,
        on=(DBAPIError, *FAILURES),
        until=time.monotonic() + COMMIT_FOR_S,
        failed=lambda _: log.warning("refresh.waiting_for_database", grant=grant.id),
    )


def _jitter() -> float:
    return random.random()  # noqa: S311 - jitter, not a secret
