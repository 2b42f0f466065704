"""A browser comes back from a platform: the outcome of its trip, once and whenever it asks again.

A person reloads the page at the end, goes back and forward, or loses the connection while it loads. The outcome is
kept for 15 minutes for the browser that made the trip, so each of these shows what came of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.errors import ServiceError
from bot.services.notifications import (
    ConsentFailed,
    ConsentProblem,
    ConsentSettled,
    ConsentWaiting,
)
from storage.attempt_outcomes import AttemptOutcomes, Repeat
from storage.attempts import Attempts
from storage.models import digest

if TYPE_CHECKING:
    from adapters.base import Platform
    from bot.services.accounts.connecting import Connecting, Outcome
    from storage.attempts import Redeemed
    from storage.engine.db import Database
    from storage.models import AttemptOutcome
    from storage.vault import Vault

log = logger(__name__)
REFUSED = "refused"
"""Stands for a member who may connect nothing any more: their role is looked up again for each visit."""
KINDS: dict[str, type[ConsentSettled | ConsentWaiting | ConsentFailed]] = {
    kind.KIND: kind for kind in (ConsentSettled, ConsentWaiting, ConsentFailed)
}
PATIENCE_S = 10.0
"""How long a second visit waits for what the first one is finishing."""
PAUSE_S = 0.25
Read = Callable[[AttemptOutcomes], Awaitable[Repeat | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What a browser brings back from a platform."""

    platform: Platform
    state: str
    browser: str | None
    """The browser's own secret, if it has one."""
    code: str
    error: str
    """The platform's code for why there is no consent; empty: there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A trip that has ended."""

    platform: Platform
    organization_id: str
    membership_id: str
    team_id: str
    outcome: Outcome | None = None
    """None: the member may connect nothing any more, as `refusal` says."""
    refusal: ServiceError | None = None
    again: bool = False
    """This browser was told before."""


class NotArrived(StrEnum):
    """Why a visit has no outcome to show."""

    FINISHING = auto()
    """An earlier visit is still at it."""
    ABANDONED = auto()
    """An earlier visit was at it when its process ended."""
    LATE = auto()
    """The attempt has expired. The member is sent a way to begin again."""
    ELSEWHERE = auto()
    """The attempt began in another browser, which can still finish it. The member is told."""
    UNKNOWN = auto()
    """There is no such attempt."""


@dataclass(frozen=True)
class Arrivals:
    """The use case. Built once, in `bot.app`."""

    connecting: Connecting
    database: Database
    vault: Vault

    async def finish(self, back: Return) -> Arrived | NotArrived:
        """Finish a trip: same browser, same platform, once. A second visit is told what came of it."""
        browser = back.browser
        if browser is None:
            return await self._missed(back)
        async with self.database.system() as session:
            redeemed = await Attempts(session, self.vault).redeem(back.state, browser, back.platform.key)
            if redeemed is not None:
                await AttemptOutcomes(session).begin(redeemed.attempt)
        if redeemed is not None:
            return await self._finish(redeemed, back)
        again = await self._again(lambda told: told.of_state(back.state, browser, back.platform.key))
        return await self._missed(back) if again is None else again

    async def of_link(self, secret: str, browser: str) -> Arrived | NotArrived | None:
        """Return what came of the trip that this browser began with a link; None: there was none."""
        return await self._again(lambda told: told.of_ticket(secret, browser))

    async def _finish(self, redeemed: Redeemed, back: Return) -> Arrived:
        attempt = redeemed.attempt
        outcome: Outcome | None = None
        refusal = None
        try:
            outcome = (
                await self.connecting.refuse(attempt, back.error)
                if back.error
                else await self.connecting.finish(redeemed, back.code)
            )
        except ServiceError as error:
            refusal = error
        kind, facts = (outcome.KIND, outcome.dump()) if outcome is not None else (REFUSED, {})
        async with self.database.system() as session:
            await AttemptOutcomes(session).keep(attempt.state_hash, kind, facts)
        return Arrived(
            platform=back.platform,
            organization_id=attempt.organization_id,
            membership_id=attempt.membership_id,
            team_id=attempt.team_id,
            outcome=outcome,
            refusal=refusal,
        )

    async def _again(self, read: Read) -> Arrived | NotArrived | None:
        """Return what is known of an earlier visit, after waiting for one that is still at it."""
        until = time.monotonic() + PATIENCE_S
        while True:
            async with self.database.system(write=False) as session:
                repeat = await read(AttemptOutcomes(session))
            if repeat is None:
                return None
            if not repeat.finishing:
                return await self._told_again(repeat.outcome)
            if time.monotonic() > until:
                return NotArrived.FINISHING
            await asyncio.sleep(PAUSE_S)

    async def _told_again(self, row: AttemptOutcome) -> Arrived | NotArrived:
        if not row.kind:
            return NotArrived.ABANDONED
        outcome: Outcome | None = None
        refusal = None
        try:
            await self.connecting.member_behind(row)
        except ServiceError as error:
            refusal = error
        else:
            if row.kind == REFUSED:
                return NotArrived.UNKNOWN
            outcome = KINDS[row.kind].load(row.facts)
        return Arrived(
            platform=self.connecting.catalog.platform(row.platform),
            organization_id=row.organization_id,
            membership_id=row.membership_id,
            team_id=row.team_id,
            outcome=outcome,
            refusal=refusal,
            again=True,
        )

    async def _missed(self, back: Return) -> NotArrived:
        """Tell the member who began a trip that can't be finished here how to go on, once."""
        async with self.database.system(write=False) as session:
            found = await Attempts(session, self.vault).missed(back.state, back.platform.key)
        if found is None:
            return NotArrived.UNKNOWN
        attempt, expired = found
        if not expired and back.browser is not None and digest(back.browser) == attempt.browser_hash:
            return NotArrived.UNKNOWN  # it was redeemed at this moment, by another visit
        problem = ConsentProblem.LATE if expired else ConsentProblem.ELSEWHERE
        try:
            await self.connecting.missed(attempt, problem)
        except ServiceError as refusal:
            log.info("consent.not_told", code=refusal.code)
            return NotArrived.UNKNOWN
        return NotArrived.LATE if expired else NotArrived.ELSEWHERE
