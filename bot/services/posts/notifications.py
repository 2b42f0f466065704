"""What people are told about posts, as facts. See `bot.services.notifications`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.services.notifications import Listener, Living


@dataclass(frozen=True, slots=True, kw_only=True)
class PostResult(Living):
    """What has become of a post so far: one message a post, kept up to date."""

    KIND = "post_result"
    LISTENER = Listener.POST_RESULTS
    EDITS_APART = timedelta(seconds=3)
    post_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostAlert(Living):
    """One account's share of a post needs somebody, before it is due or after it was live."""

    KIND = "post_alert"
    LISTENER = Listener.POST_RESULTS
    post_id: str
    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageShared(Living):
    """A member's message is going to be published by somebody else, and they can object."""

    KIND = "message_shared"
    post_id: str
    author: str
    """The membership of whoever wrote the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionWaiting(Living):
    """A member has submitted a post, and somebody who may publish decides about it."""

    KIND = "submission_waiting"
    LISTENER = Listener.SUBMISSIONS
    submission_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionDecided(Living):
    """Somebody has decided about a submitted post; its author is told."""

    KIND = "submission_decided"
    submission_id: str
