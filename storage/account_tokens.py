"""Accounts with tokens of their own (Facebook Pages): which to ask about next, and what the platform said.

Every change names the token that was asked about. An account whose token was replaced meanwhile, by a person who
reconnected it or by another look, keeps what that brought. System sessions only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func
from sqlmodel import and_, col, or_, select, update

from storage.engine.statements import now
from storage.models import Account, Grant

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.vault import Vault

_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountToken:
    """A connected account and the token of its own, as they were read."""

    id: str
    organization_id: str
    remote_id: str
    token: str = field(repr=False)
    sealed: bytes = field(repr=False)
    suspected_at: datetime | None
    access_error: str


class AccountTokens:
    """The accounts of one grant, as owners of tokens."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def due(self, grant_id: str, every: timedelta, limit: int) -> list[AccountToken]:
        """Return those that were asked about longer ago than `every`, the longest first.

        Before them those that are suspected: a second opinion is due whenever there is a look.
        """
        return await self._owners(grant_id, limit, _due(every), col(Account.suspected_at).is_(None))

    async def unsuspected(self, grant_id: str, limit: int) -> list[AccountToken]:
        """Return any of them, those first of which nothing bad was heard."""
        return await self._owners(grant_id, limit, col(Account.suspected_at).is_not(None))

    async def _owners(self, grant_id: str, limit: int, *terms: ColumnElement[bool]) -> list[AccountToken]:
        *only, last = terms
        found = (
            select(Account)
            .where(*_connected(grant_id), *only)
            .order_by(last, col(Account.token_checked_at).nulls_first(), col(Account.id))
            .limit(limit)
        )
        return [self._owner(account) for account in await self._session.exec(found)]

    def _owner(self, account: Account) -> AccountToken:
        sealed = account.token_sealed or b""
        return AccountToken(
            id=account.id,
            organization_id=account.organization_id,
            remote_id=account.remote_id,
            token=self._vault.open(sealed, **_place(account.organization_id, account.id)).reveal(),
            sealed=sealed,
            suspected_at=account.suspected_at,
            access_error=account.access_error,
        )

    async def more(self, grant_id: str, every: timedelta) -> bool:
        """Tell whether some were asked about longer ago than `every`, or never."""
        return await self._any(grant_id, _stale(every))

    async def others_may_live(self, grant_id: str, asked: Collection[str]) -> bool:
        """Tell whether there are more than those asked about, of which nothing bad was heard."""
        return await self._any(grant_id, col(Account.id).not_in(asked), col(Account.suspected_at).is_(None))

    async def _any(self, grant_id: str, *only: ColumnElement[bool]) -> bool:
        some = select(exists().where(*_connected(grant_id), *only))
        return bool((await self._session.exec(some)).one())

    async def lock(self, grant_id: str) -> bool:
        """Take the grant and then its accounts, in everybody's order; False if it is over meanwhile."""
        living = select(Grant.id).where(Grant.id == grant_id, col(Grant.access_sealed).is_not(None))
        if (await self._session.exec(living.with_for_update(key_share=True))).first() is None:
            return False
        in_order = select(Account.id).where(Account.grant_id == grant_id).order_by(col(Account.id))
        await self._session.exec(in_order.with_for_update(key_share=True))
        return True

    async def mark_valid(self, owner: AccountToken, token: str | None = None) -> bool:
        """Note that the platform takes the account's token, or gave us another one that it takes."""
        sealed = self._vault.seal(token, **_place(owner.organization_id, owner.id)) if token else owner.sealed
        return await self._note(owner, token_sealed=sealed, suspected_at=None, access_error="")

    async def suspect(self, owner: AccountToken) -> bool:
        """Note that the platform called the token over; since when, if it did before."""
        return await self._note(owner, suspected_at=func.coalesce(col(Account.suspected_at), now()))

    async def mark_lost(self, owner: AccountToken, code: str) -> bool:
        """Settle that the token is over, and that nothing we can ask for replaces it."""
        return await self._note(owner, access_error=code)

    async def _note(self, owner: AccountToken, **values: Any) -> bool:
        same = (col(Account.id) == owner.id, col(Account.token_sealed) == owner.sealed)
        change = update(Account).where(*same).values(token_checked_at=now(), **values)
        return (await self._session.exec(change, execution_options=_UNSYNCHRONIZED)).rowcount == 1


def _connected(grant_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Account.grant_id) == grant_id,
        col(Account.token_sealed).is_not(None),
        col(Account.disconnected_at).is_(None),
    )


def _stale(every: timedelta) -> ColumnElement[bool]:
    return or_(col(Account.token_checked_at).is_(None), col(Account.token_checked_at) <= now(-every))


def _due(every: timedelta) -> ColumnElement[bool]:
    return or_(_stale(every), and_(col(Account.suspected_at).is_not(None), col(Account.access_error) == ""))


def _place(organization_id: str, account_id: str) -> dict[str, Any]:
    return {"table": "account", "column": "token_sealed", "organization": organization_id, "row": account_id}
