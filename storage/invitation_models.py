"""The tables of what waits for somebody's yes: invitations, and requests to move a channel. See `storage.models`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storage.models import _created, _tenant, _time, new_id


class Invitation(SQLModel, table=True):
    """A Slack person whom an owner has asked into an organization, and who is no member of it.

    There is one row per organization and person. It stands until `expires_at`; whatever ends it earlier
    (accepted, declined, withdrawn; the person became a member in another way, or left Slack; whoever
    invited them is no owner any more) moves that time to now.
    """

    __table_args__ = (
        Index("invitation_once", "organization_id", "realm", "user_id", unique=True),
        Index("invitation_person", "realm", "user_id"),
    )
    id: str = Field(default_factory=lambda: new_id("inv"), primary_key=True)
    organization_id: str = _tenant()
    realm: str
    """Where the user id is unique: the enterprise id in a Grid, the team id elsewhere."""
    user_id: str
    team_id: str
    """The workspace through which the person is reached."""
    role: int
    invited_by: str
    """The membership of the owner who asked."""
    created_at: datetime = _created()
    expires_at: datetime = _time()
    declined_at: datetime | None = _time(nullable=True)
    """When the person last declined: for a while they get no message about another invitation."""


class ChannelRequest(SQLModel, table=True):
    """Somebody's wish that a channel be about another organization, which an admin of its present one decides."""

    __tablename__ = "channel_request"
    __table_args__ = (
        Index("channel_request_once", "team_id", "channel_id", "wanted_id", unique=True),
        Index("channel_request_person", "realm", "user_id"),
    )
    id: str = Field(default_factory=lambda: new_id("chr"), primary_key=True)
    organization_id: str = _tenant()
    """The one whose admins decide: what the channel was about when the wish was made."""
    team_id: str
    channel_id: str
    wanted_id: str = Field(
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    requested_by: str
    """The membership, in the wanted organization, of whoever asked."""
    realm: str
    user_id: str
    created_at: datetime = _created()
    expires_at: datetime = _time()
    declined_at: datetime | None = _time(nullable=True)
