"""The accounts that new grants give access to, stored until a person has chosen some of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storage.models.accounts import AccountFacts
from storage.models.columns import (
    created_column,
    json_column,
    new_id,
    organization_column,
    sealed_column,
    time_column,
)


class Discovery(SQLModel, table=True):
    """The accounts that a new grant gives access to, for one member to choose from. Deleted after a day."""

    id: str = Field(default_factory=lambda: new_id("dis"), primary_key=True)
    organization_id: str = organization_column()
    membership_id: str
    grant_id: str = Field(
        sa_column=Column(ForeignKey("grant_.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    team_id: str
    channel_id: str
    hints: list[str] = json_column(list)
    created_at: datetime = created_column()
    expires_at: datetime = time_column()
    message_key: str = ""
    """The key of the message that offers the choice; empty: there is none."""


class FoundAccount(AccountFacts, table=True):
    """One account of a discovery: usable, or blocked for a reason."""

    __tablename__ = "found_account"
    __table_args__ = (Index("found_order", "discovery_id", "position"),)
    id: str = Field(default_factory=lambda: new_id("fnd"), primary_key=True)
    organization_id: str = organization_column()
    discovery_id: str = Field(
        sa_column=Column(ForeignKey("discovery.id", ondelete="CASCADE"), nullable=False)
    )
    position: int
    search: str
    """Name and handle in lower case, which the search looks in."""
    token_sealed: bytes | None = sealed_column()
    blocker: str = ""
    """Why it cannot be connected; empty: it can."""
