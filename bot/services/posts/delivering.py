"""The engine: takes deliveries that are due, and brings each one step further.

A delivery that is found in `sending` without a result is never sent again by itself: `Reconciling` looks what became
of it.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from bot.ops.logs import logger
from bot.services.posts.contents import load
from bot.services.posts.policy import LATE_AFTER, pause
from storage.deliveries import Deliveries, LeaseLost, any_due
from storage.engine.autocommit import FAILURES
from storage.engine.statements import database_time
from storage.models import BEFORE_SENDING, DeliveryStatus, StepStatus

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from bot.services.posts.altering import Altering
    from bot.services.posts.calls import PublishingCalls
    from bot.services.posts.reconciling import Reconciling
    from bot.services.posts.sending import Sending
    from storage.deliveries import Work
    from storage.engine.db import Database
    from storage.models import Delivery
    from storage.vault import Vault

log = logger(__name__)
AT_ONCE = 50
"""Deliveries that one process works on at the same time."""
ROOM_AGAIN = 5
"""How many of them must have ended before it looks for more: each look costs a transaction."""
RENEW_EVERY_S = 15.0
"""How often a process extends the lease of what it works on; of one that died it is over a minute later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the engine does the work with."""

    sending: Sending
    reconciling: Reconciling
    altering: Altering


class Delivering:
    """Works through the ledger. Built once, in `bot.app`; any number of processes may run one."""

    def __init__(
        self,
        *,
        calls: PublishingCalls,
        parts: Parts,
        database: Database,
        vault: Vault,
        renew_every_s: float = RENEW_EVERY_S,
    ) -> None:
        self._calls = calls
        self._sending = parts.sending
        self._reconciling = parts.reconciling
        self._altering = parts.altering
        self._database = database
        self._vault = vault
        self._renew_every_s = renew_every_s
        self._working: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._more = False
        self.room = asyncio.Event()
        """Set when more may be due and there is room for it again: then `run` need not wait for its interval."""

    async def run(self) -> None:
        """Begin with everything that is due, as far as there is room. What was begun goes on after this returns."""
        self._more = False
        while not self._stopping and (room := AT_ONCE - len(self._working)) > 0:
            if not await any_due(self._database.autocommit):
                return
            async with self._database.system() as session:
                claimed = await Deliveries(session, self._vault).claim(room)
            for delivery in claimed:
                task = asyncio.create_task(self._one(delivery))
                self._working.add(task)
                task.add_done_callback(self._ended)
            if not claimed:
                return
        self._more = not self._stopping

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if self._more and len(self._working) <= AT_ONCE - ROOM_AGAIN:
            self.room.set()

    async def finish(self) -> None:
        """Return when nothing that was begun is under way."""
        while self._working:
            await asyncio.wait(set(self._working))

    async def drain(self, within_s: float) -> None:
        """Begin nothing more, and let what is under way end. What takes longer is looked up after its lease."""
        self._stopping = True
        if self._working:
            _, left = await asyncio.wait(set(self._working), timeout=within_s)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _one(self, delivery: Delivery) -> None:
        try:
            async with self._renewing(delivery):
                await self._advance(delivery)
        except LeaseLost:
            log.info("delivery.not_ours", delivery=delivery.id)
            async with self._database.system() as session:
                await Deliveries(session, self._vault).wake_settled(delivery.id)
        except (DBAPIError, *FAILURES):
            log.warning("delivery.interrupted", delivery=delivery.id)  # the lease ends by itself
        except Exception as error:
            log.exception("delivery.unexpected_error", delivery=delivery.id, type=type(error).__name__)
            await self._put_off(delivery)

    @asynccontextmanager
    async def _renewing(self, delivery: Delivery) -> AsyncGenerator[None]:
        """Keep the lease while the block runs, however long a platform takes to answer."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self._renew_every_s)
                try:
                    async with self._database.system() as session:
                        await Deliveries(session, self._vault).renew(delivery)
                except (DBAPIError, *FAILURES):
                    log.warning("delivery.lease_not_renewed", delivery=delivery.id)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _put_off(self, delivery: Delivery) -> None:
        """Try a delivery again after a fault of ours, in the state that it has; when it is late, ask a person."""
        try:
            async with self._database.system() as session:
                late = await database_time(session) - delivery.due_at > LATE_AFTER
                if not late or delivery.status in {DeliveryStatus.SENT, DeliveryStatus.CHANGING}:
                    await Deliveries(session, self._vault).again(delivery, pause(delivery.failures))
                    return
            await self._sending.leave_to_people(delivery)
        except (LeaseLost, DBAPIError, *FAILURES):
            log.warning("delivery.not_put_off", delivery=delivery.id)

    async def _advance(self, delivery: Delivery) -> None:
        """Do what is next for a delivery that is ours."""
        async with self._database.system(write=False) as session:
            deliveries = Deliveries(session, self._vault)
            work, due_in = await deliveries.work(delivery), delivery.due_at - await database_time(session)
        unclear = [s for s in work.steps if s.status in {StepStatus.SENDING, StepStatus.ACCEPTED}]
        if unclear:
            again_in = None
            for step in unclear:  # several only after a restore
                if (found := await self._reconciling.look(work, step)) is None:
                    return
                again_in = found.again_in
                async with self._database.system(write=False) as session:
                    work = await Deliveries(session, self._vault).work(delivery)
            await self._sending.send(work, again_in=again_in)
        elif delivery.status == DeliveryStatus.CHANGING:
            await self._altering.alter(work)
        elif delivery.status == DeliveryStatus.SENT:
            await self._reconciling.look_for_address(work)
        elif delivery.status in {DeliveryStatus.SENDING, DeliveryStatus.UNKNOWN}:  # between two steps
            await self._sending.send(work)
        elif delivery.status in BEFORE_SENDING:
            await self._before(work, due_in)

    async def _before(self, work: Work, due_in: timedelta) -> None:
        """Wait, prepare or send, by the time that is left."""
        delivery = work.delivery
        content = load(delivery.content)
        ahead = timedelta(0)
        if content.all_media or content.cover:
            ahead = self._calls.publisher(work.account.platform).facts.ahead
        if work.account.held_until is not None and not work.steps:
            await self._sending.hold(work)
        elif due_in > ahead:
            await self._sending.wait_for_time(work, due_in, ahead)
        elif -due_in > LATE_AFTER and not work.steps:
            await self._sending.ask_about_late(work)
        elif delivery.status == DeliveryStatus.READY or await self._sending.prepare(work):
            if due_in > timedelta(0):
                await self._sending.wait(work, DeliveryStatus.READY, due_in)
            else:
                await self._sending.send(work)
