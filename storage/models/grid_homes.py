"""Slack's answers about people and workspaces of Grid organizations."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, Index, SQLModel

from storage.models.columns import Utc


class GridHome(SQLModel, table=True):
    """Slack's answer to whether a person of a Grid organization belongs to a workspace."""

    __tablename__ = "grid_home"
    __table_args__ = (Index("grid_home_expires", "expires_at"),)
    enterprise_id: str = Field(primary_key=True)
    team_id: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    ours: bool
    """True: the workspace belongs to the Grid, for every person. False: this person does not belong to it."""
    expires_at: datetime = Field(sa_type=Utc, nullable=False)
