"""What an organization can publish to: each account with its sign-in, what it can do, and how it is doing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.services.accounts.diagnosis import NO_OUTAGE, Diagnosis, PlatformHealth, diagnose
from bot.services.errors import NotFoundError, Thing, UnknownAccountError
from storage.account_listings import Listings
from storage.accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from adapters.base import App, Capability, Platform, Scope
    from bot.services.access import Actor
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.accounts.diagnosis import HealthReader
    from storage.account_listings import Listing
    from storage.engine.db import Database
    from storage.models import Account, Grant, Incident
    from storage.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProfile:
    """One connected account with everything that is shown of it."""

    account: Account
    grant: Grant | None
    platform: Platform
    organization: str
    can: frozenset[Capability]
    missing: Sequence[Scope]
    connected_by: str | None = None
    """The Slack user id of the member who connected it; None: they have left."""
    offered: bool = True
    """This installation still has the app it was connected with."""
    outlook: PlatformHealth = NO_OUTAGE
    """How its platform is doing for everybody."""
    incident: Incident | None = None
    """The open incident about it."""
    claimed_by: str | None = None
    """The Slack user id of the member who claimed that incident, unless they have left."""

    def diagnosed(self, now: datetime | None = None) -> Diagnosis:
        """Return how the account is doing, and what can be done about it."""
        return diagnose(
            self.account,
            self.grant,
            self.platform,
            can=self.can,
            missing=self.missing,
            offered=self.offered,
            health=self.outlook,
            warned=self.incident is not None,
            now=now,
        )

    @property
    def app(self) -> App:
        """The app of ours it was connected with."""
        return next(app for app in self.platform.apps if app.key == self.account.app)

    @property
    def value(self) -> str:
        """The organization and the account, as buttons carry them."""
        return f"{self.account.organization_id}/{self.account.id}"


@dataclass(frozen=True)
class AccountProfiles:
    """Reads the profiles of an organization's accounts."""

    catalog: PlatformCatalog
    health: HealthReader
    database: Database
    vault: Vault

    async def all(self, actor: Actor, platform: str | None = None) -> list[AccountProfile]:
        """Return the accounts of the actor's organization, by platform and name, or those of one platform."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            listed = await Listings(session).all(actor.organization_id)
        return await self.of(actor, [one for one in listed if platform in {None, one.account.platform}])

    async def of(self, actor: Actor, listed: Sequence[Listing]) -> list[AccountProfile]:
        """Return the profiles of accounts that were listed already."""
        outlooks = await self.health.now() if listed else {}
        return [
            replace(
                self._profile(actor, one.account, one.grant),
                connected_by=one.connected_by,
                outlook=outlooks.get(one.account.platform, NO_OUTAGE),
                incident=one.incident,
                claimed_by=one.claimed_by,
            )
            for one in listed
        ]

    async def get(self, actor: Actor, account_id: str) -> AccountProfile:
        """Return one account, without how its platform is doing and what is being done about it.

        Raises:
            NotFoundError: The actor's organization has no such account.

        """
        async with self.database.organization(actor.organization_id, write=False) as session:
            found = await Accounts(session, self.vault).get(actor.organization_id, account_id)
        if found is None:
            raise NotFoundError(Thing.ACCOUNT)
        return self._profile(actor, *found)

    async def named(self, actor: Actor, among: Sequence[AccountProfile], typed: str) -> list[AccountProfile]:
        """Return those of these accounts that a member may mean by what they typed.

        Raises:
            UnknownAccountError: There are none.

        """
        async with self.database.organization(actor.organization_id, write=False) as session:
            named = await Accounts(session, self.vault).find_named(actor.organization_id, typed)
        ids = {account.id for account in named}
        matching = [one for one in among if one.account.id in ids]
        if not matching:
            raise UnknownAccountError(typed)
        return matching

    def _profile(self, actor: Actor, account: Account, grant: Grant | None) -> AccountProfile:
        return AccountProfile(
            account=account,
            grant=grant,
            platform=self.catalog.platform(account.platform),
            organization=actor.organization,
            can=self.catalog.capabilities(account, grant),
            missing=self.catalog.missing_scopes(account, grant),
            offered=self.catalog.is_configured(account.platform, account.app),
        )
