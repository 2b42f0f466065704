"""The one-time links shown in Slack."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, organization_column, time_column


class Ticket(SQLModel, table=True):
    """The one-time link shown in Slack: who wants to connect what to which organization."""

    __table_args__ = (
        Index("ticket_member", "membership_id", "created_at"),
        Index("ticket_request", "request_hash", unique=True),
    )
    ticket_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    organization_id: str = organization_column()
    membership_id: str
    team_id: str
    channel_id: str
    platform: str
    app: str
    reconnects: str | None = None
    """The grant that should be renewed; None for a new connection."""
    request_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The hash of the signed request that asked for it, which gets no second one if it arrives again."""
    created_at: datetime = created_column()
    expires_at: datetime = time_column()
    used_at: datetime | None = time_column(nullable=True)
    """A used ticket stays until it would have expired, so that tickets per minute can be counted."""
