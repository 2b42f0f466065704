"""Where an account can post, as its platform lists it: only Reddit has such places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from storage.places import Places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.base import Adapter
    from bot.services.access import Actor
    from bot.services.tokens.fresh import FreshTokens
    from storage.engine.db import Database
    from storage.models import Account, Grant, Place

FRESH_FOR = timedelta(minutes=10)
"""How old a stored list may be before the platform is asked again."""


@dataclass(frozen=True)
class PlaceService:
    """Reads an account's places from its platform, and finds them again."""

    adapters: Mapping[str, Adapter]
    tokens: FreshTokens
    database: Database

    async def count(self, actor: Actor, account: Account, grant: Grant | None) -> int:
        """Return how many places the account has; a list older than ten minutes is read again and stored.

        Raises:
            NotFoundError: The list is old, and the account has no sign-in to read it with.
            PlatformError: The platform did not answer with a list.

        """
        async with self.database.organization(actor.organization_id, write=False) as session:
            stored = Places(session)
            if await stored.fresh(actor.organization_id, account.id, FRESH_FOR):
                return await stored.count(actor.organization_id, account.id)
        if grant is None:
            raise NotFoundError(Thing.ACCOUNT_GRANT)
        adapter = self.adapters[account.platform]
        found = await self.tokens.use(
            grant.id, lambda client, tokens: adapter.places(client, tokens, account.remote_id)
        )
        async with acting(self.database, actor, Permission.SEE_ACCOUNTS) as session:
            await Places(session).replace(
                actor.organization_id, account.id, [(place.id, place.name, place.detail) for place in found]
            )
        return len(found)

    async def search(self, actor: Actor, account_id: str, typed: str) -> Sequence[Place]:
        """Return the stored places of an account that match what was typed."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            return await Places(session).search(actor.organization_id, account_id, typed)
