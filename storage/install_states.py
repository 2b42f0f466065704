"""The states of Slack's install page. A state is stored when it comes back, so that it can be used once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import LargeBinary, literal
from sqlalchemy import select as columns
from sqlmodel import select

from storage.engine.statements import insert_once, now
from storage.models import InstallState, Utc, digest

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

INSTALL_LIFE = timedelta(minutes=10)


class InstallStates:
    """The states that have been used. System sessions only."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def expiry(self) -> datetime:
        """Return when a state that is issued now expires, by the clock that all processes share."""
        return (await self._session.exec(select(now(INSTALL_LIFE)))).one()

    async def spend(self, state: str, expires_at: datetime) -> bool:
        """Return True to exactly one caller in all processes, and False once the state has expired.

        The caller has to verify `expires_at`. The row may be deleted when the state expires: from then on the state is
        refused because of its time.
        """
        spent = columns(literal(digest(state), LargeBinary), literal(expires_at, Utc())).where(
            literal(expires_at, Utc()) > now()
        )
        statement = insert_once(self._session, InstallState).from_select(["state_hash", "expires_at"], spent)
        return (await self._session.exec(statement.on_conflict_do_nothing())).rowcount == 1
