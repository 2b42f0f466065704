"""What members decide about deliveries: publish now, cancel, or say whether one is live."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.errors import NotFoundError, PostDecidedError, Thing
from bot.services.permissions import Permission
from storage.audit import Audit
from storage.deliveries import PostDeliveries
from storage.delivery_decisions import DeliveryDecisions
from storage.post_edits import PostEdits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.posts.results import Results
    from storage.engine.db import Database
    from storage.models import Delivery


class Decision(StrEnum):
    """What can be decided about a delivery."""

    PUBLISH = "publish"
    """Send it now: it failed, is late, or waits for its time."""
    CANCEL = "cancel"
    LIVE = "live"
    """Somebody looked, and it is live."""
    NOT_LIVE = "not_live"
    """Somebody looked, and it is not live: send it."""
    LOOK = "look"
    """Look at the platform once more."""


class DeliveryDecider:
    """Carries out decisions about deliveries. Built once, in `bot.app`."""

    def __init__(self, results: Results, database: Database) -> None:
        self._results = results
        self._database = database

    async def decide(self, actor: Actor, delivery_id: str, decision: Decision) -> None:
        """Carry out a decision of the actor's.

        Raises:
            NotFoundError: The actor's organization has no such delivery.
            PostDecidedError: It is in a state in which this can't be decided any more.

        """
        organization_id = actor.organization_id
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            delivery = await DeliveryDecisions(session).get(organization_id, delivery_id)
            if delivery is None:
                raise NotFoundError(Thing.POST)
            await self._carry_out(session, actor, [delivery], decision)

    async def decide_all(self, actor: Actor, post_id: str, decision: Decision) -> None:
        """Carry out a decision about every delivery of a post about which it can be taken: all of them, or none.

        Raises:
            NotFoundError: The actor's organization has no such post.
            PostDecidedError: There is no delivery about which this can be decided any more.

        """
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            found = await DeliveryDecisions(session).of_post(actor.organization_id, post_id)
            if not found:
                raise NotFoundError(Thing.POST)
            await self._carry_out(session, actor, found, decision)

    async def _carry_out(
        self, session: AsyncSession, actor: Actor, found: Sequence[Delivery], decision: Decision
    ) -> None:
        """Decide about deliveries of one post, which are locked."""
        ids = [one.id for one in found if await _decided(session, one, decision)]
        if not ids:
            raise PostDecidedError
        for each in ids:
            await Audit(session).write(
                actor.organization_id, actor.membership_id, f"delivery {decision}", each
            )
        post = await PostDeliveries(session).post(actor.organization_id, found[0].post_id)
        await PostEdits(session).decided(actor.organization_id, found[0].post_id)
        if post is not None:
            await self._results.update(session, post)


async def _decided(session: AsyncSession, delivery: Delivery, decision: Decision) -> bool:
    """Carry out a decision about one delivery; return False where its state does not allow it."""
    decisions, which = DeliveryDecisions(session), (delivery.organization_id, delivery.id)
    match decision:
        case Decision.PUBLISH:
            return await decisions.publish(*which)
        case Decision.CANCEL:
            return await decisions.cancel(*which)
        case Decision.LIVE:
            return await decisions.confirm(*which)
        case Decision.NOT_LIVE:
            return await decisions.deny(*which)
        case Decision.LOOK:
            return await decisions.look_again(*which)
