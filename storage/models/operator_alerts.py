"""What the operator was told of."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.models.columns import time_column


class Trouble(SQLModel, table=True):
    """What a platform does to all of us at once, and the operator was told of. Shared by all replicas."""

    __tablename__ = "trouble"
    platform: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    met_at: datetime = time_column()
    """When anybody met it last."""
