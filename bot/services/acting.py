"""Changes on behalf of a member: the transaction in which they happen, and what a member is told instead."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.services.errors import NotAllowed, NotMember
from storage.acting import MembershipEnded, RoleTooLow
from storage.acting import acting as acting_member

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.outbox import ActorRef
    from storage.db import Database
    from storage.models import Role


def acting(
    database: Database, actor: Actor, *, system: bool = False
) -> AbstractAsyncContextManager[AsyncSession]:
    """Give a transaction for a change by `actor`, with the role that let the request in required again.

    Raises NotMember or NotAllowed if the actor has lost it meanwhile. `system`: see `storage.acting`.
    """
    return acting_for(database, actor, actor.needed, system=system)


@asynccontextmanager
async def acting_for(
    database: Database, doer: ActorRef, needed: Role, *, system: bool = False
) -> AsyncGenerator[AsyncSession]:
    """Do the same for the member behind a ticket or a connection attempt."""
    try:
        async with acting_member(
            database, doer.organization_id, doer.membership_id, needed, system=system
        ) as session:
            yield session
    except MembershipEnded:
        raise NotMember from None
    except RoleTooLow as low:
        raise NotAllowed(needed, low.organization) from None
