"""Trips to Sign in with Slack, and the browsers that have made one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from storage.models.columns import sealed_column, time_column


class SignIn(SQLModel, table=True):
    """One trip to Sign in with Slack, by one browser, on behalf of one ticket."""

    __tablename__ = "sign_in"
    state_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    browser_hash: bytes = Field(sa_type=LargeBinary)
    nonce_hash: bytes = Field(sa_type=LargeBinary)
    ticket_hash: bytes = Field(sa_type=LargeBinary)
    ticket_sealed: bytes = sealed_column(nullable=False)
    """The ticket itself, so that the browser can be sent back to its page."""
    expires_at: datetime = time_column()
    used_at: datetime | None = time_column(nullable=True)
    """When the browser came back; it may ask again where to go."""


class Browser(SQLModel, table=True):
    """A browser that has proved, within the last 12 hours, which Slack person uses it."""

    browser_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    realm: str
    team_id: str
    user_id: str
    expires_at: datetime = time_column()
