"""What the operator was alerted to."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.models.columns import time_column


class OperatorAlert(SQLModel, table=True):
    """A fault that affects a whole platform, to which the operator was alerted once. Shared by all processes."""

    __tablename__ = "operator_alert"
    platform: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    last_seen_at: datetime = time_column()
    """When it was last seen."""
