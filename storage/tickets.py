"""The one-time links shown in Slack. Only their hashes are stored.

A ticket is redeemed by one statement with `RETURNING`, so that of several simultaneous callers exactly one gets it.
The organization is not known before that, so redeeming needs a system session.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Boolean, and_, bindparam, func, literal_column
from sqlalchemy import select as core_select
from sqlalchemy import update as core_update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import SQLModel, col, select, update

from storage.engine.clocks import SET_BACK
from storage.engine.statements import dialect_of, now, rows
from storage.models import Ticket, Utc, digest, new_secret

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner

TICKET_LIFE = timedelta(minutes=10)
OPEN_TICKETS = 5
TICKETS_PER_MINUTE = 30
"""More than a person presses, who tries one platform after the other."""
_UNSYNCHRONIZED = {"synchronize_session": False}


class TooManyTickets(Exception):
    """The member asked for 30 links within a minute."""


class AskedBefore(Exception):
    """The same signed request has got its ticket."""


# Built once: these run with every `connect`, and the last one with every request that changes something.
_TICKETS = SQLModel.metadata.tables["ticket"]
_GIVEN = [column for column in _TICKETS.columns if not isinstance(column.type, Utc)]
_OF_MEMBER = _TICKETS.c.membership_id == bindparam("membership_id")
_LAST_MINUTE = (
    select(func.count())
    .select_from(Ticket)
    # What was made in the time to come was made before the clock was set back, and must not count for hours.
    .where(_OF_MEMBER, col(Ticket.created_at).between(now(-timedelta(minutes=1)), now(SET_BACK)))
    .scalar_subquery()
)
_HAS_ROOM: dict[str, ColumnElement[bool]] = {
    # SQLite has one writer at a time; PostgreSQL must lock the member before it counts, and closes the oldest too.
    "sqlite": literal_column(str(TICKETS_PER_MINUTE)) > _LAST_MINUTE,
    "postgresql": func.octapost_ticket_room(
        bindparam("membership_id"), OPEN_TICKETS, TICKETS_PER_MINUTE, type_=Boolean
    ),
}
_OPEN_OTHERS = and_(
    _TICKETS.c.membership_id == bindparam("member"),
    _TICKETS.c.used_at.is_(None),
    _TICKETS.c.ticket_hash != bindparam("newest"),
)
_CLOSE_OLDEST = (
    core_update(_TICKETS)
    .values(used_at=now())
    .where(
        _OPEN_OTHERS,
        _TICKETS.c.ticket_hash.not_in(
            core_select(_TICKETS.c.ticket_hash)
            .where(_OPEN_OTHERS)
            .order_by(_TICKETS.c.created_at.desc(), _TICKETS.c.ticket_hash)
            .limit(literal_column(str(OPEN_TICKETS - 1)))
        ),
    )
    .returning(_TICKETS.c.ticket_hash)
)
_OPEN_TICKET = {
    dialect: once(_TICKETS)
    .from_select(
        [*_GIVEN, _TICKETS.c.created_at, _TICKETS.c.expires_at],
        core_select(
            *(bindparam(each.name, type_=each.type) for each in _GIVEN), now(), now(TICKET_LIFE)
        ).where(room),
    )
    .on_conflict_do_nothing(index_elements=[_TICKETS.c.request_hash])
    .returning(_TICKETS.c.ticket_hash)
    for dialect, once, room in (
        ("sqlite", sqlite_insert, _HAS_ROOM["sqlite"]),
        ("postgresql", postgresql_insert, _HAS_ROOM["postgresql"]),
    )
}
_ASKED: Select[int] = core_select(literal_column("1")).where(
    _TICKETS.c.request_hash == bindparam("request_hash")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """Who may connect what, and where in Slack they asked."""

    organization_id: str
    membership_id: str
    team_id: str
    channel_id: str
    platform: str
    app: str
    reconnects: str | None = None
    """The grant that should be renewed; None for a new connection."""


async def open_ticket(
    session: AsyncSession | AutocommitRunner, new: NewTicket, *, request: str | None = None
) -> str:
    """Return a new ticket, which can be redeemed once within 10 minutes.

    A member has at most 5 open tickets: another one closes the oldest. They get at most 30 a minute, also when several
    processes ask at once.
    `request` is the signature of the request that asks: a request gets one ticket, however often it arrives.

    Raises:
        TooManyTickets: The member has reached the limit a minute.
        AskedBefore: The request has got its ticket.

    """
    asked = None if request is None else digest(request)
    ticket = new_secret()
    values = {
        "ticket_hash": digest(ticket),
        **asdict(new),
        "request_hash": asked,
    }
    if not await rows(session, _OPEN_TICKET[dialect_of(session)], **values):
        if asked and await rows(session, _ASKED, request_hash=asked):
            raise AskedBefore
        raise TooManyTickets
    if dialect_of(session) == "sqlite":
        await rows(session, _CLOSE_OLDEST, member=new.membership_id, newest=digest(ticket))
    return ticket


class Tickets:
    """The one-time links shown in Slack. Only their hashes are stored."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def peek(self, ticket: str) -> Ticket | None:
        """Return what the ticket is for if it could still be redeemed. Changes nothing."""
        return (await self._session.exec(select(Ticket).where(*_redeemable(ticket)))).one_or_none()

    async def redeem(self, ticket: str) -> Ticket | None:
        """Use up the ticket and return what it is for; None if it is unknown, used or expired."""
        redeemed = await self._session.exec(
            update(Ticket).where(*_redeemable(ticket)).values(used_at=now()).returning(Ticket),
            execution_options=_UNSYNCHRONIZED | {"populate_existing": True},
        )
        return redeemed.scalar_one_or_none()


def _redeemable(ticket: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Ticket.ticket_hash) == digest(ticket),
        col(Ticket.used_at).is_(None),
        col(Ticket.expires_at) > now(),
    )
