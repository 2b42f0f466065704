"""What each notification looks like: facts in, a message out.

`VIEWS` is the one list of all kinds. A living kind's view gets what its reader found instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bot.services.incidents.notifications import (
    AccessLost,
    AccessStillLost,
    AlertsChannelLost,
    CardMoved,
    CardNotification,
    CardWithdrawn,
    Claimed,
    ClaimExpired,
    ClaimReleased,
    DataAccessEnded,
    DaysLeft,
    Digest,
    GrantEnded,
    IncidentResolved,
    LatePostsDecided,
    LinkSent,
    OutdatedCard,
    OwnersAsked,
    ReconnectRequest,
    ReplyText,
    Snoozed,
    SnoozeEnded,
)
from bot.services.notifications import (
    AccountsConnected,
    ChannelDecided,
    ChannelRequested,
    ConsentFailed,
    ConsentSettled,
    ConsentWaiting,
    DeletionReceipt,
    FormNotOpened,
    InvitationAnswered,
    InvitationReceived,
    MemberLeft,
    MemberResigned,
    Notification,
    OperatorNeeded,
    OrganizationDeleted,
    OwnerAppointed,
    RoleChanged,
    Welcome,
    WelcomeBack,
    WelcomeGrid,
    WorkspaceJoined,
)
from bot.services.organizations.notifications import (
    AccessAnswered,
    AccessDecided,
    AccessRequested,
    MemberRemoved,
    MemberReturned,
    OrganizationGone,
)
from bot.services.posts.notifications import (
    MessageShared,
    PostAlert,
    PostResult,
    SubmissionDecided,
    SubmissionWaiting,
)
from bot.views import (
    access_requests,
    channels,
    consent,
    deletion,
    incident_replies,
    incidents,
    invitations,
    kit,
    lifecycle,
    members,
    operator,
    organizations,
    reconnect_requests,
    waiting,
)
from bot.views.kit import Message
from bot.views.publishing import faults, result, shared, submissions

if TYPE_CHECKING:
    from adapters.base import Platform

PlatformOf = Callable[[str], "Platform"]
"""Returns a platform's facts by its key."""

VIEWS: Mapping[type[Notification], Callable[[Any, PlatformOf], Message]] = {
    AccessAnswered: lambda one, _: access_requests.answered(one),
    AccessDecided: lambda one, _: access_requests.decided(one),
    AccessRequested: lambda one, _: access_requests.asks(one),
    AccessLost: lambda one, platform: incident_replies.access_lost(one, platform(one.platform)),
    AccessStillLost: lambda one, platform: incident_replies.access_still_lost(one, platform(one.platform)),
    AlertsChannelLost: lambda one, _: incidents.channel_lost(one),
    CardMoved: lambda one, _: incidents.moved(one),
    CardNotification: lambda card, _: incidents.card(card),
    CardWithdrawn: lambda _one, _: incidents.withdrawn(),
    ClaimExpired: lambda one, _: incident_replies.claim_expired(one),
    ClaimReleased: lambda one, _: incident_replies.claim_released(one),
    Claimed: lambda one, _: incident_replies.claimed(one),
    DataAccessEnded: lambda one, platform: incident_replies.data_access_ended(one, platform(one.platform)),
    DaysLeft: lambda one, _: incident_replies.days_left(one),
    Digest: lambda facts, _: incidents.digest(facts),
    GrantEnded: lambda one, platform: incident_replies.grant_ended(one, platform(one.platform)),
    IncidentResolved: lambda one, platform: incident_replies.resolved(one, platform(one.platform)),
    LatePostsDecided: lambda one, _: incident_replies.late_posts_decided(one),
    OutdatedCard: lambda card, _: incidents.outdated(card),
    LinkSent: lambda one, _: incident_replies.link_sent(one),
    OwnersAsked: lambda one, _: incident_replies.owners_asked(one),
    ReconnectRequest: lambda facts, _: reconnect_requests.request(facts),
    ReplyText: lambda one, _: incident_replies.text(one),
    SnoozeEnded: lambda _one, _: incident_replies.snooze_ended(),
    Snoozed: lambda one, _: incident_replies.snoozed(one),
    AccountsConnected: lambda one, platform: consent.news(one, platform(one.platform)),
    ChannelDecided: lambda one, _: channels.decided(one),
    ChannelRequested: lambda one, _: channels.asks(one),
    ConsentFailed: lambda one, platform: consent.failed(one, platform(one.platform)),
    ConsentSettled: lambda one, platform: consent.settled(one, platform(one.platform)),
    ConsentWaiting: lambda one, platform: consent.waiting(one, platform(one.platform)),
    DeletionReceipt: lambda one, platform: deletion.receipt(
        one, {line.platform: platform(line.platform) for line in one.lines}
    ),
    FormNotOpened: lambda one, _: waiting.not_opened(one),
    InvitationAnswered: lambda one, _: invitations.answered(one),
    InvitationReceived: lambda one, _: invitations.message(one),
    MemberLeft: lambda one, _: lifecycle.left(one),
    MemberResigned: lambda one, _: members.resigned(one),
    MemberReturned: lambda one, _: lifecycle.returned(one),
    OperatorNeeded: lambda one, platform: operator.needs_you(one, platform(one.platform)),
    MemberRemoved: lambda one, _: invitations.member_removed(one),
    OrganizationDeleted: lambda one, _: deletion.news(one),
    OrganizationGone: lambda one, _: deletion.gone(one),
    OwnerAppointed: lambda one, _: members.appointed(one),
    MessageShared: lambda one, _: shared.message(one),
    PostAlert: lambda one, platform: faults.alert(one, platform(one.delivery.platform)),
    PostResult: result.message,
    SubmissionDecided: submissions.decided,
    SubmissionWaiting: submissions.card,
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
    " Type `/octapost status` to see how your accounts are doing."
)


def render(kind: type[Notification], facts: object, platform: PlatformOf) -> Message:
    """Return the message for a notification of this kind: an event itself, or what was read for a living one."""
    return VIEWS[kind](facts, platform)


def unreadable() -> Message:
    """Return what stands in for a message that cannot be rendered, so that its channel goes on."""
    return Message(text=UNREADABLE, blocks=[kit.section(UNREADABLE)], ours=True)
