"""What needs a person, and the message in Slack that says so."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Column, ForeignKey, Index, text
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, json_column, new_id, organization_column, time_column


class IncidentKind(StrEnum):
    """What a person is needed for."""

    EXPIRING = "expiring"
    """The sign-in works, and ends at a known time."""
    NEEDS_RECONNECT = "needs_reconnect"
    """The sign-in is over."""


class Resolution(StrEnum):
    """How an incident came to its end."""

    RECONNECTED = "reconnected"
    ELSEWHERE = "elsewhere"
    """Another organization that shares the sign-in renewed it."""
    RENEWED = "renewed"
    """Nobody had to do anything here: the platform gave it more time."""
    ACCESS_BACK = "access_back"
    """Nobody did anything here: the platform lets us act for the account again."""
    DISCONNECTED = "disconnected"
    DELETED = "deleted"
    """The organization was."""


class LateAnswer(StrEnum):
    """What a person has said about posts whose time had passed while a sign-in was over."""

    RELEASED = "released"
    """They go out from now on."""
    DISCARDED = "discarded"


class Incident(SQLModel, table=True):
    """A grant that needs a person, in one organization, and the one message in Slack that says so.

    An organization has at most one open incident per grant; it is the grant's accounts' together.
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
        Index("incident_held", "held_until"),
        Index("incident_since", "since"),
    )
    id: str = Field(default_factory=lambda: new_id("inc"), primary_key=True)
    organization_id: str = organization_column()
    grant_id: str | None = Field(
        default=None,
        sa_column=Column(ForeignKey("grant_.id", ondelete="SET NULL"), nullable=True, index=True),
    )
    generation: int
    """The grant's, when a person was needed first: a later one, and it was reconnected."""
    kind: str
    platform: str
    accounts: dict[str, str] = json_column(dict)
    """The names of the accounts it is about, by id, as they were last seen."""
    connected_by: str
    """The membership that consented."""
    since: datetime = created_column()
    """When it became what `kind` says."""
    code: str = ""
    """The verdict's, when the sign-in is over."""
    sign_in_lives: bool = False
    """What is over is the access to these accounts alone; the sign-in and its other accounts live on."""
    days: int | None = None
    """The last rung of the ladder that was told; 0: that the end has passed, and the sign-in works on."""
    deadline: datetime | None = time_column(nullable=True)
    """When the sign-in ends, where that is known."""
    claimed_by: str | None = None
    claimed_at: datetime | None = time_column(nullable=True)
    snoozed_until: datetime | None = time_column(nullable=True)
    escalated_at: datetime | None = time_column(nullable=True)
    resolved_at: datetime | None = time_column(nullable=True)
    resolved_by: str | None = None
    resolution: str = ""
    renewed: dict[str, str] = json_column(dict)
    """The names of the accounts about whose late posts the card asks, by id: a reconnect made them well again."""
    released: int = 0
    """How many posts that were held go out at their times after all."""
    late_posts: int = 0
    """How many the card asks about; once that is answered, how many the answer was about."""
    late_answer: str = ""
    late_by: str | None = None
    held_until: datetime | None = time_column(nullable=True)
    """Quiet hours: until then the card, or what `lines` holds, is not said."""
    lines: list[str] = json_column(list)
    """What waits to be said in the card's thread."""
    slack_id: str = ""
    channel: str = ""
    """The channel, or the person, that holds the card; empty while nobody can be told."""
    trouble: str = ""
    """Why Slack did not take it where it was meant to be said."""
    asked: list[str] = json_column(list)
    """The memberships that were asked because no channel could be, the last of whom has the card; none: a channel."""
    left_behind: str = ""
    """The key of an earlier card in a channel that took nothing more: it is out of date there."""
    pleas: dict[str, str] = json_column(dict)
    """The memberships that were asked in so many words, by the key of the message that did."""
    card: int = 0
    """How many messages the card has had: one, and one more for each place that couldn't hear it."""
    version: int = 0
    """Counts what was said, so that each has a key of its own."""

    @property
    def open(self) -> bool:
        """Tell whether a person is still needed."""
        return self.resolved_at is None

    @property
    def asks(self) -> bool:
        """Tell whether a person has still to say what becomes of late posts."""
        return self.late_posts > 0 and not self.late_answer

    def only(self, accounts: dict[str, str], code: str) -> None:
        """Let it be about these accounts alone, by id, because the sign-in itself lives."""
        if not self.sign_in_lives:
            self.kind, self.since = IncidentKind.NEEDS_RECONNECT, datetime.now(UTC)
        self.sign_in_lives = True
        self.code, self.days, self.deadline, self.snoozed_until = code, None, None, None
        self.accounts = accounts

    @property
    def holder(self) -> str | None:
        """The membership in whose messages the card is; None: it is in a channel, or nowhere."""
        return self.asked[-1] if self.asked and self.channel else None

    @property
    def key(self) -> str:
        """The key of the notice that carries the card."""
        return f"incident:{self.id}:{self.card}"
