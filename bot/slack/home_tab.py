"""The App Home as others see it: something that can be drawn again after a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bot.services.access import ActorRef, Sender


class HomeTab(Protocol):
    """Draws people's home tabs. The home story is one; `bot.app` passes it to whoever changes what it shows."""

    async def redraw(self, sender: Sender, organization_id: str | None) -> None:
        """Draw a person's home tab again, about this organization or their default one.

        Raises nothing that Slack does: a tab that cannot be drawn now is drawn when it is opened.
        """
        ...


class HomeTabSoon(Protocol):
    """The same for an edge without a Slack request: our pages."""

    def redraw_soon(self, member: ActorRef, team_id: str) -> None:
        """Draw a member's home tab again, in the background."""
        ...
