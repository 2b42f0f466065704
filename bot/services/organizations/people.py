"""What organizations need to know of Slack: who somebody is, and how their workspace is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.access import Sender
    from bot.services.errors import Ineligible


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A full member of a workspace who creates an organization there, or joins one."""

    name: str
    workspace: str


class People(Protocol):
    """Looks people and workspaces up in Slack. Every method passes on what the call to Slack raises."""

    async def names(self, sender: Sender, user_ids: Sequence[str]) -> list[str]:
        """Return the names of full members of the sender's workspace.

        Raises:
            IneligiblePersonError: One of them is a guest, a bot or somebody of another company.

        """
        ...

    async def why_not_a_member(self, sender: Sender) -> Ineligible | None:
        """Return why the sender can be in no organization; None: they can, or Slack doesn't say in time."""
        ...

    async def newcomer(self, sender: Sender) -> Newcomer:
        """Return the sender's name and their workspace's.

        Raises:
            IneligiblePersonError: They are a guest.

        """
        ...
