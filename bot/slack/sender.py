"""The outbox -> Slack: in order per channel, edited in place, nothing lost while Slack is down."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from bot.ops.logs import logger
from bot.ops.metrics import NOTICES
from bot.ops.tracing import traced
from bot.slack.clients import CALL_FAILED, Failure, Kind, failure
from bot.slack.outages import is_outage
from storage.outbox import Notices, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_sdk.web.async_client import AsyncWebClient
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.slack.clients import Slacks
    from storage.engine.db import Database
    from storage.models import Notice

log = logger(__name__)
LEASE = timedelta(seconds=60)
SAID_WITHIN_S = 10.0
"""How long Slack may take for a message: all others of this process wait meanwhile."""
BETWEEN = timedelta(seconds=1)
"""Slack takes one message a second per channel."""
A_MOMENT_S = 0.01
"""Longer than two clocks may disagree about when a second is over."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
FIRST_DOUBT, LONGEST_DOUBT = timedelta(minutes=1), timedelta(minutes=30)
"""The same where the message may have arrived and only its answer got lost: each try may be a repetition."""
HUNG = timedelta(minutes=1)
"""How long nothing is tried through an installation for which Slack took too long."""
PATIENCE, PATIENT_TRIES = timedelta(hours=6), 10
"""How old a message is, and how often it was tried, before a failure that nobody knows is taken for final.

Three of the longest outages that are to be survived. And ten tries, because it may have waited behind others."""
EXPECTED = (*CALL_FAILED, OSError)
"""How saying something may fail without a fault of ours."""
ENDS = frozenset({Kind.OVER, Kind.DEAF, Kind.UNREADABLE})
"""What a repetition will not change."""
DOUBTFUL = frozenset({Kind.UNKNOWN, Kind.GONE})
"""What a repetition may change, and need not."""
PLAIN_LENGTH = 3000


class Fallback(Protocol):
    """What becomes of messages whose channel may not hear them. Called in the transaction that settles one."""

    async def lost(self, session: AsyncSession, notice: Notice, code: str) -> None:
        """The channel will never hear this one, for Slack's reason `code`: owe it to somebody else."""
        ...

    async def heard(self, session: AsyncSession, notice: Notice) -> None:
        """The channel has taken this one, which was no edit."""
        ...


class NoticeSender:
    """Takes due notices and says them, one at a time. Any number of processes may do so.

    A message is settled before the next one is begun, so that a process that is killed leaves at most one of
    which nobody knows whether Slack has it: that one is said again.
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
        self._between = between
        self._fallbacks = dict(fallbacks or {})
        self._stopping = False

    def stop(self) -> None:
        """Claim nothing more: `run` ends with what it is saying."""
        self._stopping = True

    async def run(self) -> int:
        """Send what is due; return how many notices were taken."""
        taken = 0
        while not self._stopping:
            async with self._database.system() as session:
                due = await Notices(session).claim(1, LEASE)
            for notice in due:
                await self._send(notice)
            if not due:
                break
            taken += len(due)
        return taken

    @traced("outbox send", lambda _self, notice: {"notice": notice.id, "attempts": notice.attempts})
    async def _send(self, notice: Notice) -> None:
        until = time.monotonic() + LEASE.total_seconds()
        try:
            client = await self._slacks.for_installation(notice.slack_id)
            async with asyncio.timeout(SAID_WITHIN_S):
                place = await self._say(client, notice)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are said
            await self._failed(notice, error)
        else:
            await self._arrived(notice, place, until)

    async def _say(self, client: AsyncWebClient, notice: Notice) -> Place:
        """Post, edit or answer, as the notice says, and return where the message stands. Raises one of CALL_FAILED."""
        target = notice.edits or notice.thread_of
        place = None
        if target is not None:
            async with self._database.system(write=False) as session:
                place = await Notices(session).place(target)
        try:
            return await _call(client, notice, notice.body, place)
        except CALL_FAILED as error:
            failed = failure(error)
            if failed.kind is Kind.GONE and place is not None:
                return await _call(client, notice, notice.body, None)
            if failed.kind is Kind.UNREADABLE:  # our fault, and no reason to be silent: the words go alone
                log.warning("message not drawn", notice=notice.id, code=failed.code)
                words = str(notice.body.get("text") or "")[:PLAIN_LENGTH]
                return await _call(client, notice, {**notice.body, "text": words, "blocks": []}, place)
            raise

    async def _arrived(self, notice: Notice, place: Place, until: float) -> None:
        """Note that Slack has it; while the database is gone, as long as the notice is ours: or it is said again."""
        NOTICES.labels("sent").inc()
        fallback = self._fallbacks.get(notice.fallback)
        if notice.edits is not None:  # an edit works where nothing new is taken
            fallback = None
        wait = 0.05
        while True:
            try:
                async with self._database.system() as session:
                    more = await Notices(session).sent(notice, place.channel, place.ts, rest=self._between)
                    if fallback is not None and more is not None:
                        await fallback.heard(session, notice)
            except Exception as error:
                log.exception("said, and not noted yet", notice=notice.id, type=type(error).__name__)
                if time.monotonic() > until:
                    raise
                fallback = None  # it may be what fails, and the channel's next message says the same
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
            else:
                if more:
                    self._look_again()
                return

    def _look_again(self) -> None:
        """Look for what is due when a channel has rested, which is between two looks of the clock."""
        after_s = self._between.total_seconds() + A_MOMENT_S
        asyncio.get_running_loop().call_later(after_s, self._database.owes.set)

    async def _failed(self, notice: Notice, error: Exception) -> None:
        failed = failure(error)
        if not isinstance(error, EXPECTED) and not is_outage(error):
            log.error("notice failed", notice=notice.id, type=failed.code, exc_info=error)
        over = failed.kind in ENDS or (failed.kind in DOUBTFUL and _too_long(notice))
        if over:
            try:
                await self._give_up(notice, failed.code, self._fallbacks.get(notice.fallback))
            except Exception as fault:
                log.exception("notice not handed over", notice=notice.id, type=type(fault).__name__)
                if _too_long(notice):
                    await self._give_up(notice, failed.code, None)
                    return
            else:
                return
        NOTICES.labels("later").inc()
        async with self._database.system() as session:
            await Notices(session).later(notice, _pause(notice, failed), failed.code)
            if isinstance(error, TimeoutError):
                await Notices(session).hold(notice.slack_id, HUNG)

    async def _give_up(self, notice: Notice, code: str, fallback: Fallback | None) -> None:
        async with self._database.system() as session:
            if await Notices(session).give_up(notice, code) and fallback is not None:
                await fallback.lost(session, notice, code)
        NOTICES.labels("given_up").inc()
        log.warning("notice given up", notice=notice.id, code=code)


def _too_long(notice: Notice) -> bool:
    """Tell whether a message has been tried so long that what nobody knows counts as final."""
    return datetime.now(UTC) - notice.created_at > PATIENCE and notice.attempts >= PATIENT_TRIES


def _pause(notice: Notice, failed: Failure) -> timedelta:
    """Return how long to wait: longer each time, spread by chance, and never less than Slack asks for."""
    first, longest = (FIRST_DOUBT, LONGEST_DOUBT) if failed.perhaps_done else (FIRST_PAUSE, LONGEST_PAUSE)
    spread = random.uniform(0.5, 1.0)  # noqa: S311 - hides nothing
    pause: timedelta = min(longest, first * 2 ** min(notice.attempts, 10)) * spread
    if failed.retry_after is None:
        return pause
    return max(pause, failed.retry_after) if failed.perhaps_done else failed.retry_after


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
