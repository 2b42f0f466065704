"""The home tab, as services and edges see it: something of a person's that can be drawn again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.services.access import ActorRef, Sender


class HomeTab(Protocol):
    """What a person sees under the app's name in Slack. `bot.app` says who draws it."""

    async def redraw(self, sender: Sender, organization_id: str | None) -> None:
        """Draw it again for a person. A Slack that does not answer is logged: the tab is drawn when opened."""
        ...


class HomeTabSoon(Protocol):
    """The same, for an edge that has no Slack request."""

    def redraw_soon(self, member: ActorRef, team_id: str) -> None:
        """Draw a member's home tab again, in the background."""
        ...
