"""The outbox -> Slack: in order per channel, nothing lost while Slack is down."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.errors import NotInstalled
from bot.logs import logger
from bot.metrics import NOTICES
from bot.slack import OVER
from storage.outbox import Notices

if TYPE_CHECKING:
    from bot.slack import Slacks
    from storage.db import Database
    from storage.models import Notice

log = logger(__name__)
AT_A_TIME = 20
LEASE = timedelta(seconds=60)
BETWEEN = timedelta(seconds=1)
"""Slack takes one message a second per channel."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
NEVER = frozenset({
    "channel_not_found",
    "is_archived",
    "user_not_found",
    "cannot_dm_bot",
    "user_disabled",
    "invalid_blocks",
    "msg_too_long",
    "no_text",
})
"""Answers that a repetition will not change."""


class NoticeSender:
    """Takes due notices and says them. Any number of these may run, in any number of processes."""

    def __init__(self, database: Database, slacks: Slacks) -> None:
        self._database = database
        self._slacks = slacks

    async def run(self) -> int:
        """Send what is due; return how many notices were taken."""
        taken = 0
        while True:
            async with self._database.system() as session:
                due = await Notices(session).claim(AT_A_TIME, LEASE)
            if not due:
                return taken
            taken += len(due)
            await asyncio.gather(*(self._send(notice) for notice in due))
            await asyncio.sleep(BETWEEN.total_seconds() if len(due) == AT_A_TIME else 0)

    async def _send(self, notice: Notice) -> None:
        try:
            client = await self._slacks.for_installation(notice.slack_id)
            channel = notice.channel
            answer = await client.chat_postMessage(channel=channel, **notice.body)
        except NotInstalled:
            await self._settle(notice, failure="not_installed", final=True)
        except SlackApiError as error:
            code = str(error.response.get("error", "unknown"))
            wait = error.response.headers.get("Retry-After") if error.response.headers else None
            final = code in NEVER or code in OVER
            await self._settle(notice, failure=code, final=final, wait=float(wait) if wait else None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            await self._settle(notice, failure=type(error).__name__, final=False)
        else:
            NOTICES.labels("sent").inc()
            async with self._database.system() as session:
                await Notices(session).sent(notice.id, str(answer["ts"]))

    async def _settle(
        self, notice: Notice, *, failure: str, final: bool, wait: float | None = None
    ) -> None:
        NOTICES.labels("given_up" if final else "later").inc()
        async with self._database.system() as session:
            notices = Notices(session)
            if final:
                log.warning("notice given up", notice=notice.id, code=failure)
                await notices.give_up(notice.id, failure)
            else:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(notice.attempts, 10))
                after = timedelta(seconds=wait) if wait else pause * random.uniform(0.5, 1.0)  # noqa: S311
                await notices.later(notice.id, after, failure)
