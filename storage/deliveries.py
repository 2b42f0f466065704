"""The ledger of deliveries: who works on which, and what has become of it. System sessions only.

A process takes a delivery with a lease and a new generation. Everything it stores names that generation, so when its
lease is over and another has taken the delivery, or a person has changed it, it can store nothing any more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import aliased
from sqlmodel import col, delete, or_, select, update

from storage.engine.statements import insert_once, now, rows
from storage.models import (
    CODE_LENGTH,
    Account,
    Delivery,
    DeliveryStatus,
    DeliveryStep,
    Grant,
    Post,
    StepStatus,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner
    from storage.vault import Vault

LEASE = timedelta(seconds=60)
"""How long a delivery belongs to the process that took it, from the last time it said that it is alive."""
CANDIDATES = 4
"""How many due deliveries are read for each that is wanted, since an account has only one at a time."""
_UNSYNCHRONIZED = {"synchronize_session": False}
_FRESH_ROWS = _UNSYNCHRONIZED | {"populate_existing": True}
_free = or_(col(Delivery.lease_until).is_(None), col(Delivery.lease_until) < now())
_other = aliased(Delivery)
_ACCOUNT_FREE = ~(
    select(_other.id)
    .where(col(_other.account_id) == col(Delivery.account_id), col(_other.lease_until) >= now())
    .exists()
)
_WAITING = (col(Delivery.work_at) <= now(), _free, _ACCOUNT_FREE)
_SOME = select(Delivery.id).where(*_WAITING).limit(1)


async def any_due(runner: AutocommitRunner) -> bool:
    """Return whether there is a delivery to claim: a cheap read, made every second before the right to write."""
    return bool(await rows(runner, _SOME))


class LeaseLost(Exception):
    """Another process has the delivery, or a person has changed it: what was learnt may not be stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A delivery that was taken, with everything that is known about it."""

    delivery: Delivery
    post: Post
    account: Account
    grant: Grant | None
    steps: tuple[DeliveryStep, ...]
    """Those that were begun, in order."""


class Deliveries:
    """Takes deliveries that are due, and stores what becomes of them."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def claim(self, limit: int) -> list[Delivery]:
        """Return up to `limit` due deliveries of different accounts; nobody else gets them for `LEASE`.

        On PostgreSQL the accounts are locked first, so of two processes only one takes a delivery of an account. What
        the other has stored just before is seen only by the next statement, which therefore asks again.
        """
        due = (
            select(Delivery.id, Delivery.account_id)
            .join(Account, col(Account.id) == col(Delivery.account_id))
            .where(*_WAITING)
            .order_by(col(Delivery.work_at), col(Delivery.id))
            .limit(limit * CANDIDATES)
            .with_for_update(of=[Account, Delivery], skip_locked=True, key_share=True)
        )
        one_each: dict[str, str] = {}
        for delivery_id, account_id in await self._session.exec(due):
            one_each.setdefault(account_id, delivery_id)
        wanted = list(one_each.values())[:limit]
        if not wanted:
            return []
        taken = (
            update(Delivery)
            .where(col(Delivery.id).in_(wanted), _ACCOUNT_FREE)
            .values(lease_until=now(LEASE), generation=col(Delivery.generation) + 1)
            .returning(Delivery)
        )
        found = (await self._session.exec(taken, execution_options=_FRESH_ROWS)).scalars()
        return sorted(found, key=lambda row: (row.due_at, row.id))

    async def work(self, delivery: Delivery) -> Work:
        """Return everything that is known about a delivery."""
        found = (
            select(Post, Account, Grant)
            .select_from(Post)
            .join(Account, col(Account.id) == delivery.account_id)
            .outerjoin(Grant, col(Grant.id) == col(Account.grant_id))
            .where(Post.id == delivery.post_id)
        )
        post, account, grant = (await self._session.exec(found)).one()
        return Work(
            delivery=delivery, post=post, account=account, grant=grant, steps=await self.steps(delivery.id)
        )

    async def steps(self, delivery_id: str) -> tuple[DeliveryStep, ...]:
        """Return the steps that were begun, in order."""
        found = select(DeliveryStep).where(DeliveryStep.delivery_id == delivery_id)
        return tuple(await self._session.exec(found.order_by(col(DeliveryStep.position))))

    async def renew(self, delivery: Delivery) -> bool:
        """Extend the lease; False if the delivery is not ours any more."""
        return await self._change(delivery, lease_until=now(LEASE))

    async def again(self, delivery: Delivery, after: timedelta) -> None:
        """End the lease and go on later, in the state that the delivery has.

        Raises:
            LeaseLost: The delivery is not ours any more.

        """
        if not await self._change(
            delivery, work_at=now(after), lease_until=None, failures=col(Delivery.failures) + 1
        ):
            raise LeaseLost

    async def keep(self, delivery: Delivery, handles: Mapping[str, str]) -> None:
        """Store handles and extend the lease.

        Raises:
            LeaseLost: The delivery is not ours any more.

        """
        sealed = self._vault.seal(json.dumps(dict(handles)), **_place(delivery)) if handles else None
        if not await self._change(delivery, handles_sealed=sealed, lease_until=now(LEASE)):
            raise LeaseLost
        delivery.handles_sealed = sealed

    async def rewrite(self, delivery: Delivery, content: Mapping[str, Any]) -> None:
        """Store what goes out instead, with other files in place of some.

        Raises:
            LeaseLost: The delivery is not ours any more.

        """
        if not await self._change(delivery, content=dict(content), lease_until=now(LEASE)):
            raise LeaseLost
        delivery.content = dict(content)

    async def arm(self, delivery: Delivery, position: int, kind: str) -> DeliveryStep:
        """Store that a step is about to be sent, before the call. From then on nobody sends it again by themselves.

        Raises:
            LeaseLost: The delivery is not ours any more: held, cancelled, changed, or another process has it.

        """
        if not await self._change(
            delivery,
            status=DeliveryStatus.SENDING,
            lease_until=now(LEASE),
            outcome="",
            code="",
            looks=0,
        ):
            raise LeaseLost
        new = insert_once(self._session, DeliveryStep).values(
            delivery_id=delivery.id,
            position=position,
            organization_id=delivery.organization_id,
            kind=kind,
            status=StepStatus.SENDING,
            started_at=now(),
            receipt_id="",
            url="",
            note="",
            code="",
        )
        await self._session.exec(new)
        found = select(DeliveryStep).where(
            DeliveryStep.delivery_id == delivery.id, DeliveryStep.position == position
        )
        return (await self._session.exec(found)).one()

    async def settle_step(self, step: DeliveryStep, status: StepStatus, **values: str) -> None:
        """Store what became of a step. Called with `settle`, in one transaction."""
        change = update(DeliveryStep).where(
            col(DeliveryStep.delivery_id) == step.delivery_id, col(DeliveryStep.position) == step.position
        )
        if "code" in values:
            values["code"] = values["code"][:CODE_LENGTH]
        await self._session.exec(
            change.values(status=status, settled_at=now(), **values), execution_options=_UNSYNCHRONIZED
        )

    async def undo_step(self, step: DeliveryStep) -> None:
        """Forget a step that certainly did not happen. Called with `settle`, in one transaction."""
        await self._session.exec(
            delete(DeliveryStep).where(
                col(DeliveryStep.delivery_id) == step.delivery_id, col(DeliveryStep.position) == step.position
            ),
            execution_options=_UNSYNCHRONIZED,
        )

    async def settle(
        self,
        delivery: Delivery,
        status: DeliveryStatus,
        *,
        again_in: timedelta | None = None,
        outcome: str = "",
        code: str = "",
        **values: Any,
    ) -> None:
        """Store where the delivery is now, and when to go on; None: there is nothing more to do by ourselves.

        The lease ends.

        Raises:
            LeaseLost: The delivery is not ours any more.

        """
        if not await self._change(
            delivery,
            status=status,
            work_at=None if again_in is None else now(again_in),
            lease_until=None,
            outcome=outcome,
            code=code[:CODE_LENGTH],
            **values,
        ):
            raise LeaseLost

    async def wake_settled(self, delivery_id: str) -> None:
        """Let a delivery go on whose last answer came after its lease was lost: the receipt is stored all the same."""
        unclear = select(DeliveryStep.position).where(
            DeliveryStep.delivery_id == delivery_id,
            col(DeliveryStep.status).in_([StepStatus.SENDING, StepStatus.ACCEPTED]),
        )
        woken = update(Delivery).where(
            col(Delivery.id) == delivery_id,
            col(Delivery.status) == DeliveryStatus.UNKNOWN,
            ~unclear.exists(),
        )
        await self._session.exec(woken.values(work_at=now(), asks=False), execution_options=_UNSYNCHRONIZED)

    async def _change(self, delivery: Delivery, **values: Any) -> bool:
        ours = update(Delivery).where(
            col(Delivery.id) == delivery.id, col(Delivery.generation) == delivery.generation
        )
        changed = await self._session.exec(ours.values(**values), execution_options=_UNSYNCHRONIZED)
        return changed.rowcount == 1


class PostDeliveries:
    """What has become of an organization's posts. Sessions of that organization, and system sessions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def post(self, organization_id: str, post_id: str) -> Post | None:
        """Return a post of the organization."""
        found = select(Post).where(Post.organization_id == organization_id, Post.id == post_id)
        return (await self._session.exec(found)).one_or_none()

    async def all(self, organization_id: str, post_id: str) -> list[tuple[Delivery, Account]]:
        """Return a post's deliveries with their accounts, by platform and name."""
        found = (
            select(Delivery, Account)
            .join(Account, col(Account.id) == col(Delivery.account_id))
            .where(Delivery.organization_id == organization_id, Delivery.post_id == post_id)
            .order_by(col(Account.platform), col(Account.name), col(Delivery.place), col(Delivery.id))
        )
        return list((await self._session.exec(found)).all())

    async def account(self, delivery: Delivery) -> Account:
        """Return the account that a delivery goes to. System session."""
        return (await self._session.exec(select(Account).where(Account.id == delivery.account_id))).one()

    async def steps(self, organization_id: str, post_id: str) -> list[DeliveryStep]:
        """Return the steps of a post's deliveries that were begun, in order."""
        ours = select(Delivery.id).where(
            Delivery.organization_id == organization_id, Delivery.post_id == post_id
        )
        found = select(DeliveryStep).where(col(DeliveryStep.delivery_id).in_(ours))
        return list(await self._session.exec(found.order_by(col(DeliveryStep.position))))


def handles_of(vault: Vault, delivery: Delivery) -> dict[str, str]:
    """Return what the platform returned while the post was prepared."""
    if delivery.handles_sealed is None:
        return {}
    opened: dict[str, str] = json.loads(vault.open(delivery.handles_sealed, **_place(delivery)).reveal())
    return opened


def _place(delivery: Delivery) -> Any:
    return {
        "table": "delivery",
        "column": "handles_sealed",
        "organization": delivery.organization_id,
        "row": delivery.id,
    }
