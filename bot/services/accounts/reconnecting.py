"""Reconnecting: a link with which a member renews an account's sign-in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.accounts.sign_in_as import SignInAs, whose
from bot.services.errors import NotFoundError, Thing
from storage.accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.base import Platform
    from bot.services.access import Actor
    from bot.services.accounts.connecting import Connecting
    from storage.engine.db import Database
    from storage.models import Account
    from storage.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectLink:
    """A one-time link for one member, and the accounts that it renews."""

    url: str
    platform: Platform
    accounts: Sequence[Account]
    organization: str
    whose: SignInAs | None
    """Whom the person has to sign in as; None: unknown."""


@dataclass(frozen=True, kw_only=True)
class Reconnecting:
    """Makes links that renew a sign-in. Built once, in `bot.app`."""

    connecting: Connecting
    database: Database
    vault: Vault

    async def link(self, actor: Actor, account_id: str, request: str) -> ReconnectLink:
        """Return a link for the actor; `request` names the request it answers.

        It is for the app that the account was connected with, and renews every account of the same grant.

        Raises:
            NotFoundError: The actor's organization has no such account.
            Misconfigured: This installation no longer has that app.
            LimitReachedError: The actor has too many open links.
            AskedBefore: The same request already got its link.

        """
        async with self.database.organization(actor.organization_id, write=False) as session:
            accounts = Accounts(session, self.vault)
            found = await accounts.get(actor.organization_id, account_id)
            if found is None:
                raise NotFoundError(Thing.ACCOUNT)
            account, grant = found
            same_platform = await accounts.all(actor.organization_id, account.platform)
        catalog = self.connecting.catalog
        platform, client = catalog.platform(account.platform), catalog.client(account.platform, account.app)
        url = await self.connecting.open_link(
            actor, platform, client, request=request, reconnects=account.grant_id
        )
        renewed = [
            one for one, its in same_platform if grant is not None and its is not None and its.id == grant.id
        ]
        return ReconnectLink(
            url=url,
            platform=platform,
            accounts=renewed or [account],
            organization=actor.organization,
            whose=whose(grant, renewed) if grant is not None else None,
        )
