"""Connected accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storage.models.columns import (
    created_column,
    json_column,
    new_id,
    organization_column,
    sealed_column,
    time_column,
)

LEFT_OUT, BLOCKED = "left_out", "blocked"
"""Our own codes for accounts that the person's last consent did not include, or could not."""
NOT_SHOWN = "not_shown"
"""Our own code for an account that the platform no longer shows to the person who connected it."""


class AccountFacts(SQLModel):
    """What a platform shows of a page, profile or channel: columns of every table that holds one."""

    remote_id: str
    """The platform's stable id, never the handle."""
    kind: str
    name: str
    handle: str = ""
    url: str = ""
    avatar_url: str = ""
    missing: list[str] = json_column(list)
    """Capabilities the account lacks although the scopes allow them."""

    def facts(self) -> dict[str, Any]:
        """Return these columns with their values."""
        return {name: getattr(self, name) for name in AccountFacts.model_fields}


class Account(AccountFacts, table=True):
    """One page, profile or channel we can publish to, owned by one organization."""

    __table_args__ = (Index("account_once", "organization_id", "platform", "remote_id", unique=True),)
    id: str = Field(default_factory=lambda: new_id("acc"), primary_key=True)
    organization_id: str = organization_column()
    grant_id: str | None = Field(
        default=None,
        sa_column=Column(ForeignKey("grant_.id", ondelete="SET NULL"), nullable=True, index=True),
    )
    platform: str
    app: str
    token_sealed: bytes | None = sealed_column()
    """The account's own token (a Facebook Page's), where the platform gives one."""
    connected_by: str
    connected_at: datetime = created_column()
    places_at: datetime | None = time_column(nullable=True)
    """When the list of places was last read from the platform."""
    token_checked_at: datetime | None = time_column(nullable=True)
    """When the platform last said whether we can act for the account."""
    suspected_at: datetime | None = time_column(nullable=True)
    """When it first said that we can't; it is asked again before anybody is told. Or since when consents leave the
    account out."""
    access_error: str = ""
    """Why the grant, which is still valid, does not let us act for the account: the code with which the account's own
    token ended, what the last consent left out, or why the platform shows it as unusable. Empty: it does."""
    held_until: datetime | None = time_column(nullable=True, index=True)
    """Until when members hold its posts. None: they don't."""
    disconnected_at: datetime | None = time_column(nullable=True)
