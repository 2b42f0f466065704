"""Grants that only a person can renew: warned about in time, and called over when their time is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.base import Rotation
from storage.refreshes import Refreshes

if TYPE_CHECKING:
    from bot.incidents import Incidents
    from bot.offer import Offer
    from storage.db import Database
    from storage.vault import Vault

FIRST_RUNG = timedelta(days=30)
"""The longest time before the end that an organization can ask to be told at."""


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
            for grant in await refreshes.ending(FIRST_RUNG):
                if self._offer.platform(grant.platform).rotation is not Rotation.NONE:
                    continue
                left = (grant.access_expires_at or datetime.now(UTC)) - datetime.now(UTC)
                if left <= timedelta(0):
                    if await refreshes.dead(grant, "expired"):
                        await self._incidents.grant_died(session, grant, "expired")
                    continue
                await self._incidents.grant_ends(session, grant, left)
