"""Many simulated days, one after the other, and what they came to."""

from __future__ import annotations

import gc
import tempfile
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.simulation.day import Day
from sandbox.simulation.installation import install
from sandbox.simulation.orders import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.simulation.day import Report

TMPFS = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
HOUR_S = 3600


def days(first: int, count: int) -> Iterator[Report]:
    """Yield the report of each day, from the seed `first` on."""
    with tempfile.TemporaryDirectory(prefix="octapost-sim-", dir=TMPFS if TMPFS.is_dir() else None) as folder:
        installation = install(Path(folder))
        gc.collect()
        gc.freeze()
        gc.disable()  # else what a dead process left behind is closed at a moment that depends on the machine
        try:
            for seed in range(first, first + count):
                yield Day(seed, installation, Path(folder)).live()
                _bury()
        finally:
            gc.enable()
            gc.unfreeze()


def _bury() -> None:
    """Forget the dead processes, which had no time to close their connections."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The garbage collector is trying to clean up")
        gc.collect()


@dataclass(kw_only=True)
class Total:
    """What all days together came to."""

    days: int = 0
    lasted_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """Add one day."""
        self.days += 1
        self.lasted_s += report.lasted_s
        self.counts += report.counts

    def lines(self) -> Iterator[str]:
        """Yield what there was to count, for people: numbers that can be added to those of other seeds."""
        counts = self.counts
        yield (
            f"{self.days:,} days, {self.lasted_s / HOUR_S:,.0f} simulated hours: {counts['deliveries']:,} deliveries,"
            f" {counts['calls']:,} calls that publish, {counts['live']:,} posts, replies and comments live,"
            f" {counts['deaths']:,} processes killed, {counts['lost'] + counts['later']:,} answers lost,"
            f" {counts['slow']:,} answers after 222 s,"
            f" {counts['duplicate'] + counts['mistaken for a duplicate']:,} called duplicates,"
            f" {counts['decided']:,} decisions, {counts['jumps']:,} times the clock was set."
        )
        yield (
            f"A person was asked about {counts['asked']:,}:"
            f" {counts['asked: cannot be read']:,} cannot be read,"
            f" {counts['asked: not found in three looks']:,} were not found in three looks,"
            f" {counts['asked: signed out']:,} could not be looked for because the sign-in had ended,"
            f" {counts['asked: spoiled']:,} could not be read by us."
        )
        for name in dict.fromkeys(kind.name for kind in KINDS):
            yield f"  {name}: {counts[f'live {name}']:,} live, asked about {counts[f'asked {name}']:,}"
