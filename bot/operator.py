"""The operator's channel in Slack: where whoever runs this installation hears what only they can mend."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bot.logs import logger
from bot.views.operator import needs_you
from storage.outbox import Notices

if TYPE_CHECKING:
    from bot.offer import Offer
    from storage.db import Database

log = logger(__name__)
HOUR_S = 3600


class Operator:
    """Speaks to the operator, if a channel is set: once an hour of each fault, however many processes meet it."""

    def __init__(self, offer: Offer, database: Database, channel: str) -> None:
        self._offer = offer
        self._database = database
        self._slack_id, _, self._channel = channel.partition("/")
        self._said: dict[tuple[str, str], int] = {}
        self._saying: set[asyncio.Task[None]] = set()

    def tell(self, platform: str, code: str) -> None:
        """Say in the channel that a platform needs the operator. Returns at once; what fails is said next time."""
        hour = int(time.time() // HOUR_S)
        if not self._channel or self._said.get((platform, code)) == hour:
            return
        self._said[platform, code] = hour
        task = asyncio.get_running_loop().create_task(self._say(platform, code, hour))
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def drain(self, within_s: float) -> None:
        """Let what is being put into the outbox get there."""
        if self._saying:
            await asyncio.wait(set(self._saying), timeout=within_s)

    async def _say(self, platform: str, code: str, hour: int) -> None:
        try:
            async with self._database.system() as session:
                await Notices(session).put(
                    key=f"operator:{platform}:{code}:{hour}",
                    slack_id=self._slack_id,
                    channel=self._channel,
                    body=needs_you(self._offer.platform(platform), code).body,
                )
        except Exception as error:  # noqa: BLE001 - the log has the page already
            self._said.pop((platform, code), None)
            log.warning("operator's channel not told", type=type(error).__name__)
