"""Editing and deleting posts that are live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from bot.services.posts.live import TextProblemsError
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Kind, OpenModal, Request, UpdateModal, on
from bot.views.paging import page_number
from bot.views.publishing import live as views

if TYPE_CHECKING:
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.posts.live import LivePost, LivePosts


@dataclass(frozen=True)
class LivePostsStory:
    """What can be done about what is live."""

    live: LivePosts
    catalog: PlatformCatalog

    @on(Kind.ACTION, "posts.live", Permission.PUBLISH, changes=False, opens=views.TITLE)
    async def show(self, request: Request) -> Answer:
        """Show what of a post is live, with what can be done about each."""
        post_id, _, _ = request.target.partition(":")
        return OpenModal(self._listed(await self.live.of(request.actor, post_id), "0"))

    @on(Kind.ACTION, f"{views.STORY}.earlier", Permission.PUBLISH, changes=False)
    @on(Kind.ACTION, f"{views.STORY}.later", Permission.PUBLISH, changes=False)
    async def turn(self, request: Request) -> Answer:
        """Show another page in place of the current one."""
        post_id, _, number = request.target.partition(":")
        return UpdateModal(self._listed(await self.live.of(request.actor, post_id), number or "0"))

    @on(Kind.ACTION, f"{views.STORY}.delete", Permission.PUBLISH)
    async def delete(self, request: Request) -> Answer:
        """Have a live post deleted; Slack has asked whether that is meant."""
        delivery_id, _, number = request.target.partition(":")
        return UpdateModal(self._listed(await self.live.delete(request.actor, delivery_id), number or "0"))

    @on(Kind.ACTION, f"{views.STORY}.edit", Permission.PUBLISH, changes=False, opens=views.EDIT)
    async def ask_text(self, request: Request) -> Answer:
        """Show the text of a live post in a form."""
        one = await self.live.one(request.actor, request.target)
        metadata = f"{request.actor.organization_id}/{request.target}"
        return OpenModal(views.edit_form(one, self.catalog.platform(one.report.platform), metadata))

    @on(Kind.SUBMISSION, f"{views.STORY}.edited", Permission.PUBLISH)
    async def edit(self, request: Request) -> Answer:
        """Have the text of a live post changed."""
        text = str(request.typed(views.TEXT).get("value") or "").strip()
        try:
            await self.live.edit(request.actor, request.target, text)
        except TextProblemsError as error:
            platform = self.catalog.platform(error.platform)
            raise BadInputError(views.problems(error, platform), field=views.TEXT) from None
        return UpdateModal(views.edited())

    def _listed(self, post: LivePost, number: str) -> dict[str, object]:
        page = page_number(number)
        if page is None:
            raise NotFoundError(Thing.PAGE)
        return views.listed(post, page, self.catalog.platform)
