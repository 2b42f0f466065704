"""When the operator is called: once for each trouble of a platform, however many grants meet it."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_S = 600.0
TOO_MANY, TOO_LARGE_A_SHARE = 20, 0.01
"""So many calls of ten minutes, and such a share of them, without an answer are an outage."""
OUTAGE = "outage"
QUIET_S = 3600.0
"""A trouble that was not met for so long is over: the next time it is a new one."""


class Pager:
    """Counts what this process hears of each platform, and calls once when it becomes too bad."""

    def __init__(
        self, call: Callable[[str, str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._call = call
        self._clock = clock
        self._met_at: dict[tuple[str, str], float] = {}
        self._heard: defaultdict[str, deque[tuple[float, bool]]] = defaultdict(deque)
        self._unanswered: defaultdict[str, int] = defaultdict(int)

    def page(self, platform: str, code: str) -> None:
        """Call the operator about a trouble, unless it is the one they were called about."""
        moment, met_at = self._clock(), self._met_at.get((platform, code))
        self._met_at[platform, code] = moment
        if met_at is None or moment - met_at > QUIET_S:
            self._call(platform, code)

    def heard(self, platform: str, *, answered: bool) -> None:
        """Count a call. Pages when too many of the last ten minutes' had no answer."""
        calls, moment = self._heard[platform], self._clock()
        calls.append((moment, answered))
        self._unanswered[platform] += not answered
        while calls[0][0] < moment - WINDOW_S:
            self._unanswered[platform] -= not calls.popleft()[1]
        unanswered = self._unanswered[platform]
        if not answered and unanswered >= TOO_MANY and unanswered > TOO_LARGE_A_SHARE * len(calls):
            self.page(platform, OUTAGE)
