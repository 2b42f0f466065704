"""Transactions in which a member changes something."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.services.errors import NotAllowedError, NotMemberError
from bot.services.permissions import lowest_role
from storage.acting import MembershipEnded, RoleTooLow
from storage.acting import acting as acting_member

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import ActorRef
    from bot.services.permissions import Permission
    from storage.engine.db import Database


@asynccontextmanager
async def acting(
    database: Database,
    member: ActorRef,
    permission: Permission,
    *,
    system: bool = False,
    alone: bool = False,
) -> AsyncGenerator[AsyncSession]:
    """Give a transaction for a change by `member`, who has `permission` until it ends.

    `system`: the transaction also sees other organizations' rows. `alone`: nobody else changes who belongs to the
    organization meanwhile (`storage.acting`).

    Raises:
        NotMemberError: The member has left since the request was let in.
        NotAllowedError: Their role no longer has `permission`.

    """
    try:
        async with acting_member(
            database,
            member.organization_id,
            member.membership_id,
            lowest_role(permission),
            system=system,
            alone=alone,
        ) as session:
            yield session
    except MembershipEnded:
        raise NotMemberError from None
    except RoleTooLow as low:
        raise NotAllowedError(permission, low.organization, member.organization_id) from None
