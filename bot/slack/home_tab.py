"""What other modules need of the App Home: drawing it again after a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.services.access import ActorRef, Sender


class HomeTab(Protocol):
    """Draws people's home tabs. The home story does it; `bot.app` passes it to the stories that change its content."""

    async def redraw(self, sender: Sender, organization_id: str | None) -> None:
        """Draw a person's home tab again, for this organization or their default one.

        Does not raise for failures of Slack: a tab that cannot be drawn now is drawn when it is next opened.
        """
        ...


class HomeTabSoon(Protocol):
    """The same for our pages, which have no request from Slack."""

    def redraw_soon(self, member: ActorRef, team_id: str) -> None:
        """Draw a member's home tab again, in the background."""
        ...
