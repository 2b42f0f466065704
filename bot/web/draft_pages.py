"""What pages for drafts share: the address alone opens nothing, the member confirms through Slack who they are."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from bot.views import uploads as views
from bot.web.browsers import SECRET, FormTokens
from bot.web.identity import Expected
from bot.web.pages import form_action_sources

if TYPE_CHECKING:
    from aiohttp import web

    from bot.services.posts.draft_pages import DraftPages, Visit
    from bot.web.identity import Identity


class RefusedError(Exception):
    """A request below a page that is not done."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, kw_only=True)
class ConfirmedDraftPage:
    """A page for a draft. See `bot.web.identity.ConfirmedPage`."""

    pages: DraftPages
    identity: Identity

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        raise NotImplementedError

    def address(self, secret: str) -> str:
        """Return the page's path."""
        raise NotImplementedError

    def is_ours(self, visit: Visit) -> bool:
        """Tell whether a link is one of this kind of page."""
        raise NotImplementedError

    async def page(self, secret: str, visit: Visit, browser: str) -> web.Response:
        """Return the page for the member's own browser."""
        raise NotImplementedError

    async def show(self, request: web.Request) -> web.Response:
        """Show the page to the member, and to any other browser that they have to confirm who they are."""
        secret, browser = request.match_info["token"], self.identity.cookies.read(request)
        visit = await self.visit(secret)
        if visit is None:
            return self.identity.pages.plain(views.GONE)
        if browser is not None and await self.identity.known(browser, visit.member):
            return await self.page(secret, visit, browser)
        return self.identity.pages.render(
            "draft_confirm.html",
            form_to=form_action_sources(self.identity.settings.slack_web_url),
            organization=visit.organization,
            form_field=FormTokens.FIELD,
            form_token=self.identity.forms.issue(secret, browser),
        )

    async def start(self, request: web.Request) -> web.Response:
        """Send a browser to Sign in with Slack, or on to the page if it is known."""
        secret, cookies = request.match_info["token"], self.identity.cookies
        if not await self.identity.is_ours(request, secret):
            return self.identity.elsewhere(self, secret)
        browser = cookies.ensure(request)
        expected = await self.expects(secret, browser)
        if expected is None:
            return self.identity.pages.plain(views.GONE)
        if await self.identity.known(browser, expected.member):
            return await self.confirmed(secret, browser)
        return await self.identity.ask(secret, browser, expected)

    async def visit(self, secret: str) -> Visit | None:
        """Return what a link of this kind of page is for; None: there is none, or its time is over."""
        found = await self.pages.visit(secret) if SECRET.fullmatch(secret) else None
        return found if found is not None and self.is_ours(found) else None

    async def for_member(self, request: web.Request) -> Visit:
        """Return whose page it is, if this browser is known to be theirs.

        Raises:
            RefusedError: It is not, or there is no such page.

        """
        secret, browser = request.match_info["token"], self.identity.cookies.read(request)
        visit = await self.visit(secret)
        if visit is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, views.GONE.title + ".")
        if browser is None or not await self.identity.known(browser, visit.member):
            raise RefusedError(HTTPStatus.FORBIDDEN, views.NOT_CONFIRMED)
        return visit

    # Back from Sign in with Slack (`bot.web.identity.ConfirmedPage`)

    async def expects(self, secret: str, browser: str) -> Expected | None:  # noqa: ARG002 - as every page
        """Return for whom a link was made; None: it works no more, or never was one."""
        visit = await self.visit(secret)
        if visit is None:
            return None
        return Expected(member=visit.member, team_id=visit.link.team_id, reference=visit.reference)

    async def confirmed(self, secret: str, browser: str) -> web.Response:
        """Send the member's browser to the page."""
        return self.identity.cookies.keep(self.identity.pages.redirect(self.address(secret)), browser)

    async def over(self, secret: str, browser: str) -> web.Response | None:  # noqa: ARG002 - as every page
        """Return None: a link leaves no result."""
        return None
