"""The outbox: messages for Slack, stored in the transaction that makes them true, and sent later in order."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Float, String, and_, bindparam, case, func, literal, or_
from sqlalchemy import select as core_select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col, delete, select, update

from storage.engine.db import OUTBOX_CHANGED, OUTBOX_LATER_S
from storage.engine.leases import claim, waiting
from storage.engine.statements import Now, change, dialect_of, now, rows
from storage.models import Notice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Insert, ScalarSelect, Update
    from sqlmodel.ext.asyncio.session import AsyncSession


SUPERSEDED = "superseded"
"""Why a notice was not sent: a newer state of the same message was stored before it."""

DROPPED = "nothing_to_say"
"""Why a notice was not sent: it is no longer true, or its recipient may no longer see it."""
ORGANIZATION = re.compile(r"org_[0-9a-f]{20}")
"""The id of an organization, wherever it stands in the facts of a message."""
LONGEST_REST = timedelta(seconds=61)
"""Longer than any pause between two messages in a channel, which is a minute at most."""
_NOTICES = SQLModel.metadata.tables["notice"]
WAITING = _NOTICES.c.due_at > datetime(2000, 1, 1, tzinfo=UTC)
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

_THERE = (_NOTICES.c.slack_id == bindparam("through"), _NOTICES.c.channel == bindparam("to_channel"))
_AFTER_REST = Now(bindparam("rest_s", type_=Float))


def _next_sequence() -> ColumnElement[int]:
    """Return the host's time, or more: hosts' clocks may be minutes apart, and messages are sent in stored order."""
    own: ColumnElement[int] = bindparam("sequence", type_=_NOTICES.c.sequence.type)
    latest = core_select(func.max(_NOTICES.c.sequence)).where(*_THERE).scalar_subquery()
    return case((latest >= own, latest + 1), else_=own)


def _due_after_rest() -> ColumnElement[datetime]:
    """Return the end of the channel's rest; now if it rests no more, or if the clock was set back since."""
    last = core_select(case((_NOTICES.c.due_at.is_(None), _NOTICES.c.lease_until))).where(*_THERE)
    rests = last.order_by(_NOTICES.c.sequence.desc()).limit(1).scalar_subquery()
    return case((rests.between(now(), now(LONGEST_REST)), rests), else_=now())


def _following() -> ScalarSelect[str]:
    """Return the id of the channel's next message."""
    found = core_select(_NOTICES.c.id).where(*_THERE, WAITING)
    return found.order_by(_NOTICES.c.sequence, _NOTICES.c.id).limit(1).scalar_subquery()


_PUT: dict[str, Insert] = {
    dialect: once(_NOTICES)
    .values(
        {each.name: bindparam(each.name, type_=each.type) for each in _NOTICES.c}
        | {"sequence": _next_sequence(), "due_at": _due_after_rest()}
    )
    .on_conflict_do_nothing()
    for dialect, once in (("sqlite", sqlite_insert), ("postgresql", postgresql_insert))
}
_SUPERSEDE = (
    _NOTICES.update()
    .where(
        _NOTICES.c.edits == bindparam("message", type_=String),
        _NOTICES.c.key != bindparam("newest", type_=String),
        WAITING,
        or_(_NOTICES.c.lease_until.is_(None), _NOTICES.c.lease_until < now()),
    )
    .values(due_at=None, failure=SUPERSEDED)
)
_SPACED = _NOTICES.alias("spaced")
_SPACE = (
    _NOTICES.update()
    .where(
        _NOTICES.c.key == bindparam("newest", type_=String),
        core_select(_SPACED.c.id)
        .where(
            or_(_SPACED.c.key == bindparam("message"), _SPACED.c.edits == bindparam("message")),
            _SPACED.c.lease_until > Now(bindparam("ago_s", type_=Float)),
        )
        .exists(),
    )
    .values(due_at=Now(bindparam("apart_s", type_=Float)))
)
"""Puts off an edit if the message was posted or edited, or is being edited, within the time that is to be between."""
_PLACE = core_select(_NOTICES.c.sent_channel, _NOTICES.c.sent_ts).where(_NOTICES.c.key == bindparam("asked"))
_CLAIMED = _NOTICES.update().where(
    _NOTICES.c.id == bindparam("claimed"),
    _NOTICES.c.key == bindparam("claimed_key"),
    _NOTICES.c.lease_until == bindparam("lease"),
)
_TRIED: dict[str, Any] = {"lease_until": None, "attempts": _NOTICES.c.attempts + 1}
_SENT_VALUES: dict[str, Any] = {
    "due_at": None,
    "sent_channel": bindparam("to", type_=String),
    "sent_ts": bindparam("ts", type_=String),
    "failure": "",
}
_SENT: dict[bool, Update] = {
    rests: _CLAIMED.values(_TRIED | _SENT_VALUES | ({"lease_until": _AFTER_REST} if rests else {}))
    for rests in (False, True)
}
"""Settles a message that was sent: to a channel that then rests, or to one that doesn't."""
_LATER = _CLAIMED.values(_TRIED | {"due_at": _AFTER_REST, "failure": bindparam("why", type_=String)})
_END = _CLAIMED.values(_TRIED | {"due_at": None, "failure": bindparam("why", type_=String)})
_MOVED = (
    _NOTICES.update()
    .where(_NOTICES.c.key == bindparam("message"))
    .values(sent_channel=bindparam("to", type_=String), sent_ts=bindparam("ts", type_=String))
)
_PUT_OFF = (
    _NOTICES.update()
    .where(_NOTICES.c.id == _following(), _NOTICES.c.due_at < _AFTER_REST)
    .values(due_at=_AFTER_REST)
)


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
    apart: timedelta = timedelta(0)
    """How long at least an edit comes after the message and after its last edit, if the channel rests at all."""


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
        values = {each.name: getattr(notice, each.name) for each in _NOTICES.c if each.name != "due_at"}
        values |= {"through": new.slack_id, "to_channel": new.channel}
        put = await change(self._session, _PUT[dialect_of(self._session)], **values) == 1
        if put:
            self._session.info[OUTBOX_CHANGED] = True
        if put and new.edits is not None:
            await change(self._session, _SUPERSEDE, message=new.edits, newest=new.key)
            if apart_s := new.apart.total_seconds():
                spaced = {"message": new.edits, "newest": new.key, "ago_s": -apart_s, "apart_s": apart_s}
                if await change(self._session, _SPACE, **spaced):
                    self._session.info[OUTBOX_LATER_S] = apart_s
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
        found: Sequence[Sequence[Any]] = await rows(self._session, _PLACE, asked=key)
        return Place(channel=found[0][0], ts=found[0][1]) if found and found[0][0] and found[0][1] else None

    async def sent(
        self, notice: Notice, channel: str, ts: str, *, rest: timedelta = timedelta(0)
    ) -> bool | None:
        """Store that the message was delivered to a conversation as Slack's message `ts`.

        No process sends anything to the channel for `rest`: waiting notices are postponed, and new ones respect the
        lease of this row. Returns True if something waits in the channel; None if the caller's lease has ended and
        another process has one, or the message has to go: its organization was deleted while it was sent.
        """
        rested = {"rest_s": rest.total_seconds()} if rest else {}
        if not await self._settle(notice, _SENT[bool(rest)], to=channel, ts=ts, **rested):
            await self._found_at(notice, channel, ts)
            return None
        if notice.edits is not None:
            await change(self._session, _MOVED, message=notice.edits, to=channel, ts=ts)
        # The channel's next message is postponed, and those after it wait for that one anyway.
        there = {"through": notice.slack_id, "to_channel": notice.channel}
        return bool(rest) and await change(self._session, _PUT_OFF, **there, **rested) == 1

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

    async def later(self, notice: Notice, after: timedelta, failure: str) -> bool:
        """Schedule another try; later messages in the channel wait for it.

        Return False, with nothing changed, if the caller's lease has ended and another process has one.
        """
        return await self._settle(notice, _LATER, rest_s=after.total_seconds(), why=failure)

    async def give_up(self, notice: Notice, failure: str) -> bool:
        """Store that this message cannot be delivered, and why; the channel's next message is sent.

        Return False, with nothing changed, if the caller's lease has ended and another process has one.
        """
        return await self._settle(notice, _END, why=failure)

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
        return await self._settle(notice, _END, why=DROPPED)

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

    async def _settle(self, notice: Notice, settling: Update, **values: Any) -> bool:
        """Change a notice if it still has the lease with which it was claimed."""
        values |= {"claimed": notice.id, "claimed_key": notice.key, "lease": notice.lease_until}
        return await change(self._session, settling, **values) == 1

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
