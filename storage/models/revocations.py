"""Deleted organizations, and the sign-ins that are to be ended at their platforms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, json_column, new_id, sealed_column, time_column


class Deletion(SQLModel, table=True):
    """A deleted organization. Once its receipts were handed out, only the number, the times and the counts are left."""

    __table_args__ = (Index("deletion_unfinished", "finished_at"),)
    id: str = Field(default_factory=lambda: new_id("del"), primary_key=True)
    """The receipt number: random, and not derived from anything of the organization."""
    created_at: datetime = created_column()
    finished_at: datetime | None = time_column(nullable=True)
    """When the receipts were put into the outbox."""
    accounts: int = 0
    """How many accounts were disconnected."""
    organization: str = ""
    """The name, for the receipts; empty once finished."""
    recipients: list[list[str]] = json_column(list)
    """Who gets a receipt, each as an installation's Slack id and a user id; empty once finished."""


class Revocation(SQLModel, table=True):
    """A sign-in that no organization holds any more, and what came of ending it at its platform.

    It takes the place of the grant's row, with its tokens. They stay until the platform has answered, at most
    until `expires_at`.
    """

    __table_args__ = (
        Index("revocation_due", "due_at"),
        Index("revocation_grant", "grant_id", unique=True),
    )
    id: str = Field(default_factory=lambda: new_id("rev"), primary_key=True)
    deletion_id: str | None = Field(
        default=None,
        sa_column=Column(ForeignKey("deletion.id", ondelete="CASCADE"), nullable=True, index=True),
    )
    """The deletion whose receipt says what came of it. None: nobody asks, and the row goes once it is settled."""
    grant_id: str | None = None
    """The grant's id, under which a refresh that was under way stores its tokens here. None: nothing is ended."""
    platform: str
    app: str
    accounts: list[str] = json_column(list)
    """The names of the accounts, for the receipt."""
    external_id: str | None = None
    """The platform's id of the person who consented, as far as it is known; None once settled."""
    people: list[str] = json_column(list)
    """The Slack people who connected it, each as `realm/user id`; empty once settled."""
    scopes: list[str] = json_column(list)
    access_sealed: bytes | None = sealed_column()
    refresh_sealed: bytes | None = sealed_column()
    access_expires_at: datetime | None = time_column(nullable=True)
    created_at: datetime = created_column()
    expires_at: datetime = time_column()
    """When the tokens are deleted, whatever the platform has said by then."""
    due_at: datetime | None = time_column(nullable=True)
    """When the platform is asked next; None: settled."""
    lease_until: datetime | None = time_column(nullable=True)
    attempts: int = 0
    outcome: str = ""
    """What came of it; empty while it is not settled."""
    code: str = ""
    """The code of the last error."""
