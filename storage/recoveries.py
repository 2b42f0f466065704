"""After a restore from a backup: noticing it, and doubting what was due since. System sessions only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlmodel import col, select, update

from storage.engine.statements import database_time, insert_once, now
from storage.models import BEFORE_SENDING, Beat, Delivery, DeliveryStatus, DeliveryStep, StepStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

DOUBTED = (
    *BEFORE_SENDING,
    DeliveryStatus.SENDING,
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.HELD,
    DeliveryStatus.LATE,
)
"""The states that a delivery may have left after the backup was made, by going out."""
_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far the count was, and when."""

    number: int = 0
    at: datetime | None = None


class Recoveries:
    """The count, and the deliveries that a restore puts in doubt."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def mark(self) -> Mark:
        """Return how far the database's own count is."""
        found = (await self._session.exec(select(Beat))).one_or_none()
        return Mark() if found is None else Mark(number=found.number, at=found.at)

    async def count(self, least: int) -> Mark:
        """Count on, from `least` at least, and return how far the count is now."""
        at = await database_time(self._session)
        new = insert_once(self._session, Beat).values(id=1, number=least + 1, at=at)
        more = new.on_conflict_do_update(
            index_elements=["id"], set_={"number": Beat.number + 1, "at": at}, where=col(Beat.number) >= least
        )
        if (await self._session.exec(more, execution_options=_UNSYNCHRONIZED)).rowcount != 1:
            ahead = update(Beat).values(number=least + 1, at=at)
            await self._session.exec(ahead, execution_options=_UNSYNCHRONIZED)
        return await self.mark()

    async def in_doubt(self, until: datetime) -> list[Delivery]:
        """Return the deliveries that were due by then and that may be out already, locked."""
        found = select(Delivery).where(col(Delivery.status).in_(DOUBTED), col(Delivery.due_at) <= until)
        return list(await self._session.exec(found.order_by(col(Delivery.id)).with_for_update()))

    async def doubt(self, delivery: Delivery, kinds: Sequence[str], since: datetime) -> None:
        """Let a delivery be looked up and not sent: it may have gone out at `since` or later.

        `kinds`: those of all its steps, in order.
        """
        begun = select(DeliveryStep.position).where(DeliveryStep.delivery_id == delivery.id)
        there = set(await self._session.exec(begun))
        for position, kind in enumerate(kinds):
            if position not in there:
                self._session.add(
                    DeliveryStep(
                        delivery_id=delivery.id,
                        position=position,
                        organization_id=delivery.organization_id,
                        kind=kind,
                        status=StepStatus.SENDING,
                        started_at=min(since, delivery.due_at),
                    )
                )
        await self._session.flush()
        changed = update(Delivery).where(col(Delivery.id) == delivery.id)
        await self._session.exec(
            changed.values(
                status=DeliveryStatus.UNKNOWN,
                work_at=now(),
                lease_until=None,
                generation=col(Delivery.generation) + 1,
                handles_sealed=None,
                failures=0,
                looks=0,
                asks=False,
            ),
            execution_options=_UNSYNCHRONIZED,
        )
