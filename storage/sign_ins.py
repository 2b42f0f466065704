"""Trips to Sign in with Slack: which browser was redirected there, and for which ticket. System sessions only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import insert
from sqlmodel import col, select, update

from storage.engine.statements import now
from storage.models import SignIn, digest, new_secret

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.vault import Vault

SIGN_IN_LIFE = timedelta(minutes=10)
_UNSYNCHRONIZED = {"synchronize_session": False}


class SignIns:
    """Trips to Sign in with Slack."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def open(self, ticket: str, browser: str) -> tuple[str, str]:
        """Return a state and a nonce for one trip of this browser for this ticket, valid for 10 minutes."""
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
        """Use up the trip and return it with its ticket, or None; of several simultaneous callers one gets it."""
        redeemed = await self._session.exec(
            update(SignIn).where(*_of(state, browser, used=False)).values(used_at=now()).returning(SignIn),
            execution_options=_UNSYNCHRONIZED | {"populate_existing": True},
        )
        sign_in: SignIn | None = redeemed.scalar_one_or_none()
        return None if sign_in is None else (sign_in, self._ticket(sign_in))

    async def repeated(self, state: str, browser: str) -> str | None:
        """Return the ticket of a trip that this browser has completed before, or None. It proves no identity."""
        used = select(SignIn).where(*_of(state, browser, used=True))
        sign_in = (await self._session.exec(used)).one_or_none()
        return None if sign_in is None else self._ticket(sign_in)

    def _ticket(self, sign_in: SignIn) -> str:
        row = sign_in.state_hash.hex()
        return self._vault.open(
            sign_in.ticket_sealed, table="sign_in", column="ticket_sealed", organization=None, row=row
        ).reveal()


def _of(state: str, browser: str, *, used: bool) -> tuple[ColumnElement[bool], ...]:
    return (
        col(SignIn.state_hash) == digest(state),
        col(SignIn.browser_hash) == digest(browser),
        col(SignIn.expires_at) > now(),
        col(SignIn.used_at).is_not(None) if used else col(SignIn.used_at).is_(None),
    )
