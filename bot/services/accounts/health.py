"""How the platforms are doing for everybody: which do not answer, and which are probably mistaken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.services.tokens.policy import BREAKER_HISTORY_MIN, tripped
from storage.tallies import recent_tallies

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.tallies import Tally

SILENT_CALLS = 3
"""So many unanswered refreshes in a row are an outage of the whole platform."""
SILENT_MIN = 30
"""An outage is current if a refresh failed within so many minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformHealth:
    """How a platform is doing for everybody."""

    silent_since: datetime | None = None
    """Since when it has not answered anybody; None: it answers."""
    doubted: bool = False
    """It ends so many grants at once that it is probably mistaken: the circuit breaker is open."""

    @property
    def fine(self) -> bool:
        """Tell whether nothing is the matter with it."""
        return self.silent_since is None and not self.doubted


NO_OUTAGE = PlatformHealth()


def health_from(tallies: Mapping[int, Tally], minute: int) -> PlatformHealth:
    """Return a platform's health at `minute` (Unix time / 60), from its refreshes counted by minute.

    A platform is silent when the last few refreshes were not answered. Without recent refreshes nothing is known,
    and it counts as healthy.
    """
    heard = max((m for m, t in tallies.items() if t.fresh or t.dead), default=0)
    unanswered = {m: t.busy for m, t in tallies.items() if m >= heard and t.busy and not t.fresh}
    recent = any(m >= minute - SILENT_MIN for m in unanswered)
    silent = recent and sum(unanswered.values()) >= SILENT_CALLS
    return PlatformHealth(
        silent_since=datetime.fromtimestamp(min(unanswered) * 60, UTC) if silent else None,
        doubted=tripped(tallies, minute),
    )


class HealthReader:
    """Reads how the platforms are doing. Built once, in `bot.app`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking: asyncio.Task[Mapping[str, PlatformHealth]] | None = None

    async def now(self) -> Mapping[str, PlatformHealth]:
        """Return the health of each platform that is in trouble, by key, as all processes counted it.

        It is the same for everybody, so simultaneous callers share one read.
        """
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._answered)
        return await asyncio.shield(self._asking)

    def _answered(self, _asked: asyncio.Task[Mapping[str, PlatformHealth]]) -> None:
        self._asking = None

    async def _ask(self) -> Mapping[str, PlatformHealth]:
        minute, counted = await recent_tallies(self._database.autocommit, 2 * BREAKER_HISTORY_MIN)
        found = {key: health_from(tallies, minute) for key, tallies in counted.items()}
        return {key: each for key, each in found.items() if not each.fine}
