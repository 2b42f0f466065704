"""What becomes of a request to publish."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from adapters.base import Busy, Expired, Misconfigured, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable


class Fate(StrEnum):
    """What becomes of a request to publish."""

    FINE = "fine"
    SLOW = "slow"
    """It is published, and the answer takes minutes."""
    LOST = "lost"
    """It is published, and the answer never comes."""
    LATER = "later"
    """The connection breaks first; then it is published."""
    NEVER = "never"
    """It never arrives, and the connection breaks."""
    DUPLICATE = "duplicate"
    """It is published, and the answer calls it a duplicate: the platform has taken its own retry for a second one."""
    MISTAKEN = "mistaken for a duplicate"
    """The platform has another post like it, and does not publish this one."""
    BUSY = "busy"
    LIMITED = "limited"
    BUG_BEFORE = "bug before"
    """Our adapter fails with an exception that nobody expects, before the request."""
    BUG_AFTER = "bug after"
    EXPIRED = "expired"
    REJECTED = "rejected"
    MISCONFIGURED = "misconfigured"


FATES = {
    Fate.SLOW: 3,
    Fate.LOST: 5,
    Fate.LATER: 2,
    Fate.NEVER: 5,
    Fate.DUPLICATE: 2,
    Fate.MISTAKEN: 1,
    Fate.BUSY: 3,
    Fate.LIMITED: 2,
    Fate.BUG_BEFORE: 1,
    Fate.BUG_AFTER: 1,
    Fate.EXPIRED: 2,
    Fate.REJECTED: 1,
    Fate.MISCONFIGURED: 1,
}
"""The fates of requests in trouble, and how likely each is."""
REFUSALS: dict[Fate, Callable[[], Exception]] = {
    Fate.BUSY: partial(Busy, "http_503"),
    Fate.LIMITED: partial(Busy, "http_429", retry_after=timedelta(minutes=3)),
    Fate.EXPIRED: partial(Expired, "session_gone"),
    Fate.REJECTED: partial(Rejected, "refused"),
    Fate.MISCONFIGURED: partial(Misconfigured, "credits"),
    Fate.BUG_BEFORE: partial(RuntimeError, "a fault of ours before the request"),
}
"""What is raised when nothing was published."""
