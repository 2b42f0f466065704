"""Trips to a platform's consent screen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from storage.models.columns import json_column, organization_column, sealed_column, time_column


class ConnectionAttempt(SQLModel, table=True):
    """The row behind `state`: one trip to a platform's consent screen. Used at most once."""

    __table_args__ = (Index("attempt_ticket", "ticket_hash"),)
    __tablename__ = "connection_attempt"
    state_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    browser_hash: bytes = Field(sa_type=LargeBinary)
    ticket_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The link that the trip began with; None for one that began before an upgrade."""
    organization_id: str = organization_column()
    membership_id: str
    team_id: str
    channel_id: str
    platform: str
    app: str
    reconnects: str | None = None
    verifier_sealed: bytes = sealed_column(nullable=False)
    state_sealed: bytes | None = sealed_column()
    """The state itself, so that a browser that presses Continue twice is sent to the same address."""
    expires_at: datetime = time_column()


class AttemptOutcome(SQLModel, table=True):
    """The outcome of an attempt, kept for 15 minutes for its browser, which may ask again."""

    __table_args__ = (Index("attempt_outcome_ticket", "ticket_hash"),)
    __tablename__ = "attempt_outcome"
    state_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    browser_hash: bytes = Field(sa_type=LargeBinary)
    ticket_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    organization_id: str = organization_column()
    membership_id: str
    team_id: str
    platform: str
    kind: str = ""
    """The kind of the notification about the outcome; empty while it is not known."""
    facts: dict[str, Any] = json_column(dict)
    began_at: datetime = time_column()
    """When the browser came back."""
    expires_at: datetime = time_column()
