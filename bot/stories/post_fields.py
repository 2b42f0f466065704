"""Fields of the composer's second form that are searched while one types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.permissions import Permission
from bot.slack.routes import Answer, Kind, Options, Request, on
from bot.views import accounts as account_views
from bot.views.publishing import fields

if TYPE_CHECKING:
    from bot.services.accounts.places import PlaceService
    from bot.services.posts.composing import Composing


@dataclass(frozen=True)
class PostFieldsStory:
    """The typeaheads."""

    composing: Composing
    places: PlaceService

    @on(Kind.OPTIONS, "compose.place", Permission.WRITE_POSTS, changes=False)
    async def place(self, request: Request) -> Answer:
        """Answer the typeahead of places inside an account."""
        account_id = str(request.body.get("block_id", "")).partition(":")[2]
        found = await self.places.search(request.actor, account_id, request.words)
        return Options(account_views.place_options(found))

    @on(Kind.OPTIONS, "compose.choice", Permission.WRITE_POSTS, changes=False)
    async def choice(self, request: Request) -> Answer:
        """Answer the typeahead of a field with more values than Slack lists at once."""
        written = await self.composing.draft(request.actor, request.target.partition(":")[0])
        return Options(fields.matching(written, str(request.body.get("block_id", "")), request.words))
