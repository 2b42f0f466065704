"""The outbox -> Slack: in order per channel, nothing lost while Slack is down."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.errors import NotInstalled
from bot.logs import logger
from bot.metrics import NOTICES
from bot.slack import OVER, PASSING, code_of
from bot.tracing import traced
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
NEVER = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "not_in_channel",
        "user_not_found",
        "cannot_dm_bot",
        "user_disabled",
        "invalid_blocks",
        "msg_too_long",
        "no_text",
    }
)
"""Answers that a repetition will not change."""
MOST_REFUSALS = 10
"""After so many an answer we don't know is taken for final too: some two hours, with the pauses between."""


class NoticeSender:
    """Takes due notices and says them. Any number of these may run, in any number of processes.

    Within a process no channel hears two messages closer than `between`; what other processes say
    there, Slack answers with a Retry-After, which is obeyed.
    """

    def __init__(self, database: Database, slacks: Slacks, *, between: timedelta = BETWEEN) -> None:
        self._database = database
        self._slacks = slacks
        self._between_s = between.total_seconds()
        self._free_at: dict[tuple[str, str], float] = {}

    async def run(self) -> int:
        """Send what is due; return how many notices were taken."""
        taken = 0
        while True:
            async with self._database.system() as session:
                due = await Notices(session).claim(AT_A_TIME, LEASE)
            if not due:
                self._forget()
                return taken
            taken += len(due)
            await asyncio.gather(*(self._send(notice) for notice in due))

    def _forget(self) -> None:
        now = time.monotonic()
        self._free_at = {channel: at for channel, at in self._free_at.items() if at > now}

    @traced("outbox send", lambda _self, notice: {"notice": notice.id, "attempts": notice.attempts})
    async def _send(self, notice: Notice) -> None:
        channel = notice.slack_id, notice.channel
        await asyncio.sleep(self._free_at.get(channel, 0.0) - time.monotonic())
        try:
            client = await self._slacks.for_installation(notice.slack_id)
            answer = await client.chat_postMessage(channel=notice.channel, **notice.body)
        except NotInstalled:
            await self._settle(notice, failure="not_installed", final=True)
        except SlackApiError as error:
            code = code_of(error) or "no_code"
            passing = code in PASSING or code == "no_code"
            final = code in NEVER or code in OVER or (not passing and notice.attempts >= MOST_REFUSALS)
            await self._settle(notice, failure=code, final=final, wait=_retry_after(error))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            await self._settle(notice, failure=type(error).__name__, final=False)
        else:
            NOTICES.labels("sent").inc()
            async with self._database.system() as session:
                await Notices(session).sent(notice.id, str(answer["ts"]))
        finally:
            # Counted from the answer, so that a slow request is not overtaken by a quick one.
            self._free_at[channel] = time.monotonic() + self._between_s

    async def _settle(
        self, notice: Notice, *, failure: str, final: bool, wait: timedelta | None = None
    ) -> None:
        NOTICES.labels("given_up" if final else "later").inc()
        async with self._database.system() as session:
            notices = Notices(session)
            if final:
                log.warning("notice given up", notice=notice.id, code=failure)
                await notices.give_up(notice.id, failure)
            else:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(notice.attempts, 10))
                after = wait or pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads, hides nothing
                await notices.later(notice.id, after, failure)


def _retry_after(error: SlackApiError) -> timedelta | None:
    """Return how long Slack asks us to wait, or None where it does not say."""
    headers = getattr(error.response, "headers", None) or {}
    seconds = str(headers.get("Retry-After", ""))
    return timedelta(seconds=int(seconds)) if seconds.isascii() and seconds.isdigit() else None
