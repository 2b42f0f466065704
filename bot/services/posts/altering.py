"""Edits and deletes what is live, as members want it.

Both calls can be made twice: editing sets the whole text, and what is gone already is deleted. So a call whose answer
was lost is made again; before a second deletion the platform is asked whether the post is still there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.base import Misconfigured, OutcomeUnknown, PlatformError, Presence, Receipt
from bot.ops.logs import logger
from bot.ops.metrics import DELIVERIES
from bot.services.posts.contents import dump, load
from bot.services.posts.policy import FIRST_PAUSE, Move, after
from bot.services.posts.wishes import WishKind
from bot.services.posts.wishes import load as load_wish
from storage.deliveries import Deliveries, LeaseLost
from storage.models import DeliveryStatus, StepStatus

if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any

    from adapters.base import Handles
    from bot.services.posts.calls import PublishingCalls
    from bot.services.posts.results import Results
    from storage.deliveries import Work
    from storage.engine.db import Database
    from storage.models import DeliveryStep
    from storage.vault import Vault

log = logger(__name__)
MOST_TRIES = 8
"""After so many, over half an hour or more, a member is told that it was not done."""


class Altering:
    """Makes the calls that change what is live. Built once, in `bot.publishing`."""

    def __init__(self, *, calls: PublishingCalls, results: Results, database: Database, vault: Vault) -> None:
        self._calls = calls
        self._results = results
        self._database = database
        self._vault = vault

    async def alter(self, work: Work) -> None:
        """Do what a member wants with a delivery that is ours, and store what came of it.

        Raises:
            LeaseLost: The delivery is not ours any more.

        """
        wish = load_wish(work.delivery.wish)
        try:
            if wish is None:
                await self._settle(work, DeliveryStatus.SENT)
            elif wish.kind is WishKind.DELETE:
                for step in reversed(_live(work)):
                    await self._delete(work, step)
                await self._settle(work, DeliveryStatus.DELETED, wish={}, watch_at=None)
            else:
                await self._edit(work, wish.text)
        except PlatformError as error:
            await self._not_done(work, error)
            return
        if wish is not None:
            DELIVERIES.labels(work.account.platform, wish.kind).inc()

    async def _delete(self, work: Work, step: DeliveryStep) -> None:
        publisher, receipt = self._calls.publisher(work.account.platform), _receipt(step)
        await self._calls.allowed(work)
        in_doubt = work.delivery.outcome == OutcomeUnknown.__name__
        if not in_doubt or not await self._gone(work, receipt):
            await self._calls.use(
                work,
                _keep_nothing,
                lambda out: publisher.delete(out.client, out.tokens, out.account_id, receipt),
            )
        async with self._database.system() as session:
            deliveries = Deliveries(session, self._vault)
            if not await deliveries.renew(work.delivery):
                raise LeaseLost
            await deliveries.settle_step(step, StepStatus.DELETED)

    async def _gone(self, work: Work, receipt: Receipt) -> bool:
        """Tell whether the platform says that a post is gone, after a deletion whose answer was lost."""
        publisher = self._calls.publisher(work.account.platform)
        [found] = await self._calls.use(
            work,
            _keep_nothing,
            lambda out: publisher.presence(out.client, out.tokens, out.account_id, [receipt]),
        )
        return found is Presence.GONE

    async def _edit(self, work: Work, text: str) -> None:
        content = replace(load(work.delivery.content), text=text)
        publisher, [step] = self._calls.publisher(work.account.platform), _live(work)
        await self._calls.allowed(work)
        await self._calls.use(
            work,
            _keep_nothing,
            lambda out: publisher.edit(replace(out, content=content), _receipt(step)),
        )
        await self._settle(work, DeliveryStatus.SENT, wish={}, content=dump(content))

    async def _not_done(self, work: Work, error: PlatformError) -> None:
        """Try again later, or leave the post as it is and say why."""
        delivery = work.delivery
        if isinstance(error, Misconfigured):
            await self._calls.report(work.grant, error)
        decision = after(error, delivery.failures)
        over = decision.move in {Move.FAIL, Move.PARK} or delivery.failures + 1 >= MOST_TRIES
        await self._settle(
            work,
            DeliveryStatus.SENT if over else DeliveryStatus.CHANGING,
            again_in=None if over else max(decision.again_in, FIRST_PAUSE),
            outcome=type(error).__name__,
            code=error.code,
            failures=delivery.failures + 1,
        )
        log.info("delivery.not_altered", delivery=delivery.id, code=error.code, over=over)

    async def _settle(
        self, work: Work, status: DeliveryStatus, *, again_in: timedelta | None = None, **values: Any
    ) -> None:
        async with self._database.system() as session:
            await Deliveries(session, self._vault).settle(work.delivery, status, again_in=again_in, **values)
            await self._results.update(session, work.post)


def _live(work: Work) -> list[DeliveryStep]:
    """Return the steps that are live and that the platform has named."""
    return [step for step in work.steps if step.status == StepStatus.SENT and step.receipt_id]


def _receipt(step: DeliveryStep) -> Receipt:
    return Receipt(id=step.receipt_id, url=step.url, note=step.note)


async def _keep_nothing(handles: Handles) -> None:
    """A change of what is live keeps no handles."""
