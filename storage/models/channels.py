"""Requests that a channel be about another organization."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, new_id, organization_column, time_column


class ChannelRequest(SQLModel, table=True):
    """A request that a channel be about another organization, to the admins of its present one."""

    __tablename__ = "channel_request"
    __table_args__ = (
        Index("channel_request_once", "team_id", "channel_id", "wanted_id", unique=True),
        Index("channel_request_person", "realm", "user_id"),
    )
    id: str = Field(default_factory=lambda: new_id("chr"), primary_key=True)
    organization_id: str = organization_column()
    """The organization whose admins decide: the channel's own when the request was made."""
    team_id: str
    channel_id: str
    wanted_id: str = Field(
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    requested_by: str
    """The membership in the wanted organization that made the request."""
    realm: str
    user_id: str
    created_at: datetime = created_column()
    expires_at: datetime = time_column()
    declined_at: datetime | None = time_column(nullable=True)
