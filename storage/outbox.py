"""The outbox: what we owe Slack. Put down in the transaction that made it true, sent later, in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, delete, select, update

from storage.db import OWES, insert_once, now
from storage.leases import claim
from storage.models import Notice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sqlmodel.ext.asyncio.session import AsyncSession


SUPERSEDED = "superseded"
"""Why a notice was not sent: a newer state of the same message was put before its turn came."""

WAITING = col(Notice.due_at) > datetime(2000, 1, 1, tzinfo=UTC)
"""What has not been said yet: `IS NOT NULL` in words for which both databases use the index of what is due, so
that a change of one message doesn't read all that was ever said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message stands in Slack."""

    channel: str
    ts: str


class Notices:
    """The messages waiting to be sent. Claimed and settled in system sessions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(
        self,
        *,
        key: str,
        slack_id: str,
        channel: str,
        body: Mapping[str, Any],
        organization_id: str | None = None,
        edits: str | None = None,
        thread_of: str | None = None,
        fallback: str = "",
    ) -> bool:
        """Owe this message. False if the same key was put before, by whomever: then nothing changes.

        `edits` and `thread_of` are keys of earlier notices. What was to replace the same message and is
        still waiting will not be said: only the newest state is.
        """
        notice = Notice(
            key=key,
            slack_id=slack_id,
            channel=channel,
            body=dict(body),
            organization_id=organization_id,
            edits=edits,
            thread_of=thread_of,
            fallback=fallback,
        )
        # Hosts' clocks are minutes apart, and what is put later is said later.
        latest = (
            select(func.max(Notice.sequence))
            .where(Notice.slack_id == slack_id, Notice.channel == channel)
            .scalar_subquery()
        )
        sequence = case((latest >= notice.sequence, latest + 1), else_=notice.sequence)
        values = notice.model_dump() | {"due_at": now(), "sequence": sequence}
        statement = insert_once(self._session, Notice).values(**values)
        put = (await self._session.exec(statement.on_conflict_do_nothing())).rowcount == 1
        if put:
            self._session.info[OWES] = True
        if put and edits is not None:
            older = update(Notice).where(
                col(Notice.edits) == edits,
                col(Notice.key) != key,
                WAITING,
                or_(col(Notice.lease_until).is_(None), col(Notice.lease_until) < now()),
            )
            await self._session.exec(
                older.values(due_at=None, failure=SUPERSEDED),
                execution_options={"synchronize_session": False},
            )
        return put

    async def get(self, key: str) -> Notice | None:
        """Return a notice that was put, said or not, unless it was forgotten since."""
        return (await self._session.exec(select(Notice).where(Notice.key == key))).one_or_none()

    async def forget(self, key: str) -> None:
        """Don't say this notice, nor what was to change or answer its message: another one takes its place."""
        about = or_(col(Notice.key) == key, col(Notice.edits) == key, col(Notice.thread_of) == key)
        waiting = update(Notice).where(about, WAITING)
        await self._session.exec(
            waiting.values(due_at=None, failure=SUPERSEDED), execution_options={"synchronize_session": False}
        )

    async def claim(self, limit: int, lease: timedelta) -> list[Notice]:
        """Return due messages, at most the oldest unsent one of each channel, for `lease`."""
        older = aliased(Notice)
        unsent_before = select(older.id).where(
            older.slack_id == Notice.slack_id,
            older.channel == Notice.channel,
            col(older.due_at).is_not(None),
            or_(
                col(older.sequence) < col(Notice.sequence),
                and_(col(older.sequence) == col(Notice.sequence), col(older.id) < col(Notice.id)),
            ),
        )
        return await claim(self._session, Notice, limit=limit, lease=lease, only=~unsent_before.exists())

    async def place(self, key: str) -> Place | None:
        """Return where the message of this notice stands, or None if it never arrived."""
        found = select(Notice.sent_channel, Notice.sent_ts).where(Notice.key == key)
        row = (await self._session.exec(found)).one_or_none()
        return Place(channel=row[0], ts=row[1]) if row is not None and row[0] and row[1] else None

    async def sent(self, notice: Notice, channel: str, ts: str) -> None:
        """The message arrived in a conversation, as Slack's message `ts`; so did the one it took the place of."""
        await self._change(notice.id, due_at=None, sent_channel=channel, sent_ts=ts, failure="")
        if notice.edits is not None:
            await self._session.exec(
                update(Notice)
                .where(col(Notice.key) == notice.edits)
                .values(sent_channel=channel, sent_ts=ts),
                execution_options={"synchronize_session": False},
            )

    async def later(self, notice_id: str, after: timedelta, failure: str) -> None:
        """Try again after this time; what follows in the channel waits behind it."""
        await self._change(notice_id, due_at=now(after), failure=failure)

    async def give_up(self, notice_id: str, failure: str) -> None:
        """Let the channel's next message go first: this one will never arrive, for this reason."""
        await self._change(notice_id, due_at=None, failure=failure)

    async def forget_older(self, than: timedelta, cards_than: timedelta, most: int = 10_000) -> int:
        """Delete what was said, or given up, so long ago; return how many rows.

        What may still be edited has a fallback, and is kept longer: a card whose row is gone is posted anew.
        """
        old = (
            select(Notice.id)
            .where(
                col(Notice.created_at) < now(-than),
                col(Notice.due_at).is_(None),
                or_(col(Notice.fallback) == "", col(Notice.created_at) < now(-cards_than)),
            )
            .order_by(col(Notice.created_at))
            .limit(most)
        )
        gone = delete(Notice).where(col(Notice.id).in_(old))
        return (await self._session.exec(gone, execution_options={"synchronize_session": False})).rowcount

    async def _change(self, notice_id: str, **values: Any) -> None:
        change = update(Notice).where(col(Notice.id) == notice_id)
        await self._session.exec(
            change.values(lease_until=None, attempts=col(Notice.attempts) + 1, **values),
            execution_options={"synchronize_session": False},
        )

    async def waiting(self) -> int:
        """Return how many messages we still owe."""
        owed = select(func.count()).select_from(Notice).where(col(Notice.due_at).is_not(None))
        return (await self._session.exec(owed)).one()

    async def oldest(self) -> datetime | None:
        """Return since when the oldest message we owe has been waiting."""
        owed = select(func.min(Notice.created_at)).where(col(Notice.due_at).is_not(None))
        return (await self._session.exec(owed)).one()
