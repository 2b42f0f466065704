"""A known value sealed with each vault key."""

from __future__ import annotations

from sqlmodel import Field, SQLModel

from storage.models.columns import sealed_column


class Canary(SQLModel, table=True):
    """One sealed known value per vault key: opened at boot, so that a wrong key stops us at once."""

    key_id: int = Field(primary_key=True)
    value_sealed: bytes = sealed_column(nullable=False)
