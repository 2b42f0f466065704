"""Deletes expired one-time rows and invitations, old messages, and consents that led nowhere."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from storage.channels import Channels
from storage.cleanup import sweep
from storage.engine.statements import database_time
from storage.grants import Grants
from storage.invitations import Invitations
from storage.outbox import Notices
from storage.publishing_uses import PublishingUses
from storage.tallies import Tallies

if TYPE_CHECKING:
    from bot.services.accounts.disconnecting import Disconnecting
    from bot.services.media.sweeping import MediaSweeper
    from storage.engine.db import Database
    from storage.vault import Vault

log = logger(__name__)
ABANDONED_AFTER = timedelta(hours=24)
TALLIES_KEPT = timedelta(hours=24)
"""Longer than the period that the breaker looks at."""
SAID_KEPT, CARDS_KEPT = timedelta(days=60), timedelta(days=400)
"""How long we keep messages that were sent, and the places of cards that may still be edited."""


class Sweeper:
    """Deletes what has expired. Running it twice at once is harmless."""

    def __init__(
        self, database: Database, vault: Vault, disconnecting: Disconnecting, media: MediaSweeper
    ) -> None:
        self._database = database
        self._vault = vault
        self._disconnecting = disconnecting
        self._media = media

    async def run(self) -> None:
        """Sweep once."""
        async with self._database.system() as session:
            gone = await sweep(session)
            yesterday = int((time.time() - TALLIES_KEPT.total_seconds()) // 60)
            gone += await Tallies(session).forget(yesterday)
            gone += await Notices(session).forget_older(SAID_KEPT, CARDS_KEPT)
            gone += await PublishingUses(session).forget(await database_time(session))
            gone += await Invitations(session).sweep() + await Channels(session).sweep()
        async with self._database.system(write=False) as session:
            abandoned = await Grants(session, self._vault).find_orphaned(ABANDONED_AFTER)
        for grant in abandoned:
            try:
                await self._disconnecting.end_grant(grant)
            except Exception:  # so that the others are not held up; the next sweep tries again
                log.exception("sweep.grant_not_ended", grant=grant.id, platform=grant.platform)
        await self._media.run()
        if gone or abandoned:
            log.info("sweep.done", rows=gone, grants=len(abandoned))
