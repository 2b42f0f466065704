"""Grants, and the organizations that hold them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, ForeignKey, Index, text
from sqlmodel import Field, SQLModel

from storage.models.columns import (
    Utc,
    created_column,
    json_column,
    new_id,
    sealed_column,
    time_column,
    utc_now,
)


class GrantStatus(StrEnum):
    """Where a grant is in its life."""

    PENDING = "pending"
    """The tokens are stored; the person they belong to is not known yet."""
    HEALTHY = "healthy"
    NEEDS_RECONNECT = "needs_reconnect"
    ENDED = "ended"
    """Revoked or abandoned, while an account still referred to it: the tokens were destroyed."""


FRESH, GRANT_DEAD, REJECTED = "fresh", "GrantDead", "Rejected"
"""Three of the values of `Grant.last_outcome`."""
CODE_LENGTH = 80
"""How many characters of an error code are stored."""
UNWELL, IN_DOUBT = text("status <> 'healthy'"), text("in_doubt")
"""The conditions of two partial indexes, which count the few grants that have a problem."""


class Grant(SQLModel, table=True):
    """One person's consent on one platform, with its sealed tokens. May be shared by organizations.

    `generation` increases with every change of the tokens: an UPDATE that names the generation that was read changes
    nothing if another process was first.
    """

    __table_args__ = (
        Index("grant_person", "platform", "app", "external_id", unique=True),
        Index("grant_due", "app", "due_at"),
        Index("grant_next_reminder", "next_reminder_at"),
        Index("grant_look", "app", "look_at"),
        Index("grant_unwell", "platform", "status", sqlite_where=UNWELL, postgresql_where=UNWELL),
        Index("grant_in_doubt", "platform", sqlite_where=IN_DOUBT, postgresql_where=IN_DOUBT),
    )
    __tablename__ = "grant_"
    id: str = Field(default_factory=lambda: new_id("grt"), primary_key=True)
    platform: str
    app: str
    external_id: str | None = None
    """The platform's id of the person; None while pending."""
    external_name: str = ""
    access_sealed: bytes | None = sealed_column()
    refresh_sealed: bytes | None = sealed_column()
    scopes: list[str] = json_column(list)
    access_expires_at: datetime | None = time_column(nullable=True)
    refresh_expires_at: datetime | None = time_column(nullable=True)
    generation: int = 1
    status: str = GrantStatus.PENDING
    reason: str = ""
    """The verdict's code, when the status needs one."""
    created_at: datetime = created_column()
    consented_at: datetime | None = Field(default_factory=utc_now, sa_type=Utc, nullable=True)
    """When the person last signed in at the platform for it."""
    renewed_at: datetime = created_column()
    """When the tokens last changed."""
    data_access_expires_at: datetime | None = time_column(nullable=True)
    """When the platform stops showing us the person's data unless they sign in again (Meta); None: never."""
    due_at: datetime | None = time_column(nullable=True)
    """When the grant is refreshed or checked next; None: not until a person reconnects it."""
    lease_until: datetime | None = time_column(nullable=True)
    look_at: datetime | None = time_column(nullable=True)
    """When its accounts are looked at next: their state, names, links and pictures. None: its checks do that."""
    next_reminder_at: datetime | None = time_column(nullable=True)
    """When a reminder of its end may have to be sent; None: not before the grant is activated."""
    checked_at: datetime | None = time_column(nullable=True)
    """When the platform was last asked about it."""
    last_outcome: str = ""
    """How that ended: `fresh`, `accounts_only`, or the class of the error such as `Busy`."""
    last_error_code: str = ""
    """The code of that error, such as `http_503`; empty when there was none."""
    failures: int = 0
    """How many checks in a row were not conclusive; the pause increases with it."""
    suspected_at: datetime | None = time_column(nullable=True)
    """When the platform first called it dead; it is asked again before anybody is told."""
    reconnects: str | None = None
    """While pending: the grant this consent is meant to renew, or None for a new connection."""
    in_doubt: bool = False
    """The answer to a single-use refresh was lost: the tokens that are stored may be used up."""


class GrantHolder(SQLModel, table=True):
    """An organization that uses a grant. When the last one releases it, it is revoked at the platform."""

    __tablename__ = "grant_holder"
    grant_id: str = Field(sa_column=Column(ForeignKey("grant_.id", ondelete="CASCADE"), primary_key=True))
    organization_id: str = Field(
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    connected_by: str
    """The membership that consented."""
    since: datetime = created_column()
