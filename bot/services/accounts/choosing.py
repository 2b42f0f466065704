"""Choosing from the accounts that a sign-in showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.accounts.facts import cannot_publish
from bot.services.accounts.offers import Offers
from bot.services.acting import acting
from bot.services.errors import BlockedAccountError, NotFoundError, NothingChosenError, Thing
from bot.services.notifications import AccountsConnected
from bot.services.outbox import notify_admins
from bot.services.permissions import Permission
from storage.account_labels import labels
from storage.accounts import Accounts
from storage.audit import Audit
from storage.discoveries import Discoveries
from storage.grants import Grants
from storage.models import Account, Discovery, FoundAccount, Grant, GrantStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Platform
    from bot.services.access import Actor
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.accounts.problems import CannotPublish
    from bot.services.incidents.incidents import IncidentService
    from storage.engine.db import Database
    from storage.vault import Vault


PRESELECTED = 3
"""So many accounts, or fewer, are chosen already when the picker opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a member can choose from, and what cannot be connected yet."""

    platform: Platform
    discovery: Discovery
    usable: int
    preselected: Sequence[FoundAccount]
    """All that are usable, where they are few."""
    blocked: Sequence[FoundAccount]
    """The first of them."""
    blocked_total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The accounts that were just connected."""

    platform: Platform
    accounts: Sequence[Account]
    cannot_publish: Sequence[CannotPublish]
    """Those of them that can't publish."""


@dataclass(frozen=True, kw_only=True)
class Choosing:
    """The use case. Built once, in `bot.app`. A discovery is seen by the member who consented, nobody else."""

    catalog: PlatformCatalog
    incidents: IncidentService
    database: Database
    vault: Vault

    async def read(self, actor: Actor, discovery_id: str, *, blocked: int) -> Choice:
        """Return what the actor can choose from, with so many of the blocked accounts.

        Raises:
            NotFoundError: There is no such discovery of theirs, or its grant is gone.

        """
        organization_id = actor.organization_id
        async with self.database.organization(organization_id, write=False) as session:
            discovery, grant = await self._own(session, actor, discovery_id)
            discoveries = Discoveries(session, self.vault)
            usable, blocked_total = await discoveries.count(organization_id, discovery.id)
            shown = await discoveries.search(organization_id, discovery.id, "", usable=False, limit=blocked)
            few = await discoveries.search(organization_id, discovery.id, "", usable=True, limit=PRESELECTED)
        return Choice(
            platform=self.catalog.platform(grant.platform),
            discovery=discovery,
            usable=usable,
            preselected=few if usable <= PRESELECTED else [],
            blocked=shown,
            blocked_total=blocked_total,
        )

    async def search(
        self, actor: Actor, discovery_id: str, words: str, *, limit: int
    ) -> Sequence[FoundAccount]:
        """Return the accounts that `words` find, blocked ones too; without words, the usable ones."""
        organization_id = actor.organization_id
        async with self.database.organization(organization_id, write=False) as session:
            discoveries = Discoveries(session, self.vault)
            if await discoveries.get(organization_id, discovery_id, actor.membership_id) is None:
                return []
            return await discoveries.search(
                organization_id, discovery_id, words, usable=None if words else True, limit=limit
            )

    async def choose(self, actor: Actor, discovery_id: str, chosen: Sequence[str]) -> Chosen:
        """Connect the chosen accounts, by their ids in the discovery.

        Raises:
            NotFoundError: There is no such discovery of the actor's, or nothing of it can be chosen any more.
            BlockedAccountError: One of them cannot be connected; nothing was.
            NothingChosenError: None was chosen.
            NotMemberError: The actor has left meanwhile.
            NotAllowedError: They may connect nothing any more.

        """
        organization_id = actor.organization_id
        async with acting(self.database, actor, Permission.CONNECT_ACCOUNTS, system=True) as session:
            discovery, grant = await self._own(session, actor, discovery_id, lock=True)
            discoveries = Discoveries(session, self.vault)
            for blocked in await discoveries.blocked(organization_id, discovery_id, chosen):
                raise BlockedAccountError(
                    blocked.name, blocked.blocker, self.catalog.platform(grant.platform)
                )
            if not chosen:
                raise NothingChosenError
            found = await discoveries.take(organization_id, discovery_id, chosen)
            if not found:
                raise NotFoundError(Thing.ACCOUNT_CHOICES)
            accounts = await self._attach(session, actor, grant, found)
            unable = cannot_publish(self.catalog, accounts, grant)
            news = AccountsConnected(
                organization=actor.organization,
                platform=grant.platform,
                accounts=tuple(labels(accounts).values()),
                cannot_publish=unable,
            )
            await self._report(session, actor, grant, accounts)
            await Offers(self.vault).chosen(session, self.catalog, discovery, grant, actor.sender.user_id)
            await notify_admins(session, actor, f"chosen:{discovery_id}:{len(chosen)}:{accounts[0].id}", news)
        return Chosen(
            platform=self.catalog.platform(grant.platform), accounts=accounts, cannot_publish=unable
        )

    async def _own(
        self, session: AsyncSession, actor: Actor, discovery_id: str, *, lock: bool = False
    ) -> tuple[Discovery, Grant]:
        """Return the actor's own discovery and its grant, which nobody changes meanwhile if it is locked."""
        discoveries = Discoveries(session, self.vault)
        discovery = await discoveries.get(actor.organization_id, discovery_id, actor.membership_id)
        if discovery is None:
            raise NotFoundError(Thing.ACCOUNT_CHOICES)
        grants = Grants(session, self.vault)
        if lock:
            await grants.lock(discovery.grant_id)
        grant = await grants.get(actor.organization_id, discovery.grant_id)
        if grant is None:
            raise NotFoundError(Thing.GRANT)
        return discovery, grant

    async def _attach(
        self, session: AsyncSession, actor: Actor, grant: Grant, found: Sequence[FoundAccount]
    ) -> list[Account]:
        accounts, discoveries = Accounts(session, self.vault), Discoveries(session, self.vault)
        return [
            await accounts.attach(
                actor.organization_id,
                grant=grant,
                connected_by=actor.membership_id,
                found=discoveries.opened(one),
            )
            for one in found
        ]

    async def _report(
        self, session: AsyncSession, actor: Actor, grant: Grant, accounts: Sequence[Account]
    ) -> None:
        organization_id, membership_id = actor.organization_id, actor.membership_id
        for account in accounts:
            await Audit(session).write(organization_id, membership_id, "account connected", account.id)
        if grant.status == GrantStatus.NEEDS_RECONNECT:  # it ended while the list was being looked at
            await self.incidents.grant_died(session, grant, grant.reason)
        await self.incidents.reviews.review_everywhere(session, grant.id, organization_id, membership_id)
