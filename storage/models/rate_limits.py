"""How much of its rate limit at a platform each of our apps has used."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.models.columns import time_column


class AppRateLimit(SQLModel, table=True):
    """How much of its rate limit at a platform one app of ours has used. Shared by all processes."""

    __tablename__ = "app_rate_limit"
    app: str = Field(primary_key=True)
    full_at: datetime = time_column()
    """When the whole limit is available again, if no more calls are made."""
    paused_until: datetime = time_column()
    """Until when the app makes no calls: the platform asked for it, or does not answer."""
    written_at: datetime | None = time_column(nullable=True)
    """When this row was last written. A time in the future means that the clock was set back since."""
