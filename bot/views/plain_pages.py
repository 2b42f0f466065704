"""What our plain pages say: a title and a few sentences, first what happened, then what to do.

Words between backticks are shown as code. The pages about connecting an account are in `bot.views.pages`.
"""

from __future__ import annotations

from dataclasses import dataclass

BACK_TO_SLACK, OPEN_SLACK, ADD_TO_SLACK = "Back to Slack", "Open Slack", "Add to Slack"
"""What links say."""
DIDNT_WORK = "That didn't work"
REFUSALS = {
    400: "This request is malformed or ambiguous, so Octapost ignored it.",
    413: "This request is larger than Octapost accepts, so Octapost ignored it.",
    415: "Octapost doesn't accept compressed requests. Send it again without Content-Encoding.",
    417: "Octapost doesn't support what this request expects. Send it again without Expect.",
    431: "The headers of this request are larger than Octapost accepts.",
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
    title="Page not found",
    sentences=("There's nothing at this address.", "Go back to Slack and type `/octapost help`."),
    status=404,
)
WRONG_METHOD = PlainPage(title=DIDNT_WORK, sentences=("This address can't be used that way.",), status=405)
DAMAGED_ADDRESS = PlainPage(
    title=DIDNT_WORK,
    sentences=("The address that brought you here is damaged. Nothing changed.",),
    status=400,
)


def too_large(status: int) -> PlainPage:
    """Return the page for a request that is too large."""
    return PlainPage(title=DIDNT_WORK, sentences=("The request was too large.",), status=status)


def nonsense(status: int) -> PlainPage:
    """Return the page for any other request that HTTP refuses."""
    return PlainPage(title=DIDNT_WORK, sentences=("I couldn't understand the request.",), status=status)


def refused(sentence: str) -> PlainPage:
    """Return the page for an error of a service, whose sentence is given."""
    return PlainPage(title=DIDNT_WORK, sentences=(sentence,), status=400)


def our_fault(number: str) -> PlainPage:
    """Return the page for a fault of ours, with the number under which the log has it."""
    return PlainPage(
        title="Something broke on our side",
        sentences=(
            "`/octapost accounts` in Slack shows what's connected.",
            f"Try again in a minute. If it keeps happening, tell whoever runs Octapost the number {number}.",
        ),
        status=500,
    )


def too_many(wait_s: int) -> PlainPage:
    """Return the page for a client that sends too many requests."""
    return PlainPage(
        title="One moment, please",
        sentences=(
            "Your network opened too many of my pages in a minute.",
            f"Wait {wait_s} seconds, then reload this page.",
        ),
        status=429,
    )


# Installing

NOT_APPROVED = PlainPage(
    title="Octapost wasn't added",
    sentences=(
        "The installation wasn't approved in Slack, so nothing was stored.",
        "If your workspace needs an admin's approval, ask an admin to open this page.",
    ),
)
INSTALLATION_EXPIRED = PlainPage(
    title="This installation can't be finished here",
    sentences=(
        "It is more than 10 minutes old, is already finished, or was started in another browser.",
        "Start again in this browser.",
    ),
    status=400,
)
INSTALLATION_FAILED = PlainPage(
    title="Slack didn't finish the installation",
    sentences=(
        "Nothing was stored.",
        "Start again in a minute. If it keeps happening, ask whoever runs Octapost to check its Slack app.",
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
                "It was already set up there. Organizations, people and accounts stay as they are.",
                "Type `/octapost` in any channel to go on.",
            ),
            good=True,
        )
    return PlainPage(
        title=f"Octapost is in {workspace}",
        sentences=(
            "I sent you a message in Slack with the first steps.",
            "Or type `/octapost` in any channel.",
        ),
        good=True,
    )


# Deletion requests


def unknown_deletion(site: str) -> PlainPage:
    """Return the page for a code that belongs to no deletion request; `site` is where such codes are shown."""
    return PlainPage(
        title="I don't know this deletion request",
        sentences=(
            "No deletion request here has this code.",
            (
                f"Check that the address is complete. If {site} gave it to you like this, ask whoever runs this"
                " installation of Octapost."
            ),
        ),
        status=404,
    )


def deleted(site: str) -> PlainPage:
    """Return the page about a deletion request, which is carried out before a person gets its code."""
    return PlainPage(
        title="Your deletion request is done",
        sentences=(
            (
                f"Every {site} sign-in from before your request has ended, and its tokens are deleted."
                " If you've signed in again since then, that sign-in still works."
            ),
            "The Pages and accounts themselves belong to their organizations and stay with them.",
        ),
    )
