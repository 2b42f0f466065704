"""How organizations want to be told that a person is needed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, json_column, time_column


class AlertSettings(SQLModel, table=True):
    """Where and when an organization wants to be told that a person is needed."""

    __tablename__ = "alert_settings"
    organization_id: str = Field(
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True)
    )
    slack_id: str = ""
    channel_id: str = ""
    """None chosen: the people concerned get direct messages."""
    trouble: str = ""
    """Slack's reason for not taking our last message there; empty: it took it."""
    trouble_since: datetime | None = time_column(nullable=True)
    days: list[int] = json_column(lambda: [14, 7, 3, 1])
    """Days before a sign-in's end on which people are told."""
    digest: str = "weekly"
    """`daily`, `weekly` or `off`."""
    quiet_from: str = ""
    """`22:00`; empty: no quiet hours."""
    quiet_to: str = ""
    timezone: str = "UTC"
    told_at: datetime = created_column()
    """When the last digest was said, or the settings were made."""
