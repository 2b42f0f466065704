"""Prepares a delivery and sends its steps, each exactly once.

Before the one call that people see, `sending` is committed. After it there is a receipt, or the platform's word that
nothing was published, or the delivery is `unknown` and is looked up.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from adapters.base import Accepted, Misconfigured, OutcomeUnknown, PlatformError, Rejected, TokenRefused
from bot.ops.logs import logger
from bot.ops.metrics import DELIVERIES
from bot.services.posts.budgets import give_back, reserve
from bot.services.posts.contents import dump, load
from bot.services.posts.policy import (
    LOOKS,
    NO_RECEIPT,
    POSTPONED,
    WATCHES,
    Decision,
    Move,
    after,
    first_check_in,
)
from storage.deliveries import LEASE, Deliveries, LeaseLost, PostDeliveries, handles_of
from storage.engine.autocommit import FAILURES
from storage.engine.statements import now, now_or_null
from storage.models import DeliveryStatus, StepStatus
from storage.posts import Posts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Handles, PublishingFacts, Receipt, Step
    from bot.services.posts.calls import Authorized, Keep, PublishingCalls
    from bot.services.posts.results import Results
    from storage.deliveries import Work
    from storage.engine.db import Database
    from storage.models import Delivery, DeliveryStep
    from storage.vault import Vault

log = logger(__name__)


class Sending:
    """Makes the calls for a delivery that is ours, and stores what they come to. Built once, in `bot.app`.

    Every method raises `LeaseLost` when the delivery is not ours any more.
    """

    def __init__(
        self,
        *,
        calls: PublishingCalls,
        results: Results,
        database: Database,
        vault: Vault,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`clock` returns seconds; by default those of the running event loop."""
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._calls = calls
        self._results = results
        self._database = database
        self._vault = vault

    async def wait(self, work: Work, status: DeliveryStatus, span: timedelta) -> None:
        """Store that nothing is to be done for a while."""
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle(work.delivery, status, again_in=span)

    async def hold(self, work: Work) -> None:
        """Store that members hold the account, unless they have just let it go."""
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle(work.delivery, DeliveryStatus.HELD)
            await Posts(session).park(work.delivery)
            await self._results.update(session, work.post)

    async def wait_for_time(self, work: Work, due_in: timedelta, ahead: timedelta) -> None:
        """Store that nothing is to be done until so long before it is due, and that it is checked before."""
        check_in, delivery = first_check_in(due_in), work.delivery
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle(
                delivery,
                DeliveryStatus.SCHEDULED,
                again_in=due_in - ahead,
                outcome=delivery.outcome if delivery.outcome == POSTPONED else "",
                code=delivery.code if delivery.outcome == POSTPONED else "",
                check_at=now_or_null(check_in),
            )

    async def ask_about_late(self, work: Work) -> None:
        """Store that it is too late for this to go out by itself: a person decides."""
        delivery = work.delivery
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle(
                delivery, DeliveryStatus.LATE, outcome=delivery.outcome, code=delivery.code
            )
            await self._results.update(session, work.post)

    async def leave_to_people(self, delivery: Delivery) -> None:
        """Store that a person decides about a delivery with which we fail again and again."""
        async with self._database.system() as session:
            deliveries = Deliveries(session, self._vault)
            begun = bool(await deliveries.steps(delivery.id))
            await deliveries.settle(
                delivery, DeliveryStatus.UNKNOWN if begun else DeliveryStatus.LATE, asks=begun
            )
            post = await PostDeliveries(session).post(delivery.organization_id, delivery.post_id)
            if post is not None:
                await self._results.update(session, post)

    async def prepare(self, work: Work) -> bool:
        """Upload what the platform needs before it publishes; return whether it is ready."""
        delivery, publisher = work.delivery, self._calls.publisher(work.account.platform)
        handles, keep = handles_of(self._vault, delivery), self._keeper(delivery)
        try:
            await self._calls.check_files(work)
            await self._convert(work)
            await self._calls.check_budget(work)
            await self._calls.allowed(work)
            prepared = await self._calls.use(
                work, keep, lambda outgoing: publisher.prepare(outgoing, handles)
            )
        except PlatformError as error:
            await self._not_sent(work, error)
            return False
        if prepared.handles != handles_of(self._vault, delivery):
            await keep(prepared.handles)
        if prepared.again_in is not None:
            await self.wait(work, DeliveryStatus.PREPARING, prepared.again_in)
            return False
        return True

    async def _convert(self, work: Work) -> None:
        """Let JPEGs go out in place of the pictures that the platform does not take. They are made only once."""
        content = await self._calls.converted(work)
        if content is not None:
            async with self._database.system() as session:
                await Deliveries(session, self._vault).rewrite(work.delivery, dump(content))

    async def send(self, work: Work, *, again_in: timedelta | None = None) -> None:
        """Send every step that was not begun yet, in order; stop at the first that is not live at once.

        `again_in`: when the platform is asked for the address of what is live already.
        """
        steps = self._calls.publisher(work.account.platform).steps(load(work.delivery.content))
        for position in range(len(work.steps), len(steps)):
            if any(step.status == StepStatus.SENT and not step.receipt_id for step in work.steps):
                await self._cut_off(work, rest=steps[position:])
                return
            if not await self._send_step(work, position, steps[position]):
                return
            if position + 1 < len(steps):  # the next may need the receipt
                async with self._database.system(write=False) as session:
                    work = await Deliveries(session, self._vault).work(work.delivery)
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle(
                work.delivery, DeliveryStatus.SENT, again_in=again_in, fault={}, watch_at=now(WATCHES[0])
            )
            await self._results.update(session, work.post)
        DELIVERIES.labels(work.account.platform, "sent").inc()

    async def _cut_off(self, work: Work, *, rest: Sequence[Step]) -> None:
        """End a delivery whose next step needs the id of one that a person saw and the platform never named."""
        lacks = any(step.required for step in rest)
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle(
                work.delivery,
                DeliveryStatus.FAILED if lacks else DeliveryStatus.SENT,
                outcome=Rejected.__name__ if lacks else "",
                code=NO_RECEIPT if lacks else "",
            )
            await self._results.update(session, work.post)

    async def _send_step(self, work: Work, position: int, step: Step) -> bool:
        """Send one step; return whether the delivery goes on with the next."""
        try:
            if position == 0:
                await self._calls.check_files(work)
            await self._calls.allowed(work)
            authorized = await self._calls.authorize(work)
            armed_at = self._clock()
            row = await self._arm(work, position, step)
        except PlatformError as error:
            return await self._not_begun(work, position, step, error)
        if self._clock() - armed_at > LEASE.total_seconds() / 2:
            # This process stood still: by now others may have looked for it, and sent it again.
            raise LeaseLost
        try:
            result = await self._call(work, authorized, step)
        except OutcomeUnknown as error:
            return await self._unknown(work, error.code)
        except PlatformError as error:
            return await self._refused(work, row, step, error)
        except (DBAPIError, *FAILURES):
            raise
        except Exception as error:
            log.exception("delivery.unexpected_error", delivery=work.delivery.id, type=type(error).__name__)
            return await self._unknown(work, "unexpected")
        return await self._answered(work, row, result)

    async def _arm(self, work: Work, position: int, step: Step) -> DeliveryStep:
        """Commit that a step is about to be sent, with what it takes from the budgets.

        Raises:
            Busy: A budget has no room for it. Nothing is committed.

        """
        async with self._database.system() as session:
            row = await Deliveries(session, self._vault).arm(work.delivery, position, step.kind)
            await reserve(session, self._calls.charges(work, position), row.started_at)
            if position == 0:
                await self._results.update(session, work.post)
        return row

    async def _call(self, work: Work, authorized: Authorized, step: Step) -> Receipt | Accepted:
        """Make the call. A token that the platform refuses is renewed once: nothing was published."""
        publisher, handles = (
            self._calls.publisher(work.account.platform),
            handles_of(self._vault, work.delivery),
        )
        keep = self._keeper(work.delivery)
        try:
            outgoing = self._calls.outgoing(work, authorized, keep)
            return await self._calls.counted(work, publisher.send(outgoing, handles, step))
        except TokenRefused:
            outgoing = self._calls.outgoing(work, await self._calls.renewed(work, authorized), keep)
            return await self._calls.counted(work, publisher.send(outgoing, handles, step))

    async def _answered(self, work: Work, row: DeliveryStep, result: Receipt | Accepted) -> bool:
        """Store a receipt, or that the platform has it and says later what becomes of it."""
        async with self._database.system() as session:
            deliveries = Deliveries(session, self._vault)
            if isinstance(result, Accepted):
                await deliveries.keep(work.delivery, result.handles)
                await deliveries.settle_step(row, StepStatus.ACCEPTED)
                await deliveries.settle(work.delivery, DeliveryStatus.SENDING, again_in=result.again_in)
                return False
            # Whoever has the lease now: a receipt is the truth.
            await deliveries.settle_step(
                row, StepStatus.SENT, receipt_id=result.id, url=result.url, note=result.note
            )
        return True

    async def _unknown(self, work: Work, code: str) -> bool:
        """Store that the step may be live, and look soon."""
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle(
                work.delivery,
                DeliveryStatus.UNKNOWN,
                again_in=LOOKS[0],
                outcome=OutcomeUnknown.__name__,
                code=code,
            )
            await self._results.update(session, work.post)
        DELIVERIES.labels(work.account.platform, "unknown").inc()
        return False

    async def _not_begun(self, work: Work, position: int, step: Step, error: PlatformError) -> bool:
        """Store why a step can't be sent now; return whether the delivery goes on without it."""
        if not _given_up(work, step, error):
            await self._not_sent(work, error, step=step)
            return False
        async with self._database.system() as session:
            deliveries = Deliveries(session, self._vault)
            row = await deliveries.arm(work.delivery, position, step.kind)
            await deliveries.settle_step(row, StepStatus.FAILED, code=error.code)
        return True

    async def _refused(self, work: Work, row: DeliveryStep, step: Step, error: PlatformError) -> bool:
        """Store that a step was certainly not published; return whether the delivery goes on without it."""
        if not _given_up(work, step, error):
            await self._not_sent(work, error, row, step)
            return False
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle_step(row, StepStatus.FAILED, code=error.code)
            await give_back(session, self._calls.charges(work, row.position), row.started_at)
        return True

    async def _not_sent(
        self, work: Work, error: PlatformError, row: DeliveryStep | None = None, step: Step | None = None
    ) -> None:
        """Store an error after which nothing of the step was published; `row`: it was armed for the call."""
        decision = after(error, work.delivery.failures, self._facts(work).cap_codes)
        if isinstance(error, Misconfigured):
            await self._calls.report(work.grant, error)
        async with self._database.system() as session:
            if row is not None:
                await Deliveries(session, self._vault).undo_step(row)
                await give_back(session, self._calls.charges(work, row.position), row.started_at)
            begun = row is not None or bool(work.steps)
            waits = DeliveryStatus.READY if begun else DeliveryStatus(work.delivery.status)
            if step is not None and not step.required:
                # The post is live: nobody can cancel it any more, and it is not held.
                waits = DeliveryStatus.SENDING
            await self._store(session, work, error, decision, waits)
            await self._results.update(session, work.post)
        DELIVERIES.labels(work.account.platform, decision.move).inc()
        log.info(
            "delivery.not_sent",
            delivery=work.delivery.id,
            platform=work.account.platform,
            outcome=type(error).__name__,
            code=error.code,
            move=decision.move,
        )

    async def _store(
        self,
        session: AsyncSession,
        work: Work,
        error: PlatformError,
        decision: Decision,
        status: DeliveryStatus,
    ) -> None:
        """Store what follows; `status`: the state in which the delivery waits for another try."""
        delivery, deliveries = work.delivery, Deliveries(session, self._vault)
        again_in: timedelta | None = decision.again_in
        outcome, more = type(error).__name__, dict[str, object]()
        match decision.move:
            case Move.FAIL:
                status, again_in = DeliveryStatus.FAILED, None
            case Move.PARK:
                status, again_in = DeliveryStatus.HELD, None
            case Move.ANEW:
                await deliveries.keep(delivery, {})
                status = DeliveryStatus.PREPARING
            case Move.POSTPONE:
                outcome, more = POSTPONED, {"due_at": now(decision.again_in)}
            case _:
                pass
        await deliveries.settle(
            delivery,
            status,
            again_in=again_in,
            outcome=outcome,
            code=error.code,
            failures=delivery.failures + 1,
            **more,
        )
        if decision.move is Move.PARK:
            await Posts(session).park(delivery)

    def _facts(self, work: Work) -> PublishingFacts:
        return self._calls.publisher(work.account.platform).facts

    def _keeper(self, delivery: Delivery) -> Keep:
        async def keep(handles: Handles) -> None:
            async with self._database.system() as session:
                await Deliveries(session, self._vault).keep(delivery, handles)

        return keep


def _given_up(work: Work, step: Step, error: PlatformError) -> bool:
    """Tell whether a step is left out after an error: the post is live without it, and it can't be sent soon."""
    return not step.required and after(error, work.delivery.failures).move in {
        Move.FAIL,
        Move.PARK,
        Move.ANEW,
    }
