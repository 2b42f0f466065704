"""The world without Slack: an organization on a database. The other one is the running app, `tests/application.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.accounts import Accounts
from storage.grants import Grants, NewGrant
from storage.memberships import Members
from storage.models import Role
from storage.organizations import Organizations

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.discoveries import Found
    from storage.engine.db import Database
    from storage.models import Account, Grant, Membership
    from storage.vault import Vault


@dataclass(kw_only=True)
class Tenancy:
    """An organization with one admin. What a group of tests works with besides is a subclass."""

    database: Database
    vault: Vault
    organization_id: str
    membership_id: str

    async def sign_in(self, new: NewGrant, person: tuple[str, str], found: Found) -> tuple[Grant, Account]:
        """Store a sign-in of `person`, their id and name at the platform, and the account found with it."""
        async with self.database.system() as session:
            return await connected(session, self.vault, self.organization_id, new, person, found)


async def first_admin(database: Database) -> Membership:
    """Return the only member of a new organization."""
    async with database.system() as session:
        organization = await Organizations(session).create("Acme")
        return await Members(session).add(
            organization.id, realm="T1", user_id="U1", team_id="T1", role=Role.ADMIN
        )


async def connected(
    session: AsyncSession,
    vault: Vault,
    organization_id: str,
    new: NewGrant,
    person: tuple[str, str],
    found: Found,
) -> tuple[Grant, Account]:
    """Store a sign-in of `person`, their id and name at the platform, and the account found with it."""
    grants, (external_id, external_name) = Grants(session, vault), person
    pending = await grants.create_pending(organization_id, new)
    grant = await grants.activate(
        organization_id,
        pending.id,
        external_id=external_id,
        external_name=external_name,
        scopes=new.scopes,
    )
    account = await Accounts(session, vault).attach(
        organization_id, grant=grant, connected_by=new.connected_by, found=found
    )
    return grant, account
