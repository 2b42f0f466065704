"""What an organization can publish to: each account with its sign-in, what it can do, and how it is doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.base import Capability
from bot.services.accounts.diagnosis import Diagnosis, diagnose, state_of
from bot.services.accounts.health import NO_OUTAGE, PlatformHealth
from bot.services.accounts.problems import Problem
from bot.services.errors import NotFoundError, Thing, UnknownAccountError
from storage.account_listings import Listing, Listings
from storage.accounts import Accounts
from storage.folding import near

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.base import App, Platform, Scope
    from bot.services.access import Actor
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.accounts.health import HealthReader
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
    """The scopes that were not granted."""
    diagnosis: Diagnosis
    label: str
    """What it is called among the organization's accounts: its name, and more where another one has the same."""
    health: PlatformHealth = NO_OUTAGE
    """How its platform is doing for everybody."""
    connected_by: str | None = None
    """The Slack user id of the member who connected it; None: they have left."""
    incident: Incident | None = None
    """The open incident about it."""
    claimed_by: str | None = None
    """The Slack user id of the member who claimed that incident, unless they have left."""

    @property
    def app(self) -> App:
        """The app of ours it was connected with."""
        return next(app for app in self.platform.apps if app.key == self.account.app)

    @property
    def can_publish(self) -> bool:
        """Tell whether a post would reach it now, as far as we know."""
        here = self.diagnosis.problem is not Problem.NOT_CONFIGURED
        return here and not self.diagnosis.broken and Capability.PUBLISH in self.can

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
        health = await self.health.now() if listed else {}
        return [self._profile(actor, one, health.get(one.account.platform, NO_OUTAGE)) for one in listed]

    async def get(self, actor: Actor, account_id: str) -> AccountProfile:
        """Return one account, without how its platform is doing and what is being done about it.

        Raises:
            NotFoundError: The actor's organization has no such account.

        """
        async with self.database.organization(actor.organization_id, write=False) as session:
            accounts = Accounts(session, self.vault)
            found = await accounts.get(actor.organization_id, account_id)
            called = await accounts.labels(actor.organization_id)
        if found is None:
            raise NotFoundError(Thing.ACCOUNT)
        account, grant = found
        alone = Listing(
            account=account,
            label=called[account.id],
            grant=grant,
            connected_by=None,
            incident=None,
            claimed_by=None,
        )
        return self._profile(actor, alone, NO_OUTAGE)

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
            raise UnknownAccountError(typed, tuple(near(typed, [one.label for one in among])))
        return matching

    def _profile(self, actor: Actor, one: Listing, health: PlatformHealth) -> AccountProfile:
        warned = one.incident is not None
        state = state_of(self.catalog, one.account, one.grant, health=health, warned=warned)
        return AccountProfile(
            account=one.account,
            grant=one.grant,
            platform=state.platform,
            organization=actor.organization,
            can=state.can,
            missing=state.missing,
            diagnosis=diagnose(state),
            label=one.label,
            health=health,
            connected_by=one.connected_by,
            incident=one.incident,
            claimed_by=one.claimed_by,
        )
