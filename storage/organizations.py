"""Organizations, the tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam
from sqlmodel import col, select, update

from storage.engine.statements import now
from storage.models import Organization
from storage.organization_names import check_rename

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

_ORGANIZATION = select(Organization).where(
    col(Organization.id) == bindparam("organization_id"), col(Organization.deleted_at).is_(None)
)


class Organizations:
    """The organizations themselves."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(self, name: str) -> Organization:
        """Return a new organization. Needs a system session."""
        organization = Organization(name=name)
        self._session.add(organization)
        await self._session.flush()
        return organization

    async def get(self, organization_id: str) -> Organization | None:
        """Return the organization unless it is absent or deleted."""
        asked = {"organization_id": organization_id}
        return (await self._session.exec(_ORGANIZATION, params=asked)).one_or_none()

    async def called(self, typed: str) -> list[Organization]:
        """Return the organization with this id, else those with this name, in any case. System session."""
        one = await self.get(typed)
        if one is not None:
            return [one]
        named = (
            select(Organization).where(col(Organization.deleted_at).is_(None)).order_by(col(Organization.id))
        )
        wanted = typed.strip().casefold()
        return [each for each in await self._session.exec(named) if each.name.casefold() == wanted]

    async def rename(self, organization_id: str, name: str) -> bool:
        """Rename the organization; return False if it is absent.

        Raises:
            NameTaken: The name looks like that of another organization in one of its workspaces.

        """
        await check_rename(self._session, organization_id, name)
        organization = await self.get(organization_id)
        if organization is None:
            return False
        organization.name = name
        await self._session.flush()
        return True

    async def delete(self, organization_id: str) -> bool:
        """Mark the organization as deleted, so that it is not found any more; return False if it is absent.

        Its rows stay until retention deletes the organization's own row, and all others with it.
        """
        organization = await self.get(organization_id)
        if organization is None:
            return False
        gone = update(Organization).where(col(Organization.id) == organization_id)
        await self._session.exec(gone.values(deleted_at=now()))
        await self._session.refresh(organization)
        return True


async def lock_organization(session: AsyncSession, organization_id: str) -> None:
    """Lock the organization against other changes of its memberships until the transaction ends.

    Taken before any membership is locked. Not FOR UPDATE, for which every insert of a row that refers to the
    organization would wait (https://www.postgresql.org/docs/current/explicit-locking.html, 2026-11-30).
    """
    alone = select(Organization.id).where(Organization.id == organization_id)
    await session.exec(alone.with_for_update(key_share=True))
