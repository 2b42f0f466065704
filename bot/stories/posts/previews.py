"""What a post will look like, before it is published."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, PostChangedError
from bot.services.permissions import Permission
from bot.slack.routes import Answer, Kind, OpenModal, Request, on
from bot.stories.posts.forms import page_of
from bot.views.publishing import attachments
from bot.views.publishing import preview as views
from storage.engine import time_limit

if TYPE_CHECKING:
    from bot.services.media.previewing import Previews
    from bot.services.posts.composing import Composing
    from bot.services.posts.draft_pages import DraftPages
    from bot.settings import Settings
    from bot.stories.posts.forms import Forms


@dataclass(frozen=True)
class PreviewStory:
    """The button for the preview, in both forms."""

    composing: Composing
    forms: Forms
    previews: Previews
    pages: DraftPages
    settings: Settings

    @on(Kind.ACTION, attachments.PREVIEW, Permission.WRITE_POSTS, changes=False, opens=views.TITLE)
    async def preview(self, request: Request) -> Answer:
        """Answer "Preview" with each post as its platform will get it. What is in the form is kept."""
        page = page_of(request)
        written = await self.forms.entered(request, await self.composing.draft(request.actor, page.draft_id))
        # Somebody else's draft, of which no answer tells; or a form that says on submission that it is outdated.
        with suppress(NotFoundError, PostChangedError):
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        found = views.shown(await self.forms.suited(request, written), written)
        if self.settings.previews == "page" and written.files:
            token = await self.pages.open(request.actor, page.draft_id, {})
            return OpenModal(
                views.preview(found, written, f"{self.settings.public_url}/upload/{token}/preview")
            )
        with time_limit.unlimited():  # pictures are drawn
            urls = await self.previews.of(request.actor, views.looks(found))
        return OpenModal(views.preview(found, written, urls))
