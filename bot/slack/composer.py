"""What the composer's forms carry: the organization, the draft, the channel where it was begun, and the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, Thing
from bot.services.posts.composing import Where

if TYPE_CHECKING:
    from bot.slack.routes import Request


@dataclass(frozen=True, slots=True)
class Page:
    """The form that a request came from."""

    draft_id: str
    where: Where
    """Where it was begun."""
    number: int = 0
    """The page of the second form."""


def metadata(request: Request, draft_id: str, channel: str) -> str:
    """Return what a form carries; `channel`: where it was begun, or an empty string."""
    return f"{request.actor.organization_id}/{draft_id}:{channel}"


def begun(request: Request) -> str:
    """Return what the form carries that a request came from, without the page."""
    return ":".join(str(request.body["view"]["private_metadata"]).split(":")[:2])


def page(request: Request) -> Page:
    """Return which form the request came from.

    Raises:
        NotFoundError: It is about no draft.

    """
    draft_id, channel = [*request.target.split(":"), ""][:2]
    if not draft_id.startswith("drf_"):
        raise NotFoundError(Thing.FORM)
    number = str((request.body.get("view") or {}).get("private_metadata", "")).rpartition(":")[2]
    return Page(
        draft_id=draft_id,
        where=place(request.sender.team_id, channel),
        number=int(number) if number.isdecimal() else 0,
    )


def place(team_id: str, channel: str) -> Where:
    """Return a channel as the place of a post; a direct message is none."""
    shared = channel.startswith(("C", "G"))
    return Where(slack_id=team_id if shared else "", channel=channel if shared else "")
