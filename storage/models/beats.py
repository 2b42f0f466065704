"""A count that only grows, by which a database that was restored from a backup is recognised."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from storage.models.columns import time_column


class Beat(SQLModel, table=True):
    """How often the processes have counted. One row; the media store has a copy of the number."""

    id: int = Field(default=1, primary_key=True)
    number: int = Field(sa_type=BigInteger)
    at: datetime = time_column()
    """When it was counted last."""
