"""What needs a person, and the message in Slack that says so."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, text
from sqlmodel import Field, Relationship, SQLModel

from storage.models.columns import created_column, json_column, new_id, organization_column, time_column


class IncidentKind(StrEnum):
    """What a person is needed for."""

    EXPIRING = "expiring"
    """The sign-in works, and ends at a known time."""
    NEEDS_RECONNECT = "needs_reconnect"
    """The sign-in has ended."""


class Resolution(StrEnum):
    """How an incident came to its end."""

    RECONNECTED = "reconnected"
    ELSEWHERE = "elsewhere"
    """Another organization that shares the sign-in renewed it."""
    RENEWED = "renewed"
    """No member did anything: the platform extended the grant."""
    ACCESS_BACK = "access_back"
    """No member did anything: the platform gives access to the account again."""
    DISCONNECTED = "disconnected"
    DELETED = "deleted"
    """The organization was deleted."""


class LateAnswer(StrEnum):
    """What a person has decided about posts whose time passed while they were held."""

    RELEASED = "released"
    """They are published from now on."""
    DISCARDED = "discarded"


class Incident(SQLModel, table=True):
    """A grant that needs a person, in one organization. Its message in Slack is its `card`.

    An organization has at most one open incident per grant; it covers all the accounts of that grant.
    """

    __table_args__ = (
        Index(
            "incident_open",
            "organization_id",
            "grant_id",
            unique=True,
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index("incident_unresolved", "resolved_at", "id"),
        Index("incident_since", "since"),
    )
    id: str = Field(default_factory=lambda: new_id("inc"), primary_key=True)
    organization_id: str = organization_column()
    grant_id: str | None = Field(
        default=None,
        sa_column=Column(ForeignKey("grant_.id", ondelete="SET NULL"), nullable=True, index=True),
    )
    generation: int
    """The grant's generation when the incident was opened: once it is higher, the grant was reconnected."""
    kind: str
    platform: str
    accounts: dict[str, str] = json_column(dict)
    """The names of the accounts it is about, by account id, as they were last seen."""
    connected_by: str
    """The membership that consented."""
    since: datetime = created_column()
    """When the incident became what `kind` says."""
    code: str = ""
    """Why the grant ended, as a code; empty while it has not."""
    grant_still_valid: bool = False
    """Only the access to `accounts` is lost; the grant and its other accounts still work."""
    reminder_day: int | None = None
    """The last reminder that was sent, in days before the end; 0: the end has passed and the grant still works."""
    deadline: datetime | None = time_column(nullable=True)
    """When the grant ends, where that is known."""
    claimed_by: str | None = None
    claimed_at: datetime | None = time_column(nullable=True)
    snoozed_until: datetime | None = time_column(nullable=True)
    escalated_at: datetime | None = time_column(nullable=True)
    resolved_at: datetime | None = time_column(nullable=True)
    resolved_by: str | None = None
    resolution: str = ""
    renewed: dict[str, str] = json_column(dict)
    """The names, by account id, of the accounts that work again and have late posts to decide about."""
    released: int = 0
    """How many held posts go out at their times after all."""
    late_posts: int = 0
    """How many late posts the card asks about; once answered, how many the answer was about."""
    late_answer: str = ""
    late_by: str | None = None
    card: IncidentCard = Relationship(sa_relationship_kwargs={"lazy": "joined", "innerjoin": True})

    @property
    def open(self) -> bool:
        """Whether a person is still needed."""
        return self.resolved_at is None

    @property
    def awaits_late_answer(self) -> bool:
        """Whether a person has to decide about late posts."""
        return self.late_posts > 0 and not self.late_answer

    def narrow_to(self, accounts: dict[str, str], code: str) -> None:
        """Make the incident about these accounts only, by account id, because the grant itself still works."""
        if not self.grant_still_valid:
            self.kind, self.since = IncidentKind.NEEDS_RECONNECT, datetime.now(UTC)
        self.grant_still_valid = True
        self.code, self.reminder_day, self.deadline, self.snoozed_until = code, None, None, None
        self.accounts = accounts


class IncidentCard(SQLModel, table=True):
    """The one message in Slack that shows an incident: where it is, and the replies that wait for it."""

    __tablename__ = "incident_card"
    __table_args__ = (Index("incident_card_quiet", "quiet_until"),)
    incident_id: str = Field(
        sa_column=Column(ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True)
    )
    organization_id: str = organization_column()
    slack_id: str = ""
    channel: str = ""
    """The channel, or the user, that has the card; empty while nobody can be reached."""
    channel_error: str = ""
    """Slack's reason for not taking the card where it was meant to go."""
    recipients_tried: list[str] = json_column(list)
    """The memberships that got the card because no channel took it; the last one has it. Empty: a channel has it."""
    quiet_until: datetime | None = time_column(nullable=True)
    """Until when the card, or `pending_replies`, waits: quiet hours, or nobody could be reached."""
    pending_replies: list[Any] = json_column(list)
    """The replies to post in the card's thread once `quiet_until` has passed: each a kind and its facts."""
    requests_sent: dict[str, str] = json_column(dict)
    """The memberships that were asked in a message of their own, by the key of that message."""
    stale_message_key: str = ""
    """The key of an earlier card in a channel that took no more messages: it is out of date there."""
    number: int = 0
    """How many messages have been the card: one, and one more for each place that did not take it."""
    version: int = 0
    """Counts the messages about the incident, so that each has a key of its own."""

    @property
    def holder(self) -> str | None:
        """The membership in whose direct messages the card is; None: it is in a channel, or nowhere."""
        return self.recipients_tried[-1] if self.recipients_tried and self.channel else None

    @property
    def key(self) -> str:
        """The key of the notice that carries the card."""
        return f"incident:{self.incident_id}:{self.number}"

    @property
    def keys(self) -> set[str]:
        """The keys of all notices whose messages offer to do something about the incident."""
        return {self.key, *self.requests_sent, self.stale_message_key} - {""}
