"""Disconnecting accounts.

An account is removed from its organization in one transaction. Its grant is ended at the platform
(`bot.services.accounts.revoking`) only if no other account uses it, and only if that ends no other grant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.base import Platform
from bot.ops.logs import logger
from bot.services.accounts.revoking import RevocationResult
from bot.services.acting import acting
from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from storage.accounts import Accounts
from storage.audit import Audit
from storage.grants import Grants
from storage.models import Account, Grant, Revocation
from storage.posts import Posts

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.accounts.revoking import Revoking
    from bot.services.incidents.incidents import IncidentService
    from storage.engine.db import Database
    from storage.vault import Vault

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnection:
    """An account that was just disconnected."""

    account: Account
    platform: Platform
    revocation: Revocation | None
    """Its grant in the queue, if no other account uses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What disconnecting an account would do."""

    revocation: RevocationResult
    posts: int
    """How many posts wait to be published there, and would not be."""


class Disconnecting:
    """Disconnects accounts and ends grants. Built once, in `bot.app`."""

    def __init__(
        self,
        *,
        catalog: PlatformCatalog,
        revoking: Revoking,
        incidents: IncidentService,
        database: Database,
        vault: Vault,
    ) -> None:
        self._catalog = catalog
        self._revoking = revoking
        self._incidents = incidents
        self._database = database
        self._vault = vault

    async def outlook(self, account: Account) -> Outlook:
        """Return what disconnecting the account would do, if nothing changes meanwhile."""
        async with self._database.organization(account.organization_id, write=False) as session:
            waiting = await Posts(session).waiting(account.organization_id, [account.id])
        return Outlook(revocation=await self._revocation(account), posts=waiting.posts)

    async def _revocation(self, account: Account) -> RevocationResult:
        async with self._database.system(write=False) as session:
            accounts, grants = Accounts(session, self._vault), Grants(session, self._vault)
            found = await accounts.get(account.organization_id, account.id)
            grant = found[1] if found is not None else None
            if grant is None:
                return RevocationResult.OVER
            if await grants.uses(grant.id) > 1:
                return RevocationResult.STILL_USED
            connected_by = await grants.connected_by(grant.id) | {account.connected_by}
            people = await grants.people_behind(connected_by)
            siblings = await self._revoking.siblings(session, grant, people)
        return RevocationResult.SAME_PERSON if siblings else RevocationResult.REVOKED

    async def disconnect(self, actor: Actor, account_id: str) -> Disconnection:
        """Remove the account from the organization at once.

        If nothing else uses the grant, call `revocation` afterwards to end it at the platform.

        Raises:
            NotFoundError: The organization has no such account.
            NotAllowedError: The actor may not disconnect accounts.

        """
        async with acting(self._database, actor, Permission.DISCONNECT_ACCOUNTS, system=True) as session:
            accounts, grants = Accounts(session, self._vault), Grants(session, self._vault)
            found = await accounts.get(actor.organization_id, account_id)
            grant = found[1] if found else None
            if grant is not None:
                await grants.lock(grant.id)
            account = await accounts.disconnect(actor.organization_id, account_id)
            if account is None:
                raise NotFoundError(Thing.ACCOUNT)
            cancelled = await Posts(session).cancel(actor.organization_id, [account.id])
            queued = await self._release(session, actor.organization_id, grant, account) if grant else None
            await self._incidents.reviews.review(session, actor.organization_id, actor.membership_id)
            await Audit(session).write(
                actor.organization_id,
                actor.membership_id,
                "account disconnected",
                account.id,
                cancelled=cancelled,
            )
        log.info("account.disconnected", account=account.id, revocation=queued.id if queued else None)
        return Disconnection(
            account=account,
            platform=self._catalog.platform(account.platform),
            revocation=queued,
        )

    async def revocation(self, gone: Disconnection) -> RevocationResult:
        """End the grant at the platform if nothing else uses it, and return the result."""
        if gone.revocation is None:
            return RevocationResult.STILL_USED
        return await self._revoking.attempt(gone.revocation)

    async def end_if_unused(self, organization_id: str, grant_id: str) -> None:
        """End a grant that led to no account, here and at the platform."""
        async with self._database.system() as session:
            grant = await Grants(session, self._vault).get(organization_id, grant_id)
            queued = await self._release(session, organization_id, grant) if grant else None
        if queued is not None:
            await self._revoking.attempt(queued)

    async def end_grant(self, grant: Grant) -> RevocationResult:
        """End a grant without a connected account for every organization, here and at the platform.

        If somebody has signed in for it again since it was read, nothing is revoked or deleted.
        """
        async with self._database.system() as session:
            connected_by = await Grants(session, self._vault).connected_by(grant.id)
            queued = await self._revoking.queue(session, grant, connected_by)
        if queued is None:
            return RevocationResult.STILL_USED
        return await self._revoking.attempt(queued)

    async def _release(
        self, session: AsyncSession, organization_id: str, grant: Grant, account: Account | None = None
    ) -> Revocation | None:
        """Let the organization leave the grant; if it was the last to hold it, return it in the queue."""
        grants = Grants(session, self._vault)
        connected_by = await grants.connected_by(grant.id) | ({account.connected_by} if account else set())
        orphan = await grants.release(organization_id, grant.id)
        return await self._revoking.queue(session, orphan, connected_by) if orphan is not None else None
