"""What people are told about incidents, as facts: the card, replies in its thread, and requests to one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from bot.services.notifications import Listener, Living, Notification
from storage.models import LateAnswer, Resolution

# Living: a reader looks up what they say when they go out (`bot.services.incidents.card_facts`)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardNotification(Living):
    """An incident's card, in a channel or in a member's direct messages."""

    KIND = "incident_card"
    LISTENER = Listener.INCIDENT_CARDS
    incident_id: str
    member_id: str | None = None
    """The membership that gets it as a direct message; None: a channel has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutdatedCard(Living):
    """Replaces a card in a channel that took no more messages for a while, and was out of date there."""

    KIND = "incident_card_outdated"
    LISTENER = Listener.INCIDENT_CARDS
    incident_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectRequest(Living):
    """Asks one member to reconnect the accounts of an incident; once it is resolved, says so."""

    KIND = "incident_request"
    LISTENER = Listener.INCIDENT_CARDS
    incident_id: str
    member_id: str
    asked_by: str | None = None
    """The user id of whoever asked; None: Octapost did, because no one had picked the incident up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest(Living):
    """How all accounts of an organization are doing."""

    KIND = "digest"
    LISTENER = Listener.INCIDENT_CARDS
    every: str
    """`day` or `week`."""


# Events that take the place of a card


@dataclass(frozen=True, slots=True, kw_only=True)
class CardMoved(Notification):
    """A member's card is now in a channel."""

    KIND = "incident_card_moved"
    LISTENER = Listener.INCIDENT_CARDS
    channel_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardWithdrawn(Notification):
    """Replaces a card or a request in the messages of somebody who may not read it any more: it names nothing."""

    KIND = "incident_card_withdrawn"
    LISTENER = Listener.INCIDENT_CARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsChannelLost(Notification):
    """The alerts channel took no message; the admins are told."""

    KIND = "alerts_channel_lost"
    channel_id: str
    code: str
    """Slack's reason."""


# Replies in a card's thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Notification):
    """A reply in the thread of an incident's card. It may wait for quiet hours to end."""

    LISTENER: ClassVar[Listener | None] = Listener.INCIDENT_CARDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyText(Reply):
    """A reply that was put into words by an older release, and waited for quiet hours to end."""

    KIND = "incident_reply_text"
    text: str
    """Slack's mrkdwn, in which names are escaped already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantEnded(Reply):
    """What was a warning came true: the sign-in ended."""

    KIND = "incident_grant_ended"
    platform: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLost(Reply):
    """More accounts of a sign-in that still works cannot publish."""

    KIND = "incident_access_lost"
    platform: str
    code: str
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessStillLost(Reply):
    """The sign-in was renewed, and these accounts did not come back with it."""

    KIND = "incident_access_still_lost"
    platform: str
    code: str
    accounts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysLeft(Reply):
    """A reminder: so many days until the sign-in ends."""

    KIND = "incident_days_left"
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataAccessEnded(Reply):
    """The platform stopped showing its data; the sign-in still works."""

    KIND = "incident_data_access_ended"
    platform: str
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentResolved(Reply):
    """The incident is over."""

    KIND = "incident_resolved"
    platform: str
    resolution: Resolution
    by: str | None
    """The user id of the member who did it, empty for one who has left; None: no member of the organization."""
    released: int = 0
    """How many held posts go out at their times after all."""
    late: int = 0
    """How many posts missed their time and wait for a decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed(Reply):
    """A member works on it."""

    KIND = "incident_claimed"
    by: str | None
    """A user id, here and below; None: the member has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimReleased(Reply):
    """A member no longer works on it."""

    KIND = "incident_claim_released"
    by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimExpired(Reply):
    """Nothing came of a claim for a day, or the member who made it has left."""

    KIND = "incident_claim_expired"
    by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snoozed(Reply):
    """A member asked for silence until then."""

    KIND = "incident_snoozed"
    by: str | None
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSent(Reply):
    """A member asked another one to reconnect, with a link of their own."""

    KIND = "incident_link_sent"
    by: str | None
    user_id: str
    """Who got it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnoozeEnded(Reply):
    """A snooze is over, and the incident is not."""

    KIND = "incident_snooze_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePostsDecided(Reply):
    """A member decided about posts that had missed their time."""

    KIND = "incident_late_posts_decided"
    answer: LateAnswer
    posts: int
    by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersAsked(Reply):
    """No one picked it up, so the members in whose direct messages the card is are asked there."""

    KIND = "incident_owners_asked"
    owners: tuple[str, ...]
    """Their user ids."""


REPLIES: dict[str, type[Reply]] = {
    reply.KIND: reply
    for reply in (
        AccessLost,
        AccessStillLost,
        ClaimExpired,
        ClaimReleased,
        Claimed,
        DataAccessEnded,
        DaysLeft,
        GrantEnded,
        IncidentResolved,
        LatePostsDecided,
        LinkSent,
        OwnersAsked,
        ReplyText,
        SnoozeEnded,
        Snoozed,
    )
}


def to_wait(reply: Reply) -> dict[str, Any]:
    """Return a reply as a card keeps it until quiet hours end."""
    return {"kind": reply.KIND, "facts": reply.dump()}


def that_waited(stored: dict[str, Any] | str) -> Reply:
    """Return a reply that `to_wait` stored; an older release stored its words."""
    if isinstance(stored, str):
        return ReplyText(text=stored)
    return REPLIES[stored["kind"]].load(stored["facts"])
