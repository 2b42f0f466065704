"""What members write, and what organizations have decided to publish."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, json_column, new_id, organization_column


class Post(SQLModel, table=True):
    """What the organization has decided to publish."""

    id: str = Field(default_factory=lambda: new_id("pst"), primary_key=True)
    organization_id: str = organization_column()
    author: str
    """The membership that scheduled it."""
    text: str
    content: dict[str, Any] = json_column(dict)
    """What was written, for all accounts and for single platforms."""
    slack_id: str = ""
    """The installation of the channel where it was decided."""
    channel: str = ""
    """The channel where it was decided, and where its result is posted. Empty: in no channel."""
    revision: int = 0
    """Increases with every decision about it, so that a form that was opened before can't undo one."""
    created_at: datetime = created_column()


class Draft(SQLModel, table=True):
    """What a member is writing. It belongs to them until the organization decides to publish it."""

    id: str = Field(primary_key=True)
    """See `storage.drafts.new_draft_id`."""
    organization_id: str = organization_column()
    author: str = Field(index=True)
    """The membership that writes it."""
    written: dict[str, Any] = json_column(dict)
    """What is in the form: the texts, the accounts, the platforms' own fields, the time."""
    slack_id: str = ""
    """The installation of the channel where it was begun."""
    channel: str = ""
    """The channel where it was begun. Empty: in none."""
    created_at: datetime = created_column()
    updated_at: datetime = created_column()
