"""The way from the form to its upload page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, PostChangedError
from bot.services.permissions import Permission
from bot.slack.routes import Answer, Kind, OpenModal, Request, on
from bot.views import uploads
from bot.views.publishing import entries
from storage.models import new_id

if TYPE_CHECKING:
    from bot.services.media.uploading import Uploading
    from bot.services.posts.composing import Composing


@dataclass(frozen=True)
class UploadStory:
    """The button for large files."""

    composing: Composing
    uploading: Uploading
    public_url: str

    @on(Kind.ACTION, "compose.upload", Permission.WRITE_POSTS, changes=False, opens=uploads.TITLE)
    async def upload(self, request: Request) -> Answer:
        """Answer "Add large files" with the address of a page for it, made now: no message keeps one."""
        view = request.body.get("view") or {}
        metadata = str(view.get("private_metadata", ""))
        page = entries.page_of(request.target, metadata, request.sender.team_id)
        entered = entries.Entries(request.state, view.get("blocks", ()))
        written = entries.first_form(entered, await self.composing.draft(request.actor, page.draft_id))
        draft_id = page.draft_id
        try:
            await self.composing.save(request.actor, draft_id, written, page.where)
        except PostChangedError:
            pass  # the page still takes the files
        except NotFoundError:  # somebody else's draft: no answer tells that there is one
            draft_id = new_id("drf")
            await self.composing.save(request.actor, draft_id, written, page.where)
        token = await self.uploading.open_link(request.actor, draft_id)
        return OpenModal(uploads.link(f"{self.public_url}/upload/{token}"))
