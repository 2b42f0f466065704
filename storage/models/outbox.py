"""Messages that wait to be sent to Slack."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, text
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, json_column, new_id, time_column, utc_now

NAMED = text("names_organization_id IS NOT NULL")
"""The condition of a partial index on the messages that name another organization, which are few."""
OWED = text("due_at IS NOT NULL")
"""The condition of a partial index on the messages that were not sent yet, which are few."""


class Notice(SQLModel, table=True):
    """A message for Slack. Sent in order per channel, at least once, and at most once more per crash."""

    __table_args__ = (
        Index("notice_due", "due_at"),
        Index("notice_created", "created_at"),
        Index("notice_named", "names_organization_id", sqlite_where=NAMED, postgresql_where=NAMED),
        Index("notice_channel", "slack_id", "channel", "sequence"),
        Index("notice_waiting", "slack_id", "channel", "sequence", sqlite_where=OWED, postgresql_where=OWED),
    )
    id: str = Field(default_factory=lambda: new_id("ntc"), primary_key=True)
    key: str = Field(unique=True)
    """Prevents that the same message is sent twice: `connected:{grant}:{generation}:{member}`."""
    sequence: int = Field(default_factory=lambda: int(utc_now().timestamp() * 1_000_000), sa_type=BigInteger)
    organization_id: str | None = Field(
        default=None,
        sa_column=Column(ForeignKey("organization.id", ondelete="CASCADE"), nullable=True, index=True),
    )
    names_organization_id: str | None = None
    """The organization that `facts` name, if it is another one than the message's own. It goes with that one too."""
    slack_id: str
    """The installation through which it is sent."""
    channel: str
    """A channel id, or a user id for a direct message."""
    kind: str = ""
    """Which notification this is; `facts` are its fields. Empty: a row of an older release, with a `body`."""
    facts: dict[str, Any] = json_column(dict)
    body: dict[str, Any] = json_column(dict)
    """The whole message, as releases without kinds stored it. Nothing writes one any more."""
    edits: str | None = None
    """The key of the notice whose message this one replaces."""
    thread_of: str | None = None
    """The key of the notice under whose message this one is posted."""
    fallback: str = ""
    """Who gets to know whether it was delivered: a name that the sender knows; empty: nobody."""
    created_at: datetime = created_column()
    due_at: datetime | None = time_column(nullable=True)
    """None once it was sent or cannot be delivered."""
    lease_until: datetime | None = time_column(nullable=True)
    """Until when a process sends it; once it was sent, until when its channel has to wait."""
    attempts: int = 0
    sent_channel: str | None = None
    """The conversation in which it was posted; for a direct message not the user id."""
    sent_ts: str | None = None
    failure: str = ""
