"""A known value sealed with each vault key."""

from __future__ import annotations

from sqlmodel import Field, SQLModel

from storage.models.columns import sealed_column


class Canary(SQLModel, table=True):
    """A known value sealed with a vault key, opened at the start, so that a wrong key is noticed at once."""

    key_id: int = Field(primary_key=True)
    value_sealed: bytes = sealed_column(nullable=False)
