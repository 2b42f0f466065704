"""What becomes of a person's grants when their platform says, signed, that they took them back.

Such a word needs no second opinion. It is about what the person had consented to until then: a refresh that
is under way changes nothing about it, and a sign-in that came later is not meant. Where that cannot be told, by
two clocks that may be apart or from a word that is late, nothing is ended and the platform is asked: what it
answers to the next renewal counts as any other answer does.
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
"""How far a platform's clock may be behind ours: so much after a event, a sign-in may yet be the one it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeauthorizationEvent:
    """What a platform signed: this person left."""

    platforms: Collection[str]
    """Those whose consents end together."""
    person: str
    said_at: datetime | None
    """When the platform said so, by its own clock; None: it doesn't say. It may reach us much later, or again."""
    code: str
    once: str = ""
    """A mark of this very word where the platform repeats itself: the second time nothing happens."""
    hint: bool = False
    """It is no proof by itself that what we hold is over: nothing is ended, the platform is asked."""


class Deauthorizations:
    """The use case. Built once, in `bot.app`."""

    def __init__(self, *, catalog: PlatformCatalog, incidents: IncidentService, database: Database) -> None:
        self._catalog = catalog
        self._incidents = incidents
        self._database = database

    async def settle(self, event: DeauthorizationEvent, *, erase: bool = False) -> int:
        """End the person's grants and call for somebody, or do nothing at all; return how many ended now.

        `erase` also destroys every token that came of them, of grants that had ended before too. Grants of
        which it is not certain that they are meant are renewed at once instead, which shows it. One
        transaction: a word that could not be acted on is not marked as heard.
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
        """Return who left. Nothing was said later than now, whatever the platform's clock makes of it."""
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
