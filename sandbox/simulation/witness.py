"""What is wrong with a call that publishes, at the moment in which it is made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.services.posts.policy import LATE_AFTER
from sandbox.simulation.clock import now
from sandbox.simulation.orders import number_of
from storage.models import DeliveryStatus, GrantStatus

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from adapters.base import Outgoing
    from sandbox.simulation.installation import Installation
    from sandbox.simulation.orders import Order
    from sandbox.simulation.people import People
    from sandbox.simulation.venue import Key, Scene

LATE_BY_OURSELVES = LATE_AFTER + timedelta(minutes=40)
"""The latest a post may go out unasked: preparing it may have begun in time and taken 20 minutes, and the clock may
have been set."""
EARLY_BY_OURSELVES = timedelta(minutes=25)
"""The earliest: the clock may have been set back in the meantime."""


@dataclass(frozen=True, kw_only=True)
class Witness:
    """Sees every call that publishes, and what is committed then."""

    installation: Installation
    scene: Scene
    people: People
    reader: sqlite3.Connection

    def sees(self, order: Order, key: Key, outgoing: Outgoing) -> None:
        """Write down what is wrong with a call that publishes."""
        for each in self._wrong(order, key, outgoing):
            self.scene.violate(f"{key} on {order.kind.name}: {each}")

    def _wrong(self, order: Order, key: Key, outgoing: Outgoing) -> Iterator[str]:
        status, due_at, content = self._one(
            "SELECT status, due_at, content FROM delivery WHERE id = ?", order.delivery_id
        )
        step = self._one(
            "SELECT status, started_at FROM delivery_step WHERE delivery_id = ? AND kind = ?"
            " ORDER BY position LIMIT 1 OFFSET ?",
            *(order.delivery_id, key[1], key[2]),
        )
        first = (key[1], key[2]) == ("post", 0)
        if status != DeliveryStatus.SENDING:
            yield f"sent while it was {status}"
        if step is None or step[0] != "sending":
            yield "sent before `sending` was committed"
        elif first:
            yield from self._held(order, moment(step[1]))
        if order.cancelled:
            yield "sent although it was cancelled"
        if number_of(outgoing.content) != (order.number, order.version) or _mark(content) not in {
            None,
            f"{order.number}.{order.version}",
        }:
            yield "sent although it was changed"
        trace = self.scene.traces[key]
        if trace.live or trace.under_way:
            yield "sent again although it is published, or about to be"
        late = now() - moment(due_at)
        if first and late > LATE_BY_OURSELVES:
            yield f"sent {late} late, unasked"
        if first and -late > EARLY_BY_OURSELVES * (not self.scene.calm):
            yield f"sent {-late} before its time"

    def _held(self, order: Order, begun: datetime) -> Iterator[str]:
        """Yield why it had to be held when it was begun."""
        account = order.kind.account
        grant, checked_at = self._one(
            "SELECT status, checked_at FROM grant_ WHERE id = ?", self.installation.grants[account]
        )
        if grant == GrantStatus.NEEDS_RECONNECT and moment(checked_at) < begun:
            yield "sent although its sign-in has ended"
        [held_until] = self._one(
            "SELECT held_until FROM account WHERE id = ?", self.installation.accounts[account]
        )
        if held_until is not None and self.people.held_at[account] < begun:
            yield "sent although its account is held"

    def _one(self, question: str, *values: object) -> Any:
        return self.reader.execute(question, values).fetchone()


def moment(stored: str) -> datetime:
    """Return a stored time."""
    return datetime.fromisoformat(stored).replace(tzinfo=UTC)


def _mark(stored: str) -> str | None:
    """Return what `Kind.marked` wrote into a stored content; None: nobody can read it."""
    content = json.loads(stored)
    words: str | None = content["thread"][0]["text"] if content.get("thread") else content.get("text")
    return None if words is None else words.partition(" ")[0]
