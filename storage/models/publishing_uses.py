"""How many posts went out, and what they cost, hour by hour."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from storage.models.columns import time_column


class PublishingUse(SQLModel, table=True):
    """What one account or one app of ours published in one hour. Shared by all processes and organizations."""

    __tablename__ = "publishing_use"
    name: str = Field(primary_key=True)
    hour: int = Field(primary_key=True, sa_type=BigInteger)
    """Unix time divided by 3600."""
    posts: int = 0
    cents: float = 0.0
    """What the platform charges for it, in US cents."""
    last_at: datetime = time_column()
    """When the last of them was sent."""
