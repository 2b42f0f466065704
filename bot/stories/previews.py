"""What a post will look like, before it is published."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, PostChangedError
from bot.services.permissions import Permission
from bot.slack.routes import Answer, Kind, OpenModal, Request, on
from bot.views.publishing import attachments, entries
from bot.views.publishing import preview as views
from storage.engine import time_limit

if TYPE_CHECKING:
    from bot.services.media.previewing import Previews
    from bot.services.media.uploading import Uploading
    from bot.services.posts.candidates import Candidate
    from bot.services.posts.composing import Composing
    from bot.services.posts.drafts import Written
    from bot.settings import Settings


@dataclass(frozen=True)
class PreviewStory:
    """The button for the preview, in both forms."""

    composing: Composing
    previews: Previews
    uploading: Uploading
    settings: Settings

    @on(Kind.ACTION, attachments.PREVIEW, Permission.WRITE_POSTS, changes=False, opens=views.TITLE)
    async def preview(self, request: Request) -> Answer:
        """Answer "Preview" with each post as its platform will get it. What is in the form is kept."""
        view = request.body.get("view") or {}
        metadata = str(view.get("private_metadata", ""))
        page = entries.page_of(request.target, metadata, request.sender.team_id)
        entered = entries.Entries(request.state, view.get("blocks", ()))
        written = entries.first_form(entered, await self.composing.draft(request.actor, page.draft_id))
        written = entries.second_form(entered, written, await self._able(request, written))
        # Somebody else's draft, of which no answer tells; or a form that says on submission that it is outdated.
        with suppress(NotFoundError, PostChangedError):
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        found = views.shown(await self._able(request, written), written)
        if self.settings.previews == "page" and written.files:
            token = await self.uploading.open_link(request.actor, page.draft_id)
            return OpenModal(
                views.preview(found, written, f"{self.settings.public_url}/upload/{token}/preview")
            )
        with time_limit.unlimited():  # pictures are drawn
            urls = await self.previews.of(request.actor, views.looks(found))
        return OpenModal(views.preview(found, written, urls))

    async def _able(self, request: Request, written: Written) -> list[Candidate]:
        """Return the chosen accounts that can take the post."""
        found = await self.composing.candidates(request.actor, written)
        return [one for one in found if one.unsuited is None and one.account_id in written.accounts]
