"""What can go wrong when a member asks for something, as facts. The sentences are in `bot.views.errors`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from adapters.base import Platform
from bot.services.permissions import Permission


class ServiceError(Exception):
    """A failure that a member can understand. Each subclass is a code; its fields are the facts.

    Dataclasses with `eq=False`: an exception must stay hashable and let its traceback be set.
    """

    code: ClassVar[str]
    """The name under which it is counted and logged."""


# Who is asking


@dataclass(eq=False)
class ExternalUserError(ServiceError):
    """Someone from another company, in a shared channel, used one of our controls."""

    code = "external_user"


@dataclass(eq=False)
class UnverifiedUserError(ServiceError):
    """Slack did not say in time whether the sender belongs to our Grid organization or to another company."""

    code = "unverified_user"


@dataclass(eq=False)
class NotMemberError(ServiceError):
    """The person is in this workspace, but in none of its organizations."""

    code = "not_member"


@dataclass(eq=False)
class NotAllowedError(ServiceError):
    """The member's role in this organization does not have the permission."""

    code = "not_allowed"
    needed: Permission
    organization: str
    organization_id: str = ""


@dataclass(eq=False)
class AmbiguousOrganizationError(ServiceError):
    """The member is in several organizations, and none of them is the default here."""

    code = "ambiguous_organization"
    organizations: tuple[str, ...]


@dataclass(eq=False)
class NotInstalledError(ServiceError):
    """We hold no token for the workspace."""

    code = "not_installed"


class Ineligible(StrEnum):
    """Why a person cannot be a member of an organization."""

    UNKNOWN = "unknown"
    """Slack knows nobody of that id whom we could see."""
    NOT_IN_WORKSPACE = "not_in_workspace"
    """A bot, somebody who was deactivated, or somebody of another company."""
    GUEST = "guest"


# What was typed or chosen


@dataclass(eq=False)
class InvalidInputError(ServiceError):
    """What was typed or chosen cannot be used. Nothing was changed. The base of more precise errors."""

    code = "bad_input"


@dataclass(eq=False)
class IneligiblePersonError(InvalidInputError):
    """The chosen person cannot be a member of an organization."""

    why: Ineligible
    name: str = ""
    """As Slack shows it; empty for the sender themselves."""


class NameFault(StrEnum):
    """Why an organization cannot have a name."""

    TAKEN = "taken"
    """Another organization of a workspace has a name that looks the same."""
    TOO_LONG = "too_long"
    INVISIBLE = "invisible"
    """None of its characters can be seen."""


@dataclass(eq=False)
class OrganizationNameError(InvalidInputError):
    """An organization cannot have this name."""

    fault: NameFault
    name: str
    most: int = 0
    """How many characters a name may have, where it is too long."""


@dataclass(eq=False)
class UnknownMemberError(InvalidInputError):
    """The person is not a member of the organization."""

    organization: str


@dataclass(eq=False)
class LastOwnerError(InvalidInputError):
    """The organization would be left without an owner."""

    organization: str


@dataclass(eq=False)
class NotConfirmedError(InvalidInputError):
    """What was typed to confirm is not the organization's name."""

    organization: str


@dataclass(eq=False)
class OrganizationOwnedError(InvalidInputError):
    """The organization has an owner, so the operator appoints none."""

    organization: str
    owners: tuple[str, ...]
    """Their user ids."""


@dataclass(eq=False)
class OrganizationNotFoundError(InvalidInputError):
    """No organization of the installation has this id or name, or several have the name."""

    typed: str
    ids: tuple[str, ...] = ()
    """Those of the name, where there are several."""


@dataclass(eq=False)
class InvalidJoinCodeError(InvalidInputError):
    """The code is unknown, used, expired or revoked, or whoever made it can no longer invite."""


@dataclass(eq=False)
class LookalikeOrganizationError(InvalidInputError):
    """The workspace has an organization whose name looks like the one that would join."""

    organization: str


@dataclass(eq=False)
class ChannelAlreadyRequestedError(InvalidInputError):
    """The admins of the organization were asked for the channel within the last week."""

    organization: str


@dataclass(eq=False)
class NothingChosenError(InvalidInputError):
    """No account was chosen."""


@dataclass(eq=False)
class BlockedAccountError(InvalidInputError):
    """The chosen account cannot be connected."""

    name: str
    blocker: str
    """Why: a `Blocker`, or that it is connected already."""
    platform: Platform


@dataclass(eq=False)
class UnknownPlatformError(ServiceError):
    """The word names no platform."""

    code = "unknown_platform"
    word: str
    offered: tuple[str, ...]
    """The names of the platforms that can be connected."""
    near: tuple[str, ...] = ()
    """The names of those that were probably meant."""


@dataclass(eq=False)
class PlatformNotSetUpError(ServiceError):
    """The operator configured no app for the platform."""

    code = "platform_not_set_up"
    platform: str
    offered: tuple[str, ...]


class Thing(StrEnum):
    """What a button, a modal or a link can refer to."""

    ACCOUNT = "account"
    ACCOUNT_SET = "account_set"
    """Accounts that are chosen together."""
    ACCOUNT_CHOICES = "account_choices"
    """The accounts that a sign-in showed, to choose from."""
    GRANT = "grant"
    ACCOUNT_GRANT = "account_grant"
    """The grant of an account that is there."""
    PLATFORM = "platform"
    PAGE = "page"
    """Of a list."""
    INCIDENT = "incident"
    POST = "post"
    DRAFT = "draft"
    FILE = "file"
    """Attached to a post."""
    MEMBER = "member"
    INVITATION = "invitation"
    JOIN_CODE = "join_code"
    CHOICE = "choice"
    """An option of a form or menu."""
    FORM = "form"


@dataclass(eq=False)
class NotFoundError(ServiceError):
    """The thing does not exist any more, or belongs to another organization: the two read the same."""

    code = "not_found"
    thing: Thing


@dataclass(eq=False)
class NoAlertsChannelError(ServiceError):
    """The organization has chosen no alerts channel."""

    code = "no_alerts_channel"


@dataclass(eq=False)
class UnknownAccountError(InvalidInputError):
    """No account of the organization is called that."""

    typed: str
    near: tuple[str, ...] = ()
    """What those are called that were probably meant."""


@dataclass(eq=False)
class ChannelRefusedError(InvalidInputError):
    """Slack does not let us post in a channel; `reason` is its error code."""

    reason: str


@dataclass(eq=False)
class ChannelElsewhereError(InvalidInputError):
    """The alerts channel is in another workspace than the member."""


@dataclass(eq=False)
class AlreadyResolvedError(ServiceError):
    """Somebody has already done what the button offers."""

    code = "already_resolved"


@dataclass(eq=False)
class PostDecidedError(AlreadyResolvedError):
    """Somebody has decided about a post already, or it is out."""

    code = "post_decided"


@dataclass(eq=False)
class PostSettledError(ServiceError):
    """The post is out everywhere, or cancelled, so there is nothing left to change."""

    code = "post_settled"


@dataclass(eq=False)
class PostChangedError(ServiceError):
    """Something was decided about the post since the form that changes it was opened."""

    code = "post_changed"


@dataclass(eq=False)
class PostOutError(ServiceError):
    """The post is going out to these accounts, or is live there, so it can't be changed there."""

    code = "post_out"
    accounts: tuple[str, ...]


class Limit(StrEnum):
    """What one organization or person can have too many of."""

    CONNECT_LINKS = "connect_links"
    ORGANIZATIONS_A_DAY = "organizations_a_day"
    CHANNEL_REQUESTS_A_DAY = "channel_requests_a_day"
    JOIN_CODES = "join_codes"
    ACCESS_REQUESTS_A_DAY = "access_requests_a_day"
    SUBMISSIONS = "submissions"
    """Posts of one member that wait for somebody who may publish them."""


@dataclass(eq=False)
class LimitReachedError(ServiceError):
    """A limit that protects everybody is reached."""

    code = "limit_reached"
    limit: Limit
    most: int = 0
    """The limit itself, where the sentence names it."""
    organization: str = ""
