"""Organizations, the tenants."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, new_id, time_column


class Organization(SQLModel, table=True):
    """The tenant: owns accounts, posts and memberships."""

    id: str = Field(default_factory=lambda: new_id("org"), primary_key=True)
    name: str = Field(max_length=80)
    created_at: datetime = created_column()
    deleted_at: datetime | None = time_column(nullable=True)
