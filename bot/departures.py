"""What becomes of a person's grants when their platform says, signed, that they took them back.

Such a word needs no second opinion. It is about what the person had consented to until then: a refresh that
is under way changes nothing about it, and a sign-in that came later is not meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.logs import logger
from storage.attempts import Seen
from storage.refreshes import Leaver, Refreshes

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from bot.incidents import Incidents
    from bot.offer import Offer
    from storage.db import Database
    from storage.vault import Vault

log = logger(__name__)
CLOCKS_APART = timedelta(minutes=1)
"""How far a platform's clock may be behind ours: an older sign-in is never taken for a later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a platform signed: this person left."""

    platforms: Collection[str]
    """Those whose consents end together."""
    person: str
    said_at: datetime
    """When the platform said so, by its own clock. It may reach us much later, or again."""
    code: str
    once: str = ""
    """A mark of this very word where the platform repeats itself: the second time nothing happens."""


class Departures:
    """The use case. Built once, in `bot.app`."""

    def __init__(self, *, offer: Offer, incidents: Incidents, database: Database, vault: Vault) -> None:
        self._offer = offer
        self._incidents = incidents
        self._database = database
        self._vault = vault

    async def settle(self, word: Word, *, erase: bool = False) -> int:
        """End the person's grants and call for somebody, or do nothing at all; return how many ended now.

        `erase` also destroys every token that came of them, of grants that had ended before too. One
        transaction: a word that could not be acted on is not marked as heard.
        """
        person = Leaver(
            platforms=word.platforms,
            apps=[
                app
                for offered in self._offer.offered()
                if offered.platform.key in word.platforms
                for app in offered.clients
            ],
            external_id=word.person,
            consented_until=word.said_at + CLOCKS_APART,
        )
        async with self._database.system() as session:
            if word.once and not await Seen(session).first(word.once):
                return 0
            repository = Refreshes(session, self._vault)
            ended = await repository.left(person, word.code)
            erased = await repository.erase(person) if erase else 0
            for grant in ended:
                await self._incidents.grant_died(session, grant, word.code)
        log.info("a person left", platforms=sorted(word.platforms), ended=len(ended), erased=erased)
        return len(ended)
