"""Posts on their way to accounts: the ledger of what was decided, what was sent and what the platform confirmed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, text
from sqlmodel import Field, SQLModel

from storage.models.columns import json_column, new_id, organization_column, sealed_column, time_column

LEASED = text("lease_until IS NOT NULL")


class DeliveryStatus(StrEnum):
    """Where a delivery is in its life."""

    SCHEDULED = "scheduled"
    PREPARING = "preparing"
    """Its media are on their way to the platform; nothing is visible yet."""
    READY = "ready"
    """Everything is prepared: it waits for its time, or for another try."""
    SENDING = "sending"
    """Committed before the call that people see. Whoever finds it without a result never sends it again."""
    UNKNOWN = "unknown"
    """It may be live: the platform is asked, and where it can't say, a person."""
    SENT = "sent"
    FAILED = "failed"
    """It is not live, and a person must change something first."""
    HELD = "held"
    """The account's grant has ended, or members hold the account: nothing is sent until that is over."""
    LATE = "late"
    """Its time passed while it was held, or while we were down: a person decides whether it is sent."""
    OBJECTED = "objected"
    """The author of the message it was made from objects: a person decides whether it is sent."""
    CANCELLED = "cancelled"
    CHANGING = "changing"
    """It is live, and a member wants it edited or deleted: the platform is asked to. Both can be asked twice."""
    DELETED = "deleted"
    """It was live, and a member had it deleted."""
    GONE = "gone"
    """It was live, and the platform does not have it any more, although no member of ours deleted it."""


BEFORE_SENDING = (DeliveryStatus.SCHEDULED, DeliveryStatus.PREPARING, DeliveryStatus.READY)
"""The states in which nothing is visible, and a person can still change or stop it."""


class StepStatus(StrEnum):
    """What became of one call that people see."""

    SENDING = "sending"
    """Committed before the call."""
    ACCEPTED = "accepted"
    """The platform took it, and has not said yet whether it is live."""
    SENT = "sent"
    FAILED = "failed"
    """Not live. Of a step that is not required, while the post is."""
    DELETED = "deleted"
    """It was live, and a member had it deleted."""


class Delivery(SQLModel, table=True):
    """One post to one account, at one place in it."""

    __table_args__ = (
        Index("delivery_once", "post_id", "account_id", "place", unique=True),
        Index("delivery_waiting", "account_id", "status", "due_at"),
        Index("delivery_work", "work_at"),
        Index("delivery_leased", "account_id", sqlite_where=LEASED, postgresql_where=LEASED),
        Index("delivery_check_at", "check_at"),
        Index("delivery_watch_at", "watch_at"),
    )
    id: str = Field(default_factory=lambda: new_id("dlv"), primary_key=True)
    organization_id: str = organization_column()
    post_id: str = Field(sa_column=Column(ForeignKey("post.id", ondelete="CASCADE"), nullable=False))
    account_id: str = Field(sa_column=Column(ForeignKey("account.id", ondelete="CASCADE"), nullable=False))
    place: str = ""
    """The platform's id of a place in the account (a subreddit); empty: the account itself."""
    content: dict[str, Any] = json_column(dict)
    """What is published there, as it was decided."""
    status: str
    due_at: datetime = time_column()
    """When it is to be published."""
    work_at: datetime | None = time_column(nullable=True)
    """When something is to be done about it next. None: nothing, or a person has to decide."""
    lease_until: datetime | None = time_column(nullable=True)
    """Until when a process works on it."""
    generation: int = 0
    """Increases when a process takes it and when a person changes it, so that one who works on what was there before
    can no longer store anything about it."""
    handles_sealed: bytes | None = sealed_column()
    """What the platform returned while the post was prepared."""
    failures: int = 0
    """How many tries in a row came to nothing; the pause increases with it."""
    looks: int = 0
    """How many looks did not find it."""
    outcome: str = ""
    """The class of the last error, such as `Busy`; empty: there was none."""
    code: str = ""
    """The code of that error."""
    asks: bool = False
    """A person is asked whether it is live."""
    wish: dict[str, Any] = json_column(dict)
    """What a member wants done with what is live: an edit or a deletion; empty: nothing. Beside an error: it was not
    done."""
    check_at: datetime | None = time_column(nullable=True)
    """When it is checked next whether it can go out. None: not again."""
    fault: dict[str, Any] = json_column(dict)
    """What the last check found that keeps it from going out; empty: nothing."""
    watch_at: datetime | None = time_column(nullable=True)
    """When it is looked at next whether it is still live. None: not again."""
    watched_at: datetime | None = time_column(nullable=True)
    """When it was looked at last."""
    misses: int = 0
    """How many looks in a row did not find it although it was live."""


class DeliveryStep(SQLModel, table=True):
    """One call that people see: a post, an element of a thread, a first comment, a thumbnail."""

    __tablename__ = "delivery_step"
    delivery_id: str = Field(
        sa_column=Column(ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True)
    )
    position: int = Field(primary_key=True)
    """Its place among the delivery's steps, from 0."""
    organization_id: str = organization_column()
    kind: str
    status: str
    started_at: datetime = time_column()
    """When sending it was committed, which is before the call."""
    settled_at: datetime | None = time_column(nullable=True)
    receipt_id: str = ""
    """The platform's id of what is live."""
    url: str = ""
    note: str = ""
    """A code for something that people should know about it."""
    code: str = ""
    """Why it failed."""
