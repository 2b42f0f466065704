"""What became of a step whose answer was lost, or that the platform works on: it is looked up, never sent again.

Only a platform's proof that nothing happened lets it be sent again. Where the platform cannot say, a person is asked.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.base import Finding, GrantDead, Outcome, PlatformError, StepKind
from bot.ops.logs import logger
from bot.ops.metrics import DELIVERIES
from bot.services.posts.budgets import give_back
from bot.services.posts.contents import load
from bot.services.posts.policy import LINK_WITHIN, Judgement, Verdict, judge, pause
from storage.deliveries import Deliveries, handles_of
from storage.engine.statements import database_time
from storage.models import DeliveryStatus, StepStatus

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Handles, Receipt
    from bot.services.posts.calls import PublishingCalls
    from bot.services.posts.results import Results
    from storage.deliveries import Work
    from storage.engine.db import Database
    from storage.models import DeliveryStep
    from storage.vault import Vault

log = logger(__name__)


class Reconciling:
    """Looks at platforms for what was sent. Built once, in `bot.app`."""

    def __init__(self, *, calls: PublishingCalls, results: Results, database: Database, vault: Vault) -> None:
        self._calls = calls
        self._results = results
        self._database = database
        self._vault = vault

    async def look(self, work: Work, row: DeliveryStep) -> Finding | None:
        """Look what became of a step, and store it; return what was found if it is live, and None otherwise.

        Raises:
            LeaseLost: The delivery is not ours any more.

        """
        try:
            finding = await self._ask(work, row)
        except GrantDead as error:
            await self._settle(work, row, Judgement(verdict=Verdict.ASK), error.code)
            return None
        except PlatformError as error:
            await self._not_answered(work, row, error)
            return None
        async with self._database.system(write=False) as session:
            since = await database_time(session) - row.started_at
        judgement = judge(finding, looks=work.delivery.looks, since=since)
        if judgement.verdict is not Verdict.SENT or finding.receipt is None:
            await self._settle(work, row, judgement, finding.code)
            return None
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle_step(
                row, StepStatus.SENT, **_stored(finding.receipt)
            )
        return finding

    async def look_for_address(self, work: Work) -> None:
        """Ask the platform again for the address of a post that is live.

        Raises:
            LeaseLost: The delivery is not ours any more.

        """
        delivery, row = work.delivery, next((step for step in work.steps if not step.receipt_id), None)
        again_in, receipt = None, None
        if row is not None:
            try:
                finding = await self._ask(work, row)
            except GrantDead:
                pass
            except PlatformError as error:
                again_in = error.retry_after or pause(delivery.failures)
            else:
                again_in, receipt = finding.again_in, finding.receipt
        async with self._database.system() as session:
            deliveries = Deliveries(session, self._vault)
            if row is not None and await database_time(session) - row.started_at > LINK_WITHIN:
                again_in = None
            if row is not None and receipt is not None and receipt.id:
                await deliveries.settle_step(row, StepStatus.SENT, **_stored(receipt))
                await self._results.update(session, work.post)
            failures = delivery.failures + 1 if receipt is None else 0
            await deliveries.settle(delivery, DeliveryStatus.SENT, again_in=again_in, failures=failures)

    async def _ask(self, work: Work, row: DeliveryStep) -> Finding:
        publisher, delivery = self._calls.publisher(work.account.platform), work.delivery
        step = publisher.steps(load(delivery.content))[row.position]
        handles = handles_of(self._vault, delivery)
        await self._calls.allowed(work)
        try:
            return await self._calls.use(
                work, _keep_nothing, lambda outgoing: publisher.look(outgoing, handles, step, row.started_at)
            )
        except LookupError:
            # What the platform had given us for looking it up was lost with the database.
            return Finding(outcome=Outcome.UNREADABLE)

    async def _not_answered(self, work: Work, row: DeliveryStep, error: PlatformError) -> None:
        """Look again later: that the platform did not answer says nothing about the step."""
        delivery = work.delivery
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle(
                delivery,
                _still(row),
                again_in=error.retry_after or pause(delivery.failures),
                outcome=type(error).__name__,
                code=error.code,
                failures=delivery.failures + 1,
            )
        log.info("delivery.look_unanswered", delivery=delivery.id, code=error.code)

    async def _settle(self, work: Work, row: DeliveryStep, judgement: Judgement, code: str) -> None:
        """Store what a look showed of a step that is not known to be live."""
        delivery, looks = work.delivery, work.delivery.looks + judgement.missed
        extra = row.kind != StepKind.POST  # the post is live without it
        async with self._database.system() as session:
            deliveries = Deliveries(session, self._vault)
            match judgement.verdict:
                case Verdict.SEND_AGAIN:
                    await self._undo(session, work, row)
                    status = DeliveryStatus.SENDING if extra else DeliveryStatus.READY
                    await deliveries.settle(delivery, status, again_in=judgement.again_in, looks=0)
                case Verdict.FAIL if extra:
                    await deliveries.settle_step(row, StepStatus.FAILED, code=code)
                    await give_back(session, self._calls.charges(work, row.position), row.started_at)
                    await deliveries.settle(delivery, DeliveryStatus.SENDING, again_in=timedelta(0))
                case Verdict.FAIL:
                    await self._undo(session, work, row)
                    await deliveries.settle(
                        delivery, DeliveryStatus.FAILED, outcome="Rejected", code=code, looks=looks
                    )
                case Verdict.LOOK_AGAIN:
                    await deliveries.settle(
                        delivery, _still(row), again_in=judgement.again_in, code=code, looks=looks
                    )
                case _:
                    await deliveries.settle(
                        delivery, DeliveryStatus.UNKNOWN, code=code, looks=looks, asks=True
                    )
            await self._results.update(session, work.post)
        DELIVERIES.labels(work.account.platform, judgement.verdict).inc()
        log.info("delivery.looked", delivery=delivery.id, verdict=judgement.verdict, code=code)

    async def _undo(self, session: AsyncSession, work: Work, row: DeliveryStep) -> None:
        """Forget a step that certainly did not happen, and what it took from the budgets."""
        await Deliveries(session, self._vault).undo_step(row)
        await give_back(session, self._calls.charges(work, row.position), row.started_at)


def _stored(receipt: Receipt) -> dict[str, str]:
    """Return a receipt as a step's columns."""
    return {"receipt_id": receipt.id, "url": receipt.url, "note": receipt.note}


def _still(row: DeliveryStep) -> DeliveryStatus:
    """Return the state of a delivery whose step is not settled."""
    return DeliveryStatus.SENDING if row.status == StepStatus.ACCEPTED else DeliveryStatus.UNKNOWN


async def _keep_nothing(handles: Handles) -> None:
    """A look changes no handles."""
