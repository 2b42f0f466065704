"""What people decide about single deliveries: retry, cancel, or say whether one is live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, delete, select, update

from storage.engine.statements import now
from storage.models import BEFORE_SENDING, Delivery, DeliveryStatus, DeliveryStep, StepStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel.ext.asyncio.session import AsyncSession

_UNSYNCHRONIZED = {"synchronize_session": False}
PUBLISHABLE = (*BEFORE_SENDING, DeliveryStatus.FAILED, DeliveryStatus.LATE, DeliveryStatus.OBJECTED)
"""The states from which a person can let a delivery go out now."""
CANCELLABLE = (*PUBLISHABLE, DeliveryStatus.HELD)
"""The states from which a person can cancel it: it is not out yet."""
_UNCLEAR = col(DeliveryStep.status).in_([StepStatus.SENDING, StepStatus.ACCEPTED])


class DeliveryDecisions:
    """The deliveries of an organization, one at a time, as people decide about them.

    Each method returns whether the delivery was in a state in which this can be decided: of two people who press at
    once, one decides. A process that works on it can then no longer store anything about it.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: str, delivery_id: str) -> Delivery | None:
        """Return a delivery of the organization, locked until the transaction ends."""
        found = select(Delivery).where(
            Delivery.organization_id == organization_id, Delivery.id == delivery_id
        )
        return (await self._session.exec(found.with_for_update())).one_or_none()

    async def of_post(self, organization_id: str, post_id: str) -> list[Delivery]:
        """Return a post's deliveries, locked until the transaction ends."""
        found = select(Delivery).where(
            Delivery.organization_id == organization_id, Delivery.post_id == post_id
        )
        # Always in the same order: two people who decide about a post at once would otherwise wait for each other.
        return list(await self._session.exec(found.order_by(col(Delivery.id)).with_for_update()))

    async def publish(self, organization_id: str, delivery_id: str) -> bool:
        """Let a delivery that failed, waits for its time or is late go out now."""
        return await self._move(
            organization_id, delivery_id, PUBLISHABLE, DeliveryStatus.SCHEDULED, due_at=now(), work_at=now()
        )

    async def cancel(self, organization_id: str, delivery_id: str) -> bool:
        """Let a delivery that is not out yet never go out."""
        return await self._move(
            organization_id, delivery_id, CANCELLABLE, DeliveryStatus.CANCELLED, work_at=None
        )

    async def stop(self, organization_id: str, delivery_id: str) -> bool:
        """Keep a delivery that is not out yet from going out until a person has decided."""
        return await self._move(
            organization_id,
            delivery_id,
            (*BEFORE_SENDING, DeliveryStatus.HELD, DeliveryStatus.LATE),
            DeliveryStatus.OBJECTED,
            work_at=None,
        )

    async def alter(self, organization_id: str, delivery_id: str, wish: Mapping[str, Any]) -> bool:
        """Let what is live be edited or deleted."""
        return await self._move(
            organization_id,
            delivery_id,
            (DeliveryStatus.SENT,),
            DeliveryStatus.CHANGING,
            work_at=now(),
            wish=dict(wish),
            outcome="",
            code="",
        )

    async def look_again(self, organization_id: str, delivery_id: str) -> bool:
        """Look at the platform once more."""
        return await self._move(
            organization_id,
            delivery_id,
            (DeliveryStatus.UNKNOWN,),
            DeliveryStatus.UNKNOWN,
            work_at=now(),
            looks=0,
        )

    async def confirm(self, organization_id: str, delivery_id: str) -> bool:
        """Store that a person saw what was sent: it is live."""
        if not await self._move(
            organization_id, delivery_id, (DeliveryStatus.UNKNOWN,), DeliveryStatus.UNKNOWN, work_at=now()
        ):
            return False
        seen = update(DeliveryStep).where(col(DeliveryStep.delivery_id) == delivery_id, _UNCLEAR)
        await self._session.exec(
            seen.values(status=StepStatus.SENT, settled_at=now()), execution_options=_UNSYNCHRONIZED
        )
        return True

    async def deny(self, organization_id: str, delivery_id: str) -> bool:
        """Store that a person looked and what was sent is not live: it is sent again."""
        live = select(DeliveryStep.position).where(
            DeliveryStep.delivery_id == delivery_id, DeliveryStep.status == StepStatus.SENT
        )
        begun = (await self._session.exec(live)).first() is not None
        if not await self._move(
            organization_id,
            delivery_id,
            (DeliveryStatus.UNKNOWN,),
            DeliveryStatus.SENDING if begun else DeliveryStatus.READY,
            due_at=now(),
            work_at=now(),
            looks=0,
        ):
            return False
        unclear = delete(DeliveryStep).where(col(DeliveryStep.delivery_id) == delivery_id, _UNCLEAR)
        await self._session.exec(unclear, execution_options=_UNSYNCHRONIZED)
        return True

    async def _move(
        self,
        organization_id: str,
        delivery_id: str,
        states: tuple[DeliveryStatus, ...],
        status: DeliveryStatus,
        **values: object,
    ) -> bool:
        moved = update(Delivery).where(
            col(Delivery.organization_id) == organization_id,
            col(Delivery.id) == delivery_id,
            col(Delivery.status).in_(states),
        )
        changed = await self._session.exec(
            moved.values(
                status=status,
                generation=col(Delivery.generation) + 1,
                lease_until=None,
                failures=0,
                asks=False,
                **values,
            ),
            execution_options=_UNSYNCHRONIZED,
        )
        return changed.rowcount == 1
