"""The outbox: messages for Slack, stored in the transaction that makes them true, and sent later in order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, literal, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, delete, select, update

from storage.engine.db import OUTBOX_CHANGED
from storage.engine.leases import claim, waiting
from storage.engine.statements import insert_once, now
from storage.models import Notice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sqlmodel.ext.asyncio.session import AsyncSession


SUPERSEDED = "superseded"
"""Why a notice was not sent: a newer state of the same message was stored before it."""

DROPPED = "nothing_to_say"
"""Why a notice was not sent: it is no longer true, or its recipient may no longer see it."""
ORGANIZATION = re.compile(r"org_[0-9a-f]{20}")
"""The id of an organization, wherever it stands in the facts of a message."""
LONGEST_REST = timedelta(seconds=61)
"""Longer than any pause between two messages in a channel, which is a minute at most."""
WAITING = col(Notice.due_at) > datetime(2000, 1, 1, tzinfo=UTC)
"""Notices that have not been sent: `IS NOT NULL` written so that both databases use the index on `due_at`, and a change
of one message does not read all that were ever sent."""

_older = aliased(Notice)
FIRST = ~(
    select(_older.id)
    .where(
        _older.slack_id == Notice.slack_id,
        _older.channel == Notice.channel,
        col(_older.due_at).is_not(None),
        or_(
            col(_older.sequence) < col(Notice.sequence),
            and_(col(_older.sequence) == col(Notice.sequence), col(_older.id) < col(Notice.id)),
        ),
    )
    .exists()
)
"""Whether no older notice waits in the same channel: read from an index of waiting notices only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message is in Slack."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """A message to put into the outbox."""

    key: str
    slack_id: str
    channel: str
    kind: str
    facts: Mapping[str, Any]
    organization_id: str | None = None
    edits: str | None = None
    """The key of the notice whose message this one replaces."""
    thread_of: str | None = None
    """The key of the notice under whose message this one is posted."""
    fallback: str = ""
    """Who gets to know whether it was delivered: a name that the sender knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """What a message says once it is taken down."""

    kind: str
    facts: Mapping[str, Any]


class Notices:
    """The messages waiting to be sent. They are claimed and sent in system sessions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, new: NewNotice) -> bool:
        """Add a message. Return False, and change nothing, if its key was used before.

        A waiting edit of the same message is dropped: only the newest state is sent.
        """
        notice = Notice(
            key=new.key,
            slack_id=new.slack_id,
            channel=new.channel,
            kind=new.kind,
            facts=dict(new.facts),
            organization_id=new.organization_id,
            names_organization_id=_named(new),
            edits=new.edits,
            thread_of=new.thread_of,
            fallback=new.fallback,
        )
        slack_id, channel, edits = new.slack_id, new.channel, new.edits
        # Hosts' clocks may be minutes apart, and messages are sent in the order in which they were stored.
        there = (Notice.slack_id == slack_id, Notice.channel == channel)
        latest = select(func.max(Notice.sequence)).where(*there).scalar_subquery()
        sequence = case((latest >= notice.sequence, latest + 1), else_=notice.sequence)
        last = select(case((col(Notice.due_at).is_(None), col(Notice.lease_until)))).where(*there)
        rests = last.order_by(col(Notice.sequence).desc()).limit(1).scalar_subquery()
        # A rest longer than the longest one was written before the clock was set back.
        due_at = case((rests.between(now(), now(LONGEST_REST)), rests), else_=now())
        values = notice.model_dump() | {"due_at": due_at, "sequence": sequence}
        statement = insert_once(self._session, Notice).values(**values)
        put = (await self._session.exec(statement.on_conflict_do_nothing())).rowcount == 1
        if put:
            self._session.info[OUTBOX_CHANGED] = True
        if put and edits is not None:
            older = update(Notice).where(
                col(Notice.edits) == edits,
                col(Notice.key) != new.key,
                WAITING,
                or_(col(Notice.lease_until).is_(None), col(Notice.lease_until) < now()),
            )
            await self._session.exec(
                older.values(due_at=None, failure=SUPERSEDED),
                execution_options={"synchronize_session": False},
            )
        return put

    async def get(self, key: str) -> Notice | None:
        """Return a notice, sent or not; None if there is none or it was deleted."""
        return (await self._session.exec(select(Notice).where(Notice.key == key))).one_or_none()

    async def forget(self, key: str) -> None:
        """Do not send this notice, nor edits of its message and replies to it: another one replaces it."""
        about = or_(col(Notice.key) == key, col(Notice.edits) == key, col(Notice.thread_of) == key)
        waiting = update(Notice).where(about, WAITING)
        await self._session.exec(
            waiting.values(due_at=None, failure=SUPERSEDED), execution_options={"synchronize_session": False}
        )

    async def claim(self, limit: int, lease: timedelta) -> list[Notice]:
        """Return due messages, at most the oldest unsent one of each channel, for `lease`."""
        return await claim(self._session, Notice, limit=limit, lease=lease, only=FIRST)

    async def place(self, key: str) -> Place | None:
        """Return where the message of this notice is; None if it was not delivered."""
        found = select(Notice.sent_channel, Notice.sent_ts).where(Notice.key == key)
        row = (await self._session.exec(found)).one_or_none()
        return Place(channel=row[0], ts=row[1]) if row is not None and row[0] and row[1] else None

    async def sent(
        self, notice: Notice, channel: str, ts: str, *, rest: timedelta = timedelta(0)
    ) -> bool | None:
        """Store that the message was delivered to a conversation as Slack's message `ts`.

        No process sends anything to the channel for `rest`: waiting notices are postponed, and new ones respect the
        lease of this row. Returns True if something waits in the channel; None if the caller's lease has ended and
        another process has one, or the message has to go: its organization was deleted while it was sent.
        """
        until = now(rest) if rest else None
        if not await self._change(
            notice, due_at=None, lease_until=until, sent_channel=channel, sent_ts=ts, failure=""
        ):
            await self._found_at(notice, channel, ts)
            return None
        if notice.edits is not None:
            await self._session.exec(
                update(Notice)
                .where(col(Notice.key) == notice.edits)
                .values(sent_channel=channel, sent_ts=ts),
                execution_options={"synchronize_session": False},
            )
        return bool(rest) and await self._put_off(notice, rest)

    async def _found_at(self, notice: Notice, channel: str, ts: str) -> None:
        """Let a message that was taken down while it was sent be replaced where it is now."""
        taken_down = update(Notice).where(
            col(Notice.id) == notice.id,
            col(Notice.lease_until) == notice.lease_until,
            col(Notice.edits) == col(Notice.key),
        )
        await self._session.exec(
            taken_down.values(due_at=now(), lease_until=None, sent_channel=channel, sent_ts=ts),
            execution_options={"synchronize_session": False},
        )

    async def _put_off(self, notice: Notice, rest: timedelta) -> bool:
        """Postpone the channel's next message; return whether there is one. Those after it wait for it anyway."""
        following = (
            select(Notice.id)
            .where(Notice.slack_id == notice.slack_id, Notice.channel == notice.channel, WAITING)
            .order_by(col(Notice.sequence), col(Notice.id))
            .limit(1)
            .scalar_subquery()
        )
        change = update(Notice).where(col(Notice.id) == following, col(Notice.due_at) < now(rest))
        put_off = await self._session.exec(
            change.values(due_at=now(rest)), execution_options={"synchronize_session": False}
        )
        return put_off.rowcount == 1

    async def later(self, notice: Notice, after: timedelta, failure: str) -> bool:
        """Schedule another try; later messages in the channel wait for it.

        Return False, with nothing changed, if the caller's lease has ended and another process has one.
        """
        return await self._change(notice, due_at=now(after), failure=failure)

    async def give_up(self, notice: Notice, failure: str) -> bool:
        """Store that this message cannot be delivered, and why; the channel's next message is sent.

        Return False, with nothing changed, if the caller's lease has ended and another process has one.
        """
        return await self._change(notice, due_at=None, failure=failure)

    async def redirect(self, notice: Notice, slack_id: str, channel: str) -> None:
        """Send a notice that could not be delivered somewhere else instead. Edits that wait for it are dropped."""
        await self.forget(notice.key)
        again = update(Notice).where(col(Notice.id) == notice.id)
        await self._session.exec(
            again.values(
                slack_id=slack_id, channel=channel, due_at=now(), lease_until=None, attempts=0, failure=""
            ),
            execution_options={"synchronize_session": False},
        )

    async def drop(self, notice: Notice) -> bool:
        """Store that this message is no longer needed; the channel's next message is sent.

        Return False, with nothing changed, if the caller's lease has ended and another process has one.
        """
        return await self._change(notice, due_at=None, failure=DROPPED)

    async def hold(self, slack_id: str, rest: timedelta) -> None:
        """Postpone everything that is due through this installation and not claimed: Slack does not answer there."""
        due = update(Notice).where(
            col(Notice.slack_id) == slack_id, *waiting(Notice), col(Notice.due_at) < now(rest)
        )
        await self._session.exec(
            due.values(due_at=now(rest)), execution_options={"synchronize_session": False}
        )

    async def take_down(
        self, organization_id: str, stand_in: StandIn, *, asking: Collection[str], open_keys: Collection[str]
    ) -> None:
        """Replace messages of an organization, in Slack too. System session.

        Those go whose kind is in `asking` or whose key is in `open_keys`. Each row becomes an edit of its own message
        and belongs to nobody, so it outlives the organization. The edits wait in queues of their own: a
        conversation's next message does not wait for them.
        """
        edited = literal("gone:") + col(Notice.id)
        theirs = update(Notice).where(
            or_(
                col(Notice.organization_id) == organization_id,
                col(Notice.names_organization_id) == organization_id,
            ),
            or_(col(Notice.kind).in_(asking), *(col(Notice.key).in_(some) for some in _parts(open_keys))),
            col(Notice.edits).is_(None),
            or_(col(Notice.sent_ts).is_not(None), col(Notice.lease_until) > now()),
        )
        values = {
            "key": edited,
            "edits": edited,
            "channel": literal("gone:") + col(Notice.channel),
            "kind": stand_in.kind,
            "facts": dict(stand_in.facts),
            "body": {},
            "organization_id": None,
            "names_organization_id": None,
            "thread_of": None,
            "fallback": "",
            "created_at": now(),
            "due_at": now(),
            "lease_until": case((col(Notice.sent_ts).is_(None), col(Notice.lease_until))),
            "attempts": 0,
            "failure": "",
        }
        await self._session.exec(theirs.values(values), execution_options={"synchronize_session": False})
        self._session.info[OUTBOX_CHANGED] = True

    async def forget_older(self, than: timedelta, cards_than: timedelta, most: int = 10_000) -> int:
        """Delete notices that were sent, or could not be, longer ago than this; return how many rows.

        A message that may still be edited has a fallback and is kept longer: a card whose row is gone is posted again.
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

    async def _change(self, notice: Notice, **values: Any) -> bool:
        """Change a notice if it still has the lease with which it was claimed."""
        change = update(Notice).where(
            col(Notice.id) == notice.id,
            col(Notice.key) == notice.key,
            col(Notice.lease_until) == notice.lease_until,
        )
        settled = await self._session.exec(
            change.values({"lease_until": None, "attempts": col(Notice.attempts) + 1} | values),
            execution_options={"synchronize_session": False},
        )
        return settled.rowcount == 1

    async def waiting(self) -> int:
        """Return how many messages wait to be sent."""
        owed = select(func.count()).select_from(Notice).where(col(Notice.due_at).is_not(None))
        return (await self._session.exec(owed)).one()

    async def oldest(self) -> datetime | None:
        """Return since when the oldest waiting message has been due; None if none waits."""
        owed = select(func.min(Notice.created_at)).where(col(Notice.due_at).is_not(None))
        return (await self._session.exec(owed)).one()


def _parts(keys: Collection[str]) -> Iterator[list[str]]:
    """Yield the keys in parts small enough for one list in a statement."""
    them = list(keys)
    for start in range(0, len(them), 500):
        yield them[start : start + 500]


def _named(new: NewNotice) -> str | None:
    """Return the organization that a message names besides its own; no kind names two of them."""
    found = ORGANIZATION.findall(json.dumps(new.facts, default=str))
    return next((one for one in found if one != new.organization_id), None)
