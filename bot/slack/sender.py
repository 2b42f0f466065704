"""Sends the outbox to Slack: in order per channel, with edits in place, and without loss while Slack is down."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from bot.ops.logs import logger
from bot.ops.metrics import NOTICES
from bot.ops.tracing import traced
from bot.services.notifications import Living, Reader
from bot.slack.failures import CALL_FAILED, UNINSTALLED, Failure, FailureKind, failure
from bot.slack.outages import is_outage
from bot.views import messages
from bot.views.kit import without_pictures
from storage.outbox import Notices, Place

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.notifications import Listener, Notification
    from bot.slack.clients import SlackClients
    from bot.views.kit import Json
    from bot.views.messages import PlatformOf
    from storage.engine.db import Database
    from storage.models import Notice

log = logger(__name__)
LEASE = timedelta(seconds=60)
SENT_WITHIN_S = 10.0
"""How long Slack may take for a message: all others of this process wait meanwhile."""
BETWEEN = timedelta(seconds=1)
"""Slack accepts one message a second per channel."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
FIRST_DOUBT, LONGEST_DOUBT = timedelta(minutes=1), timedelta(minutes=30)
"""The pauses when Slack may have the message and only its answer was lost: each new try may post it twice."""
HUNG = timedelta(minutes=1)
"""How long nothing is sent through an installation after a timeout there."""
PATIENCE, PATIENT_TRIES = timedelta(hours=6), 10
"""The age of a message, and the number of tries, from which an unknown failure counts as final.

The age is three times the longest outage we want to survive. It is not enough alone: the message may have spent that
time waiting behind others."""
EXPECTED = (*CALL_FAILED, OSError)
"""The failures of a call that are no fault of ours."""
ENDS = frozenset({FailureKind.ENDED, FailureKind.UNREACHABLE, FailureKind.INVALID_MESSAGE})
"""Failures that another try will not mend."""
DOUBTFUL = frozenset({FailureKind.UNKNOWN, FailureKind.MESSAGE_MISSING})
"""Failures that another try may mend."""
PLAIN_LENGTH = 3000


class DeliveryListener(Protocol):
    """Learns whether a message was delivered. Called in the transaction that settles the message."""

    async def on_undeliverable(
        self, session: AsyncSession, notice: Notice, code: str, *, app_removed: bool
    ) -> None:
        """Handle that the channel will never take this message; `code` is Slack's reason.

        `app_removed`: nobody can be reached through this installation.
        """
        ...

    async def on_delivered(self, session: AsyncSession, notice: Notice) -> None:
        """Handle that the channel has taken this message, which was not an edit."""
        ...


class Renderer:
    """Turns rows of the outbox into messages, with the facts of the moment they are sent."""

    def __init__(
        self, database: Database, platform: PlatformOf, readers: Mapping[type[Living], Reader]
    ) -> None:
        self._database = database
        self._platform = platform
        self._readers = dict(readers)

    async def body(self, notice: Notice) -> Json | None:
        """Return the arguments of `chat.postMessage`, or None when there is nothing left to say.

        A row without a kind holds a finished message: an older release wrote it. A row that cannot be rendered
        becomes a plain text, so that it doesn't hold up the channel.

        Raises:
            Exception: The database is away (`is_outage` is true for it). The row is tried again later.

        """
        if not notice.kind:
            return notice.body
        try:
            kind = messages.KINDS[notice.kind]
            facts = await self._facts(kind.load(notice.facts))
            return messages.render(kind, facts, self._platform).body if facts is not None else None
        except Exception as error:
            if is_outage(error):
                raise
            log.exception(
                "outbox.not_rendered", notification=notice.id, kind=notice.kind, type=type(error).__name__
            )
            return messages.unreadable().body

    async def _facts(self, notification: Notification) -> object | None:
        if not isinstance(notification, Living):
            return notification
        async with self._database.system(write=False) as session:
            return await self._readers[type(notification)](session, notification)


class OutboxSender:
    """Sends due messages, one at a time. Any number of processes may run one.

    Each message is settled before the next one is started, so a killed process leaves at most one message of which
    we don't know whether Slack has it. That one is sent again.
    """

    def __init__(
        self,
        database: Database,
        clients: SlackClients,
        renderer: Renderer,
        *,
        between: timedelta = BETWEEN,
        listeners: Mapping[Listener, DeliveryListener] | None = None,
    ) -> None:
        self._database = database
        self._clients = clients
        self.renderer = renderer
        self._between = between
        self._listeners: dict[str, DeliveryListener] = {str(k): v for k, v in (listeners or {}).items()}
        self._stopping = False

    def stop(self) -> None:
        """Claim no more messages: `run` ends after the one it is sending."""
        self._stopping = True

    async def run(self) -> int:
        """Send what is due, and return how many messages were claimed."""
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
            body = await self.renderer.body(notice)
            if body is None:
                await self._drop(notice)
                return
            client = await self._clients.for_installation(notice.slack_id)
            async with asyncio.timeout(SENT_WITHIN_S):
                place = await self._post(client, notice, body)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are sent
            await self._failed(notice, error)
        else:
            await self._delivered(notice, place, until)

    async def _post(self, client: AsyncWebClient, notice: Notice, body: Json) -> Place:
        """Post, edit or reply, as the row says, and return where the message is.

        Raises:
            Exception: One of CALL_FAILED.

        """
        target = notice.edits or notice.thread_of
        place = None
        if target is not None:
            async with self._database.system(write=False) as session:
                place = await Notices(session).place(target)
        for simpler in _simpler(body):
            try:
                return await _call(client, notice, body, place)
            except CALL_FAILED as error:
                failed = failure(error)
                if failed.kind is FailureKind.MESSAGE_MISSING and place is not None:
                    if notice.edits == notice.key:  # nobody needs a new message of what was taken down
                        return place
                    return await _call(client, notice, body, None)
                if failed.kind is not FailureKind.INVALID_MESSAGE:
                    raise
                log.warning("outbox.blocks_refused", notification=notice.id, code=failed.code)
                body = simpler
        return await _call(client, notice, body, place)

    async def _drop(self, notice: Notice) -> None:
        """Settle a message without sending it: there is nothing left to say."""
        async with self._database.system() as session:
            await Notices(session).drop(notice)
        NOTICES.labels("dropped").inc()
        log.info("outbox.dropped", notification=notice.id, kind=notice.kind)

    async def _delivered(self, notice: Notice, place: Place, until: float) -> None:
        """Store that Slack has the message; while the database is away, try until the lease ends.

        Raises:
            Exception: The database's, after the lease. The message is then sent again.

        """
        NOTICES.labels("sent").inc()
        listener = self._listeners.get(notice.fallback)
        if notice.edits is not None:  # a channel that takes an edit may still refuse a new message
            listener = None
        wait = 0.05
        while True:
            try:
                async with self._database.system() as session:
                    more = await Notices(session).sent(notice, place.channel, place.ts, rest=self._between)
                    if listener is not None and more is not None:
                        await listener.on_delivered(session, notice)
            except Exception as error:
                log.exception("outbox.result_not_saved", notification=notice.id, type=type(error).__name__)
                if time.monotonic() > until:
                    raise
                listener = None  # it may be the one that fails, and the channel's next message will call it
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
            else:
                if more:
                    self._database.look_at_outbox(self._between.total_seconds())
                return

    async def _failed(self, notice: Notice, error: Exception) -> None:
        failed = failure(error)
        if not isinstance(error, EXPECTED) and not is_outage(error):
            log.error("outbox.send_failed", notification=notice.id, type=failed.code, exc_info=error)
        over = failed.kind in ENDS or (failed.kind in DOUBTFUL and _too_long(notice))
        if over:
            try:
                await self._give_up(notice, failed.code, self._listeners.get(notice.fallback))
            except Exception as fault:
                log.exception("outbox.not_handed_over", notification=notice.id, type=type(fault).__name__)
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

    async def _give_up(self, notice: Notice, code: str, listener: DeliveryListener | None) -> None:
        async with self._database.system() as session:
            if await Notices(session).give_up(notice, code) and listener is not None:
                await listener.on_undeliverable(session, notice, code, app_removed=code in UNINSTALLED)
        NOTICES.labels("given_up").inc()
        log.warning("outbox.given_up", notification=notice.id, code=code)


def _simpler(body: Json) -> list[Json]:
    """Return what to send instead of a message that Slack can't render, the best first.

    A picture may be gone from where it was. Anything else is our fault: the text is sent without its blocks.
    """
    blocks = body.get("blocks") or []
    plain = without_pictures(blocks)
    words = {**body, "text": str(body.get("text") or "")[:PLAIN_LENGTH], "blocks": []}
    return [words] if plain == blocks else [{**body, "blocks": plain}, words]


def _too_long(notice: Notice) -> bool:
    """Tell whether a message has been tried for so long that an unknown failure counts as final."""
    return datetime.now(UTC) - notice.created_at > PATIENCE and notice.attempts >= PATIENT_TRIES


def _pause(notice: Notice, failed: Failure) -> timedelta:
    """Return how long to wait: longer each time, randomized, and never less than Slack asks for."""
    first, longest = (
        (FIRST_DOUBT, LONGEST_DOUBT) if failed.may_have_succeeded else (FIRST_PAUSE, LONGEST_PAUSE)
    )
    spread = random.uniform(0.5, 1.0)  # noqa: S311 - hides nothing
    pause: timedelta = min(longest, first * 2 ** min(notice.attempts, 10)) * spread
    if failed.retry_after is None:
        return pause
    return max(pause, failed.retry_after) if failed.may_have_succeeded else failed.retry_after


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
