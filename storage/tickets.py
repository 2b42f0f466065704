"""The one-time links shown in Slack. Only their hashes are stored.

A ticket is redeemed by one statement with `RETURNING`, so that of any number of simultaneous callers exactly
one gets it. Redeeming comes before an organization is known and needs a system session.
"""

from __future__ import annotations

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
    from storage.vault import Vault

TICKET_LIFE = timedelta(minutes=10)
OPEN_TICKETS = 5
TICKETS_PER_MINUTE = 30
"""More than a person presses, who tries one platform after the other."""
_UNSYNCHRONIZED = {"synchronize_session": False}


class TooManyTickets(Exception):
    """The member asked for 30 links within a minute."""


class AskedBefore(Exception):
    """The same signed request got its link already."""


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


async def open_ticket(
    session: AsyncSession | AutocommitRunner,
    *,
    organization_id: str,
    membership_id: str,
    team_id: str,
    channel_id: str,
    platform: str,
    app: str,
    reconnects: str | None = None,
    request: str | None = None,
) -> str:
    """Return a fresh ticket, good once within 10 minutes. Raises `TooManyTickets`.

    A member has at most 5 open, the newest: another one closes the oldest. They get at most 30 a minute, also when
    they ask from many places at once.
    A `request`, named by its signature, gets one ticket; the second time it raises `AskedBefore`.
    """
    asked = None if request is None else digest(request)
    ticket = new_secret()
    values = {
        "ticket_hash": digest(ticket),
        "organization_id": organization_id,
        "membership_id": membership_id,
        "team_id": team_id,
        "channel_id": channel_id,
        "platform": platform,
        "app": app,
        "reconnects": reconnects,
        "request_hash": asked,
    }
    if not await rows(session, _OPEN_TICKET[dialect_of(session)], **values):
        if asked and await rows(session, _ASKED, request_hash=asked):
            raise AskedBefore
        raise TooManyTickets
    if dialect_of(session) == "sqlite":
        await rows(session, _CLOSE_OLDEST, member=membership_id, newest=digest(ticket))
    return ticket


class Tickets:
    """The one-time links shown in Slack. Only their hashes are stored."""

    def __init__(self, session: AsyncSession, vault: Vault | None = None) -> None:
        self._session = session
        self._vault = vault

    async def open(
        self,
        *,
        organization_id: str,
        membership_id: str,
        team_id: str,
        channel_id: str,
        platform: str,
        app: str,
        reconnects: str | None = None,
        request: str | None = None,
    ) -> str:
        """Return a fresh ticket: `open_ticket` in this session."""
        return await open_ticket(
            self._session,
            organization_id=organization_id,
            membership_id=membership_id,
            team_id=team_id,
            channel_id=channel_id,
            platform=platform,
            app=app,
            reconnects=reconnects,
            request=request,
        )

    async def peek(self, ticket: str) -> Ticket | None:
        """Return what the ticket is for if it could still be redeemed. Changes nothing."""
        return (await self._session.exec(select(Ticket).where(*_redeemable(ticket)))).one_or_none()

    async def redeem(self, ticket: str) -> Ticket | None:
        """Use the ticket up and return what it is for, or None if it is unknown, used or too old."""
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
