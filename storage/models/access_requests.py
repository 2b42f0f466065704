"""Requests for access to an organization."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, new_id, organization_column, time_column


class AccessRequest(SQLModel, table=True):
    """A request to an organization's owners to let somebody in, or to give a member a higher role."""

    __tablename__ = "access_request"
    __table_args__ = (
        Index("access_request_once", "organization_id", "realm", "user_id", unique=True),
        Index("access_request_person", "realm", "user_id"),
    )
    id: str = Field(default_factory=lambda: new_id("arq"), primary_key=True)
    organization_id: str = organization_column()
    realm: str
    user_id: str
    team_id: str
    """The workspace in which the person asked."""
    role: int | None = None
    """The role they ask for; None: they are a guest, who can have none, and ask for help."""
    created_at: datetime = created_column()
    expires_at: datetime = time_column()
    declined_at: datetime | None = time_column(nullable=True)
