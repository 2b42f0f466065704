"""The addresses of pages in the browser for drafts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from storage.models.columns import (
    created_column,
    draft_column,
    json_column,
    organization_column,
    time_column,
)


class DraftLink(SQLModel, table=True):
    """The address of a page for a draft: which member opens it, and for what."""

    __tablename__ = "draft_link"
    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    organization_id: str = organization_column()
    membership_id: str
    team_id: str
    """The workspace where it was asked for."""
    draft_id: str = draft_column()
    platform: str = ""
    """The platform for which settings are chosen on the page. Empty: files are added there."""
    account_id: str = ""
    """The account whose settings these are."""
    form: dict[str, Any] = json_column(dict)
    """The form in Slack that it was opened from, as `bot.stories.posts` knows it; empty: it is closed."""
    created_at: datetime = created_column()
    expires_at: datetime = time_column(index=True)
