"""How long a test waits for something that has to happen.

Only a test that fails waits so long. A shorter limit would measure the machine, on which other things may be going on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sandbox.slack.hands import PATIENCE_S

__all__ = ["PATIENCE_S", "until"]


async def until(holds: Callable[[], bool], within_s: float = PATIENCE_S, every_s: float = 0.002) -> None:
    """Return as soon as it holds. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while True:
            if holds():
                return
            await asyncio.sleep(every_s)
