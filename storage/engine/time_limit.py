"""How long the database may take while a person waits. Jobs, pages and commands of the operator set no limit.

The limit belongs to the task that sets it and to those it starts, so no repository has to hand it on. It holds
for each transaction, from asking for a connection to the commit.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.engine.outages import DatabaseUnavailable, is_outage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator


@dataclass(slots=True)
class TimeLimit:
    """What one request may take, and what is known about its changes."""

    seconds: float
    """For each transaction."""
    may_have_changed: bool = False
    """True once a commit of changes was sent, whatever its answer. Lone statements don't count: they keep marks
    and links, which nobody misses."""


_current: ContextVar[TimeLimit | None] = ContextVar("time_limit", default=None)


def current() -> TimeLimit | None:
    """Return the limit of the running task, or None."""
    return _current.get()


@contextmanager
def limited(seconds: float) -> Iterator[TimeLimit]:
    """Limit every transaction inside to so many seconds."""
    limit = TimeLimit(seconds)
    token = _current.set(limit)
    try:
        yield limit
    finally:
        _current.reset(token)


@contextmanager
def unlimited() -> Iterator[None]:
    """Let transactions inside take what a job's may: for work that a request leaves behind."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def at_least(seconds: float) -> Iterator[None]:
    """Let transactions inside take so long, if the request they belong to allows less.

    For a change that may be large and is made in one piece; the person is told meanwhile that it goes on.
    """
    limit = current()
    before = limit.seconds if limit else 0.0
    if limit:
        limit.seconds = max(before, seconds)
    try:
        yield
    finally:
        if limit:
            limit.seconds = before


@asynccontextmanager
async def within(limit: TimeLimit) -> AsyncGenerator[None]:
    """Give up when the limit is over. Raises DatabaseUnavailable for that and for any other outage."""
    scope = asyncio.timeout(limit.seconds)
    try:
        async with scope:
            yield
    except Exception as error:
        if is_outage(error) or (isinstance(error, TimeoutError) and scope.expired()):
            raise DatabaseUnavailable(type(error).__name__) from error
        raise
