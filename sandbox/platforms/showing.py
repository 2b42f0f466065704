"""The pages that show what was published on a simulated platform, and the control actions for it.

Every simulator has a `Timeline`. Tests count its posts, and people look at them: a permalink answers with `show_post`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from aiohttp import web

from sandbox.core import Simulator
from sandbox.platforms.page import timeline_page
from sandbox.platforms.timeline import Published, Timeline, facts_of

TIMELINE, FILES = "/_timeline", "/_files"
"""Where a simulator shows what an account published, and the published files."""


class TimelineSimulator(Simulator):
    """A simulator that keeps and shows what was published. A platform's own routes add its permalinks."""

    title: ClassVar[str]
    """The platform's name on its pages."""
    colour: ClassVar[str] = "#444"

    def __init__(self) -> None:
        super().__init__()
        self.timeline = Timeline()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of an account's page and of published files."""
        return [
            web.get(f"{TIMELINE}/{{account}}", self.account_page),
            web.get(f"{FILES}/{{sha256}}", self.published_file),
        ]

    def controls(self) -> Mapping[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Return `posts` {"account": id}, the visible ones, and `remove` {"post": id, "by": "moderator" or "owner"}."""
        return {"posts": self._control_posts, "remove": self._control_remove}

    def account_name(self, account_id: str) -> str:
        """Return the name of an account, for its page and above its posts."""
        return account_id

    def site_of(self, posts: Sequence[Published]) -> str:  # noqa: ARG002 - a hook
        """Return the name of the site that shows these posts. A simulator of several sites tells them apart."""
        return self.title

    def show(self, heading: str, posts: Sequence[Published]) -> web.Response:
        """Answer with a page that shows these posts."""
        names = {post.account_id: self.account_name(post.account_id) for post in posts}
        page = timeline_page(
            title=self.site_of(posts),
            colour=self.colour,
            heading=heading,
            posts=posts,
            names=names,
            files=FILES,
        )
        return web.Response(text=page, content_type="text/html")

    def show_post(self, post_id: str) -> web.Response:
        """Answer a permalink: the post with its thread and comments. If it was removed the page says so, with 404."""
        post = self.timeline.get(post_id)
        if post is None:
            raise web.HTTPNotFound(text="there is no such post")
        answer = self.show(self.account_name(post.account_id), self.timeline.thread(post))
        if post.removed:
            answer.set_status(404)
        return answer

    async def account_page(self, request: web.Request) -> web.Response:
        """Answer with everything an account has published, newest first."""
        account = request.match_info["account"]
        return self.show(self.account_name(account), self.timeline.posts(account)[::-1])

    async def published_file(self, request: web.Request) -> web.Response:
        """Answer with the bytes of a published file."""
        found = self.timeline.file(request.match_info["sha256"])
        if found is None or found.file.content is None:
            raise web.HTTPNotFound(text="there is no such file, or it was too large to keep")
        return web.Response(body=found.file.content, content_type=found.type)

    async def _control_posts(self, given: dict[str, Any]) -> Any:
        return [facts_of(post) for post in self.timeline.posts(given.get("account"))]

    async def _control_remove(self, given: dict[str, Any]) -> Any:
        return {"removed": self.timeline.remove(str(given["post"]), str(given.get("by", "moderator")))}
