"""Due grants -> fresh tokens, or a verdict.

A row of work is claimed by a lease longer than the call and its commit. Between the platform's answer and the commit
stands nothing, because a single-use refresh token is spent the moment the platform has answered. What a
failure means is decided in one place, `_judge`; nobody else may call a grant dead.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from sqlalchemy.exc import DBAPIError

from adapters.base import (
    Busy,
    GrantDead,
    Misconfigured,
    OutcomeUnknown,
    Platform,
    PlatformError,
    Rejected,
    Rotation,
    TokenRefused,
    Tokens,
)
from bot.ops.logs import logger
from bot.ops.metrics import REFRESH_SECONDS, VERDICTS
from bot.ops.tracing import note, traced
from bot.services.tokens.page_tokens import Trade, Trader
from bot.services.tokens.policy import (
    ACCOUNTS_ONLY,
    BREAKER_HISTORY_MIN,
    BREAKER_HOLD,
    BREAKER_OPEN,
    COMMIT_FOR_S,
    HEALTH_CHECK,
    LEASE,
    OUR_FAULT_PAUSE,
    OUTAGE,
    OUTAGE_HISTORY_MIN,
    REFUSAL_PAUSE,
    SECOND_OPINION,
    at_latest,
    end_reason,
    is_outage,
    is_silent,
    lease_for,
    next_check_in,
    next_refresh_in,
    renewable,
    retry_in,
    tripped,
)
from bot.services.tokens.queue import AT_ONCE, Lane
from storage import time_limit
from storage.budgets import Bucket
from storage.grants import token_pair
from storage.models import Grant, GrantStatus
from storage.refreshes import Outcome, Refreshes, Renewal, renew
from storage.single import FAILURES

if TYPE_CHECKING:
    from adapters.base import AccountTokens, Adapter, Client
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.incidents.incidents import Incidents
    from storage.db import Database
    from storage.vault import Vault

log = logger(__name__)
Answer = TypeVar("Answer")
WAIT_FOR_SIBLING_S = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """A grant whose access token was good a moment ago."""

    grant: Grant
    tokens: Tokens


class Refresher:
    """Keeps every grant fresh. Any number of these may run, in any number of processes."""

    def __init__(
        self,
        catalog: PlatformCatalog,
        adapters: Mapping[str, Adapter],
        database: Database,
        vault: Vault,
        incidents: Incidents,
        *,
        at_once: int = AT_ONCE,
    ) -> None:
        self._catalog = catalog
        self._adapters = adapters
        self._database = database
        self._vault = vault
        self._incidents = incidents
        self._trader = Trader(
            database,
            vault,
            incidents,
            spend=self._spend,
            doubted=self._doubted,
            second_opinion=SECOND_OPINION,
            hold=BREAKER_HOLD,
        )
        self.lanes = {
            app: Lane(
                database,
                vault,
                self._settle,
                platform=found.platform.key,
                app=app,
                bucket=Bucket(calls=found.budget.calls, per=found.budget.per),
                lease=lease_for(found.platform),
                at_once=at_once,
            )
            for found in catalog.configured()
            for app in found.clients
        }
        """One for each app of ours, each to be run on its own: a platform that is slow delays no other."""

    async def run(self) -> None:
        """Work on everything that is due, within the budgets; return when nothing is left to do now."""
        await asyncio.gather(*(lane.run() for lane in self.lanes.values()))

    def stop(self) -> None:
        """Claim nothing more."""
        for lane in self.lanes.values():
            lane.stop()

    async def drain(self, within_s: float) -> None:
        """Claim nothing more, and let what is in flight be committed."""
        await asyncio.gather(*(lane.drain(within_s) for lane in self.lanes.values()))

    # On demand

    async def fresh(self, grant_id: str, *, refused: int | None = None) -> Fresh:
        """Return tokens that should work now; refreshes at most once, however many ask at once.

        `refused` is the generation whose access token a platform just answered with a 401. Raises the
        verdict when no good tokens are to be had, and Busy for everybody else until it is time to ask
        again: who waited for a refresh that failed does not repeat it. GrantDead is raised only once it is
        certain; a first word of it is Busy. TokenRefused: the platform, asked about the token that it
        refused, finds nothing wrong with it.
        """
        deadline, first, looked_at = time.monotonic() + WAIT_FOR_SIBLING_S, None, None
        while True:
            async with self._database.system(write=False) as session:
                repository = Refreshes(session, self._vault)
                grant = await repository.look(grant_id)
                if grant is None or grant.access_sealed is None:
                    raise GrantDead("ended")
                if grant.status == GrantStatus.NEEDS_RECONNECT:
                    raise GrantDead(grant.reason)
                tokens, clock = self._tokens(grant), await repository.clock()
            first = first or grant.generation
            if grant.generation != refused and (grant.generation != first or not _over(grant, clock)):
                return Fresh(grant=grant, tokens=tokens)
            if (wait := _put_off(grant, clock)) is not None:
                raise Busy(grant.verdict.rpartition(" ")[2], retry_after=wait)
            if grant.generation == looked_at:
                raise TokenRefused("refused_but_good")
            taken = None if _at_work(grant, clock) else await self._take(grant)
            if taken is not None:
                looked_at = taken.generation
                await self._now(taken)
            elif time.monotonic() > deadline:
                raise Busy("refresh_in_progress")
            else:
                await asyncio.sleep(0.05)

    async def _take(self, grant: Grant) -> Grant | None:
        lease = lease_for(self._catalog.platform(grant.platform))
        async with self._database.system() as session:
            return await Refreshes(session, self._vault).take(grant.id, grant.generation, lease)

    async def use(self, grant_id: str, call: Callable[[Client, Tokens], Awaitable[Answer]]) -> Answer:
        """Return what `call` answers, given tokens that work; a refused one is renewed once and tried again."""
        found = await self.fresh(grant_id)
        client = self._catalog.client(found.grant.platform, found.grant.app)
        try:
            return await call(client, found.tokens)
        except TokenRefused:
            renewed = await self.fresh(grant_id, refused=found.grant.generation)
            return await call(client, renewed.tokens)

    # One grant

    async def _now(self, grant: Grant) -> None:
        """Refresh a leased grant for somebody who waits. Raises the verdict, or Busy while nobody may call.

        A GrantDead is not raised: whether it is believed stands in the row.
        """
        lane = self.lanes.get(grant.app)
        held = None if lane is None else await lane.spend()
        if held is not None:
            async with self._database.system() as session:
                await Refreshes(session, self._vault).release([grant])
            raise Busy("held_back", retry_after=held)
        with time_limit.unlimited():  # what a platform answered is stored however long that takes
            failed = await (self._settle(grant) if lane is None else lane.to_the_end(self._settle(grant)))
        if failed is not None and not isinstance(failed, GrantDead):
            raise failed

    @traced("refresh", lambda _self, grant: {"platform": grant.platform, "grant": grant.id})
    async def _settle(self, grant: Grant) -> PlatformError | None:
        """Refresh one leased grant and store what came of it; return why nothing came, or None."""
        platform = self._catalog.platform(grant.platform)
        started = time.perf_counter()
        if grant.access_sealed is None:  # ended meanwhile
            return None
        try:
            tokens = self._tokens(grant)
            trade = await self._ask(grant, platform, tokens)
        except PlatformError as error:
            return await self._failed(grant, platform, error)
        except (DBAPIError, *FAILURES):
            raise  # the lease ends by itself
        except Exception as error:
            log.exception("an answer nobody thought of", grant=grant.id, type=type(error).__name__)
            return await self._failed(grant, platform, Busy("unexpected"))
        if trade is None:
            return None
        if trade.doubted:
            await self._page(platform, BREAKER_OPEN)
        if trade.ended:
            await self._accounts_live_on(grant, trade)
            return None
        newer = trade.tokens
        renewal = Renewal(
            access=newer.access_token,
            refresh=newer.refresh_token,
            access_expires_in=newer.expires_in or platform.access_lifetime,
            refresh_expires_in=newer.refresh_expires_in,
            due_in=at_latest(
                next_refresh_in(
                    platform, newer if newer.refresh_token else _keeping(newer, tokens), jitter=_chance()
                ),
                trade.again_in,
            ),
            scopes=newer.scopes,
        )
        stored = await self._commit(grant, renewal)
        self._note(grant, "fresh")
        REFRESH_SECONDS.labels(grant.platform).observe(time.perf_counter() - started)
        self._heard(grant, Outcome.DEAD if trade.news else Outcome.FRESH)
        if not stored:
            log.warning("a newer generation was there already", grant=grant.id)
        return None

    async def _ask(self, grant: Grant, platform: Platform, tokens: Tokens) -> Trade | None:
        """Return the tokens that follow these; None where there are none and the grant is well. Raises the verdict."""
        client, adapter = self._catalog.client(grant.platform, grant.app), self._adapters[grant.platform]
        if not renewable(platform, grant):
            await self._still_good(grant, adapter, client, tokens)
            return None
        if platform.rotation is Rotation.EXCHANGE:
            return await self._trader.trade(grant, cast("AccountTokens", adapter), client, tokens)
        return Trade(tokens=await adapter.refresh(client, tokens))

    async def _accounts_live_on(self, grant: Grant, trade: Trade) -> None:
        """Note that the person's token is over and nobody has to be called for it: publishing goes on."""
        async with self._database.system() as session:
            verdict = f"{ACCOUNTS_ONLY} {trade.ended}"
            after = at_latest(HEALTH_CHECK * (0.9 + 0.2 * _chance()), trade.again_in)
            await Refreshes(session, self._vault).healthy(grant, after, verdict=verdict)
        self._note(grant, ACCOUNTS_ONLY)
        self._heard(grant, Outcome.DEAD if trade.news else Outcome.FRESH)

    async def _spend(self, app: str, calls: int) -> timedelta | None:
        """Take more calls for a look out of the app's budget; or return for how long nobody may call."""
        lane = self.lanes.get(app)
        return None if lane is None else await lane.spend(calls)

    async def _doubted(self, grant: Grant) -> bool:
        """Tell whether the platform calls so much over at once that it isn't believed."""
        if lane := self.lanes.get(grant.app):
            await lane.tell_breaker()
        async with self._database.system(write=False) as session:
            repository = Refreshes(session, self._vault)
            minute = await repository.minute()
            return tripped(await repository.tallies(grant.platform, minute - 2 * BREAKER_HISTORY_MIN), minute)

    async def _still_good(self, grant: Grant, adapter: Adapter, client: Client, tokens: Tokens) -> None:
        """Ask with the token itself, where there is no refresh that could tell.

        Raises GrantDead only for a code that is documented to say so: any gateway can answer 401.
        """
        whose = adapter.platform.identity_scopes
        asked = replace(tokens, scopes=whose & frozenset(grant.scopes)) if whose else tokens
        try:
            await adapter.discover(client, asked)
        except TokenRefused as refusal:
            if refusal.code in adapter.platform.dead_token_codes:
                raise GrantDead(refusal.code) from None
            raise Busy(refusal.code, retry_after=REFUSAL_PAUSE) from None
        except Rejected as refusal:
            raise Rejected(refusal.code, retry_after=REFUSAL_PAUSE) from None
        async with self._database.system() as session:
            refreshes = Refreshes(session, self._vault)
            others = await refreshes.looked_after(grant.app)
            again = next_check_in(self.lanes[grant.app].bucket, others, jitter=_chance())
            await refreshes.healthy(grant, again)
        self._note(grant, "fresh")
        self._heard(grant, Outcome.FRESH)

    async def _commit(self, grant: Grant, renewal: Renewal) -> bool:
        """Store new tokens; while the database is gone they wait here, because nobody else has them."""
        until, wait = time.monotonic() + COMMIT_FOR_S, 0.05
        while True:
            try:
                return await renew(self._database.durable, self._vault, grant, renewal)
            except FAILURES:
                if time.monotonic() > until:
                    raise
                log.warning("new tokens wait for the database", grant=grant.id)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)

    async def _failed(self, grant: Grant, platform: Platform, error: PlatformError) -> PlatformError:
        self._note(grant, type(error).__name__)
        await self._judge(grant, platform, error)
        return error

    async def _judge(self, grant: Grant, platform: Platform, error: PlatformError) -> None:
        """Decide what a failed refresh means. The only place that may call a grant dead."""
        verdict = f"{type(error).__name__} {error.code}"
        log.info("refresh failed", grant=grant.id, platform=platform.key, verdict=verdict)
        match error:
            case GrantDead():
                # A second opinion is no news: counted again, real deaths would hold their own breaker open.
                self._heard(grant, Outcome.DEAD if grant.suspected_at is None else None)
                await self._second_opinion(grant, platform, error.code, verdict)
            case Misconfigured():
                await self._heard_nothing(grant, Outcome.OTHER, error)
                await self._page(platform, error.code)
                await self._later(grant, verdict, OUR_FAULT_PAUSE * (1 + _chance()))
            case OutcomeUnknown() if platform.rotation is Rotation.SINGLE_USE:
                await self._heard_nothing(grant, Outcome.BUSY, error)
                wait = max(LEASE, retry_in(grant.failures, error.retry_after, chance=_chance()))
                await self._later(grant, verdict, wait, in_doubt=True)
            case Busy() | OutcomeUnknown() | TokenRefused() | _:
                await self._heard_nothing(grant, Outcome.BUSY, error)
                await self._later(
                    grant, verdict, retry_in(grant.failures, error.retry_after, chance=_chance())
                )

    async def _second_opinion(self, grant: Grant, platform: Platform, code: str, verdict: str) -> None:
        """A first "dead" is looked at again; a second one counts, unless the whole platform says so."""
        async with self._database.system() as session:  # one, because many may die at once
            repository = Refreshes(session, self._vault)
            if lane := self.lanes.get(grant.app):
                await lane.tell(repository)
            clock, minute = await repository.clock(), await repository.minute()
            held = tripped(await repository.tallies(platform.key, minute - 2 * BREAKER_HISTORY_MIN), minute)
            if held:
                await repository.suspect(grant, verdict, BREAKER_HOLD)
                await self._incidents.page_operator(session, platform.key, BREAKER_OPEN)
            elif grant.suspected_at is None or clock - grant.suspected_at < SECOND_OPINION * 0.9:
                await repository.suspect(grant, verdict, SECOND_OPINION)
            else:
                reason = end_reason(platform, grant, code, clock)
                if await repository.dead(grant, reason):
                    await self._incidents.grant_died(session, grant, reason)

    async def _later(self, grant: Grant, verdict: str, after: timedelta, *, in_doubt: bool = False) -> None:
        with suppress(DBAPIError, OSError, TimeoutError):  # the lease ends by itself
            async with self._database.system() as session:
                await Refreshes(session, self._vault).later(grant, verdict, after, in_doubt=in_doubt)

    def _heard(self, grant: Grant, outcome: Outcome | None) -> None:
        if lane := self.lanes.get(grant.app):
            if outcome is not None:
                lane.counts[outcome] += 1
            lane.answered()

    async def _heard_nothing(self, grant: Grant, outcome: Outcome, error: PlatformError) -> None:
        if lane := self.lanes.get(grant.app):
            lane.counts[outcome] += 1
            with suppress(DBAPIError, OSError, TimeoutError):  # then the next call is told the same
                await lane.unanswered(error)
                if outcome is Outcome.BUSY:
                    await lane.tell_breaker()
                    await self._look_for_outage(self._catalog.platform(grant.platform))

    async def _look_for_outage(self, platform: Platform) -> None:
        async with self._database.system(write=False) as session:
            repository = Refreshes(session, self._vault)
            minute = await repository.minute()
            hour = await repository.tallies(platform.key, minute - OUTAGE_HISTORY_MIN + 1)
        if is_outage(hour, minute):
            await self._page(platform, OUTAGE)
        elif is_silent(hour, minute):
            await self._incidents.still_troubled(platform.key, OUTAGE)  # asked rarely by now, and silent

    async def _page(self, platform: Platform, code: str) -> None:
        with suppress(DBAPIError, OSError, TimeoutError):  # then whoever meets it next tells
            async with self._database.system() as session:
                await self._incidents.page_operator(session, platform.key, code)

    def _note(self, grant: Grant, verdict: str) -> None:
        note(verdict=verdict)
        VERDICTS.labels(grant.platform, verdict).inc()

    def _tokens(self, grant: Grant) -> Tokens:
        pair = token_pair(self._vault, grant)
        return Tokens(
            access_token=pair.access.reveal(),
            refresh_token=pair.refresh.reveal() if pair.refresh else None,
            scopes=frozenset(grant.scopes),
            subject=grant.external_id,
        )


def _keeping(newer: Tokens, older: Tokens) -> Tokens:
    """Return the newer tokens with the refresh token we keep."""
    return Tokens(
        access_token=newer.access_token,
        refresh_token=older.refresh_token,
        expires_in=newer.expires_in,
        refresh_expires_in=newer.refresh_expires_in,
    )


def _over(grant: Grant, clock: datetime) -> bool:
    """Tell whether the access token ends within a minute, by its own lifetime."""
    ends = grant.access_expires_at
    return ends is not None and ends - clock < timedelta(minutes=1) and grant.refresh_sealed is not None


def _at_work(grant: Grant, clock: datetime) -> bool:
    """Tell whether somebody refreshes the grant at the moment."""
    return grant.lease_until is not None and grant.lease_until > clock


def _put_off(grant: Grant, clock: datetime) -> timedelta | None:
    """Return how long nobody asks the platform again after a look that settled nothing; None: anybody may."""
    unsettled = grant.failures > 0 or grant.suspected_at is not None
    if _at_work(grant, clock) or not unsettled or grant.due_at is None or grant.due_at <= clock:
        return None
    return grant.due_at - clock


def _chance() -> float:
    return random.random()  # noqa: S311 - jitter, not a secret
