"""Grants that only a person can renew: warned about in time, and called over when their time is.

Where only the time is over in which a platform shows us data (Meta), the sign-in itself is not: that is said
once, on the card and in the account's diagnosis, and nobody but the platform calls it dead.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.base import Rotation
from bot.diagnosis import ends_at
from storage.incident_models import Resolution
from storage.incidents import IncidentRows
from storage.models import GrantStatus
from storage.refreshes import Refreshes

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.incidents import Incidents
    from bot.offer import Offer
    from storage.db import Database
    from storage.models import Grant
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
        """Warn about, or end, what is near its time: each in a transaction of its own, so that nobody waits long."""
        async with self._database.system(write=False) as session:
            ending = await Refreshes(session, self._vault).ending(FIRST_RUNG)
        for grant in ending:
            async with self._database.system() as session:
                await self._look(session, grant)
        await self._take_back()

    async def _take_back(self) -> None:
        """Resolve the warnings whose end moved although nobody did anything here."""
        async with self._database.system(write=False) as session:
            warned = await IncidentRows(session).warned_of()
        for organization_id in warned:
            async with self._database.system() as session:
                await self._incidents.review(session, organization_id, None, Resolution.RENEWED)

    async def _look(self, session: AsyncSession, seen: Grant) -> None:
        """Say what there is to say about one grant, unless that was settled since it was seen."""
        refreshes = Refreshes(session, self._vault)
        grant = await refreshes.look(seen.id)
        if grant is None or grant.generation != seen.generation or grant.status != GrantStatus.HEALTHY:
            return
        platform = self._offer.platform(grant.platform)
        end = ends_at(platform, grant)
        left = FIRST_RUNG if end is None else end - datetime.now(UTC)
        if timedelta(0) < left < FIRST_RUNG:
            await self._incidents.grant_ends(session, grant, left)
        elif end is not None and left <= timedelta(0) and platform.rotation is Rotation.EXCHANGE:
            await self._incidents.data_access_ended(session, grant, end)
        elif (
            left <= timedelta(0)
            and platform.rotation is Rotation.NONE
            and await refreshes.dead(grant, "expired")
        ):
            await self._incidents.grant_died(session, grant, "expired")
