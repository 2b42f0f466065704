"""How many requests are worked on at once, and which are refused because they can't be answered in time.

Without a limit, a thousand requests at once share the process so evenly that all of them are late. With one, the first
are answered in time, and the others wait as long as they can still be answered in time. A request that Slack has given
up on is not started: the person has seen a failure, and may have tried again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

AT_ONCE = 64
"""Requests in progress."""
FIRST_GUESS_S, WEIGHT = 0.3, 0.05
"""The assumed duration of a request before any has ended, and the weight of each new one in the moving average."""
LEAST_RESERVE_S, MOST_RESERVE_S = 0.5, 1.8
"""Bounds of the time a request must have left to be started, which is twice the average duration."""
GIVEN_UP_S = 3.0 + 1.0
"""Slack waits 3 s; its timestamps are in whole seconds."""
WINDOW_S = 300.0
"""How long the freshest request seen sets the zero of `Age`."""
STALLED_S, BEATS_S, RECENTLY_S = 1.0, 0.5, 5.0
"""The loop is checked every `BEATS_S`; a check `STALLED_S` late makes the process count as behind for `RECENTLY_S`."""


class Age:
    """How long ago Slack signed a request, independent of our wall clock.

    A host's clock may be minutes off, and may be changed. So the signed time is compared with our monotonic clock. The
    difference is a constant plus the time the request spent on the way and waiting here; the smallest difference of
    the last minutes is taken as the constant.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self._current = self._previous = float("inf")

    def of(self, signed_at: float, now: float) -> float:
        """Return the age in seconds, relative to the freshest request of the last 5 to 10 minutes."""
        if self._since is None or now - self._since > WINDOW_S:
            lately = self._since is not None and now - self._since <= 2 * WINDOW_S
            self._previous = self._current if lately else float("inf")
            self._since, self._current = now, float("inf")
        offset = now - signed_at
        self._current = min(self._current, offset)
        return offset - min(self._current, self._previous)


class Admission:
    """Limits how many requests are worked on at once. Built once, by the dispatcher."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = self._free = at_once
        self._takes_s = FIRST_GUESS_S
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._age = Age()
        self._behind_until = 0.0
        self._beating = False

    def given_up(self, signed_at: str) -> bool:
        """Tell whether Slack has given up on a request, by its `X-Slack-Request-Timestamp`.

        True only while requests wait here, when a high age means a long wait. Otherwise it would mean that a clock
        was changed, and every request would be dropped.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._beating:
            self._beating = True
            loop.call_later(BEATS_S, self._beat, now + BEATS_S)
        if not (signed_at.isascii() and signed_at.isdigit()):  # Socket Mode
            return False
        old = self._age.of(float(signed_at), now) >= GIVEN_UP_S
        return old and (self._free <= 0 or now < self._behind_until)

    async def enter(self, left_s: float) -> bool:
        """Wait for a free place while an answer within `left_s` is likely, and return whether there is one.

        After True the caller has to call `leave`.
        """
        if self._free > 0:
            self._free -= 1
            return True
        within_s = left_s - min(max(2 * self._takes_s, LEAST_RESERVE_S), MOST_RESERVE_S)
        if within_s < len(self._waiting) / max(1, self._at_once) * self._takes_s:
            return False
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        timer = loop.call_later(within_s, turn.cancel)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled() and not _being_cancelled():
                with suppress(ValueError):  # `_next` has removed it
                    self._waiting.remove(turn)
                return False
            if turn.done() and not turn.cancelled():
                self._next()
            raise
        finally:
            timer.cancel()
        return True

    def leave(self, took_s: float) -> None:
        """Let the next request in; `took_s` is how long this one took."""
        self._takes_s += WEIGHT * (took_s - self._takes_s)
        self._next()

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _beat(self, due: float) -> None:
        """Detect that the process stood still: requests that arrived meanwhile have waited unnoticed."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now - due > STALLED_S:
            self._behind_until = now + RECENTLY_S
        loop.call_later(BEATS_S, self._beat, now + BEATS_S)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
