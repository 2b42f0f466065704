"""What our plain pages say: a title and a few sentences, first what happened, then what to do.

Words between backticks are shown as code. The pages about connecting an account are in `bot.views.pages`.
"""

from __future__ import annotations

from dataclasses import dataclass

BACK_TO_SLACK, OPEN_SLACK, ADD_TO_SLACK = "Back to Slack", "Open Slack", "Add to Slack"
"""What links say."""
DIDNT_WORK = "That didn't work"
REFUSALS = {
    400: "This request is malformed or ambiguous, so nothing was done with it.",
    413: "This request is larger than anything Octapost accepts, so nothing was done with it.",
    415: "Octapost accepts no compressed requests. Send it again without Content-Encoding.",
    417: "Octapost doesn't know what this request expects. Send it again without Expect.",
    431: "The headers of this request are larger than anything Octapost accepts.",
}
"""HTTP status -> the sentence for a client whose request was refused before it reached a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPage:
    """A page of a few sentences."""

    title: str
    sentences: tuple[str, ...]
    status: int = 200
    good: bool = False
    """The person got what they came for."""


# Requests that no page can answer

NOT_FOUND = PlainPage(
    title="There is nothing here",
    sentences=("This address leads nowhere.", "Go back to Slack and type `/octapost help`."),
    status=404,
)
WRONG_METHOD = PlainPage(title=DIDNT_WORK, sentences=("This address can't be used that way.",), status=405)
DAMAGED_ADDRESS = PlainPage(
    title=DIDNT_WORK,
    sentences=("The address that brought you here is damaged, so nothing was done with it.",),
    status=400,
)


def too_large(status: int) -> PlainPage:
    """Return the page for a request that is too large."""
    return PlainPage(
        title=DIDNT_WORK, sentences=("The request was larger than anything we accept.",), status=status
    )


def nonsense(status: int) -> PlainPage:
    """Return the page for any other request that HTTP refuses."""
    return PlainPage(title=DIDNT_WORK, sentences=("The request made no sense.",), status=status)


def refused(sentence: str) -> PlainPage:
    """Return the page for an error of a service, whose sentence is given."""
    return PlainPage(title=DIDNT_WORK, sentences=(sentence,), status=400)


def our_fault(number: str) -> PlainPage:
    """Return the page for a fault of ours, with the number under which the log has it."""
    return PlainPage(
        title="Something broke on our side",
        sentences=(
            "Nothing was connected or changed that you can't see in Slack.",
            f"Try again in a minute. If it stays, tell whoever runs Octapost the number {number}.",
        ),
        status=500,
    )


def too_many(wait_s: int) -> PlainPage:
    """Return the page for a client that sends too many requests."""
    return PlainPage(
        title="One moment, please",
        sentences=(
            "Your network asked for more pages than we hand out in a minute.",
            f"Wait {wait_s} seconds, then load this page again.",
        ),
        status=429,
    )


# Installing

NOT_APPROVED = PlainPage(
    title="Octapost was not added",
    sentences=(
        "Slack sent you back without its approval, so nothing was stored.",
        "If your workspace needs an admin's approval, ask one of them to open this page.",
    ),
)
INSTALLATION_EXPIRED = PlainPage(
    title="This installation can't be finished here",
    sentences=(
        "It is more than 10 minutes old, was finished before, or was started in another browser.",
        "Start again, in this browser.",
    ),
    status=400,
)
INSTALLATION_FAILED = PlainPage(
    title="Slack didn't finish the installation",
    sentences=(
        "Nothing was stored.",
        "Start again in a minute. If it stays, whoever runs Octapost has to look at its Slack app.",
    ),
    status=502,
)


def installed(workspace: str, *, greeted: bool) -> PlainPage:
    """Return the page after an installation; `workspace` is the name of the workspace or Grid organization.

    `greeted`: the installer is sent a message.
    """
    if not greeted:
        return PlainPage(
            title=f"Octapost is in {workspace}",
            sentences=(
                "It was set up there before. Organizations, people and accounts stay as they are.",
                "Type `/octapost` in any channel to go on.",
            ),
            good=True,
        )
    return PlainPage(
        title=f"Octapost is in {workspace}",
        sentences=(
            "It sent you a message in Slack that says what to do first.",
            "Or type `/octapost` in any channel.",
        ),
        good=True,
    )


# Deletion requests


def unknown_deletion(site: str) -> PlainPage:
    """Return the page for a code that belongs to no deletion request; `site` is where such codes are shown."""
    return PlainPage(
        title="We don't know this deletion request",
        sentences=(
            "No deletion request with this code is known here, so this page can't say what became of it.",
            (
                f"Check that the address is complete. If {site} gave it to you as it is, ask whoever runs"
                " this installation of Octapost."
            ),
        ),
        status=404,
    )


def deleted(site: str) -> PlainPage:
    """Return the page about a deletion request, which is carried out before a person gets its code."""
    return PlainPage(
        title="Your deletion request was carried out",
        sentences=(
            (
                f"Every sign-in with {site} from before your request has ended, and its tokens were deleted"
                " before you got this address. If you have signed in again since then, that sign-in still works."
            ),
            "The Pages and accounts themselves belong to their organizations and stay there.",
        ),
    )
