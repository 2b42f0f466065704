"""When and where an organization usually publishes: weekly times of accounts, and named sets of accounts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, json_column, new_id, organization_column


class AccountSlots(SQLModel, table=True):
    """The weekly times at which an account's posts can go out."""

    __tablename__ = "account_slots"
    account_id: str = Field(sa_column=Column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True))
    organization_id: str = organization_column()
    weekly: list[str] = json_column(list)
    """In order: the number of the day, from 0 for Monday, and the local time: `0 09:00`."""
    timezone: str
    """The IANA name of the zone in which they are meant."""


class AccountSet(SQLModel, table=True):
    """Accounts that are chosen together, under a name."""

    __tablename__ = "account_set"
    __table_args__ = (Index("account_set_name", "organization_id", "folded", unique=True),)
    id: str = Field(default_factory=lambda: new_id("set"), primary_key=True)
    organization_id: str = organization_column()
    name: str
    folded: str
    """The name as it is compared (`storage.folding`)."""
    accounts: dict[str, str] = json_column(dict)
    """By id, what each account was called when the set was saved: one that is gone can still be named."""
    slack_id: str = ""
    """The installation of the channel in which the set is chosen beforehand."""
    channel: str = ""
    """Empty: in no channel."""
    created_at: datetime = created_column()
