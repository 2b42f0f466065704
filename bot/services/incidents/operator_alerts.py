"""Whoever runs this installation, and what only they can mend: the one place that calls for them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.ops.metrics import OPERATOR
from bot.services.notifications import OperatorNeeded
from bot.services.outbox import Conversation, enqueue
from storage.models import new_id
from storage.operator_alerts import Troubles

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from storage.engine.db import Database

log = logger(__name__)
OVER_AFTER = timedelta(hours=2)
"""A trouble that nobody met for so long is over. Longer than any pause in which nobody asks the platform."""


class Operator:
    """Calls the operator once for each trouble: in the log, the metrics and, if one is set, a channel."""

    def __init__(self, catalog: PlatformCatalog, database: Database, channel: str) -> None:
        self._catalog = catalog
        self._database = database
        self._slack_id, _, self._channel = channel.partition("/")

    async def tell(self, session: AsyncSession, platform: str, code: str) -> None:
        """Say that a platform needs the operator, unless they know: however many meet it, in all processes.

        If the transaction fails nobody was told, and the next who meets it tells.
        """
        new = await Troubles(session).met(platform, code, OVER_AFTER)
        if new and self._channel:
            await self._write(session, platform, code)
        if new:
            OPERATOR.labels(platform, code).inc()
            log.error("platform needs the operator", platform=platform, code=code)

    async def still(self, platform: str, code: str) -> None:
        """Note that what was told goes on, so that it is not told again. Raises what the database raises."""
        async with self._database.system() as session:
            await Troubles(session).still(platform, code, OVER_AFTER)

    async def _write(self, session: AsyncSession, platform: str, code: str) -> None:
        channel = Conversation(slack_id=self._slack_id, id=self._channel)
        needed = OperatorNeeded(platform=platform, code=code)
        await enqueue(session, channel, f"operator:{new_id('pag')}", needed)
