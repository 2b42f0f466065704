"""The states of Slack's install page. A state is stored when it comes back, so that it can be used once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, LargeBinary, literal
from sqlalchemy import select as columns
from sqlmodel import col, select, update

from storage.engine.statements import insert_once, now
from storage.models import InstallState, Utc, digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

INSTALL_LIFE = timedelta(minutes=10)
OUTCOME_LIFE = timedelta(minutes=15)
"""How long what came of an installation is known. Longer than the life of a state, which is spent for all of it."""
LONGEST_FINISH = timedelta(minutes=2)
"""How long finishing may take."""


class InstallStates:
    """The states that have been used. System sessions only."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def expiry(self) -> datetime:
        """Return when a state that is issued now expires, by the clock that all processes share."""
        return (await self._session.exec(select(now(INSTALL_LIFE)))).one()

    async def spend(self, state: str, expires_at: datetime) -> bool:
        """Return True to exactly one caller in all processes, and False once the state has expired.

        The caller has to verify `expires_at`. The row outlives the state, which is refused because of its time from
        then on.
        """
        spent = columns(
            literal(digest(state), LargeBinary),
            now(OUTCOME_LIFE),
            literal({}, JSON()),
        ).where(literal(expires_at, Utc()) > now())
        statement = insert_once(self._session, InstallState).from_select(
            ["state_hash", "expires_at", "outcome"], spent
        )
        return (await self._session.exec(statement.on_conflict_do_nothing())).rowcount == 1

    async def keep(self, state: str, outcome: Mapping[str, Any]) -> None:
        """Store what came of an installation."""
        kept = update(InstallState).where(col(InstallState.state_hash) == digest(state))
        await self._session.exec(kept.values(outcome=dict(outcome)))

    async def outcome(self, state: str) -> dict[str, Any] | None:
        """Return what came of an installation, empty while it is being finished; None: nothing is known.

        What is not finished after two minutes never will be: its process ended.
        """
        found = select(
            InstallState.outcome, col(InstallState.expires_at) > now(OUTCOME_LIFE - LONGEST_FINISH)
        ).where(InstallState.state_hash == digest(state), col(InstallState.expires_at) > now())
        row = (await self._session.exec(found)).one_or_none()
        return dict(row[0]) if row is not None and (row[0] or row[1]) else None
