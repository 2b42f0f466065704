"""Calls whoever runs this installation, for what only they can fix. Members hear nothing of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.base import Misconfigured
from bot.ops.logs import logger
from bot.ops.metrics import OPERATOR
from bot.services.notifications import ConsentFailed, ConsentProblem, OperatorNeeded
from bot.services.outbox import Conversation, enqueue
from storage.models import new_id
from storage.operator_alerts import OperatorAlerts

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Platform
    from bot.services.notifications import ConsentWaiting
    from storage.engine.db import Database

log = logger(__name__)
OVER_AFTER = timedelta(hours=2)
"""After so long without a new report a problem is over. Longer than any pause in which no platform is asked."""

OURS = frozenset({ConsentProblem.MISSING_PRODUCT, ConsentProblem.OUR_FAULT})
"""Refusals that only whoever runs this installation can do something about."""


class OperatorPager:
    """Calls the operator once for each problem: in the log, the metrics and, if one is set, a channel."""

    def __init__(self, database: Database, channel: str = "") -> None:
        self._database = database
        self._slack_id, _, self._channel = channel.partition("/")

    async def page(self, session: AsyncSession, platform: str, code: str) -> None:
        """Report a problem of a platform, unless it was reported: by however many callers, in all processes.

        If the transaction fails, nothing was reported, and the next call reports it.
        """
        if not await OperatorAlerts(session).raise_once(platform, code, OVER_AFTER):
            return
        if self._channel:
            channel = Conversation(slack_id=self._slack_id, id=self._channel)
            needed = OperatorNeeded(platform=platform, code=code)
            await enqueue(session, channel, f"operator:{new_id('pag')}", needed)
        OPERATOR.labels(platform, code).inc()
        log.error("operator.paged", platform=platform, code=code)

    async def page_for(
        self, session: AsyncSession, platform: Platform, told: ConsentFailed | ConsentWaiting
    ) -> None:
        """Page where a consent failed because the platform rejects our app. The member has been told as well."""
        failure = told.failure
        if failure is not None and isinstance(failure.error, Misconfigured):
            await self.page(session, platform.key, failure.code)
        elif isinstance(told, ConsentFailed) and told.problem in OURS:
            await self.page(session, platform.key, told.code)

    async def still_failing(self, platform: str, code: str) -> None:
        """Store that a reported problem goes on, so that it is not reported again.

        Raises:
            DatabaseUnavailable: The database is away.

        """
        async with self._database.system() as session:
            await OperatorAlerts(session).touch(platform, code, OVER_AFTER)
