"""The page on which the settings of one account's post are chosen: `/compose/<platform>/{token}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from aiohttp import web

from bot.views import uploads
from bot.views.publishing import settings_page as views
from bot.web.browsers import FormTokens
from bot.web.draft_pages import ConfirmedDraftPage, RefusedError
from bot.web.media import streamed
from bot.web.pages import TEMPLATES

if TYPE_CHECKING:
    from bot.services.posts.draft_pages import Visit
    from bot.services.posts.settings_pages import PostSettings, SettingsPages

SCRIPT = (TEMPLATES / "settings.js").read_bytes()
LONGEST_NUMBER = 3


@dataclass(frozen=True, kw_only=True)
class SettingsWebPages(ConfirmedDraftPage):
    """The page of one platform. Built once for each that wants one, in `bot.publishing`."""

    platform: str
    settings: SettingsPages

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        page = f"/compose/{self.platform}/{{token}}"
        return [
            web.get(f"/assets/{self.platform}/settings.js", self.script),
            web.get(page, self.show),
            web.post(page, self.start),
            web.post(f"{page}/settings", self.save),
            web.get(f"{page}/files/{{number}}", self.file),
        ]

    def address(self, secret: str) -> str:
        """Return the page's path."""
        return f"/compose/{self.platform}/{secret}"

    def is_ours(self, visit: Visit) -> bool:
        """Tell whether settings for this platform are chosen on a link's page."""
        return visit.link.platform == self.platform

    async def script(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        """Return the page's script."""
        return web.Response(body=SCRIPT, content_type="text/javascript", charset="utf-8")

    async def page(self, secret: str, visit: Visit, browser: str) -> web.Response:
        """Return the page for the member's own browser."""
        return self._shown(secret, browser, await self.settings.open(visit))

    async def save(self, request: web.Request) -> web.Response:
        """Store what was chosen, and show what is still missing."""
        secret = request.match_info["token"]
        if not await self.identity.is_ours(request, secret):
            return self.identity.elsewhere(self, secret)
        try:
            visit = await self.for_member(request)
        except RefusedError as error:
            return web.Response(status=error.status, text=error.sentence + "\n")
        browser = self.identity.cookies.ensure(request)
        chosen = dict(parse_qsl((await request.read()).decode("utf-8", "replace")))
        chosen.pop(FormTokens.FIELD, None)
        return self._shown(secret, browser, await self.settings.save(visit, chosen), saved=True)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Return a file of the post, for the preview."""
        number = request.match_info["number"]
        try:
            visit = await self.for_member(request)
        except RefusedError as error:
            return web.Response(status=error.status, text=error.sentence + "\n")
        known = number.isascii() and number.isdecimal() and len(number) <= LONGEST_NUMBER
        found = await self.settings.file(visit, int(number)) if known else None
        if found is None:
            raise web.HTTPNotFound
        return await streamed(request, self.settings.library.store, found, self.identity.pages.headers)

    def _shown(
        self, secret: str, browser: str, found: PostSettings | None, *, saved: bool = False
    ) -> web.Response:
        if found is None:
            return self.identity.pages.plain(uploads.GONE)
        shown = views.page(found, saved=saved)
        return self.identity.pages.render(
            "settings.html",
            script=True,
            form_to=("'self'",),
            picture=shown.picture,
            page=shown,
            done=saved and not found.problems and not found.refused,
            script_at=f"/assets/{self.platform}/settings.js",
            action=f"{self.address(secret)}/settings",
            files=f"{self.address(secret)}/files",
            form_field=FormTokens.FIELD,
            form_token=self.identity.forms.issue(secret, browser),
        )
