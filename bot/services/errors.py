"""What can go wrong in front of a member, and the words they get.

Adapters speak in verdicts and codes; this module turns both into sentences: what happened, and what
to do now. `str(error)` of an `OctapostError` is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from adapters.base import (
    Blocker,
    Busy,
    GrantDead,
    Hint,
    Misconfigured,
    OutcomeUnknown,
    PlatformError,
    Rejected,
    TokenRefused,
)
from bot.views.kit import listed
from storage.models import Role


class OctapostError(Exception):
    """A failure a member can understand. `str(error)` is the sentence they read."""


class UnknownPlatform(OctapostError):
    """The command named a platform we do not have, or one this installation has no app for."""

    def __init__(
        self, word: str, offered: Iterable[str], *, configured: bool = False, nearest: str = ""
    ) -> None:
        names = ", ".join(offered) or "none yet"
        if configured:
            super().__init__(
                f"{word} isn't set up on this installation of Octapost. Ask whoever runs it to add a {word} app;"
                f" ready to connect: {names}."
            )
        else:
            guess = f" Did you mean {nearest}?" if nearest else ""
            super().__init__(f"I don't know a platform called “{word}”.{guess} Ready to connect: {names}.")


class NotAllowed(OctapostError):
    """The member's role in this organization is too low."""

    def __init__(self, needed: Role, organization: str, who: str = "") -> None:
        ask = f" Ask {who}." if who else " Ask one of them."
        some = "an owner" if needed is Role.OWNER else "an admin"
        super().__init__(
            f"This needs {some} of {organization}.{ask} `/octapost org members` shows who they are."
        )


class Stranger(OctapostError):
    """Someone from another company, in a shared channel, used one of our controls."""

    def __init__(self) -> None:
        super().__init__("This belongs to the other company in this channel, so I can't act on it for you.")


class NotSure(OctapostError):
    """Slack did not say, in time, whether the sender is of our Grid organization or of another company."""

    def __init__(self) -> None:
        super().__init__(
            "Slack hasn't told me in time which company you belong to, so nothing was done."
            " Please try that again in a moment."
        )


class NotMember(OctapostError):
    """A person of this workspace who is in none of its organizations."""

    def __init__(self, owners: str = "") -> None:
        ask = f"Ask {owners} to add you" if owners else "Ask one of its owners to add you"
        super().__init__(
            "You aren't a member of an Octapost organization in this workspace yet."
            f" {ask} with `/octapost org invite @you`, or start your own with `/octapost org create NAME`."
        )


class WhichOrganization(OctapostError):
    """A member of several organizations asked where none of them is the default."""

    def __init__(self, names: Iterable[str]) -> None:
        yours = listed(names)
        super().__init__(
            f"You are in several organizations here ({yours}), and this channel isn't about one of them yet."
            " Type `/octapost org switch NAME` to choose."
        )


class NotInstalled(OctapostError):
    """Slack sent us something from a workspace we have no token for."""

    def __init__(self) -> None:
        super().__init__(
            "Octapost isn't installed in this workspace any more. A workspace admin can add it again."
        )


AGAIN = "Please begin anew."
"""What to do about a form or a choice that says something else by now."""


class Gone(OctapostError):
    """The thing a button, a modal or a link was about is not there, or belongs to somebody else."""

    def __init__(self, what: str = "That", then: str = "Type `/octapost accounts` to see what is.") -> None:
        super().__init__(f"{what} isn't there any more. {then}")


class NoChannel(OctapostError):
    """Something about the alerts channel was asked for, and none is chosen."""

    def __init__(self) -> None:
        super().__init__("No alerts channel is chosen yet. Type `/octapost alerts` to choose one.")


class Settled(OctapostError):
    """What a button offers to do has been done, by whomever."""

    def __init__(self) -> None:
        super().__init__("Already done: nobody is needed any more. `/octapost status` shows how things are.")


class TooMany(OctapostError):
    """A limit that protects everybody."""


class BadInput(OctapostError):
    """What was typed does not work; the sentence says what would."""

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


BLOCKED: dict[Blocker, tuple[str, str]] = {
    Blocker.NO_CREATE_CONTENT: (
        "your role on this Page can't create content",
        "Ask a Page admin to give you “Content” access in Meta Business Suite, then connect again.",
    ),
    Blocker.NO_PAGE_TOKEN: (
        "Facebook lets you see this Page but not act as it",
        "Ask a Page admin for full or task access to the Page, then connect again.",
    ),
    Blocker.NOT_TICKED: (
        "it wasn't ticked in Facebook's dialog",
        "Connect again and choose “Edit settings” to tick it.",
    ),
    Blocker.NO_INSTAGRAM: (
        "no Instagram account is linked to this Page",
        "Link a professional Instagram account to the Page in Meta Business Suite, then connect again.",
    ),
    Blocker.INSTAGRAM_PERSONAL: (
        "its Instagram account is personal",
        "In the Instagram app, switch it to a professional account (Business or Creator), then connect again.",
    ),
    Blocker.NOT_PAGE_ADMIN: (
        "your role on this company page can't post",
        "Ask one of its super admins to make you a super or content admin, then connect again.",
    ),
    Blocker.SUSPENDED: (
        "the platform has suspended or restricted it",
        "Sign in there and follow what it asks of you, then connect again.",
    ),
}
"""Why an account cannot be used, and the fix. A test checks that every Blocker is here."""

HINTS: dict[Hint, str] = {
    Hint.NO_PAGES_TICKED: (
        "Facebook gave us no Pages. Connect again and tick the Pages you want in Facebook's dialog"
        " (“Edit settings” shows them); only Pages work, not personal profiles or groups."
    ),
    Hint.NO_PROFESSIONAL_ACCOUNT: (
        "None of your Pages has a professional Instagram account. Switch the account to Business or Creator in the"
        " Instagram app, link it to a Facebook Page, then connect again."
    ),
    Hint.BUSINESS_MANAGEMENT_MISSING: (
        "Pages that belong to a business portfolio stay hidden without the `business_management` permission."
        " If one is missing, connect again and leave that permission ticked."
    ),
    Hint.NO_CHANNEL: (
        "This Google account has no YouTube channel. Open youtube.com, choose “Create a channel” from your"
        " picture at the top right, then connect again."
    ),
    Hint.NO_COMPANY_PAGE: (
        "You don't administer a LinkedIn company page. Ask a super admin of the page to make you one,"
        " then connect again."
    ),
    Hint.PAGES_NEED_PAGE_APP: (
        "This connects your own profile. Company pages need LinkedIn's Community Management product,"
        " which this installation's LinkedIn app doesn't have."
    ),
}
"""Why discovery found less than expected, and the fix. A test checks that every Hint is here."""


def explain(error: PlatformError, platform: str) -> str:
    """Return one sentence or two for the member: what happened, and what they should do now."""
    match error:
        case GrantDead():
            return f"{platform} ended our access. Press Reconnect; your scheduled posts are safe."
        case Busy() | TokenRefused():
            return f"{platform} is busy or down right now. Nothing is lost; try again in a few minutes."
        case OutcomeUnknown():
            return f"{platform} didn't confirm in time. Nothing was connected; please start again."
        case Rejected():
            return f"{platform} didn't accept this sign-in (code `{error.code}`). Please start again."
        case Misconfigured() | _:
            return (
                f"That's on us, not on you or {platform}: this installation's {platform} app was refused"
                f" (code `{error.code}`). Whoever runs Octapost has to fix it."
            )
