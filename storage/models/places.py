"""The places inside an account."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storage.models.columns import organization_column


class Place(SQLModel, table=True):
    """A sub-destination of an account (a subreddit), as last read from the platform."""

    __table_args__ = (Index("place_order", "account_id", "search"),)
    account_id: str = Field(sa_column=Column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True))
    remote_id: str = Field(primary_key=True)
    organization_id: str = organization_column()
    name: str
    search: str
    detail: str = ""
