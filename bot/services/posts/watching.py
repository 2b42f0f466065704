"""Looks after publishing: whether what was live still is, after ten minutes, an hour and a day.

A post counts as gone after two looks in a row that did not find it. A platform that does not answer, or does not show
us the post, says nothing.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from adapters.base import GrantDead, PlatformError, Presence, Receipt
from bot.ops.logs import logger
from bot.services.posts.policy import next_watch_in
from storage.deliveries import Deliveries
from storage.engine.statements import database_time
from storage.models import DeliveryStatus
from storage.publishing_uses import PublishingUses
from storage.watches import Watches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.posts.calls import PublishingCalls
    from bot.services.posts.results import Results
    from storage.deliveries import Work
    from storage.engine.db import Database
    from storage.models import Delivery, DeliveryStep
    from storage.vault import Vault

log = logger(__name__)
AT_ONCE = 100
"""Posts of one account that are asked for in one call."""
UNANSWERED = timedelta(minutes=15)
MOST_MISSES = 2


class Watching:
    """Looks at what is live. Built once, in `bot.app`; any number of processes may run one."""

    def __init__(self, *, calls: PublishingCalls, results: Results, database: Database, vault: Vault) -> None:
        self._calls = calls
        self._results = results
        self._database = database
        self._vault = vault

    async def run(self) -> None:
        """Look at every post that is due for it, those of one account together."""
        while True:
            async with self._database.system(write=False) as session:
                if not await Watches(session).any_to_watch():
                    return
            async with self._database.system() as session:
                claimed = await Watches(session).claim_watches(AT_ONCE)
            if not claimed:
                return
            await self._look(claimed)

    async def _look(self, claimed: Sequence[Delivery]) -> None:
        async with self._database.system(write=False) as session:
            work = await Deliveries(session, self._vault).work(claimed[0])
            steps = await Watches(session).live_steps([one.id for one in claimed])
        try:
            found = await self._presence(work, steps)
        except PlatformError as error:
            again_in = None if isinstance(error, GrantDead) else error.retry_after or UNANSWERED
            log.info("watch.unanswered", account=work.account.id, code=error.code)
            async with self._database.system() as session:
                for delivery in claimed:
                    await Watches(session).look_later(delivery, again_in)
            return
        await self._charge(work, claimed, steps)
        for delivery in claimed:
            seen = [found[index] for index, step in enumerate(steps) if step.delivery_id == delivery.id]
            await self._settle(delivery, seen)

    async def _presence(self, work: Work, steps: Sequence[DeliveryStep]) -> Sequence[Presence]:
        if not steps:
            return ()
        await self._calls.allowed(work)
        authorized, account = await self._calls.authorize(work), work.account
        call = self._calls.publisher(account.platform).presence(
            authorized.client,
            authorized.tokens,
            account.remote_id,
            [Receipt(id=step.receipt_id, url=step.url, note=step.note) for step in steps],
        )
        return await self._calls.counted(work, call)

    async def _charge(self, work: Work, claimed: Sequence[Delivery], steps: Sequence[DeliveryStep]) -> None:
        """Count what the looks cost: a post that was looked at before on the same UTC day costs nothing more."""
        cents = self._calls.publisher(work.account.platform).facts.cents_per_read
        if not cents:
            return
        async with self._database.system() as session:
            at = await database_time(session)
            today = at.astimezone(UTC).date()
            paid = {
                one.id for one in claimed if one.watched_at and one.watched_at.astimezone(UTC).date() == today
            }
            if new := sum(step.delivery_id not in paid for step in steps):
                uses, name = PublishingUses(session), f"app/{work.account.app}"
                await uses.lock(name, at)
                await uses.add(name, at, 0, new * cents)

    async def _settle(self, delivery: Delivery, seen: Sequence[Presence]) -> None:
        """Store what a look showed of one delivery."""
        async with self._database.system() as session:
            work = await Deliveries(session, self._vault).work(delivery)
            if Presence.GONE in seen:
                await self._missed(session, work)
                return
            readable = Presence.THERE in seen
            age = await database_time(session) - max(
                (step.started_at for step in work.steps), default=delivery.due_at
            )
            again_in = next_watch_in(age) if readable else None
            await Watches(session).watched(delivery, DeliveryStatus.SENT, 0, again_in)

    async def _missed(self, session: AsyncSession, work: Work) -> None:
        delivery, misses = work.delivery, work.delivery.misses + 1
        if misses < MOST_MISSES:
            apart = self._calls.publisher(work.account.platform).facts.missed_apart
            await Watches(session).watched(delivery, DeliveryStatus.SENT, misses, apart)
        elif await Watches(session).watched(delivery, DeliveryStatus.GONE, misses, None):
            await self._results.update(session, work.post)
            await self._results.alert(session, work.post, delivery, "gone")
            log.info("watch.gone", delivery=delivery.id, platform=work.account.platform)
