"""What organizations have decided to publish."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, new_id, organization_column


class Post(SQLModel, table=True):
    """What the organization has decided to publish."""

    id: str = Field(default_factory=lambda: new_id("pst"), primary_key=True)
    organization_id: str = organization_column()
    author: str
    """The membership that scheduled it."""
    text: str
    created_at: datetime = created_column()
