"""The table of whom Slack said to be of which Grid organization. See `storage.models`."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, Index, SQLModel

from storage.models.columns import Utc


class GridHome(SQLModel, table=True):
    """Slack's answer to whether a person of a Grid organization is of a workspace."""

    __tablename__ = "grid_home"
    __table_args__ = (Index("grid_home_expires", "expires_at"),)
    enterprise_id: str = Field(primary_key=True)
    team_id: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    ours: bool
    """True: the workspace is one of the Grid's, whoever asks. False: this person is not of it."""
    expires_at: datetime = Field(sa_type=Utc, nullable=False)
