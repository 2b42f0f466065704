"""What each notification looks like: facts in, a message out.

`VIEWS` is the one list of all kinds. A living kind's view gets what its reader found instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bot.services.notifications import (
    AccountsConnected,
    ChannelDecided,
    ChannelRequested,
    ConsentFailed,
    ConsentSettled,
    ConsentWaiting,
    FormNotOpened,
    InvitationAnswered,
    InvitationReceived,
    MemberLeft,
    Notification,
    OperatorNeeded,
    ReplyText,
    RoleChanged,
    Welcome,
    WelcomeBack,
    WelcomeGrid,
    WorkspaceJoined,
)
from bot.views import (
    channels,
    consent,
    incidents,
    invitations,
    kit,
    lifecycle,
    operator,
    organizations,
    waiting,
)
from bot.views.kit import Message

if TYPE_CHECKING:
    from adapters.base import Platform

PlatformOf = Callable[[str], "Platform"]
"""Returns a platform's facts by its key."""

VIEWS: Mapping[type[Notification], Callable[[Any, PlatformOf], Message]] = {
    AccountsConnected: lambda one, platform: consent.news(one, platform(one.platform)),
    ChannelDecided: lambda one, _: channels.decided(one),
    ChannelRequested: lambda one, _: channels.asks(one),
    ConsentFailed: lambda one, platform: consent.failed(one, platform(one.platform)),
    ConsentSettled: lambda one, platform: consent.settled(one, platform(one.platform)),
    ConsentWaiting: lambda one, platform: consent.waiting(one, platform(one.platform)),
    FormNotOpened: lambda one, _: waiting.not_opened(one),
    InvitationAnswered: lambda one, _: invitations.answered(one),
    InvitationReceived: lambda one, _: invitations.message(one),
    MemberLeft: lambda one, _: lifecycle.left(one),
    OperatorNeeded: lambda one, platform: operator.needs_you(one, platform(one.platform)),
    ReplyText: lambda one, _: incidents.line(one.text),
    RoleChanged: lambda one, _: invitations.role_changed(one),
    Welcome: lambda one, _: lifecycle.welcome(one),
    WelcomeBack: lambda one, _: lifecycle.welcome_back(one),
    WelcomeGrid: lambda one, _: lifecycle.welcome_grid(one),
    WorkspaceJoined: lambda one, _: organizations.joined(one),
}
KINDS = {kind.KIND: kind for kind in VIEWS}
"""The kinds by the names under which the outbox stores them."""
UNREADABLE = (
    "Something happened in Octapost, but I couldn't put this message together."
    " Type `/octapost status` to see how things are."
)


def render(kind: type[Notification], facts: object, platform: PlatformOf) -> Message:
    """Return the message for a notification of this kind: an event itself, or what was read for a living one."""
    return VIEWS[kind](facts, platform)


def unreadable() -> Message:
    """Return what stands in for a message that cannot be rendered, so that its channel goes on."""
    return Message(text=UNREADABLE, blocks=[kit.section(UNREADABLE)], ours=True)
