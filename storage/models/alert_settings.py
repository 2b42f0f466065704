"""Where and when organizations want to be alerted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, json_column, time_column


class AlertSettings(SQLModel, table=True):
    """Where and when an organization wants to be alerted that a person is needed."""

    __tablename__ = "alert_settings"
    organization_id: str = Field(
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True)
    )
    slack_id: str = ""
    channel_id: str = ""
    """Empty: no channel was chosen, and the members concerned get direct messages."""
    channel_error: str = ""
    """Slack's reason for refusing our last message in the channel; empty: it was posted."""
    channel_error_since: datetime | None = time_column(nullable=True)
    reminder_days: list[int] = json_column(lambda: [14, 7, 3, 1])
    """How many days before a grant ends reminders are sent."""
    digest: str = "weekly"
    """`daily`, `weekly` or `off`."""
    quiet_from: str = ""
    """`22:00`; empty: no quiet hours."""
    quiet_to: str = ""
    timezone: str = "UTC"
    digest_sent_at: datetime = created_column()
    """When the last digest was sent, or the settings were made."""
