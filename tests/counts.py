"""How often a counted test tries: all the tries where OCTAPOST_FULL=1 (as CI does), a sample otherwise.

`uv run pytest` has to end within three minutes on two cores. The sample is taken evenly, so it changes
with nothing but the counts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

import pytest

Try = TypeVar("Try")
FULL = os.environ.get("OCTAPOST_FULL") == "1"


in_full = pytest.mark.skipif(not FULL, reason="made where every try is: OCTAPOST_FULL=1")
"""For a test of a path that another test shows too, or of a process of its own: CI runs it, a default run does not."""


def tries(full: int, sample: int) -> int:
    """Return how many tries to make in this run."""
    return full if FULL else sample


def sampled(every: Sequence[Try], one_in: int, start: int = 0) -> list[Try]:
    """Return all, or every n-th from `start` on: with n starts nothing is left out."""
    return list(every) if FULL else list(every[start::one_in])
