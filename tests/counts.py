"""How often a counted test tries: all the tries where OCTAPOST_FULL=1 (as CI does), a sample otherwise.

`uv run pytest` has to end within three minutes on two cores. The sample is taken evenly, so it changes
with nothing but the counts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

Try = TypeVar("Try")
FULL = os.environ.get("OCTAPOST_FULL") == "1"


def tries(full: int, sample: int) -> int:
    """Return how many tries to make in this run."""
    return full if FULL else sample


def sampled(every: Sequence[Try], one_in: int) -> list[Try]:
    """Return all, or every n-th."""
    return list(every) if FULL else list(every[::one_in])
