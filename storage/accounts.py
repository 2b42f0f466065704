"""The pages, profiles and channels that an organization can publish to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, case, func
from sqlmodel import col, select, update

from storage.account_labels import labels
from storage.discoveries import Discoveries, Found
from storage.engine.statements import insert_once, now
from storage.folding import fold
from storage.models import BLOCKED, LEFT_OUT, Account, Grant, GrantHolder, Organization

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.vault import Secret, Vault

_UNSYNCHRONIZED = {"synchronize_session": False}
_FRESH = {"populate_existing": True}


# Built once: it runs with `accounts`, `status` and every App Home, and building it costs more than running it.
CONNECTED = (
    select(Account, Grant)
    .join(Grant, col(Grant.id) == col(Account.grant_id), isouter=True)
    .where(
        col(Account.organization_id) == bindparam("organization_id"), col(Account.disconnected_at).is_(None)
    )
    .order_by(col(Account.platform), func.lower(Account.name), col(Account.remote_id))
)

_CONNECTED_ONE = CONNECTED.where(col(Account.id) == bindparam("account_id"))


class Accounts:
    """The pages, profiles and channels an organization can publish to."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def attach(self, organization_id: str, *, grant: Grant, connected_by: str, found: Found) -> Account:
        """Return the account, now connected through this grant: new, connected again, or moved from another grant.

        A remote account has one row per organization, however often and by whoever it is attached.
        """
        values: dict[str, Any] = found.facts() | {
            "grant_id": grant.id,
            "app": grant.app,
            "connected_by": connected_by,
        }
        fresh = Account(organization_id=organization_id, platform=grant.platform, **values)
        known = insert_once(self._session, Account).values(**fresh.model_dump())
        since = case(
            (col(Account.disconnected_at).is_(None), col(Account.connected_at)),
            else_=known.excluded.connected_at,
        )
        well = {"token_checked_at": None, "suspected_at": None, "access_error": ""}
        back = values | well | {"disconnected_at": None, "connected_at": since}
        upsert = known.on_conflict_do_update(
            index_elements=["organization_id", "platform", "remote_id"], set_=back
        )
        rows = await self._session.exec(upsert.returning(Account), execution_options=_FRESH)
        account: Account = rows.scalar_one()
        account.token_sealed = self._seal(account, found.token) if found.token else None
        await self._session.flush()
        return account

    def _seal(self, account: Account, token: str) -> bytes:
        return self._vault.seal(
            token,
            table="account",
            column="token_sealed",
            organization=account.organization_id,
            row=account.id,
        )

    def token(self, account: Account) -> Secret | None:
        """Return the account's own token where its platform gives one, else None: use the grant's."""
        if account.token_sealed is None:
            return None
        return self._vault.open(
            account.token_sealed,
            table="account",
            column="token_sealed",
            organization=account.organization_id,
            row=account.id,
        )

    async def replace_tokens(self, grant_id: str, tokens: Mapping[str, str]) -> None:
        """Store newer own tokens, by remote id, for the grant's accounts; nothing if the grant has ended.

        Also for accounts that were found and not chosen yet. System session.
        """
        living = select(Grant.id).where(Grant.id == grant_id, col(Grant.access_sealed).is_not(None))
        if (await self._session.exec(living.with_for_update(key_share=True))).first() is None:
            return
        owners = select(Account).where(Account.grant_id == grant_id, col(Account.remote_id).in_(tokens))
        for account in await self._session.exec(owners):
            account.token_sealed = self._seal(account, tokens[account.remote_id])
        await Discoveries(self._session, self._vault).replace_tokens(grant_id, tokens)
        await self._session.flush()

    async def covered(
        self, grant_id: str, tokens: Mapping[str, str | None], missing: Mapping[str, str]
    ) -> None:
        """Store which accounts of a grant the person's latest consent includes.

        `tokens` has the remote ids of the accounts that can be used, each with its own token or None; `missing` has
        the reasons why others cannot. An account in neither was left out of the consent. System session.
        """
        living = select(Account).where(Account.grant_id == grant_id, col(Account.disconnected_at).is_(None))
        locked = living.order_by(col(Account.id)).with_for_update(key_share=True)
        for account in await self._session.exec(locked, execution_options=_FRESH):
            if account.remote_id not in tokens:
                account.suspected_at = account.suspected_at or datetime.now(UTC)
                if account.access_error in {"", LEFT_OUT, BLOCKED}:  # the platform's own code says more
                    account.access_error = missing.get(account.remote_id, LEFT_OUT)
                continue
            account.suspected_at, account.access_error = None, ""
            if token := tokens[account.remote_id]:
                account.token_sealed = self._seal(account, token)
        await self._session.flush()

    async def all(
        self, organization_id: str, platform: str | None = None
    ) -> list[tuple[Account, Grant | None]]:
        """Return the connected accounts with their grants, by platform and name."""
        found = await self._session.exec(CONNECTED, params={"organization_id": organization_id})
        return [(account, grant) for account, grant in found if platform in {None, account.platform}]

    async def by_holder(self, grant_id: str) -> dict[str, list[Account]]:
        """Return the connected accounts of a grant, by the id of the organization that owns them.

        Organizations are in the order in which they got the grant, without deleted ones; accounts are sorted by name.
        System session.
        """
        holder = and_(
            col(GrantHolder.grant_id) == col(Account.grant_id),
            col(GrantHolder.organization_id) == col(Account.organization_id),
        )
        connected = (
            select(Account)
            .join(GrantHolder, holder)
            .join(Organization, col(Organization.id) == col(Account.organization_id))
            .where(
                Account.grant_id == grant_id,
                col(Account.disconnected_at).is_(None),
                col(Organization.deleted_at).is_(None),
            )
            .order_by(col(GrantHolder.since), func.lower(Account.name), col(Account.id))
        )
        found: dict[str, list[Account]] = {}
        for account in await self._session.exec(connected):
            found.setdefault(account.organization_id, []).append(account)
        return found

    async def get(self, organization_id: str, account_id: str) -> tuple[Account, Grant | None] | None:
        """Return the connected account with its grant, or None."""
        asked = {"organization_id": organization_id, "account_id": account_id}
        return (await self._session.exec(_CONNECTED_ONE, params=asked)).one_or_none()

    async def find_named(self, organization_id: str, text: str) -> list[Account]:
        """Return the connected accounts whose name, label or handle is `text`, or whose platform and name are."""
        wanted, accounts = fold(text), [account for account, _ in await self.all(organization_id)]
        called = labels(accounts)
        return [account for account in accounts if wanted in _names_of(account, called[account.id])]

    async def labels(self, organization_id: str) -> dict[str, str]:
        """Return by id what each connected account is called among the organization's (`storage.account_labels`)."""
        return labels(account for account, _ in await self.all(organization_id))

    async def remote_ids(self, organization_id: str, platform: str) -> set[str]:
        """Return the platform's ids of the connected accounts, and lock these accounts.

        A transaction that attaches several of them afterwards then has all the locks, and cannot deadlock with one
        that attaches them in another order.
        """
        connected = (
            select(Account.remote_id)
            .where(
                Account.organization_id == organization_id,
                Account.platform == platform,
                col(Account.disconnected_at).is_(None),
            )
            .order_by(col(Account.id))
            .with_for_update(key_share=True)
        )
        return set(await self._session.exec(connected))

    async def disconnect(self, organization_id: str, account_id: str) -> Account | None:
        """Delete the account's token and its link to the grant, and return it; None if it was not connected.

        If two callers disconnect it at once, one gets it and the other None.
        """
        gone = (
            update(Account)
            .where(
                col(Account.organization_id) == organization_id,
                col(Account.id) == account_id,
                col(Account.disconnected_at).is_(None),
            )
            .values(token_sealed=None, grant_id=None, disconnected_at=now())
            .returning(Account)
        )
        rows = await self._session.exec(gone, execution_options=_UNSYNCHRONIZED | _FRESH)
        return rows.scalar_one_or_none()


def _names_of(account: Account, label: str) -> set[str]:
    names = {account.name, label, account.handle, account.handle.lstrip("@")} - {""}
    plain = {fold(name) for name in names}
    return plain | {f"{account.platform} {name}" for name in plain}
