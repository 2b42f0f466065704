"""Invitations of people into organizations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, new_id, organization_column, time_column


class Invitation(SQLModel, table=True):
    """A Slack person whom an owner has asked into an organization, and who is no member of it.

    There is one row per organization and person. It is open until `expires_at`. What closes it earlier (it is accepted,
    declined or withdrawn; the person becomes a member in another way, or leaves Slack; its maker is no longer an owner)
    sets that time to now.
    """

    __table_args__ = (
        Index("invitation_once", "organization_id", "realm", "user_id", unique=True),
        Index("invitation_person", "realm", "user_id"),
    )
    id: str = Field(default_factory=lambda: new_id("inv"), primary_key=True)
    organization_id: str = organization_column()
    realm: str
    """Where the user id is unique: the enterprise id in a Grid, the team id elsewhere."""
    user_id: str
    team_id: str
    """The workspace through which the person is reached."""
    role: int
    invited_by: str
    """The membership of the owner who invited them."""
    created_at: datetime = created_column()
    expires_at: datetime = time_column()
    declined_at: datetime | None = time_column(nullable=True)
    """When the person last declined: for a while they get no message about another invitation."""
