"""An event loop in which time passes only when nothing else is left to do."""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2027, 1, 4, 8, tzinfo=UTC)
"""When every simulated day begins."""


class StuckError(Exception):
    """Everybody waits for something that can't happen any more."""


class _Skipping(selectors.SelectSelector):
    """Waits for nothing: the time for which the loop would wait is over at once."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass, and return that nothing has happened meanwhile."""
        if timeout is None:
            raise StuckError
        if timeout > 0:
            self.passed_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time begins at 0 and is as long as its timers, however long that takes in reality."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)
        self._clock_resolution = 1e-6  # a timer that is due in less than this is due
        self.shift = timedelta(0)
        """By how much the host's clock was set since the day began."""

    def time(self) -> float:
        """Return how many seconds have passed."""
        return self._skipping.passed_s


def _loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise TypeError(loop)
    return loop


def now() -> datetime:
    """Return the time by the host's clock, which is the database's too."""
    return EPOCH + timedelta(seconds=_loop().time()) + _loop().shift


def jump(span: timedelta) -> None:
    """Set the host's clock so much forward, or back. Timers don't notice."""
    _loop().shift += span
