"""What tests ask the tables and the product never does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from storage.models import AuditLine, ChannelDefault, Membership, Organization, WorkspaceLink

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession


async def seats(
    session: AsyncSession, realm: str, user_id: str, team_id: str
) -> list[tuple[Membership, Organization]]:
    """Return the person's memberships that count in this workspace, by the organization's name."""
    found = (
        select(Membership, Organization)
        .join(Organization, col(Organization.id) == col(Membership.organization_id))
        .join(WorkspaceLink, col(WorkspaceLink.organization_id) == col(Organization.id))
        .where(
            WorkspaceLink.team_id == team_id,
            Membership.realm == realm,
            Membership.user_id == user_id,
            col(Membership.ended_at).is_(None),
            col(Organization.deleted_at).is_(None),
        )
        .order_by(Organization.name)
    )
    return list(await session.exec(found))


async def channel_default(session: AsyncSession, team_id: str, channel_id: str) -> str | None:
    """Return the id of the organization that was set for a channel."""
    found = await session.get(ChannelDefault, (team_id, channel_id))
    return found.organization_id if found else None


async def audit_lines(session: AsyncSession, organization_id: str) -> list[AuditLine]:
    """Return the organization's audit trail, oldest line first."""
    found = select(AuditLine).where(AuditLine.organization_id == organization_id)
    return list(await session.exec(found.order_by(col(AuditLine.at), col(AuditLine.id))))
