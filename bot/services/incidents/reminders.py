"""Grants that only a person can renew: warned about in time, and called over when their time is.

A look at each of a million grants every few minutes would be a job without end, so each row says when there
may be something to say about it: at the next rung, or when it has been still for a month.
Where only the time is over in which a platform shows us data, the sign-in itself is not: that is said
once, on the card and in the account's diagnosis, and nobody but the platform calls it dead.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.tokens.lifetimes import LONGEST_NOTICE, ends_at, lapsed, only_data_ends
from storage.engine.statements import database_time
from storage.incidents import Incidents
from storage.models import GrantStatus
from storage.refreshes import Refreshes
from storage.reminders import Reminders

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.incidents.incidents import IncidentService
    from storage.engine.db import Database
    from storage.models import Grant

log = logger(__name__)
RUNG = timedelta(days=1)
"""Organizations choose whole days, so there may be something to say once a day."""
SHORTEST = timedelta(minutes=15)
"""Between two looks at one grant, whatever the clocks of host and database make of it."""
AFTER_A_FAULT = timedelta(hours=1)
PAGE = 200


def next_look(end: datetime | None, moment: datetime) -> datetime:
    """Return when there may be something new to say about a grant whose time is up at `end`, if ever."""
    if end is None or end <= moment:
        return moment + LONGEST_NOTICE
    left = end - moment
    rungs = LONGEST_NOTICE if left > LONGEST_NOTICE else (math.ceil(left / RUNG) - 1) * RUNG
    return min(max(end - rungs, moment + SHORTEST), moment + LONGEST_NOTICE)


class Ladder:
    """Looks at every grant when its time has come. Running it often, or twice at once, says nothing twice.

    What time it is, and so what is over, the database says: a host's clock may be minutes ahead.
    """

    def __init__(self, catalog: PlatformCatalog, incidents: IncidentService, database: Database) -> None:
        self._catalog = catalog
        self._incidents = incidents
        self._database = database

    async def run(self) -> None:
        """Look at all whose time has come: each in a transaction of its own, so that nobody waits long."""
        while page := await self._page():
            async with self._database.system(write=False) as session:
                warned = await Incidents(session).warned_of([grant.id for grant in page])
                moment = await database_time(session)
            loud = [grant for grant in page if grant.id in warned or self._near(grant, moment)]
            still = {grant.id: next_look(self._end(grant), moment) for grant in page if grant not in loud}
            await self._put_off(still)
            for grant in loud:
                try:
                    await self._look(grant)
                except Exception as error:
                    log.exception("reminder.failed", grant=grant.id, type=type(error).__name__)
                    await self._put_off({grant.id: moment + AFTER_A_FAULT})

    async def _page(self) -> list[Grant]:
        async with self._database.system(write=False) as session:
            return await Reminders(session).due(PAGE)

    async def _put_off(self, until: Mapping[str, datetime]) -> None:
        if until:
            async with self._database.system() as session:
                await Reminders(session).reschedule(until)

    def _end(self, grant: Grant) -> datetime | None:
        return ends_at(self._catalog.platform(grant.platform), grant)

    def _near(self, grant: Grant, moment: datetime) -> bool:
        end = self._end(grant)
        return grant.status == GrantStatus.HEALTHY and end is not None and end - moment <= LONGEST_NOTICE

    async def _look(self, seen: Grant) -> None:
        """Say what there is to say about one grant, unless another look came first."""
        async with self._database.system() as session:
            moment = await database_time(session)
            grant = await Reminders(session).claim(seen, next_look(self._end(seen), moment))
            if grant is None:
                return
            await self._incidents.deadline_moved(session, grant)
            if grant.status == GrantStatus.HEALTHY:
                await self._say(session, grant, moment)

    async def _say(self, session: AsyncSession, grant: Grant, moment: datetime) -> None:
        platform, end = self._catalog.platform(grant.platform), self._end(grant)
        if end is None:
            return
        left = end - moment
        if timedelta(0) < left <= LONGEST_NOTICE:
            await self._incidents.grant_ends(session, grant, left)
        elif grant.refresh_sealed is None and lapsed(platform, grant, moment):
            if await Refreshes(session).dead(grant, "expired"):
                await self._incidents.grant_died(session, grant, "expired")
        elif left <= timedelta(0) and only_data_ends(platform, grant):
            await self._incidents.data_access_ended(session, grant, end)
