"""Codes with which another workspace joins an organization."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from storage.models.columns import organization_column, time_column


class JoinCode(SQLModel, table=True):
    """A one-time code with which another workspace joins an organization."""

    __tablename__ = "join_code"
    code_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    organization_id: str = organization_column()
    role: int
    created_by: str
    """The membership that made it."""
    expires_at: datetime = time_column()

    @property
    def id(self) -> str:
        """An id of the code within its organization, which does not reveal the code."""
        return self.code_hash.hex()[:16]
