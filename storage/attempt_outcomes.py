"""What came of connection attempts, for browsers that load the page at the end again. System sessions only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert
from sqlmodel import col, select, update

from storage.engine.statements import now
from storage.models import AttemptOutcome, digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.models import ConnectionAttempt

OUTCOME_LIFE = timedelta(minutes=15)
LONGEST_FINISH = timedelta(minutes=2)
"""How long finishing may take. What is not finished then never will be: its process ended."""
_UNSYNCHRONIZED = {"synchronize_session": False}


class Repeat(NamedTuple):
    """An attempt that its browser asks about again."""

    outcome: AttemptOutcome
    finishing: bool
    """Its outcome is not known yet, and will be."""


class AttemptOutcomes:
    """The outcomes of attempts that were redeemed in the last 15 minutes."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def begin(self, attempt: ConnectionAttempt) -> None:
        """Note that an attempt was redeemed. To be done in the transaction that redeems it."""
        await self._session.exec(
            insert(AttemptOutcome).values(
                state_hash=attempt.state_hash,
                browser_hash=attempt.browser_hash,
                ticket_hash=attempt.ticket_hash,
                organization_id=attempt.organization_id,
                membership_id=attempt.membership_id,
                team_id=attempt.team_id,
                platform=attempt.platform,
                kind="",
                facts={},
                began_at=now(),
                expires_at=now(OUTCOME_LIFE),
            )
        )

    async def keep(self, state_hash: bytes, kind: str, facts: Mapping[str, Any]) -> None:
        """Store what came of an attempt, for 15 minutes from now."""
        kept = update(AttemptOutcome).where(col(AttemptOutcome.state_hash) == state_hash)
        values = {"kind": kind, "facts": dict(facts), "expires_at": now(OUTCOME_LIFE)}
        await self._session.exec(kept.values(**values), execution_options=_UNSYNCHRONIZED)

    async def of_state(self, state: str, browser: str, platform: str) -> Repeat | None:
        """Return what came of the attempt of this browser that has this state; None: nothing is known."""
        same_state = col(AttemptOutcome.state_hash) == digest(state)
        return await self._find(browser, same_state, col(AttemptOutcome.platform) == platform)

    async def of_ticket(self, ticket: str, browser: str) -> Repeat | None:
        """Return what came of the attempt that this browser began with this link; None: nothing is known."""
        return await self._find(browser, col(AttemptOutcome.ticket_hash) == digest(ticket))

    async def _find(self, browser: str, *which: ColumnElement[bool]) -> Repeat | None:
        finishing = (col(AttemptOutcome.kind) == "") & (col(AttemptOutcome.began_at) > now(-LONGEST_FINISH))
        found = select(AttemptOutcome, finishing).where(
            col(AttemptOutcome.browser_hash) == digest(browser),
            col(AttemptOutcome.expires_at) > now(),
            *which,
        )
        row = (await self._session.exec(found, execution_options={"populate_existing": True})).one_or_none()
        return None if row is None else Repeat(row[0], bool(row[1]))
