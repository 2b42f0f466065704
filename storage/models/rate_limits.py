"""How much of its rate limit at a platform each of our apps has used."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.models.columns import time_column


class AppBudget(SQLModel, table=True):
    """How much of its budget at a platform one app of ours has used up. Shared by all replicas."""

    __tablename__ = "app_budget"
    app: str = Field(primary_key=True)
    full_at: datetime = time_column()
    """When the whole budget is there again, if nothing more is spent."""
    held_until: datetime = time_column()
    """Until when nobody calls: the platform asked for it, or answers nobody."""
    written_at: datetime | None = time_column(nullable=True)
    """When this row was last written. A time to come means that the clock was set back since."""
