"""Retries of work that must not be lost, such as storing new tokens while the database is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 5.0
Result = TypeVar("Result")


async def retry(
    work: Callable[[], Awaitable[Result]],
    *,
    on: type[Exception] | tuple[type[Exception], ...],
    until: float,
    failed: Callable[[Exception], None],
) -> Result:
    """Return the result of `work`, which is called again after each failure; the pauses double from 0.05 to 5 s.

    `until` is a time of `time.monotonic()`, after which no new try is made. `failed` is called with each failure, in
    the `except` block.

    Raises:
        Exception: The failure of the last try, or one that is not in `on`.

    """
    pause_s = SHORTEST_PAUSE_S
    while True:
        try:
            return await work()
        except on as error:
            failed(error)
            if time.monotonic() > until:
                raise
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
