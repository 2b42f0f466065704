"""Transactions in which a member changes something, with the member's role locked until they end.

The role that allowed a request was read earlier. Before the request writes, an owner may have removed the member or
lowered their role. So every change on behalf of a member begins here: the membership is read again and locked, and a
transaction that ends it waits until the change is committed.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam
from sqlalchemy import select as core_select
from sqlmodel import col

from storage.engine.statements import run
from storage.models import Membership, Organization, Role
from storage.organizations import lock_organization

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.db import Database

_SEAT = (
    core_select(col(Membership.role), col(Organization.name))
    .join(Organization, col(Organization.id) == col(Membership.organization_id))
    .where(
        col(Membership.organization_id) == bindparam("organization_id"),
        col(Membership.id) == bindparam("membership_id"),
        col(Membership.ended_at).is_(None),
        col(Organization.deleted_at).is_(None),
    )
    .with_for_update(read=True, of=Membership)
)


class HeldSeat(NamedTuple):
    """A member's role and their organization's name, true until the transaction ends."""

    role: int
    organization: str


class MembershipEnded(Exception):
    """The person who wants to change something is no longer a member of the organization."""


class RoleTooLow(Exception):
    """The member's role no longer allows the change."""

    def __init__(self, organization: str) -> None:
        super().__init__(organization)
        self.organization = organization
        """The organization's name."""


@asynccontextmanager
async def acting(
    database: Database,
    organization_id: str,
    membership_id: str,
    needed: Role,
    *,
    system: bool = False,
    alone: bool = False,
) -> AsyncGenerator[AsyncSession]:
    """Return a transaction for a member whose role is at least `needed`, now and until it ends.

    `system`: it also sees other organizations' rows, such as a grant that several of them share.
    `alone`: it happens one at a time in each organization, as does all that only owners may do. Whoever changes
    memberships needs that: two owners who remove each other would otherwise each wait for the other's.

    Raises:
        MembershipEnded: The membership or the organization is gone.
        RoleTooLow: The role is below `needed`.

    """
    begun = database.system() if system else database.organization(organization_id)
    async with begun as session:
        if alone or needed >= Role.OWNER:
            await lock_organization(session, organization_id)
        seat = await hold_seat(session, organization_id, membership_id)
        if seat is None:
            raise MembershipEnded
        if seat.role < needed:
            raise RoleTooLow(seat.organization)
        yield session


async def hold_seat(session: AsyncSession, organization_id: str, membership_id: str) -> HeldSeat | None:
    """Return the member's role, locked until the transaction ends; None if they are no member."""
    held = await run(session, _SEAT, organization_id=organization_id, membership_id=membership_id)
    row = held.one_or_none()
    return None if row is None else HeldSeat(row.role, row.name)
