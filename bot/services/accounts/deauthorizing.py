"""Deauthorization: ending a person's grants when their platform reports, signed, that they removed our app.

A signed report needs no second check. It covers what the person had consented to until then: a refresh in progress
does not change that, and a later sign-in is not affected. Where the order is unclear, because clocks differ or the
report is late, nothing is ended; the grant is refreshed at once, and the platform's answer counts as usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from storage.deauthorizations import ExternalPerson, PersonGrants
from storage.engine.statements import database_time
from storage.seen_requests import Seen

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.incidents.incidents import IncidentService
    from storage.engine.db import Database

log = logger(__name__)
CLOCKS_APART = timedelta(minutes=1)
"""How far a platform's clock may differ from ours: a sign-in so soon after the report may still be covered by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeauthorizationEvent:
    """A platform's signed report that a person removed our app."""

    platforms: Collection[str]
    """The keys of the platforms whose consents end together."""
    person: str
    """Their id at the platform."""
    said_at: datetime | None
    """When it happened, by the platform's clock; None: unknown. The report may arrive much later, or twice."""
    code: str
    """Why the grants end."""
    once: str = ""
    """Identifies the report where the platform may repeat it, so that it is handled once; empty: it has no id."""
    hint: bool = False
    """It does not prove that our grants ended: nothing is ended, and the platform is asked."""


class Deauthorizations:
    """Handles these reports. Built once, in `bot.app`."""

    def __init__(self, *, catalog: PlatformCatalog, incidents: IncidentService, database: Database) -> None:
        self._catalog = catalog
        self._incidents = incidents
        self._database = database

    async def settle(self, event: DeauthorizationEvent, *, erase: bool = False) -> int:
        """End the person's grants, open incidents about them, and return how many ended.

        `erase` also deletes all tokens of the person, including those of grants that ended earlier. Grants that the
        report may not cover are refreshed at once instead. Everything is one transaction, so a report that fails
        is not marked as handled.
        """
        async with self._database.system() as session:
            if event.once and not await Seen(session).first(event.once):
                return 0
            grants = PersonGrants(session)
            person = self._person(event, await database_time(session))
            ended = [] if event.hint else await grants.end(person, event.code)
            erased = await grants.erase(person) if erase and not event.hint else 0
            asked = await grants.make_due(person, CLOCKS_APART)
            for grant in ended:
                await self._incidents.grant_died(session, grant, event.code)
        log.info(
            "deauthorization.done",
            platforms=sorted(event.platforms),
            ended=len(ended),
            erased=erased,
            asked=asked,
        )
        return len(ended)

    def _person(self, event: DeauthorizationEvent, clock: datetime) -> ExternalPerson:
        """Return who it was, and until when their consents are covered: never later than now."""
        return ExternalPerson(
            platforms=event.platforms,
            apps=[
                app
                for offered in self._catalog.configured()
                if offered.platform.key in event.platforms
                for app in offered.clients
            ],
            external_id=event.person,
            consented_until=clock if event.said_at is None else min(event.said_at, clock),
        )
