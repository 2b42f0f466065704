"""Posts on their way to accounts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storage.models.columns import new_id, organization_column, time_column


class DeliveryStatus(StrEnum):
    """Where a delivery is in its life."""

    SCHEDULED = "scheduled"
    HELD = "held"
    """The account's grant has ended: nothing is sent until a person has reconnected it."""
    LATE = "late"
    """Its time passed while it was held: a person decides whether it is sent."""
    CANCELLED = "cancelled"


class Delivery(SQLModel, table=True):
    """One post to one account, at one place in it."""

    __table_args__ = (
        Index("delivery_once", "post_id", "account_id", "place", unique=True),
        Index("delivery_waiting", "account_id", "status", "due_at"),
    )
    id: str = Field(default_factory=lambda: new_id("dlv"), primary_key=True)
    organization_id: str = organization_column()
    post_id: str = Field(sa_column=Column(ForeignKey("post.id", ondelete="CASCADE"), nullable=False))
    account_id: str = Field(sa_column=Column(ForeignKey("account.id", ondelete="CASCADE"), nullable=False))
    place: str = ""
    """The platform's id of a place in the account (a subreddit); empty: the account itself."""
    status: str
    due_at: datetime = time_column()
    """When it is to be published."""
