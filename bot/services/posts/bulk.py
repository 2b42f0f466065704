"""One decision about several posts: each is decided on its own, so that some can fail while the others are done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.errors import AlreadyResolvedError, NotFoundError, PostSettledError, ServiceError
from bot.services.posts.errors import TimeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import timedelta

    from bot.services.access import Actor
    from bot.services.posts.changing import PostChanges
    from bot.services.posts.decisions import Decision, DeliveryDecider

Failure = ServiceError | TimeError


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """What became of a decision about several posts."""

    done: int
    failed: tuple[tuple[str, Failure], ...]
    """The posts that are as they were, each with the reason."""


@dataclass(frozen=True)
class BulkDecider:
    """Decides about several posts. Built once, in `bot.app`."""

    decider: DeliveryDecider
    changes: PostChanges

    async def decide(self, actor: Actor, post_ids: Sequence[str], decision: Decision) -> BulkResult:
        """Carry out a decision about each of the posts."""
        return await _each(post_ids, lambda post_id: self.decider.decide_all(actor, post_id, decision))

    async def move(self, actor: Actor, post_ids: Sequence[str], by: timedelta) -> BulkResult:
        """Let what is not out yet of each of the posts go out so much later."""
        return await _each(post_ids, lambda post_id: self.changes.move(actor, post_id, by))


async def _each(post_ids: Sequence[str], decide: Callable[[str], Awaitable[None]]) -> BulkResult:
    failed: list[tuple[str, Failure]] = []
    for post_id in post_ids:
        try:
            await decide(post_id)
        except (NotFoundError, AlreadyResolvedError, PostSettledError, TimeError) as error:
            failed.append((post_id, error))
    return BulkResult(done=len(post_ids) - len(failed), failed=tuple(failed))
