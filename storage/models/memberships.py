"""Who belongs to which organization, and with which role."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, new_id, organization_column, time_column


class Role(IntEnum):
    """A member's role in an organization, as the number that is stored.

    Each role may do everything that the one below it may. Every organization has
    an OWNER, which is the highest. A stored number never changes its meaning; there is room for others between.
    """

    MEMBER = 10
    ADMIN = 20
    OWNER = 30

    @property
    def word(self) -> str:
        """The role as people read it."""
        return self.name.lower()


class Membership(SQLModel, table=True):
    """A Slack person in an organization."""

    __table_args__ = (
        Index("membership_person", "realm", "user_id"),
        Index("membership_once", "organization_id", "realm", "user_id", unique=True),
    )
    id: str = Field(default_factory=lambda: new_id("mem"), primary_key=True)
    organization_id: str = organization_column()
    realm: str
    """Where the user id is unique: the enterprise id in a Grid, the team id elsewhere."""
    user_id: str
    team_id: str
    """The workspace through which the person was last seen; direct messages go there."""
    role: int
    created_at: datetime = created_column()
    ended_at: datetime | None = time_column(nullable=True)
    left_slack: bool = False
    """It ended because Slack deactivated the person, and comes back when Slack has them back."""
