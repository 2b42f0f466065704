"""Failures in words: what happened, and what to do now."""

from __future__ import annotations

from functools import singledispatch

from adapters.base import (
    Blocker,
    Busy,
    GrantDead,
    Misconfigured,
    OutcomeUnknown,
    Platform,
    PlatformError,
    Rejected,
    TokenRefused,
)
from bot.services.errors import (
    AlreadyResolvedError,
    AmbiguousOrganizationError,
    BlockedAccountError,
    ChannelAlreadyRequestedError,
    ChannelElsewhereError,
    ChannelRefusedError,
    ExternalUserError,
    Ineligible,
    IneligiblePersonError,
    InvalidJoinCodeError,
    LastOwnerError,
    Limit,
    LimitReachedError,
    LookalikeOrganizationError,
    NameFault,
    NoAlertsChannelError,
    NotAllowedError,
    NotConfirmedError,
    NotFoundError,
    NothingChosenError,
    NotInstalledError,
    NotMemberError,
    OrganizationNameError,
    OrganizationNotFoundError,
    OrganizationOwnedError,
    PlatformNotSetUpError,
    PostChangedError,
    PostDecidedError,
    PostOutError,
    PostSettledError,
    ServiceError,
    Thing,
    UnknownAccountError,
    UnknownMemberError,
    UnknownPlatformError,
    UnverifiedUserError,
)
from bot.services.permissions import lowest_role
from bot.views.blockers import BLOCKED, blocked, why_not
from bot.views.kit import cut, listed, some
from bot.views.roles import article

START_OVER = "Please start again."
"""What to do about a form or a choice that means something else by now."""

WITHOUT_FACTS: dict[type[ServiceError], str] = {
    ExternalUserError: "This belongs to the other company in this channel, so I can't act on it for you.",
    UnverifiedUserError: (
        "Slack didn't tell me in time which company you belong to, so I did nothing. Try again in a moment."
    ),
    NotMemberError: "You aren't a member of an Octapost organization in this workspace yet.",
    NotInstalledError: (
        "Octapost isn't installed in this workspace any more. A workspace admin can add it again."
    ),
    NothingChosenError: "Choose at least one account, or close this and come back later.",
    NoAlertsChannelError: "No alerts channel is chosen yet. Type `/octapost alerts` to choose one.",
    ChannelElsewhereError: (
        "Your alerts channel is in another workspace. Type `/octapost alerts` there to test it."
    ),
    InvalidJoinCodeError: (
        "That code doesn't work any more. Codes work once, for 24 hours; ask an owner for a new one."
    ),
    PostSettledError: "This post is out, on its way or cancelled. Duplicate it to write another one like it.",
    PostChangedError: (
        "Someone changed this post while you were editing it, so I saved nothing. Copy what you need, close this form"
        " and edit the post again."
    ),
    AlreadyResolvedError: "This is already sorted. `/octapost status` shows how your accounts are doing.",
    PostDecidedError: "Someone has already decided about this post, or it's out. Type `/octapost posts` to see it.",
}

NAMED = {
    Thing.ACCOUNT: "That account",
    Thing.ACCOUNT_SET: "That account set",
    Thing.ACCOUNT_CHOICES: "That list of accounts",
    Thing.GRANT: "That sign-in",
    Thing.ACCOUNT_GRANT: "Its sign-in",
    Thing.PLATFORM: "That platform",
    Thing.PAGE: "That page",
    Thing.INCIDENT: "That card",
    Thing.POST: "That post",
    Thing.DRAFT: "That draft",
    Thing.FILE: "A file of this post",
    Thing.MEMBER: "That member",
    Thing.INVITATION: "That invitation",
    Thing.JOIN_CODE: "That code",
    Thing.CHOICE: "That choice",
    Thing.FORM: "That form",
}
THEN = {
    Thing.ACCOUNT_SET: "Type `/octapost sets` to see what is.",
    Thing.ACCOUNT_CHOICES: "Type `/octapost connect` to sign in again.",
    Thing.INVITATION: START_OVER,
    Thing.JOIN_CODE: "Type `/octapost org codes` to see which are open.",
    Thing.CHOICE: START_OVER,
    Thing.FORM: START_OVER,
}
"""What to do about a thing that isn't there; for the others, look at the accounts."""


CHANNEL_REFUSED = {
    "not_in_channel": "I'm not in that channel. Type /invite @Octapost there, then save this again.",
    "channel_not_found": "I can't see that channel. Type /invite @Octapost there, then save this again.",
    "is_archived": "That channel is archived. Choose another one.",
}
"""What a person can do about a channel that didn't take our first message."""


@singledispatch
def sentence(error: ServiceError) -> str:
    """Return what the person reads. Every `ServiceError` has its words here or in `WITHOUT_FACTS`."""
    return WITHOUT_FACTS[type(error)]


@sentence.register
def _(error: NotAllowedError) -> str:
    some = article(lowest_role(error.needed))
    return f"This needs {some} of {error.organization}. `/octapost org members` shows who they are."


@sentence.register
def _(error: AmbiguousOrganizationError) -> str:
    return (
        f"You're in several organizations here ({listed(error.organizations)}), and I can't tell which one"
        " you mean. Try again in a channel that has a default."
    )


@sentence.register
def _(error: IneligiblePersonError) -> str:
    match error.why:
        case Ineligible.UNKNOWN:
            return "Slack doesn't know that person in this workspace."
        case Ineligible.NOT_IN_WORKSPACE:
            return f"{error.name or 'You'} can't be a member: only people in this workspace can."
        case Ineligible.GUEST if error.name:
            return f"{error.name} is a guest of this workspace, and guests can't be members."
        case Ineligible.GUEST:
            return "You can't do that as a guest of this workspace."


@sentence.register
def _(error: OrganizationNameError) -> str:
    match error.fault:
        case NameFault.TAKEN:
            return (
                f"A name that looks like {error.name} is already taken in this workspace."
                " Choose one that can't be confused with it."
            )
        case NameFault.TOO_LONG:
            return f"That name has {len(error.name)} characters. The limit is {error.most}."
        case NameFault.INVISIBLE:
            return "That name has no visible characters. Choose one that people can read."


@sentence.register
def _(error: UnknownAccountError) -> str:
    unknown = f"No account here is called “{cut(error.typed, 60)}”."
    if error.near:
        return f"{unknown} Did you mean {listed(error.near, 'or')}?"
    return f"{unknown} `/octapost accounts` shows their names."


@sentence.register
def _(error: UnknownMemberError) -> str:
    return f"They aren't a member of {error.organization}. `/octapost org members` shows who is."


@sentence.register
def _(error: LastOwnerError) -> str:
    return f"{error.organization} needs at least one owner. Make someone else an owner first."


@sentence.register
def _(error: NotConfirmedError) -> str:
    return f"That isn't the organization's name. Type {error.organization} to delete it."


@sentence.register
def _(error: OrganizationOwnedError) -> str:
    return (
        f"{error.organization} already has an owner ({listed(error.owners)}), who can add another in Slack with"
        " /octapost org role @person owner. Nothing changed."
    )


@sentence.register
def _(error: OrganizationNotFoundError) -> str:
    if error.ids:
        ids = listed(error.ids, "or")
        return f"Several organizations are called {error.typed}. Use one of these ids instead: {ids}."
    return f"No organization here has the name or id {error.typed}."


@sentence.register
def _(error: LookalikeOrganizationError) -> str:
    return (
        f"This workspace already has an organization whose name looks like {error.organization}."
        " Ask one of the two owners to rename theirs, then use your code again."
    )


@sentence.register
def _(error: ChannelAlreadyRequestedError) -> str:
    return (
        f"Someone already asked the admins of {error.organization} for this in the last week."
        " If it's urgent, talk to one of them."
    )


@sentence.register
def _(error: PostOutError) -> str:
    many = len(error.accounts) > 1
    return (
        f"The post is already going out to {some(error.accounts)}, so I changed nothing. Take"
        f" {'these accounts' if many else 'that account'} out to change it for the others."
    )


@sentence.register
def _(error: ChannelRefusedError) -> str:
    return channel_refused(error.reason)


@sentence.register
def _(error: BlockedAccountError) -> str:
    return why_not(error.name, error.blocker, error.platform)


@sentence.register
def _(error: UnknownPlatformError) -> str:
    guess = f" Did you mean {listed(error.near, 'or')}?" if error.near else ""
    return f"I don't know a platform called “{error.word}”.{guess} Ready to connect: {_names(error.offered)}."


@sentence.register
def _(error: PlatformNotSetUpError) -> str:
    return (
        f"{error.platform} isn't set up on this installation of Octapost. Ask whoever runs it to add"
        f" a {error.platform} app; ready to connect: {_names(error.offered)}."
    )


@sentence.register
def _(error: NotFoundError) -> str:
    return not_there(NAMED[error.thing], THEN.get(error.thing))


@sentence.register
def _(error: LimitReachedError) -> str:
    match error.limit:
        case Limit.CONNECT_LINKS:
            return "You've asked for a lot of links in the last minute. Use the newest one, or try again in a minute."
        case Limit.ORGANIZATIONS_A_DAY:
            return f"You've created {error.most} organizations in 24 hours, which is the limit. Try again tomorrow."
        case Limit.CHANNEL_REQUESTS_A_DAY:
            return (
                f"You've asked for {error.most} channels in 24 hours, which is the limit. Try again tomorrow."
            )
        case Limit.ACCESS_REQUESTS_A_DAY:
            return f"You've asked for access {error.most} times in 24 hours, which is the limit. Try again tomorrow."
        case Limit.SUBMISSIONS:
            return (
                f"{error.most} of your posts are waiting for an admin, which is the limit. Ask one to look at them;"
                " this one is kept as a draft."
            )
        case Limit.JOIN_CODES:
            return (
                f"{error.organization} already has {error.most} open codes, which is the limit."
                " Revoke one with `/octapost org codes`, or wait until one expires."
            )


def on_page(error: ServiceError) -> str:
    """Return what a person reads on a page in the browser, where no button asks for access."""
    if isinstance(error, NotMemberError):
        return f"{sentence(error)} Type `/octapost org` in Slack to ask for access."
    return sentence(error)


def not_there(what: str, then: str | None = None) -> str:
    """Return that something is gone, and what to do."""
    return f"{what} isn't there any more. {then or 'Type `/octapost accounts` to see what is.'}"


def channel_refused(code: str) -> str:
    """Return why a channel can't be used, and what to do; `code` is Slack's."""
    return CHANNEL_REFUSED.get(code, f"Slack doesn't let me post there ({code}). Choose another channel.")


def _names(platforms: tuple[str, ...]) -> str:
    return ", ".join(platforms) or "none yet"


def explain(error: PlatformError, platform: Platform | None = None) -> str:
    """Return one sentence or two about a platform call that failed: what happened, and what to do now."""
    name = platform.name if platform else "The platform"
    match error:
        case GrantDead():
            return f"{name} ended our access. Press Reconnect."
        case Busy() | TokenRefused():
            return f"{name} is busy or down right now. Nothing is lost; try again in a few minutes."
        case OutcomeUnknown():
            return f"{name} didn't confirm in time. Nothing was connected. Please start again."
        case Rejected(code=code) if code in BLOCKED:
            reason, fix = blocked(Blocker(code), platform)
            return f"This account can't be used: {reason}. {fix}"
        case Rejected():
            return f"{name} didn't accept this sign-in (code `{error.code}`). Please start again."
        case Misconfigured() | _:
            return (
                f"That's on us, not on you: {name} refused this installation's app (code `{error.code}`)."
                " Whoever runs Octapost has to fix it."
            )
