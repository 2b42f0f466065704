"""Disconnecting accounts, and ending their grants at the platforms.

An account is removed from its organization in one transaction. Its grant is ended at the platform only if no
other account uses it, and only if that ends no other grant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.base import Adapter, Client, Platform, PlatformError, Tokens
from bot.ops.logs import logger
from bot.services.acting import acting
from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from storage.accounts import Accounts
from storage.audit import Audit
from storage.grants import Grants
from storage.models import Account, Grant
from storage.posts import Posts

if TYPE_CHECKING:
    from bot.services.access import Actor
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.incidents.incidents import IncidentService
    from bot.services.tokens.fresh import FreshTokens
    from storage.engine.db import Database
    from storage.vault import Vault

log = logger(__name__)
REVOKE_WITHIN_S = 8.0
"""How long the platform may take to end a grant: a person is waiting for the result."""


class Revocation(StrEnum):
    """What happens to the grant at the platform when an account is disconnected."""

    ENDED = "ended"
    STILL_USED = "still_used"
    """Other accounts, or another organization, use the same grant."""
    SAME_PERSON = "same_person"
    """It stays, because ending it would or might end other working grants of the same person."""
    FAILED = "failed"
    """The platform did not confirm; our tokens are deleted anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnection:
    """An account that was just disconnected."""

    account: Account
    platform: Platform
    orphan: Grant | None
    """Its grant, if no other account uses that."""
    people: frozenset[str]
    """The memberships through which the grant was connected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What disconnecting an account would do."""

    revocation: Revocation
    posts: int
    """How many posts wait to be published there, and would not be."""


class Disconnecting:
    """Disconnects accounts and ends grants. Built once, in `bot.app`."""

    def __init__(
        self,
        *,
        catalog: PlatformCatalog,
        adapters: Mapping[str, Adapter],
        tokens: FreshTokens,
        incidents: IncidentService,
        database: Database,
        vault: Vault,
    ) -> None:
        self._catalog = catalog
        self._adapters = adapters
        self._tokens = tokens
        self._incidents = incidents
        self._database = database
        self._vault = vault

    async def outlook(self, account: Account) -> Outlook:
        """Return what disconnecting the account would do, if nothing changes meanwhile."""
        async with self._database.organization(account.organization_id, write=False) as session:
            waiting = await Posts(session).waiting(account.organization_id, [account.id])
        return Outlook(revocation=await self._revocation(account), posts=waiting.posts)

    async def _revocation(self, account: Account) -> Revocation:
        async with self._database.system(write=False) as session:
            accounts, grants = Accounts(session, self._vault), Grants(session, self._vault)
            found = await accounts.get(account.organization_id, account.id)
            grant = found[1] if found is not None else None
            if grant is None:
                return Revocation.FAILED
            if await grants.uses(grant.id) > 1:
                return Revocation.STILL_USED
            people = await grants.connected_by(grant.id) | {account.connected_by}
            siblings = await self._siblings(grants, grant, people)
        return Revocation.SAME_PERSON if siblings else Revocation.ENDED

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
            people = await grants.connected_by(grant.id) if grant else frozenset()
            orphan = await grants.release(actor.organization_id, grant.id) if grant else None
            await self._incidents.reviews.review(session, actor.organization_id, actor.membership_id)
            await Audit(session).write(
                actor.organization_id,
                actor.membership_id,
                "account disconnected",
                account.id,
                cancelled=cancelled,
            )
        log.info("account.disconnected", account=account.id, orphan=orphan.id if orphan else None)
        return Disconnection(
            account=account,
            platform=self._catalog.platform(account.platform),
            orphan=orphan,
            people=people | {account.connected_by},
        )

    async def revocation(self, gone: Disconnection) -> Revocation:
        """End the grant at the platform if nothing else uses it, and return the result."""
        if gone.orphan is None:
            return Revocation.STILL_USED
        return await self._end(gone.orphan, gone.people)

    async def end_if_unused(self, organization_id: str, grant_id: str) -> None:
        """End a grant that led to no account, here and at the platform."""
        async with self._database.system() as session:
            grants = Grants(session, self._vault)
            people = await grants.connected_by(grant_id)
            orphan = await grants.release(organization_id, grant_id)
        if orphan is not None:
            await self._end(orphan, people)

    async def end_grant(self, grant: Grant) -> Revocation:
        """End a grant without a connected account for every organization, here and at the platform."""
        async with self._database.system(write=False) as session:
            people = await Grants(session, self._vault).connected_by(grant.id)
        return await self._end(grant, people)

    async def _end(self, grant: Grant, people: Collection[str]) -> Revocation:
        """Revoke a grant unless that would end others, and delete its tokens even if the platform refuses.

        If somebody has signed in for it again since it was read, nothing is revoked or deleted.
        """
        async with self._database.system(write=False) as session:
            grants = Grants(session, self._vault)
            siblings = await self._siblings(grants, grant, people)
        result = Revocation.SAME_PERSON if siblings else Revocation.FAILED
        if grant.access_sealed is not None and not siblings:
            result = await self._revoke(grant)
        async with self._database.system() as session:
            if not await Grants(session, self._vault).end(grant):
                result = Revocation.STILL_USED
        log.info("grant.ended", grant=grant.id, platform=grant.platform, result=str(result))
        return result

    async def _revoke(self, grant: Grant) -> Revocation:
        async def revoke(client: Client, tokens: Tokens) -> Revocation:
            # Checked after the tokens were read, so that tokens newer than the grant's are never revoked.
            async with self._database.system(write=False) as session:
                if await Grants(session, self._vault).needed(grant):
                    return Revocation.STILL_USED
            await self._adapters[grant.platform].revoke(client, tokens)
            return Revocation.ENDED

        try:
            async with asyncio.timeout(REVOKE_WITHIN_S):
                return await self._tokens.use(grant.id, revoke)
        except (PlatformError, TimeoutError) as error:
            code = error.code if isinstance(error, PlatformError) else "timeout"
            log.warning("grant.not_revoked", grant=grant.id, platform=grant.platform, code=code)
            return Revocation.FAILED

    async def _siblings(self, grants: Grants, grant: Grant, people: Collection[str]) -> int:
        """Return how many other working grants end, or may end, together with this one.

        Where we cannot see which grants share a login, or do not know whose login this one has, grants count
        that the same people connected. If those people are unknown, every working grant counts.
        """
        platform = self._catalog.platform(grant.platform)
        family = self._catalog.family(platform)
        if grant.external_id and not platform.login_spans_grants:
            return await grants.siblings(family, grant.external_id, grant.id)
        return sum([await grants.connected_by_same(key, people, grant.id) for key in family])
