"""What the operator was alerted to: one row for each platform and code, shared by all processes.

System sessions only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, update

from storage.engine.statements import insert_once, now
from storage.models import OperatorAlert

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy.sql.dml import Update
    from sqlmodel.ext.asyncio.session import AsyncSession

_UNSYNCHRONIZED = {"synchronize_session": False}


class OperatorAlerts:
    """Faults that affect a whole platform, by platform and code."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def raise_once(self, platform: str, code: str, over_after: timedelta) -> bool:
        """Store that a fault was seen; return True if the operator has to be alerted to it.

        Of many callers at once one gets True. The fault is over, and the next time a new one, when nobody has
        seen it for `over_after`.
        """
        first = insert_once(self._session, OperatorAlert).values(
            platform=platform, code=code, last_seen_at=now()
        )
        if (await self._session.exec(first.on_conflict_do_nothing())).rowcount == 1:
            return True
        over = _update(platform, code).where(col(OperatorAlert.last_seen_at) < now(-over_after))
        if await self._see(over):
            return True
        await self._see(_update(platform, code))
        return False

    async def touch(self, platform: str, code: str, over_after: timedelta) -> None:
        """Store that a fault, if the operator knows of it and it is not over, goes on."""
        await self._see(_update(platform, code).where(col(OperatorAlert.last_seen_at) >= now(-over_after)))

    async def _see(self, which: Update) -> bool:
        changed = await self._session.exec(
            which.values(last_seen_at=now()), execution_options=_UNSYNCHRONIZED
        )
        return changed.rowcount == 1


def _update(platform: str, code: str) -> Update:
    return update(OperatorAlert).where(
        col(OperatorAlert.platform) == platform, col(OperatorAlert.code) == code
    )
