"""Named sets of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, delete, select, update

from storage.engine.statements import insert_once, now
from storage.folding import fold
from storage.models import AccountSet, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel.ext.asyncio.session import AsyncSession

_FRESH = {"populate_existing": True}


class AccountSets:
    """The sets of accounts of organizations."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self, organization_id: str) -> list[AccountSet]:
        """Return the organization's sets, by name."""
        found = select(AccountSet).where(AccountSet.organization_id == organization_id)
        return list(await self._session.exec(found.order_by(col(AccountSet.folded))))

    async def of_channel(self, organization_id: str, slack_id: str, channel: str) -> AccountSet | None:
        """Return the set that is chosen beforehand in a channel; None if there is none."""
        found = select(AccountSet).where(
            AccountSet.organization_id == organization_id,
            AccountSet.slack_id == slack_id,
            AccountSet.channel == channel,
        )
        return (await self._session.exec(found)).first()

    async def save(
        self, organization_id: str, name: str, accounts: Mapping[str, str], *, slack_id: str, channel: str
    ) -> AccountSet:
        """Store a set under its name, in place of one of the same name, and return it.

        `accounts`: what each is called, by id. With a `channel` no other set is chosen beforehand there.
        """
        if channel:
            others = update(AccountSet).where(
                col(AccountSet.organization_id) == organization_id,
                col(AccountSet.slack_id) == slack_id,
                col(AccountSet.channel) == channel,
            )
            await self._session.exec(
                others.values(slack_id="", channel=""), execution_options={"synchronize_session": False}
            )
        values = {"name": name, "accounts": dict(accounts), "slack_id": slack_id, "channel": channel}
        new = insert_once(self._session, AccountSet).values(
            id=new_id("set"), organization_id=organization_id, folded=fold(name), created_at=now(), **values
        )
        upsert = new.on_conflict_do_update(index_elements=["organization_id", "folded"], set_=values)
        rows = await self._session.exec(upsert.returning(AccountSet), execution_options=_FRESH)
        stored: AccountSet = rows.scalar_one()
        return stored

    async def delete(self, organization_id: str, set_id: str) -> AccountSet | None:
        """Delete a set and return it; None if there is none of this id."""
        gone = (
            delete(AccountSet)
            .where(col(AccountSet.organization_id) == organization_id, col(AccountSet.id) == set_id)
            .returning(AccountSet)
        )
        rows = await self._session.exec(gone)
        found: AccountSet | None = rows.scalar_one_or_none()
        return found
