"""The organizations a sender belongs to, read when they are first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.standing import Standing, standing

if TYPE_CHECKING:
    from bot.services.access import Sender
    from storage.engine.db import Database


class LazyStanding:
    """A sender's standing, read from the database at most once per request, and only if it is needed."""

    def __init__(self, database: Database, sender: Sender) -> None:
        self._database = database
        self._sender = sender
        self._known: Standing | None = None

    async def __call__(self) -> Standing:
        """Return the sender's memberships in the organizations of this workspace."""
        if self._known is None:
            one = self._sender
            self._known = await standing(
                self._database.autocommit, one.realm, one.user_id, one.team_id, one.channel_id
            )
        return self._known
