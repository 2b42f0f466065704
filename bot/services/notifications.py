"""What people are told outside a request, as facts. `bot.views.messages` turns each kind into a message.

The outbox keeps a kind and its facts, put there with the change that made them true
(`bot.services.outbox`); `bot.slack.sender` renders them when they go out. An *event* holds the facts of the
moment it was stored. A *living* notification holds ids: a service reads the facts when it goes out, and says
whether the recipient may still see them.

Facts hold ids, codes, times and names. A name is a person's own words: the view escapes it. No fact is a
secret or a one-time link: a button makes the link when it is pressed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import TypeAdapter
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters import base
from adapters.base import PlatformError
from bot.services.accounts.problems import BlockedAccount, CannotPublish
from bot.services.accounts.revoking import RevocationResult
from bot.services.accounts.sign_in_as import SignInAs
from storage.organization_summaries import Summary


class Listener(StrEnum):
    """Who is told whether a message was delivered. The values are stored in the outbox."""

    INCIDENT_CARDS = "incident"
    POST_RESULTS = "post"
    SUBMISSIONS = "submission"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Facts a person is told. A subclass is a kind."""

    KIND: ClassVar[str]
    """The name under which the outbox stores it. Never reuse one for other facts: old rows are still sent."""
    LISTENER: ClassVar[Listener | None] = None
    EDITS_APART: ClassVar[timedelta] = timedelta(0)
    """How long at least two edits of its message are apart."""

    def dump(self) -> dict[str, Any]:
        """Return the facts as JSON."""
        facts: dict[str, Any] = _facts_of(type(self)).dump_python(self, mode="json")
        return facts

    @classmethod
    def load(cls, facts: dict[str, Any]) -> Self:
        """Return the notification that `dump` gave these facts for.

        Raises:
            ValueError: The facts are not of this kind.

        """
        loaded: Self = _facts_of(cls).validate_python(facts)
        return loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Living(Notification):
    """A notification that holds ids; a reader looks up what it says when it goes out."""

    organization_id: str


Reader = Callable[[AsyncSession, Any], Awaitable[object | None]]
"""Returns what a living notification says now; None: nothing, or its recipient may not see it any more."""

_ADAPTERS: dict[type[Notification], TypeAdapter[Any]] = {}


def _facts_of(kind: type[Notification]) -> TypeAdapter[Any]:
    """Return what turns this kind into JSON and back. Built once: that takes a millisecond."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


# Connecting accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A platform call that failed: the name of a `PlatformError`, and its code."""

    verdict: str
    code: str

    @classmethod
    def of(cls, error: PlatformError) -> Self:
        """Return the facts of an error."""
        return cls(verdict=type(error).__name__, code=error.code)

    @property
    def error(self) -> PlatformError:
        """The error these are the facts of."""
        kind: type[PlatformError] = getattr(base, self.verdict)
        return kind(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentSettled(Notification):
    """A member consented, and this is what came of it."""

    KIND = "consent_settled"
    organization_id: str
    organization: str
    platform: str
    app: str
    attached: tuple[str, ...] = ()
    """Names of the accounts that are connected now, and were not before."""
    renewed: tuple[str, ...] = ()
    cannot_publish: tuple[CannotPublish, ...] = ()
    """Those of them that can't publish."""
    grant_id: str = ""
    """The grant that holds them, for the button that reconnects it."""
    to_choose: int = 0
    """How many usable accounts the member has to choose from."""
    discovery_id: str = ""
    """Where the choice is kept; empty: there is none."""
    blocked: tuple[BlockedAccount, ...] = ()
    hints: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """The scopes that were not granted."""
    shared: bool = False
    """Another organization uses the same sign-in."""
    wrong: tuple[str, str] | None = None
    """On a reconnect as somebody else: who was expected, and who signed in."""
    left_out: tuple[str, ...] = ()
    """Accounts a reconnect was meant for and this sign-in does not cover."""
    reconnects: str = ""
    """The grant it was meant to renew; empty: it was for a new connection."""
    chosen_by: str = ""
    """The user id of the member who has chosen from these accounts; empty: nobody has yet."""


class ConsentProblem(StrEnum):
    """Why a trip to a platform connected nothing."""

    DECLINED = "declined"
    """The member pressed Cancel there."""
    MISSING_PRODUCT = "missing_product"
    """Our app at the platform may not ask for what it needs."""
    OUR_FAULT = "our_fault"
    """The platform lets nobody sign in with our app; `code` says why."""
    STOPPED = "stopped"
    """The platform sent an error; `code` says which, if it is printable."""
    LATE = "late"
    """The member came back after the trip had expired."""
    ELSEWHERE = "elsewhere"
    """The member came back in another browser than the one the trip began in."""
    NOT_ACCEPTED = "not_accepted"
    """The platform refused the consent; `failure` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentFailed(Notification):
    """A member's trip to a platform connected nothing."""

    KIND = "consent_failed"
    organization_id: str
    platform: str
    app: str
    problem: ConsentProblem
    code: str = ""
    failure: Failure | None = None
    reconnects: str = ""
    """The grant it was meant to renew; empty: it was for a new connection. The next try is for the same."""
    sign_in_as: SignInAs | None = None
    """On a reconnect, whom to sign in as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWaiting(Notification):
    """A consent is stored, and the platform did not say which accounts it covers."""

    KIND = "consent_waiting"
    organization_id: str
    platform: str
    grant_id: str
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsConnected(Notification):
    """Somebody connected accounts; the other admins are told."""

    KIND = "accounts_connected"
    organization: str
    platform: str
    accounts: tuple[str, ...]
    cannot_publish: tuple[CannotPublish, ...] = ()
    """Those of them that can't publish."""


# Organizations and people


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome(Notification):
    """The app was installed in a workspace, and the installer owns its first organization."""

    KIND = "welcome"
    workspace: str
    organization: str
    organization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomeGrid(Notification):
    """The app was installed for a whole Grid, and no workspace has been named yet."""

    KIND = "welcome_grid"
    grid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomeBack(Notification):
    """The app was removed from a workspace and added again."""

    KIND = "welcome_back"
    workspace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft(Notification):
    """Slack deactivated a member; the admins are told."""

    KIND = "member_left"
    user_id: str
    organization: str
    owners: int
    """How many owners the organization has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberResigned(Notification):
    """A member left the organization themselves; the admins are told."""

    KIND = "member_resigned"
    user_id: str
    organization: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerAppointed(Notification):
    """Whoever runs the installation made somebody the owner of an organization without one; all members are told."""

    KIND = "owner_appointed"
    user_id: str
    organization: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationDeleted(Notification):
    """An owner deleted the organization; its other admins and owners are told."""

    KIND = "organization_deleted"
    organization: str
    user_id: str
    """Who did it."""
    accounts: int
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLine:
    """What came of one account of a deleted organization."""

    account: str
    """Its name; empty: a sign-in from which no account was chosen."""
    platform: str
    result: RevocationResult
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionReceipt(Notification):
    """What the platforms confirmed of a deleted organization's sign-ins; its owners are told."""

    KIND = "deletion_receipt"
    organization: str
    receipt: str
    deleted_at: datetime
    lines: tuple[ReceiptLine, ...]
    part: int
    """Which of `parts` messages this is."""
    parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceJoined(Notification):
    """Another workspace joined with a one-time code; the owners are told."""

    KIND = "workspace_joined"
    organization: str
    workspace: str
    by_name: str
    """The name of whoever used the code."""
    role: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationReceived(Notification):
    """An invitation, as the invited person sees it."""

    KIND = "invitation_received"
    invitation_id: str
    organization: Summary
    realm: str
    """Where the invited person's user id is unique."""
    role: int
    expires_at: datetime
    invited_by: str | None
    """The user id of whoever invited them; None: they have left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationAnswered(Notification):
    """An invited person accepted or declined; whoever invited them is told."""

    KIND = "invitation_answered"
    organization: str
    user_id: str
    role: int | None
    """The role they have now; None: they declined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged(Notification):
    """A member's role was changed by somebody else."""

    KIND = "role_changed"
    organization: str
    role: int
    changed_by: str
    """The user id of whoever changed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRequested(Notification):
    """Somebody asks that a channel be about another organization; the admins of its present one decide."""

    KIND = "channel_requested"
    request_id: str
    organization_id: str
    organization: str
    wanted: Summary
    realm: str
    channel_id: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDecided(Notification):
    """An admin decided about a member's request for a channel."""

    KIND = "channel_decided"
    channel_id: str
    wanted: str
    approved: bool


# The installation


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorNeeded(Notification):
    """A platform needs whoever runs this installation."""

    KIND = "operator_needed"
    platform: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormNotOpened(Notification):
    """Slack did not open a form in time; the button opens it."""

    KIND = "form_not_opened"
    action_id: str
    value: str
