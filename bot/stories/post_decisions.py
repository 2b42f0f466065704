"""Deciding about what did not go as planned: the buttons of a post's message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.permissions import Permission
from bot.services.posts.decisions import Decision
from bot.slack.routes import Answer, Done, Kind, Request, on

if TYPE_CHECKING:
    from bot.services.posts.decisions import DeliveryDecider
    from bot.services.posts.sharing import Sharing


@dataclass(frozen=True)
class PostDecisionsStory:
    """The buttons of results."""

    decider: DeliveryDecider
    sharing: Sharing

    @on(Kind.ACTION, f"post.{Decision.PUBLISH}", Permission.PUBLISH)
    async def publish(self, request: Request) -> Answer:
        """Send a delivery now."""
        return await self._decide(request, Decision.PUBLISH)

    @on(Kind.ACTION, f"post.{Decision.CANCEL}", Permission.PUBLISH)
    async def cancel(self, request: Request) -> Answer:
        """Cancel a delivery."""
        return await self._decide(request, Decision.CANCEL)

    @on(Kind.ACTION, f"post.{Decision.LIVE}", Permission.PUBLISH)
    async def live(self, request: Request) -> Answer:
        """Store that the actor saw it live."""
        return await self._decide(request, Decision.LIVE)

    @on(Kind.ACTION, f"post.{Decision.NOT_LIVE}", Permission.PUBLISH)
    async def not_live(self, request: Request) -> Answer:
        """Send what the actor did not see."""
        return await self._decide(request, Decision.NOT_LIVE)

    @on(Kind.ACTION, f"post.{Decision.LOOK}", Permission.PUBLISH)
    async def look(self, request: Request) -> Answer:
        """Look at the platform once more."""
        return await self._decide(request, Decision.LOOK)

    @on(Kind.ACTION, "post.object", Permission.SEE_ACCOUNTS)
    async def object(self, request: Request) -> Answer:
        """Stop a post that was made from the actor's own message."""
        await self.sharing.object(request.actor, request.target)
        return Done()

    async def _decide(self, request: Request, decision: Decision) -> Answer:
        await self.decider.decide(request.actor, request.target, decision)
        return Done()
