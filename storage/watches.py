"""Deliveries that are looked at before they are due, and after they are live. System sessions only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select, update

from storage.engine.statements import now, now_or_null
from storage.models import BEFORE_SENDING, Account, Delivery, DeliveryStatus, DeliveryStep, StepStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

LEASE = timedelta(minutes=5)
"""After this, a look that did not end is made again."""
_UNSYNCHRONIZED = {"synchronize_session": False}
_FRESH_ROWS = _UNSYNCHRONIZED | {"populate_existing": True}
_CHECKED = (col(Delivery.check_at) <= now(), col(Delivery.status).in_(BEFORE_SENDING))
_WATCHED = (col(Delivery.watch_at) <= now(), col(Delivery.status) == DeliveryStatus.SENT)


class Watches:
    """Which deliveries are due for a look, and what it showed."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def any_to_check(self) -> bool:
        """Tell whether a delivery that is not out yet is due for a check."""
        return await self._any(*_CHECKED)

    async def any_to_watch(self) -> bool:
        """Tell whether a live delivery is due for a look."""
        return await self._any(*_WATCHED)

    async def claim_checks(self, limit: int) -> list[Delivery]:
        """Return up to `limit` deliveries to check; nobody else gets them for `LEASE`."""
        due = select(Delivery.id).where(*_CHECKED).order_by(col(Delivery.check_at)).limit(limit)
        return await self._claim(due, check_at=now(LEASE))

    async def claim_watches(self, limit: int) -> list[Delivery]:
        """Return live deliveries to look at, all of the same account; nobody else gets them for `LEASE`."""
        first = (
            select(Delivery.account_id).where(*_WATCHED).order_by(col(Delivery.watch_at)).limit(1)
        ).scalar_subquery()
        due = select(Delivery.id).where(*_WATCHED, col(Delivery.account_id) == first)
        return await self._claim(due.order_by(col(Delivery.watch_at)).limit(limit), watch_at=now(LEASE))

    async def account(self, account_id: str) -> Account:
        """Return an account."""
        return (await self._session.exec(select(Account).where(Account.id == account_id))).one()

    async def live_steps(self, delivery_ids: list[str]) -> list[DeliveryStep]:
        """Return the steps of these deliveries that are live and that the platform has named."""
        found = select(DeliveryStep).where(
            col(DeliveryStep.delivery_id).in_(delivery_ids),
            DeliveryStep.status == StepStatus.SENT,
            DeliveryStep.kind == "post",
            DeliveryStep.receipt_id != "",
        )
        return list(await self._session.exec(found))

    async def checked(
        self, delivery: Delivery, fault: Mapping[str, Any] | None, again_in: timedelta | None
    ) -> bool:
        """Store what a check found (None: it found out nothing); False if the delivery has changed since."""
        values: dict[str, Any] = {} if fault is None else {"fault": dict(fault)}
        unchanged = col(Delivery.generation) == delivery.generation
        return await self._change(delivery, unchanged, check_at=now_or_null(again_in), **values)

    async def watched(
        self, delivery: Delivery, status: DeliveryStatus, misses: int, again_in: timedelta | None
    ) -> bool:
        """Store what a look at a live delivery showed; False if it is not in that state any more."""
        live = col(Delivery.status) == DeliveryStatus.SENT
        return await self._change(
            delivery, live, status=status, misses=misses, watched_at=now(), watch_at=now_or_null(again_in)
        )

    async def look_later(self, delivery: Delivery, again_in: timedelta | None) -> None:
        """Look at a live delivery again: this time the platform did not answer. None: not again."""
        await self._change(delivery, watch_at=now_or_null(again_in))

    async def _any(self, *which: ColumnElement[bool]) -> bool:
        return (await self._session.exec(select(Delivery.id).where(*which).limit(1))).first() is not None

    async def _claim(self, due: Any, **values: Any) -> list[Delivery]:
        ids = list(await self._session.exec(due.with_for_update(skip_locked=True)))
        if not ids:
            return []
        taken = update(Delivery).where(col(Delivery.id).in_(ids)).values(**values).returning(Delivery)
        found = (await self._session.exec(taken, execution_options=_FRESH_ROWS)).scalars()
        return sorted(found, key=lambda row: row.id)

    async def _change(self, delivery: Delivery, *which: ColumnElement[bool], **values: Any) -> bool:
        row = update(Delivery).where(col(Delivery.id) == delivery.id, *which)
        return (
            await self._session.exec(row.values(**values), execution_options=_UNSYNCHRONIZED)
        ).rowcount == 1
