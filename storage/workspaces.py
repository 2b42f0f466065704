"""Slack workspaces, and which organizations may be used from them. System sessions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func
from sqlmodel import col, select

from storage.engine.statements import insert_once
from storage.models import ChannelDefault, Organization, Workspace, WorkspaceLink
from storage.organization_names import check_link

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

_FRESH = {"populate_existing": True}
_LINKED = (
    select(Organization)
    .join(WorkspaceLink, col(WorkspaceLink.organization_id) == col(Organization.id))
    .where(col(WorkspaceLink.team_id) == bindparam("asked"), col(Organization.deleted_at).is_(None))
    .order_by(func.lower(Organization.name), col(Organization.id))
)


class Workspaces:
    """Slack workspaces, and which organizations may be used from them. System sessions only."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ensure(self, team_id: str, enterprise_id: str | None, name: str) -> Workspace:
        """Return the workspace, created or updated with this name."""
        values = {"team_id": team_id, "enterprise_id": enterprise_id, "name": name}
        statement = insert_once(self._session, Workspace).values(**values)
        upsert = statement.on_conflict_do_update(
            index_elements=["team_id"],
            set_={"name": statement.excluded.name, "enterprise_id": statement.excluded.enterprise_id},
        )
        rows = await self._session.exec(upsert.returning(Workspace), execution_options=_FRESH)
        workspace: Workspace = rows.scalar_one()
        return workspace

    async def get(self, team_id: str) -> Workspace | None:
        """Return the workspace, or None."""
        return await self._session.get(Workspace, team_id)

    async def set_default(self, team_id: str, organization_id: str | None) -> None:
        """Store which organization commands in this workspace mean by default."""
        workspace = await self._session.get(Workspace, team_id)
        if workspace is not None:
            workspace.default_organization_id = organization_id
            await self._session.flush()

    async def set_channel_default(self, team_id: str, channel_id: str, organization_id: str) -> None:
        """Store which organization commands in this channel mean."""
        values = {"team_id": team_id, "channel_id": channel_id, "organization_id": organization_id}
        statement = insert_once(self._session, ChannelDefault).values(**values)
        await self._session.exec(
            statement.on_conflict_do_update(
                index_elements=["team_id", "channel_id"], set_={"organization_id": organization_id}
            )
        )

    async def link(self, team_id: str, organization_id: str) -> None:
        """Let the organization be used from this workspace; a second call changes nothing.

        Raises:
            NameTaken: Its name looks like that of another organization there.

        """
        await check_link(self._session, team_id, organization_id)
        link = WorkspaceLink(team_id=team_id, organization_id=organization_id)
        statement = insert_once(self._session, WorkspaceLink).values(**link.model_dump())
        await self._session.exec(statement.on_conflict_do_nothing())

    async def organizations(self, team_id: str) -> list[Organization]:
        """Return the organizations that may be used from this workspace, by name."""
        return list(await self._session.exec(_LINKED, params={"asked": team_id}))

    async def teams(self, organization_id: str) -> list[str]:
        """Return the ids of the workspaces in which the organization may be used, oldest link first."""
        linked = select(WorkspaceLink.team_id).where(WorkspaceLink.organization_id == organization_id)
        return list(await self._session.exec(linked.order_by(col(WorkspaceLink.linked_at))))
