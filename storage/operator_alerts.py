"""What the operator was told of: one row for each kind of trouble, shared by all processes. System sessions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, update

from storage.engine.db import insert_once, now
from storage.models import Trouble

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlmodel.ext.asyncio.session import AsyncSession

_UNSYNCHRONIZED = {"synchronize_session": False}


class Troubles:
    """What platforms do to all of us at once, by platform and code."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def met(self, platform: str, code: str, over_after: timedelta) -> bool:
        """Note that somebody met a trouble; True if it is a new one, of many who meet it at once for one.

        It is over, and the next time a new one, when nobody has met it for `over_after`.
        """
        first = insert_once(self._session, Trouble).values(platform=platform, code=code, met_at=now())
        if (await self._session.exec(first.on_conflict_do_nothing())).rowcount == 1:
            return True
        theirs = update(Trouble).where(col(Trouble.platform) == platform, col(Trouble.code) == code)
        again = theirs.where(col(Trouble.met_at) < now(-over_after)).values(met_at=now())
        if (await self._session.exec(again, execution_options=_UNSYNCHRONIZED)).rowcount == 1:
            return True
        await self._session.exec(theirs.values(met_at=now()), execution_options=_UNSYNCHRONIZED)
        return False

    async def still(self, platform: str, code: str, over_after: timedelta) -> None:
        """Note that a trouble, if it is known and not over, goes on."""
        known = (
            update(Trouble)
            .where(col(Trouble.platform) == platform, col(Trouble.code) == code)
            .where(col(Trouble.met_at) >= now(-over_after))
        )
        await self._session.exec(known.values(met_at=now()), execution_options=_UNSYNCHRONIZED)
