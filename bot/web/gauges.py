"""What /metrics and /readyz report about the database's contents, measured at most every 10 seconds."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.ops import metrics
from bot.services.tokens.policy import BREAKER_HISTORY_MIN, BREAKER_WINDOW_MIN, tripped
from storage.engine.statements import database_time
from storage.outbox import Notices
from storage.stats import Stats
from storage.tallies import recent_tallies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services.accounts.catalog import PlatformCatalog
    from storage.engine.db import Database
    from storage.tallies import Tally
    from storage.vault import Vault

A_DAY = timedelta(days=1)
EVERY_S = 10.0
COUNTED_EVERY_S = 60.0
"""Counting the grants takes longer the more there are: 0.15 s for a million on SQLite."""


def answers_nobody(tallies: Mapping[int, Tally]) -> bool:
    """Tell whether every refresh failed in the platform's latest window of ten minutes with refreshes."""
    window = [tally for minute, tally in tallies.items() if minute > max(tallies) - BREAKER_WINDOW_MIN]
    return any(tally.total for tally in window) and not any(tally.fresh or tally.dead for tally in window)


class Gauges:
    """Measures the whole installation, so every process reports the same."""

    def __init__(self, database: Database, vault: Vault, catalog: PlatformCatalog) -> None:
        self._database = database
        self._vault = vault
        self._apps = {found.platform.key: list(found.clients) for found in catalog.configured()}
        self._alone = asyncio.Lock()
        self._measured_at = self._counted_at = float("-inf")
        self._seals: dict[int, int] = {}

    async def measure(self) -> None:
        """Bring the gauges up to date, unless that was done in the last ten seconds."""
        self._count_seals()
        async with self._alone:
            started = time.monotonic()
            if started - self._measured_at < EVERY_S:
                return
            self._measured_at = (
                started  # also after a failure, so that the next request doesn't try again at once
            )
            await self._measure()
            if started - self._counted_at >= COUNTED_EVERY_S:
                await self._count_grants()
                self._counted_at = started
        metrics.MEASURED.set_to_current_time()

    async def overdue(self) -> timedelta:
        """Return how long the most overdue grant has been due.

        A platform with an open breaker, or whose latest refreshes all failed, does not count: its grants wait because
        of the platform, as they should.
        """
        waiting, tallies, minute = await self._waiting()
        return max(
            (
                age
                for key, age in waiting.items()
                if not tripped(tallies.get(key, {}), minute) and not answers_nobody(tallies.get(key, {}))
            ),
            default=timedelta(0),
        )

    async def _waiting(self) -> tuple[dict[str, timedelta], dict[str, dict[int, Tally]], int]:
        async with self._database.system(write=False) as session:
            waiting = await Stats(session).waiting(self._apps)
            minute, tallies = await recent_tallies(session, 2 * BREAKER_HISTORY_MIN)
        return waiting, tallies, minute

    async def _measure(self) -> None:
        waiting, tallies, minute = await self._waiting()
        for key in self._apps:
            metrics.OLDEST_DUE.labels(key).set(waiting.get(key, timedelta(0)).total_seconds())
            metrics.BREAKER.labels(key).set(tripped(tallies.get(key, {}), minute))
        async with self._database.system(write=False) as session:
            notices = Notices(session)
            owed, oldest = await notices.waiting(), await notices.oldest()
            clock = await database_time(session)
        metrics.OWED.set(owed)
        age = clock - oldest if oldest else timedelta(0)
        metrics.OLDEST_OWED.set(max(age, timedelta(0)).total_seconds())

    async def _count_grants(self) -> None:
        async with self._database.system(write=False) as session:
            measures = Stats(session)
            crowds, in_doubt = await measures.grant_counts(), await measures.in_doubt()
            ended = await measures.ended(A_DAY)
        metrics.HELD.clear()
        grants: Counter[str] = Counter()
        for crowd in crowds:
            metrics.HELD.labels(crowd.platform, crowd.status).set(crowd.grants)
            grants[crowd.platform] += crowd.grants
        for key in self._apps:
            metrics.IN_DOUBT.labels(key).set(in_doubt.get(key, 0))
            metrics.PROMPTED.labels(key).set(1000 * ended.get(key, 0) / max(grants[key], 1))

    def _count_seals(self) -> None:
        for key, seals in self._vault.seals.items():
            metrics.SEALS.labels(key).inc(seals - self._seals.get(key, 0))
            self._seals[key] = seals
