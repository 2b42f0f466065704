"""Trips to a platform's consent screen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from storage.models.columns import organization_column, sealed_column, time_column


class ConnectionAttempt(SQLModel, table=True):
    """The row behind `state`: one trip to a platform's consent screen. Used at most once."""

    __tablename__ = "connection_attempt"
    state_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    browser_hash: bytes = Field(sa_type=LargeBinary)
    organization_id: str = organization_column()
    membership_id: str
    team_id: str
    channel_id: str
    platform: str
    app: str
    reconnects: str | None = None
    verifier_sealed: bytes = sealed_column(nullable=False)
    expires_at: datetime = time_column()
