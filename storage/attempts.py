"""Everything that may happen only once: tickets, sign-ins, connection attempts, Slack's own requests.

Whatever is redeemed is redeemed by one statement with `RETURNING`, so that of any number of simultaneous
callers exactly one gets it; its conditions include the browser, the platform and the database's clock, so
that a wrong one spoils nothing. All of this comes before an organization is known: system sessions, but
for `Tickets.open` and `Attempts.open`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Boolean, and_, bindparam, func, insert, literal_column
from sqlalchemy import select as core_select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import SQLModel, col, delete, select, update

from storage.clocks import SET_BACK
from storage.db import dialect_of, insert_once, now, rows, run
from storage.grid_models import GridHome
from storage.models import (
    Browser,
    ConnectionAttempt,
    Discovery,
    InstallState,
    JoinCode,
    SeenRequest,
    SignIn,
    Ticket,
    Utc,
    digest,
    new_secret,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Insert, Select
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.single import Single
    from storage.vault import Secret, Vault

TICKET_LIFE = timedelta(minutes=10)
ATTEMPT_LIFE = timedelta(minutes=10)
SIGN_IN_LIFE = timedelta(minutes=10)
PROOF_LIFE = timedelta(hours=12)
SEEN_LIFE = timedelta(minutes=10)
"""Slack accepts a signature for 5 minutes; we remember it for twice as long."""
OPEN_TICKETS = 5
TICKETS_PER_MINUTE = 10
_UNSYNCHRONIZED = {"synchronize_session": False}


class TooManyTickets(Exception):
    """The member has 5 links open, or asked for 10 within a minute."""


class AskedBefore(Exception):
    """The same signed request got its link already."""


def _recent(since: timedelta, *more: ColumnElement[bool]) -> ColumnElement[int]:
    counted = select(func.count()).select_from(Ticket)
    member = col(Ticket.membership_id) == bindparam("membership_id")
    # What was made in the time to come was made before the clock was set back, and must not count for hours.
    window = col(Ticket.created_at).between(now(-since), now(SET_BACK))
    return counted.where(member, window, *more).scalar_subquery()


# Built once: these run with every `connect`, and the last one with every request that changes something.
_TICKETS = SQLModel.metadata.tables["ticket"]
_GIVEN = [column for column in _TICKETS.columns if not isinstance(column.type, Utc)]
_HAS_ROOM: dict[str, ColumnElement[bool]] = {
    # SQLite has one writer at a time; PostgreSQL must lock the member before it counts.
    "sqlite": and_(
        _recent(TICKET_LIFE, col(Ticket.used_at).is_(None)) < literal_column(str(OPEN_TICKETS)),
        _recent(timedelta(minutes=1)) < literal_column(str(TICKETS_PER_MINUTE)),
    ),
    "postgresql": func.octapost_ticket_room(
        bindparam("membership_id"),
        TICKET_LIFE.total_seconds(),
        OPEN_TICKETS,
        TICKETS_PER_MINUTE,
        type_=Boolean,
    ),
}
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
_SEEN: dict[str, Insert] = {
    dialect: once(SQLModel.metadata.tables["seen_request"])
    .values(signature_hash=bindparam("signature_hash"), seen_at=now())
    .on_conflict_do_nothing()
    .returning(literal_column("1"))
    for dialect, once in (("sqlite", sqlite_insert), ("postgresql", postgresql_insert))
}
_IS_SEEN: Select[int] = core_select(literal_column("1")).where(
    SQLModel.metadata.tables["seen_request"].c.signature_hash == bindparam("signature_hash")
)

_ATTEMPTS = SQLModel.metadata.tables["connection_attempt"]
_OPEN_ATTEMPT = _ATTEMPTS.insert().values(expires_at=now(ATTEMPT_LIFE))
_REDEEM_ATTEMPT = (
    _ATTEMPTS.delete()
    .where(
        _ATTEMPTS.c.state_hash == bindparam("state"),
        _ATTEMPTS.c.browser_hash == bindparam("browser"),
        _ATTEMPTS.c.platform == bindparam("platform_key"),
        _ATTEMPTS.c.expires_at > now(),
    )
    .returning(*_ATTEMPTS.c)
)


async def open_ticket(
    session: AsyncSession | Single,
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

    A member has at most 5 open and gets at most 10 a minute, also when asking from many places at once.
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
    return ticket


async def first_seen(session: AsyncSession | Single, signature: str) -> bool:
    """Return True to the first caller with this signature, False to every other one."""
    return bool(await rows(session, _SEEN[dialect_of(session)], signature_hash=digest(signature)))


async def seen(session: AsyncSession | Single, signature: str) -> bool:
    """Tell whether something was handled; unlike `first_seen`, this leaves no mark."""
    return bool(await rows(session, _IS_SEEN, signature_hash=digest(signature)))


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


class SignIns:
    """Trips to Sign in with Slack."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def open(self, ticket: str, browser: str) -> tuple[str, str]:
        """Return a state and a nonce for one trip of this browser on behalf of this ticket; 10 minutes."""
        state, nonce = new_secret(), new_secret()
        await self._session.exec(
            insert(SignIn).values(
                state_hash=digest(state),
                browser_hash=digest(browser),
                nonce_hash=digest(nonce),
                ticket_hash=digest(ticket),
                ticket_sealed=self._vault.seal(
                    ticket,
                    table="sign_in",
                    column="ticket_sealed",
                    organization=None,
                    row=digest(state).hex(),
                ),
                expires_at=now(SIGN_IN_LIFE),
            )
        )
        return state, nonce

    async def redeem(self, state: str, browser: str) -> tuple[SignIn, str] | None:
        """Take the trip out of circulation and return it with its ticket, or None."""
        redeemed = await self._session.exec(
            delete(SignIn)
            .where(
                col(SignIn.state_hash) == digest(state),
                col(SignIn.browser_hash) == digest(browser),
                col(SignIn.expires_at) > now(),
            )
            .returning(SignIn),
            execution_options=_UNSYNCHRONIZED,
        )
        sign_in: SignIn | None = redeemed.scalar_one_or_none()
        if sign_in is None:
            return None
        row = sign_in.state_hash.hex()
        ticket = self._vault.open(
            sign_in.ticket_sealed, table="sign_in", column="ticket_sealed", organization=None, row=row
        )
        return sign_in, ticket.reveal()


class Browsers:
    """Browsers that have proved whose they are."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def prove(self, browser: str, realm: str, team_id: str, user_id: str) -> None:
        """Remember for 12 hours that this browser is this person's; an earlier proof is replaced."""
        person = {"realm": realm, "team_id": team_id, "user_id": user_id, "expires_at": now(PROOF_LIFE)}
        proof = insert_once(self._session, Browser).values(browser_hash=digest(browser), **person)
        await self._session.exec(
            proof.on_conflict_do_update(index_elements=["browser_hash"], set_=person),
            execution_options=_UNSYNCHRONIZED,
        )

    async def who(self, browser: str) -> Browser | None:
        """Return whose browser this is, if it was proved within the last 12 hours."""
        proof = select(Browser).where(
            Browser.browser_hash == digest(browser), col(Browser.expires_at) > now()
        )
        return (await self._session.exec(proof, execution_options={"populate_existing": True})).one_or_none()

    async def forget(self, browser: str) -> None:
        """Let the browser prove itself anew."""
        gone = delete(Browser).where(col(Browser.browser_hash) == digest(browser))
        await self._session.exec(gone, execution_options=_UNSYNCHRONIZED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """A connection attempt that nobody else can have, and its PKCE verifier."""

    attempt: ConnectionAttempt
    verifier: Secret


class Attempts:
    """Trips to a platform's consent screen. Never hands out one that can be redeemed again."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def open(self, *, ticket: Ticket, browser: str, verifier: str) -> str:
        """Return the state of a fresh attempt of this browser for what the ticket says; 10 minutes."""
        state = new_secret()
        await run(
            self._session,
            _OPEN_ATTEMPT,
            state_hash=digest(state),
            browser_hash=digest(browser),
            organization_id=ticket.organization_id,
            membership_id=ticket.membership_id,
            team_id=ticket.team_id,
            channel_id=ticket.channel_id,
            platform=ticket.platform,
            app=ticket.app,
            reconnects=ticket.reconnects,
            verifier_sealed=self._vault.seal(
                verifier,
                table="connection_attempt",
                column="verifier_sealed",
                organization=ticket.organization_id,
                row=digest(state).hex(),
            ),
        )
        return state

    async def redeem(self, state: str, browser: str, platform: str) -> Redeemed | None:
        """Take an attempt out of circulation and return it with its verifier, or None.

        One `DELETE ... RETURNING`, so of any number of simultaneous callbacks with the same state
        exactly one gets the row. The wrong browser, platform or hour (by the database's clock) is
        answered like an unknown state, and spoils nothing.
        """
        redeemed = await run(
            self._session,
            _REDEEM_ATTEMPT,
            state=digest(state),
            browser=digest(browser),
            platform_key=platform,
        )
        row = redeemed.mappings().one_or_none()
        if row is None:
            return None
        attempt = ConnectionAttempt(**row)
        verifier = self._vault.open(
            attempt.verifier_sealed,
            table="connection_attempt",
            column="verifier_sealed",
            organization=attempt.organization_id,
            row=attempt.state_hash.hex(),
        )
        return Redeemed(attempt=attempt, verifier=verifier)


class Seen:
    """The Slack requests that were handled, by their signatures."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def first(self, signature: str) -> bool:
        """Return True to the first caller with this signature, False to every other one."""
        return await first_seen(self._session, signature)

    async def forget_older(self, age: timedelta) -> int:
        """Forget the requests seen longer ago than `age`; return how many."""
        old = delete(SeenRequest).where(col(SeenRequest.seen_at) < now(-age))
        return (await self._session.exec(old, execution_options=_UNSYNCHRONIZED)).rowcount


async def sweep(session: AsyncSession) -> int:
    """Delete every one-time thing that is past its time; return how many rows. System session."""
    count = await Seen(session).forget_older(SEEN_LIFE)
    for model in (Ticket, SignIn, Browser, ConnectionAttempt, InstallState, JoinCode, Discovery, GridHome):
        expired = delete(model).where(col(model.expires_at) <= now())
        count += (await session.exec(expired, execution_options=_UNSYNCHRONIZED)).rowcount
    return count
