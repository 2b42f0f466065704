"""The open connections, what each is waiting for, and which ones are closed to make room.

There is no limit per address: behind a proxy, Slack and all browsers have the same one.
"""

from __future__ import annotations

import resource
from enum import Enum, auto
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol

from bot.ops.http import CALLS_AT_ONCE
from bot.ops.metrics import CONNECTIONS, DROPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_CONNECTIONS = 2000
"""More than a process can answer in the 3 seconds that Slack waits. An idle connection takes about 10 KiB."""
FEWEST_CONNECTIONS = 64
RESERVED_FILES = CALLS_AT_ONCE + 150
"""Open files that are no client connections: calls, the database, monitoring, logs and libraries."""
ARRIVES_WITHIN_S = 1.0
"""How fast a normal request arrives. If there are too many connections, slower ones are closed first."""
BODIES_TOGETHER = 8 << 20
"""Bytes of incomplete request bodies of all connections together. Normal bodies have a few kilobytes and arrive
together with their head."""


class Phase(Enum):
    """What a connection is waiting for."""

    HEAD = auto()
    """The head of a request: on a new connection nothing of it has arrived, or not all of it."""
    BODY = auto()
    """The rest of a request's body."""
    UPLOAD = auto()
    """More of a body that a handler takes in as it arrives. Every piece begins the phase anew."""
    ANSWER = auto()
    """Our answer."""
    TAKING = auto()
    """The client, which has to read what we have sent before we can send more."""
    IDLE = auto()
    """The next request of a client that has had an answer."""
    CLOSING = auto()
    """The client, which has to read its last answer."""


TIME_LIMITS_S = {
    Phase.HEAD: 10.0,
    Phase.BODY: 10.0,
    Phase.UPLOAD: 60.0,
    Phase.TAKING: 10.0,
    Phase.IDLE: 75.0,
    Phase.CLOSING: 2.0,
}
"""How long a phase may last. Most proxies close idle connections after 60 seconds. We keep them longer, so that no
proxy sends a request on a connection that we are closing."""


class Peer(Protocol):
    """A connection, as this module sees it."""

    @property
    def closing(self) -> bool:
        """Whether it is being closed, or has been."""

    def abort(self) -> None:
        """Close it at once, without sending what is left."""


def open_files() -> int:
    """Return how many files this process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connection_limit(files: int) -> int:
    """Return how many connections may be open in a process that may open `files` files."""
    if files == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, max(FEWEST_CONNECTIONS, files - RESERVED_FILES))


class OpenConnections:
    """The open connections by phase, and in each phase in the order in which they entered it."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._since: dict[Phase, dict[Peer, float]] = {phase: {} for phase in Phase}
        self._phases: dict[Peer, Phase] = {}
        self._held: dict[Peer, int] = {}
        self._held_together = 0

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._phases)

    def phase(self, peer: Peer) -> Phase | None:
        """Return what `peer` is waiting for, or None if it is not open."""
        return self._phases.get(peer)

    def open(self, peer: Peer) -> None:
        """Add a connection, and drop others if there are too many now."""
        self._phases[peer] = Phase.HEAD
        self._since[Phase.HEAD][peer] = self._clock()
        CONNECTIONS.inc()
        while len(self) > self.limit:
            self._drop(self._least_needed(), "too_many")

    def enter(self, peer: Peer, phase: Phase) -> None:
        """Note that an open connection enters another phase. One that was dropped stays dropped."""
        before = self._phases.get(peer)
        if before is None or before is Phase.CLOSING:
            return
        del self._since[before][peer]
        self._phases[peer] = phase
        self._since[phase][peer] = self._clock()
        self._release(peer)

    def hold(self, peer: Peer, size: int) -> None:
        """Count bytes of an incomplete body; over the limit, the connections with the oldest ones are dropped."""
        if self._phases.get(peer) is not Phase.BODY:
            return
        self._held[peer] = self._held.get(peer, 0) + size
        self._held_together += size
        while self._held_together > BODIES_TOGETHER:
            self._drop(next(iter(self._held)), "too_much_unfinished")

    def close(self, peer: Peer) -> None:
        """Forget a connection."""
        phase = self._phases.pop(peer, None)
        if phase is not None:
            del self._since[phase][peer]
            self._release(peer)
            CONNECTIONS.dec()

    def drop(self, peer: Peer, reason: str) -> None:
        """Close an open connection at once, and count why."""
        if peer in self._phases:
            self._drop(peer, reason)

    def sweep(self, now: float) -> None:
        """Drop every connection whose phase has lasted too long by `now`."""
        for peer in [p for p in self._phases if p.closing]:
            self.enter(peer, Phase.CLOSING)
        for phase, limit_s in TIME_LIMITS_S.items():
            for peer in [*self._overdue(phase, now - limit_s)]:
                self._drop(peer, phase.name.lower())

    def _overdue(self, phase: Phase, before: float) -> Iterator[Peer]:
        for peer, since in self._since[phase].items():
            if since > before:
                return
            yield peer

    def _least_needed(self) -> Peer:
        """Return the connection to close first: usually the oldest one without a complete request.

        Normal requests arrive within a second. So if even the oldest incomplete one is younger than that, a connection
        that has had its answer, or does not read it, goes first. Otherwise someone could keep everybody else out by
        filling the table with new requests.
        """
        oldest = {
            phase: next(((since, peer) for peer, since in self._since[phase].items()), None)
            for phase in Phase
        }
        unfinished = min(filter(None, (oldest[Phase.HEAD], oldest[Phase.BODY])), key=itemgetter(0))
        if unfinished[0] <= self._clock() - ARRIVES_WITHIN_S:
            return unfinished[1]
        answered = oldest[Phase.CLOSING] or oldest[Phase.IDLE] or oldest[Phase.TAKING]
        return (answered or unfinished)[1]

    def _drop(self, peer: Peer, reason: str) -> None:
        DROPPED.labels(reason).inc()
        self.close(peer)
        peer.abort()

    def _release(self, peer: Peer) -> None:
        self._held_together -= self._held.pop(peer, 0)
