"""Grants that only a person can renew: warned about in time, and called over when their time is.

Where only the time is over in which a platform shows us data (Meta), the sign-in itself is not: that is said
in the account's diagnosis, and nobody but the platform calls it dead.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.base import Rotation
from bot.diagnosis import ends_at
from storage.refreshes import Refreshes

if TYPE_CHECKING:
    from bot.incidents import Incidents
    from bot.offer import Offer
    from storage.db import Database
    from storage.vault import Vault

RUNGS = (14, 7, 3, 1)
"""Days before the end on which the admins are told."""


class Ladder:
    """Looks at every grant without a refresh. Running it often, or twice at once, says nothing twice."""

    def __init__(self, offer: Offer, incidents: Incidents, database: Database, vault: Vault) -> None:
        self._offer = offer
        self._incidents = incidents
        self._database = database
        self._vault = vault

    async def run(self) -> None:
        """Warn about, or end, what is near its time."""
        async with self._database.system() as session:
            refreshes = Refreshes(session, self._vault)
            for grant in await refreshes.ending(timedelta(days=RUNGS[0])):
                platform = self._offer.platform(grant.platform)
                end = ends_at(platform, grant)
                if end is None or end - datetime.now(UTC) > timedelta(days=RUNGS[0]):
                    continue
                left = end - datetime.now(UTC)
                if left <= timedelta(0):
                    if platform.rotation is Rotation.NONE and await refreshes.dead(grant, "expired"):
                        await self._incidents.grant_died(session, grant, "expired")
                    continue
                rung = min(days for days in RUNGS if left <= timedelta(days=days))
                await self._incidents.grant_ends(session, grant, rung)
