"""What members decide about deliveries: publish now, cancel, or say whether one is live."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.errors import AlreadyResolvedError, NotFoundError, Thing
from bot.services.permissions import Permission
from storage.audit import Audit
from storage.deliveries import PostDeliveries
from storage.delivery_decisions import DeliveryDecisions

if TYPE_CHECKING:
    from bot.services.access import Actor
    from bot.services.posts.results import Results
    from storage.engine.db import Database


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
            AlreadyResolvedError: It is in a state in which this can't be decided any more.

        """
        organization_id = actor.organization_id
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            decisions = DeliveryDecisions(session)
            delivery = await decisions.get(organization_id, delivery_id)
            if delivery is None:
                raise NotFoundError(Thing.POST)
            match decision:
                case Decision.PUBLISH:
                    done = await decisions.publish(organization_id, delivery_id)
                case Decision.CANCEL:
                    done = await decisions.cancel(organization_id, delivery_id)
                case Decision.LIVE:
                    done = await decisions.confirm(organization_id, delivery_id)
                case Decision.NOT_LIVE:
                    done = await decisions.deny(organization_id, delivery_id)
                case Decision.LOOK:
                    done = await decisions.look_again(organization_id, delivery_id)
            if not done:
                raise AlreadyResolvedError
            await Audit(session).write(
                organization_id, actor.membership_id, f"delivery {decision}", delivery_id
            )
            post = await PostDeliveries(session).post(organization_id, delivery.post_id)
            if post is not None:
                await self._results.update(session, post)
