"""The weekly times at which accounts publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, delete, select

from storage.engine.statements import insert_once
from storage.models import Account, AccountSlots

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession


class Slots:
    """The weekly times of organizations' accounts."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def of(self, organization_id: str, account_ids: Collection[str]) -> dict[str, AccountSlots]:
        """Return the times of those of the accounts that have any, by account id."""
        found = select(AccountSlots).where(
            AccountSlots.organization_id == organization_id, col(AccountSlots.account_id).in_(account_ids)
        )
        return {one.account_id: one for one in await self._session.exec(found)}

    async def save(
        self, organization_id: str, account_ids: Collection[str], weekly: Sequence[str], timezone: str
    ) -> None:
        """Give every one of these connected accounts these times; none takes theirs away.

        Raises:
            LookupError: One is not connected, or not the organization's.

        """
        known = select(Account.id).where(
            Account.organization_id == organization_id,
            col(Account.id).in_(account_ids),
            col(Account.disconnected_at).is_(None),
        )
        if set(await self._session.exec(known)) != set(account_ids):
            raise LookupError("no such account")
        gone = delete(AccountSlots).where(
            col(AccountSlots.organization_id) == organization_id,
            col(AccountSlots.account_id).in_(account_ids),
        )
        await self._session.exec(gone, execution_options={"synchronize_session": False})
        for account_id in account_ids if weekly else ():
            values = {"weekly": list(weekly), "timezone": timezone}
            new = insert_once(self._session, AccountSlots).values(
                account_id=account_id, organization_id=organization_id, **values
            )
            await self._session.exec(new.on_conflict_do_update(index_elements=["account_id"], set_=values))
