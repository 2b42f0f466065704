"""Slack workspaces, and the organizations that may be used from them and their channels."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, organization_column


class Workspace(SQLModel, table=True):
    """A Slack workspace, and the organization that commands in it mean by default."""

    team_id: str = Field(primary_key=True)
    enterprise_id: str | None = None
    name: str
    default_organization_id: str | None = Field(
        default=None, sa_column=Column(ForeignKey("organization.id", ondelete="SET NULL"), nullable=True)
    )


class WorkspaceLink(SQLModel, table=True):
    """An organization that may be used from a workspace. Explicit, never inferred from a Grid."""

    __tablename__ = "workspace_link"
    team_id: str = Field(primary_key=True)
    organization_id: str = Field(
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    linked_at: datetime = created_column()


class ChannelDefault(SQLModel, table=True):
    """The organization that commands in one channel mean, where it differs from the workspace's."""

    __tablename__ = "channel_default"
    team_id: str = Field(primary_key=True)
    channel_id: str = Field(primary_key=True)
    organization_id: str = organization_column()
