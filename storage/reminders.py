"""When each grant may need its next reminder that it ends. System sessions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam
from sqlalchemy import update as core_update
from sqlmodel import SQLModel, col, select, update

from storage.engine.statements import now
from storage.models import Grant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

_GRANTS = SQLModel.metadata.tables["grant_"]


class Reminders:
    """When each grant may need its next reminder."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def due(self, most: int) -> list[Grant]:
        """Return up to `most` grants that may need a reminder now, the longest waiting first."""
        waiting = (
            select(Grant)
            .where(col(Grant.next_reminder_at) <= now())
            .order_by(col(Grant.next_reminder_at))
            .limit(most)
        )
        return list(await self._session.exec(waiting))

    async def reschedule(self, until: Mapping[str, datetime]) -> None:
        """Store when each of these grants, by id, may need its next reminder."""
        later = (
            core_update(_GRANTS)
            .where(_GRANTS.c.id == bindparam("grant"))
            .values(next_reminder_at=bindparam("at"))
        )
        connection = await self._session.connection()
        await connection.execute(later, [{"grant": grant, "at": at} for grant, at in until.items()])

    async def claim(self, seen: Grant, again_at: datetime) -> Grant | None:
        """Return the grant as it is now, locked, and reschedule it to `again_at`; None if another process did first."""
        mine = update(Grant).where(
            col(Grant.id) == seen.id, col(Grant.next_reminder_at) == seen.next_reminder_at
        )
        claimed = await self._session.exec(
            mine.values(next_reminder_at=again_at).returning(Grant),
            execution_options={"synchronize_session": False, "populate_existing": True},
        )
        return claimed.scalar_one_or_none()
