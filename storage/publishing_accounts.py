"""Which accounts can publish now, for transactions that schedule, hold or release what goes out to them.

Each locks the accounts' rows first, in the order of their ids, so the later one sees what the earlier one has done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from storage.models import Account, Grant, GrantStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession


async def accounts_among(
    session: AsyncSession, organization_id: str, account_ids: Collection[str]
) -> list[Account]:
    """Return those of the accounts that belong to the organization, by platform and name."""
    found = select(Account).where(
        Account.organization_id == organization_id, col(Account.id).in_(list(account_ids))
    )
    return list(await session.exec(found.order_by(col(Account.platform), col(Account.name), col(Account.id))))


async def lock_accounts(
    session: AsyncSession, organization_id: str, account_ids: Collection[str]
) -> list[str]:
    """Lock those of the accounts that are the organization's and connected, and return their ids."""
    return await lock_matching(
        session,
        Account.organization_id == organization_id,
        col(Account.id).in_(list(account_ids)),
        col(Account.disconnected_at).is_(None),
    )


async def lock_matching(session: AsyncSession, *which: ColumnElement[bool] | bool) -> list[str]:
    """Lock the accounts for which all of this holds, and return their ids."""
    in_order = select(Account.id).where(*which).order_by(col(Account.id))
    return list(await session.exec(in_order.with_for_update(key_share=True)))


async def able_to_publish(session: AsyncSession, account_ids: Collection[str]) -> set[str]:
    """Return those of the accounts that need no person and that nobody holds; current only after they were locked."""
    able = (
        select(Account.id)
        .join(Grant, col(Grant.id) == col(Account.grant_id))
        .where(
            col(Account.id).in_(list(account_ids)),
            Account.access_error == "",
            col(Account.held_until).is_(None),
            Grant.status == GrantStatus.HEALTHY,
        )
    )
    return set(await session.exec(able))
