"""How long the database may take while a person waits. Jobs, pages and the operator's commands set no limit.

The limit belongs to the task that sets it and to the tasks that this one starts, so it is no argument of repositories.
It applies to each transaction, from the request for a connection to the commit.
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
    """How long one request may take, and whether it may have changed something."""

    seconds: float
    """The limit for each transaction."""
    may_have_changed: bool = False
    """True once a commit of changes was sent, whatever the answer. Those of an `AutocommitRunner` don't count: they
    store marks and tickets, which may be lost."""


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
    """Lift the limit for transactions inside: for work that goes on after the request."""
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
    """Stop what is inside when the limit is over.

    Raises:
        DatabaseUnavailable: The limit is over, or the database is unavailable.

    """
    scope = asyncio.timeout(limit.seconds)
    try:
        async with scope:
            yield
    except Exception as error:
        if is_outage(error) or (isinstance(error, TimeoutError) and scope.expired()):
            raise DatabaseUnavailable(type(error).__name__) from error
        raise
