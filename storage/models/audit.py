"""The audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, json_column, new_id, organization_column


class AuditLine(SQLModel, table=True):
    """One action of a member or the system. Append-only: the application's database role may not change it."""

    __tablename__ = "audit_line"
    __table_args__ = (Index("audit_order", "organization_id", "at"),)
    id: str = Field(default_factory=lambda: new_id("aud"), primary_key=True)
    organization_id: str = organization_column()
    at: datetime = created_column()
    actor: str
    """A membership id, or "system"."""
    action: str
    """What happened, in the past tense: `account connected`."""
    subject: str = ""
    details: dict[str, Any] = json_column(dict)
