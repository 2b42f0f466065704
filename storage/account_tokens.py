"""Accounts with tokens of their own (Facebook Pages): which to check next, and what the platform said.

Every change names the token that was checked. If the token has been replaced since then, by a reconnect or by another
check, nothing changes. System sessions only.
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
    """A connected account and its own token, as they were read."""

    id: str
    organization_id: str
    remote_id: str
    token: str = field(repr=False)
    sealed: bytes = field(repr=False)
    suspected_at: datetime | None
    access_error: str


class AccountTokens:
    """The own tokens of a grant's accounts."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def due(self, grant_id: str, every: timedelta, limit: int) -> list[AccountToken]:
        """Return up to `limit` tokens that were last checked longer ago than `every`, the longest ago first.

        Suspected tokens come before them: whenever there is a check, they get their second opinion.
        """
        return await self._owners(grant_id, limit, _due(every), col(Account.suspected_at).is_(None))

    async def unsuspected(self, grant_id: str, limit: int) -> list[AccountToken]:
        """Return up to `limit` tokens, those that are not suspected first."""
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
        """Return whether some tokens were checked longer ago than `every`, or never."""
        return await self._any(grant_id, _stale(every))

    async def others_may_live(self, grant_id: str, asked: Collection[str]) -> bool:
        """Return whether there are tokens that are not suspected, beside those of the accounts `asked`."""
        return await self._any(grant_id, col(Account.id).not_in(asked), col(Account.suspected_at).is_(None))

    async def _any(self, grant_id: str, *only: ColumnElement[bool]) -> bool:
        some = select(exists().where(*_connected(grant_id), *only))
        return bool((await self._session.exec(some)).one())

    async def lock(self, grant_id: str) -> bool:
        """Lock the grant and then its accounts, in the order all transactions use; False if the grant has ended."""
        living = select(Grant.id).where(Grant.id == grant_id, col(Grant.access_sealed).is_not(None))
        if (await self._session.exec(living.with_for_update(key_share=True))).first() is None:
            return False
        in_order = select(Account.id).where(Account.grant_id == grant_id).order_by(col(Account.id))
        await self._session.exec(in_order.with_for_update(key_share=True))
        return True

    async def mark_valid(self, owner: AccountToken, token: str | None = None) -> bool:
        """Store that the platform accepts the account's token, or has issued `token` instead."""
        sealed = self._vault.seal(token, **_place(owner.organization_id, owner.id)) if token else owner.sealed
        return await self._note(owner, token_sealed=sealed, suspected_at=None, access_error="")

    async def suspect(self, owner: AccountToken) -> bool:
        """Store that the platform called the token invalid; the time of the first time is kept."""
        return await self._note(owner, suspected_at=func.coalesce(col(Account.suspected_at), now()))

    async def mark_lost(self, owner: AccountToken, code: str) -> bool:
        """Store that the token has ended and cannot be replaced, with the platform's code."""
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
