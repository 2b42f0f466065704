"""The Slack requests that were handled."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from storage.models.columns import Utc


class SeenRequest(SQLModel, table=True):
    """The signature of a Slack request that was handled, kept for as long as Slack would accept it again."""

    __tablename__ = "seen_request"
    signature_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    seen_at: datetime = Field(sa_type=Utc, nullable=False, index=True)
