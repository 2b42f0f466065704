"""Connection attempts: the rows behind `state`, one for each trip to a platform's consent screen.

An attempt is redeemed by one statement with `RETURNING`, so that of several simultaneous callers exactly one gets it.
Its conditions include the browser, the platform and the database's clock, so that a wrong callback leaves the attempt
usable. The organization is not known before that, so redeeming needs a system session.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam
from sqlmodel import SQLModel, col, select

from storage.engine.statements import now, run
from storage.models import ConnectionAttempt, Ticket, digest, new_secret

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.vault import Secret, Vault

ATTEMPT_LIFE = timedelta(minutes=10)
REMEMBERED = timedelta(days=1)
"""How long after its end an attempt is known: whoever comes back late is told what to do."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """A connection attempt that was redeemed, and its PKCE verifier."""

    attempt: ConnectionAttempt
    verifier: Secret


class Attempts:
    """Trips to a platform's consent screen. Never hands out one that can be redeemed again."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def open(self, *, ticket: Ticket, browser: str, verifier: str) -> str:
        """Return the state of a new attempt of this browser for what the ticket says, valid for 10 minutes."""
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
            ticket_hash=ticket.ticket_hash,
            **{
                column: self._vault.seal(
                    secret,
                    table="connection_attempt",
                    column=column,
                    organization=ticket.organization_id,
                    row=digest(state).hex(),
                )
                for column, secret in (("verifier_sealed", verifier), ("state_sealed", state))
            },
        )
        return state

    async def under_way(self, ticket: str, browser: str) -> ConnectionAttempt | None:
        """Return the attempt that this browser began with this link, while it can be redeemed."""
        begun = select(ConnectionAttempt).where(
            col(ConnectionAttempt.ticket_hash) == digest(ticket),
            col(ConnectionAttempt.browser_hash) == digest(browser),
            col(ConnectionAttempt.expires_at) > now(),
        )
        return (await self._session.exec(begun)).one_or_none()

    def secrets(self, attempt: ConnectionAttempt) -> tuple[Secret, Secret]:
        """Return the state and the PKCE verifier of an attempt that was begun with a link."""
        sealed = attempt.state_sealed
        if sealed is None:
            raise LookupError("the attempt was begun before its state was kept")
        return self._open(attempt, "state_sealed", sealed), self._verifier(attempt)

    async def missed(self, state: str, platform: str) -> tuple[ConnectionAttempt, bool] | None:
        """Return an attempt that nobody has redeemed, whoever asks, and whether it is too late; or None."""
        expired = col(ConnectionAttempt.expires_at) <= now()
        same = select(ConnectionAttempt, expired).where(
            col(ConnectionAttempt.state_hash) == digest(state), col(ConnectionAttempt.platform) == platform
        )
        row = (await self._session.exec(same)).one_or_none()
        return None if row is None else (row[0], bool(row[1]))

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
        return Redeemed(attempt=attempt, verifier=self._verifier(attempt))

    def _verifier(self, attempt: ConnectionAttempt) -> Secret:
        return self._open(attempt, "verifier_sealed", attempt.verifier_sealed)

    def _open(self, attempt: ConnectionAttempt, column: str, sealed: bytes) -> Secret:
        return self._vault.open(
            sealed,
            table="connection_attempt",
            column=column,
            organization=attempt.organization_id,
            row=attempt.state_hash.hex(),
        )
