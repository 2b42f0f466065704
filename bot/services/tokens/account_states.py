"""Storing what a platform shows of a grant's accounts: names, links, pictures, roles, and whether they can be used.

The platform's regular answers are stored in one transaction with what people are told about them. Names and links
change at once. That an account can't be used is asked a second time before it counts, because platforms err; that it
can be used again counts at once, and needs no new sign-in.

Where accounts have tokens of their own, `page_tokens` finds out whether they can be used, and only the rest is stored
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.base import Capability
from bot.ops.logs import logger
from bot.services.accounts.offers import Offers
from bot.services.tokens.policy import BREAKER_HOLD, SECOND_OPINION, confirmed
from storage.account_labels import labels
from storage.audit import SYSTEM, Audit
from storage.discoveries import Discoveries
from storage.engine.statements import database_time
from storage.grants import Grants
from storage.looks import Looks
from storage.models import NOT_SHOWN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Discovery, RemoteAccount
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.incidents.incidents import IncidentService
    from storage.engine.db import Database
    from storage.models import Account, Grant
    from storage.vault import Vault

log = logger(__name__)
SHOWN = ("name", "handle", "url", "avatar_url")
"""What a platform shows of an account, under the same name at both ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookResult:
    """What came of a look at a grant's accounts."""

    again_in: timedelta | None = None
    """When to look sooner than usual; None: as usual."""
    newly_suspected: bool = False
    """The platform said for the first time that an account can't be used."""
    doubted: bool = False
    """It says so of too many accounts to be believed."""


@dataclass(slots=True, kw_only=True)
class _Changes:
    """What a look changed, of all accounts together."""

    renamed: bool = False
    lost: bool = False
    """An account is lost now, or was before."""
    recovered: bool = False
    newly_suspected: bool = False
    waiting: bool = False
    """An account is suspected, and a second answer is due."""


class AccountStates:
    """Stores what platforms show of accounts."""

    def __init__(
        self,
        catalog: PlatformCatalog,
        database: Database,
        vault: Vault,
        incidents: IncidentService,
        doubted: Callable[[Grant], Awaitable[bool]],
    ) -> None:
        """Keep what is needed; `doubted` tells whether a grant's platform calls too much ended to be believed."""
        self._catalog = catalog
        self._database = database
        self._vault = vault
        self._incidents = incidents
        self._doubted = doubted

    async def store(self, grant: Grant, discovery: Discovery) -> LookResult:
        """Store what a platform shows of a grant's accounts, and tell the organizations what they have to know."""
        platform, doubted = self._catalog.platform(grant.platform), await self._doubted(grant)
        shown = {account.id: account for account in discovery.accounts}
        changes = _Changes()
        async with self._database.system() as session:
            locked = await Looks(session).lock(grant.id)
            if locked is None:
                return LookResult()
            living, accounts = locked
            could = self._publishing(living, accounts)
            called = _called(accounts)
            clock = await database_time(session)
            for account in accounts:
                found = shown.get(account.remote_id)
                if found is not None and not found.unnamed:
                    changes.renamed |= await self._show(session, account, found)
                if not platform.account_tokens:
                    self._judge(account, found, clock, changes, believed=not doubted)
            self._name_person(living, discovery)
            await session.flush()
            await self._rename_offers(session, living, discovery, called, accounts)
            await self._tell(session, living, accounts, could, changes)
        return LookResult(
            again_in=(BREAKER_HOLD if doubted else SECOND_OPINION) if changes.waiting else None,
            newly_suspected=changes.newly_suspected,
            doubted=doubted and changes.waiting,
        )

    def _publishing(self, grant: Grant, accounts: Sequence[Account]) -> set[str]:
        """Return the ids of the accounts that can be published to."""
        return {one.id for one in accounts if Capability.PUBLISH in self._catalog.capabilities(one, grant)}

    async def _show(self, session: AsyncSession, account: Account, found: RemoteAccount) -> bool:
        """Store an account's name, link and picture as they are now; return whether its name changed.

        A new name is in the audit trail, because the old handle's link may lead to somebody else now.
        """
        before = account.name, account.handle
        for name in SHOWN:
            setattr(account, name, getattr(found, name))
        if (account.name, account.handle) == before:
            return False
        await Audit(session).write(account.organization_id, SYSTEM, "account renamed", account.id)
        return True

    async def _rename_offers(
        self,
        session: AsyncSession,
        grant: Grant,
        discovery: Discovery,
        called: Mapping[str, Mapping[str, str]],
        accounts: Sequence[Account],
    ) -> None:
        """Show new names where people still choose from the grant's accounts; `called` is from before."""
        named = {one.id: (one.name, one.handle) for one in discovery.accounts if not one.unnamed}
        renamed = await Discoveries(session, self._vault).rename(grant.id, named)
        after = _called(accounts)
        if not renamed and after == called:
            return
        for organization_id in await Grants(session, self._vault).holder_ids(grant.id):
            before = called.get(organization_id, {})
            names = renamed | {before[one]: name for one, name in after.get(organization_id, {}).items()}
            await Offers(self._vault).accounts_renamed(session, organization_id, grant.id, names)

    def _judge(
        self,
        account: Account,
        found: RemoteAccount | None,
        clock: datetime,
        changes: _Changes,
        *,
        believed: bool,
    ) -> None:
        """Store whether an account can be used, which a platform denies twice before it counts."""
        account.token_checked_at = clock
        code = NOT_SHOWN if found is None else str(found.blocker or "")
        if found is not None and not code:
            changes.recovered |= bool(account.access_error)
            account.suspected_at, account.access_error = None, ""
            account.missing = sorted(found.missing)
        elif account.access_error:
            account.access_error = code
            changes.lost = True
        elif believed and confirmed(account.suspected_at, clock):
            account.access_error = code
            changes.lost = True
            log.warning("account.lost", account=account.id, code=code)
        else:
            changes.newly_suspected |= account.suspected_at is None
            changes.waiting = True
            account.suspected_at = account.suspected_at or clock

    @staticmethod
    def _name_person(grant: Grant, discovery: Discovery) -> None:
        """Store the name of the person who consented, which tells people whom to sign in as."""
        named = not any(account.unnamed for account in discovery.accounts)
        if named and discovery.identity.name and discovery.identity.id == grant.external_id:
            grant.external_name = discovery.identity.name

    async def _tell(
        self,
        session: AsyncSession,
        grant: Grant,
        accounts: Sequence[Account],
        could: set[str],
        changes: _Changes,
    ) -> None:
        can = self._publishing(grant, accounts)
        if changes.renamed:
            await self._incidents.accounts_renamed(session, grant)
        if changes.recovered or can - could:
            await self._incidents.accounts_back(session, grant)
        if changes.lost or could - can:
            await self._incidents.accounts_lost(session, grant, could)


def _called(accounts: Sequence[Account]) -> dict[str, dict[str, str]]:
    """Return what each account is called, by organization and account id."""
    organizations = {account.organization_id for account in accounts}
    return {
        one: labels(account for account in accounts if account.organization_id == one)
        for one in organizations
    }
