"""Installations of our app, and the one-time states of Slack's install page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, json_column, new_id, sealed_column, time_column


class Installation(SQLModel, table=True):
    """Our app in one Slack workspace, or in a whole Grid organization: the holder of a bot token."""

    id: str = Field(default_factory=lambda: new_id("ins"), primary_key=True)
    slack_id: str = Field(unique=True)
    """The team id (`T...`), or the enterprise id (`E...`) of an org-wide install."""
    team_id: str | None = None
    enterprise_id: str | None = None
    name: str
    app_id: str
    bot_user_id: str
    scopes: list[str] = json_column(list)
    bot_token_sealed: bytes | None = sealed_column()
    refresh_token_sealed: bytes | None = sealed_column()
    token_expires_at: datetime | None = time_column(nullable=True)
    rotating_until: datetime | None = time_column(nullable=True)
    """Until when a process may exchange the refresh token, which works once, for a new pair."""
    installed_by: str
    installed_at: datetime = created_column()
    uninstalled_at: datetime | None = time_column(nullable=True, index=True)


class InstallState(SQLModel, table=True):
    """A state of Slack's install page that was used, so that it is not used again. Kept for 15 minutes."""

    __tablename__ = "install_state"
    state_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    expires_at: datetime = time_column()
    outcome: dict[str, Any] = json_column(dict)
    """What came of it, for a browser that loads the page again; empty while nobody knows."""
