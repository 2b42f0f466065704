"""The outbox -> Slack: in order per channel, edited in place, nothing lost while Slack is down."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.errors import NotInstalled
from bot.logs import logger
from bot.metrics import NOTICES
from bot.slack import OVER, PASSING, code_of
from bot.tracing import traced
from storage.outbox import Notices, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_sdk.web.async_client import AsyncWebClient
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.slack import Slacks
    from storage.db import Database
    from storage.models import Notice

log = logger(__name__)
AT_A_TIME = 20
LEASE = timedelta(seconds=60)
BETWEEN = timedelta(seconds=1)
"""Slack takes one message a second per channel."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
DEAF = frozenset(
    {
        "channel_not_found",
        "is_archived",
        "is_inactive",
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "user_not_found",
        "user_disabled",
        "cannot_dm_bot",
        "messages_tab_disabled",
    }
)
"""What Slack says of a conversation that will not hear us however often we try: its fallback is asked.
(https://docs.slack.dev/reference/methods/chat.postMessage#errors; an edit in an archived channel is
`is_inactive`: https://docs.slack.dev/reference/methods/chat.update#errors)"""
UNREADABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"})
"""What Slack says of a message it can't draw: our fault, and no reason to be silent. The words go alone."""
GONE = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "cannot_reply_to_message",
    }
)
"""What Slack says when the message that was to be edited or answered is no longer there: a new one is posted."""
FINAL = DEAF | UNREADABLE | OVER | {"no_text"}
"""Answers that a repetition will not change."""
PLAIN_LENGTH = 3000
MOST_REFUSALS = 10
"""After so many an answer we don't know is taken for final too: some two hours, with the pauses between."""


class Fallback(Protocol):
    """What becomes of messages whose channel may not hear them. Called in the transaction that settles one."""

    async def lost(self, session: AsyncSession, notice: Notice, code: str) -> None:
        """The channel will never hear this one, for Slack's reason `code`: owe it to somebody else."""
        ...

    async def heard(self, session: AsyncSession, notice: Notice) -> None:
        """The channel has taken this one, which was no edit."""
        ...


class NoticeSender:
    """Takes due notices and says them. Any number of these may run, in any number of processes.

    Within a process no channel hears two messages closer than `between`; what other processes say
    there, Slack answers with a Retry-After, which is obeyed.
    """

    def __init__(
        self,
        database: Database,
        slacks: Slacks,
        *,
        between: timedelta = BETWEEN,
        fallbacks: Mapping[str, Fallback] | None = None,
    ) -> None:
        self._database = database
        self._slacks = slacks
        self._between_s = between.total_seconds()
        self._fallbacks = dict(fallbacks or {})
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
            place = await self._say(client, notice)
        except NotInstalled:
            await self._settle(notice, failure="not_installed", final=True)
        except SlackApiError as error:
            code = code_of(error) or "no_code"
            passing = code in PASSING or code == "no_code"
            final = code in FINAL or (not passing and notice.attempts >= MOST_REFUSALS)
            await self._settle(notice, failure=code, final=final, wait=_retry_after(error))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            await self._settle(notice, failure=type(error).__name__, final=False)
        else:
            NOTICES.labels("sent").inc()
            async with self._database.system() as session:
                await Notices(session).sent(notice, place.channel, place.ts)
                fallback = self._fallbacks.get(notice.fallback)
                if fallback is not None and notice.edits is None:  # an edit works where nothing new is taken
                    await fallback.heard(session, notice)
        finally:
            # Counted from the answer, so that a slow request is not overtaken by a quick one.
            self._free_at[channel] = time.monotonic() + self._between_s

    async def _say(self, client: AsyncWebClient, notice: Notice) -> Place:
        """Post, edit or answer, as the notice says, and return where the message stands. Raises SlackApiError."""
        target = notice.edits or notice.thread_of
        place = None
        if target is not None:
            async with self._database.system(write=False) as session:
                place = await Notices(session).place(target)
        try:
            return await _call(client, notice, notice.body, place)
        except SlackApiError as error:
            code = code_of(error)
            if code in GONE and place is not None:
                return await _call(client, notice, notice.body, None)
            if code in UNREADABLE:
                log.warning("message not drawn", notice=notice.id, code=code)
                words = str(notice.body.get("text") or "")[:PLAIN_LENGTH]
                return await _call(client, notice, {**notice.body, "text": words, "blocks": []}, place)
            raise

    async def _settle(
        self, notice: Notice, *, failure: str, final: bool, wait: timedelta | None = None
    ) -> None:
        NOTICES.labels("given_up" if final else "later").inc()
        async with self._database.system() as session:
            notices = Notices(session)
            if final:
                log.warning("notice given up", notice=notice.id, code=failure)
                await notices.give_up(notice.id, failure)
                if fallback := self._fallbacks.get(notice.fallback):
                    await fallback.lost(session, notice, failure)
            else:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(notice.attempts, 10))
                after = wait or pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads, hides nothing
                await notices.later(notice.id, after, failure)


async def _call(
    client: AsyncWebClient, notice: Notice, body: Mapping[str, Any], place: Place | None
) -> Place:
    if place is not None and notice.edits is not None:
        face = {"text": body.get("text", ""), "blocks": body.get("blocks", [])}
        answer = await client.chat_update(channel=place.channel, ts=place.ts, **face)
    elif place is not None:
        answer = await client.chat_postMessage(channel=place.channel, thread_ts=place.ts, **body)
    else:
        answer = await client.chat_postMessage(channel=notice.channel, **body)
    return Place(channel=str(answer["channel"]), ts=str(answer["ts"]))


def _retry_after(error: SlackApiError) -> timedelta | None:
    """Return how long Slack asks us to wait, or None where it does not say."""
    headers = getattr(error.response, "headers", None) or {}
    seconds = str(headers.get("Retry-After", ""))
    return timedelta(seconds=int(seconds)) if seconds.isascii() and seconds.isdigit() else None
