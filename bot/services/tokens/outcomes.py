"""What a failed refresh means. The one place that may call a grant dead, page the operator or open the breaker."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from adapters.base import (
    Busy,
    GrantDead,
    Misconfigured,
    OutcomeUnknown,
    Platform,
    PlatformError,
    Refresh,
    Rejected,
    TokenRefused,
)
from bot.ops.logs import logger
from bot.ops.metrics import VERDICTS
from bot.ops.tracing import set_attributes
from bot.services.tokens.policy import (
    BREAKER_HISTORY_MIN,
    BREAKER_HOLD,
    BREAKER_OPEN,
    LEASE,
    OUR_FAULT_PAUSE,
    OUTAGE,
    OUTAGE_HISTORY_MIN,
    PATIENT_TRIES,
    REFUSAL_PAUSE,
    REFUSED,
    REFUSED_AFTER,
    REFUSED_ALIKE,
    SECOND_OPINION,
    confirmed,
    end_reason,
    is_outage,
    is_silent,
    refused_for_long,
    renewable,
    retry_in,
    tripped,
)
from storage.engine.statements import database_time
from storage.models import Grant, GrantStatus
from storage.refreshes import Refreshes
from storage.tallies import Outcome, Tallies

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.incidents.incidents import IncidentService
    from bot.services.incidents.operator_alerts import OperatorPager
    from bot.services.tokens.queue import RefreshQueue
    from storage.engine.db import Database

log = logger(__name__)
DATABASE_AWAY = (DBAPIError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Who hears of refreshes that failed: members through incidents, and the operator."""

    incidents: IncidentService
    operator: OperatorPager


class Outcomes:
    """Counts what refreshes came to, and decides what a failed one changes."""

    def __init__(self, database: Database, reports: Reports, queues: Mapping[str, RefreshQueue]) -> None:
        self._database = database
        self._incidents, self._operator = reports.incidents, reports.operator
        self._queues = queues

    def answered(self, grant: Grant, verdict: str, outcome: Outcome | None) -> None:
        """Count a call in which the platform said something about the grant; None: only that it answered."""
        self._note(grant, verdict)
        self._count(grant, outcome)

    async def failed(self, grant: Grant, platform: Platform, error: PlatformError) -> None:
        """Decide what a failed refresh means, and store it."""
        self._note(grant, type(error).__name__)
        log.info(
            "refresh.failed",
            grant=grant.id,
            platform=platform.key,
            outcome=type(error).__name__,
            code=error.code,
        )
        match error:
            case GrantDead():
                # A second opinion is no news: counted again, real deaths would hold their own breaker open.
                self._count(grant, Outcome.DEAD if grant.suspected_at is None else None)
                await self._dead(grant, platform, error)
            case Misconfigured():
                await self._unanswered(grant, platform, error, Outcome.OTHER)
                await self.page(platform, error.code)
                await self._retry(grant, error, OUR_FAULT_PAUSE * (1 + random.random()))  # noqa: S311 - jitter
            case Rejected() if renewable(platform, grant):
                self._count(grant, Outcome.OTHER)
                await self._refused(grant, platform, error)
            case OutcomeUnknown() if platform.refresh is Refresh.SINGLE_USE:
                await self._unanswered(grant, platform, error, Outcome.BUSY)
                await self._retry(grant, error, max(LEASE, _pause(grant, error)), in_doubt=True)
            case Busy() | OutcomeUnknown() | TokenRefused() | Rejected() | _:
                await self._unanswered(grant, platform, error, Outcome.BUSY)
                await self._retry(grant, error, _pause(grant, error))

    async def breaker_open(self, grant: Grant) -> bool:
        """Tell whether the grant's platform calls so many grants dead at once that it is not believed."""
        if queue := self._queues.get(grant.app):
            await queue.save_counts()
        async with self._database.system(write=False) as session:
            return await self._breaker(Tallies(session), grant.platform)

    async def page(self, platform: Platform, code: str) -> None:
        """Call the operator once, however many refreshes meet the same trouble."""
        with suppress(*DATABASE_AWAY):  # then the next refresh that meets it pages
            async with self._database.system() as session:
                await self._operator.page(session, platform.key, code)

    async def _dead(self, grant: Grant, platform: Platform, error: GrantDead) -> None:
        """Ask again after a first "dead"; believe a second one, unless the whole platform says so."""
        async with self._database.system() as session:  # one, because many may die at once
            repository, tallies = Refreshes(session), Tallies(session)
            if queue := self._queues.get(grant.app):
                await queue.save_counts_in(tallies)
            clock, doubted = await database_time(session), await self._breaker(tallies, platform.key)
            if doubted:
                await repository.suspect(grant, type(error).__name__, error.code, BREAKER_HOLD)
                await self._operator.page(session, platform.key, BREAKER_OPEN)
            elif not confirmed(grant.suspected_at, clock):
                await repository.suspect(grant, type(error).__name__, error.code, SECOND_OPINION)
            else:
                await self._end(session, grant, end_reason(platform, grant, error.code, clock))

    async def _refused(self, grant: Grant, platform: Platform, error: Rejected) -> None:
        """Try again later; after hours of the same refusal ask a person, or the operator where all are refused."""
        pause = _pause(grant, error) if grant.failures < PATIENT_TRIES else REFUSAL_PAUSE
        async with self._database.system() as session:
            repository = Refreshes(session)
            if refused_for_long(grant, error.code, await database_time(session)):
                alike, renewed = await repository.refused_alike(grant.app, error.code, REFUSED_AFTER)
                if alike >= REFUSED_ALIKE and not renewed:
                    await self._operator.page(session, platform.key, REFUSED)
                elif grant.status == GrantStatus.HEALTHY:
                    if await repository.refused(grant, REFUSED, error.code, pause):
                        await self._incidents.grant_died(session, grant, REFUSED)
                    return
            await repository.reschedule(grant, type(error).__name__, error.code, pause)

    async def _end(self, session: AsyncSession, grant: Grant, reason: str) -> None:
        if await Refreshes(session).dead(grant, reason):
            await self._incidents.grant_died(session, grant, reason)

    async def _breaker(self, tallies: Tallies, platform: str) -> bool:
        """Tell whether a platform calls too many grants dead to be believed."""
        minute = await tallies.minute()
        return tripped(await tallies.since(platform, minute - 2 * BREAKER_HISTORY_MIN), minute)

    async def _retry(
        self, grant: Grant, error: PlatformError, after: timedelta, *, in_doubt: bool = False
    ) -> None:
        with suppress(*DATABASE_AWAY):  # the lease ends by itself
            async with self._database.system() as session:
                outcome = type(error).__name__
                await Refreshes(session).reschedule(grant, outcome, error.code, after, in_doubt=in_doubt)

    async def _unanswered(
        self, grant: Grant, platform: Platform, error: PlatformError, outcome: Outcome
    ) -> None:
        """Count a call that said nothing about the grant; slow the app down if it is not alone."""
        if queue := self._queues.get(grant.app):
            queue.counts[outcome] += 1
            with suppress(*DATABASE_AWAY):  # then the next call does
                await queue.unanswered(error)
                if outcome is Outcome.BUSY:
                    await queue.save_counts()
                    await self._check_for_outage(platform)

    async def _check_for_outage(self, platform: Platform) -> None:
        async with self._database.system(write=False) as session:
            tallies = Tallies(session)
            minute = await tallies.minute()
            hour = await tallies.since(platform.key, minute - OUTAGE_HISTORY_MIN + 1)
        if is_outage(hour, minute):
            await self.page(platform, OUTAGE)
        elif is_silent(hour, minute):
            await self._operator.still_failing(platform.key, OUTAGE)  # asked rarely by now, and silent

    def _count(self, grant: Grant, outcome: Outcome | None) -> None:
        if queue := self._queues.get(grant.app):
            if outcome is not None:
                queue.counts[outcome] += 1
            queue.answered()

    def _note(self, grant: Grant, verdict: str) -> None:
        set_attributes(verdict=verdict)
        VERDICTS.labels(grant.platform, verdict).inc()


def _pause(grant: Grant, error: PlatformError) -> timedelta:
    return retry_in(grant.failures, error.retry_after, chance=random.random())  # noqa: S311 - jitter
