"""Posts that members have written and that wait for somebody who may publish them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, json_column, new_id, organization_column, time_column


class SubmissionStatus(StrEnum):
    """What has become of a submitted post."""

    WAITING = "waiting"
    PUBLISHED = "published"
    """Somebody decided to publish it: it is a post now."""
    RETURNED = "returned"
    """It is its author's draft again."""


class Submission(SQLModel, table=True):
    """A post that its author may not publish themselves, as they submitted it."""

    __table_args__ = (Index("submission_waiting", "organization_id", "status"),)
    id: str = Field(default_factory=lambda: new_id("sub"), primary_key=True)
    organization_id: str = organization_column()
    draft_id: str = Field(index=True)
    """The draft it was, and becomes again if it is returned."""
    author: str
    """The membership that wrote it."""
    written: dict[str, Any] = json_column(dict)
    """What was in the form."""
    slack_id: str = ""
    """The installation of the channel where it was written."""
    channel: str = ""
    """The channel where it was written. Empty: in none."""
    status: str = SubmissionStatus.WAITING
    decided_by: str = ""
    """The membership that published or returned it."""
    reason: str = ""
    """Why it was returned."""
    created_at: datetime = created_column()
    decided_at: datetime | None = time_column(nullable=True)
