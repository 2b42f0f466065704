"""Reminders that a grant ends soon, for grants that only a person can renew; and the end of those that ended.

Looking at a million grants every few minutes would never finish, so each grant's row says when to look at it
next: on the next day on which there may be something to say, and otherwise once a month.
Where the platform only stops showing data, the grant itself still works: people are told once, on the card and
in the account's diagnosis, and the grant stays alive until the platform says otherwise.
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
DAY = timedelta(days=1)
"""Organizations choose whole days, so there is at most one reminder a day."""
SHORTEST = timedelta(minutes=15)
"""The shortest time between two looks at one grant, even if the clocks of host and database differ."""
AFTER_FAILURE = timedelta(hours=1)
PAGE = 200


def next_look(end: datetime | None, moment: datetime) -> datetime:
    """Return when to look next at a grant that ends at `end`; None: it has no end."""
    if end is None or end <= moment:
        return moment + LONGEST_NOTICE
    left = end - moment
    next_day = LONGEST_NOTICE if left > LONGEST_NOTICE else (math.ceil(left / DAY) - 1) * DAY
    return min(max(end - next_day, moment + SHORTEST), moment + LONGEST_NOTICE)


class ExpiryReminders:
    """Looks at each grant when it is due. Running it often, or in two processes, sends nothing twice.

    The time is the database's: a host's clock may be minutes ahead.
    """

    def __init__(self, catalog: PlatformCatalog, incidents: IncidentService, database: Database) -> None:
        self._catalog = catalog
        self._incidents = incidents
        self._database = database

    async def run(self) -> None:
        """Look at all grants that are due, each in a transaction of its own, so that no lock is held for long."""
        while page := await self._page():
            async with self._database.system(write=False) as session:
                warned = await Incidents(session).warned_of([grant.id for grant in page])
                moment = await database_time(session)
            near = [grant for grant in page if grant.id in warned or self._near(grant, moment)]
            far = {grant.id: next_look(self._end(grant), moment) for grant in page if grant not in near}
            await self._postpone(far)
            for grant in near:
                try:
                    await self._look(grant)
                except Exception as error:
                    log.exception("reminder.failed", grant=grant.id, type=type(error).__name__)
                    await self._postpone({grant.id: moment + AFTER_FAILURE})

    async def _page(self) -> list[Grant]:
        async with self._database.system(write=False) as session:
            return await Reminders(session).due(PAGE)

    async def _postpone(self, until: Mapping[str, datetime]) -> None:
        if until:
            async with self._database.system() as session:
                await Reminders(session).reschedule(until)

    def _end(self, grant: Grant) -> datetime | None:
        return ends_at(self._catalog.platform(grant.platform), grant)

    def _near(self, grant: Grant, moment: datetime) -> bool:
        end = self._end(grant)
        return grant.status == GrantStatus.HEALTHY and end is not None and end - moment <= LONGEST_NOTICE

    async def _look(self, seen: Grant) -> None:
        """Handle one grant, unless another process was faster."""
        async with self._database.system() as session:
            moment = await database_time(session)
            grant = await Reminders(session).claim(seen, next_look(self._end(seen), moment))
            if grant is None:
                return
            await self._incidents.deadline_moved(session, grant)
            if grant.status == GrantStatus.HEALTHY:
                await self._remind(session, grant, moment)

    async def _remind(self, session: AsyncSession, grant: Grant, moment: datetime) -> None:
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
