"""The pages for connecting an account: the ticket's page and the platform's callback.

A forwarded link stops at Sign in with Slack (identity.py): only the person for whom the ticket was made ever sees a
consent page.
Opening a ticket's page changes nothing, so a link preview can't use it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.base import Client, Misconfigured, Platform
from bot.ops.logs import logger
from bot.ops.metrics import GRANTS
from bot.services.accounts.arrivals import Arrivals, Arrived, NotArrived, Return
from bot.services.errors import NotMemberError
from bot.services.notifications import ConsentFailed, ConsentSettled, ConsentWaiting
from bot.services.permissions import Permission
from bot.views import pages as views
from bot.views.errors import explain, on_page
from bot.views.roles import able_to
from bot.web.browsers import SECRET, FormTokens, single_values
from bot.web.identity import Expected
from bot.web.pages import form_action_sources
from storage.installations import Installations
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services.accounts.connecting import Connecting, Outcome
    from bot.services.accounts.links import Invitation
    from bot.settings import Settings
    from bot.slack.home_tab import HomeTabSoon
    from bot.web.browsers import Cookies
    from bot.web.identity import Identity
    from bot.web.pages import Pages
    from storage.engine.db import Database
    from storage.vault import Vault

log = logger(__name__)
Link = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class ConnectPages:
    """/connect/{ticket} and /oauth/{slug}/callback. Built once, in `bot.app`."""

    settings: Settings
    connecting: Connecting
    platforms: Mapping[str, Platform]
    """The last part of a callback address -> the platform."""
    home: HomeTabSoon
    identity: Identity
    pages: Pages
    cookies: Cookies
    database: Database
    vault: Vault

    @property
    def arrivals(self) -> Arrivals:
        """The service for browsers that come back from a platform."""
        return Arrivals(self.connecting, self.database, self.vault)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes. A HEAD request never redeems anything."""
        return [
            web.get("/connect/{ticket}", self.show),
            web.post("/connect/{ticket}", self.start),
            web.get("/oauth/{slug}/callback", self.callback, allow_head=False),
        ]

    # To the platform

    async def show(self, request: web.Request) -> web.Response:
        """Show what a ticket is for. Changes nothing and sets no cookie."""
        secret, browser = request.match_info["ticket"], self.cookies.read(request)
        invitation = await self._read(secret, browser)
        if invitation is None:
            return await self._used_up(secret, browser)
        asked, platform = invitation.asked, invitation.platform
        try:
            client = self.connecting.catalog.client(asked.platform, asked.app)
        except Misconfigured as error:
            return self._misconfigured(error, platform)
        whom = invitation.sign_in_as
        hops = self.settings.slack_web_url, client.at(platform.authorize_url)
        return self.pages.render(
            "ticket.html",
            form_to=[source for url in hops for source in form_action_sources(url)],
            platform=platform,
            app=client.app,
            organization=invitation.organization,
            publishers=able_to(Permission.RELEASE_LATE_POSTS),
            again=asked.reconnects is not None,
            whom=whom,
            picture=whom.picture if whom is not None else "",
            reasons=reasons_of(client),
            form_field=FormTokens.FIELD,
            form_token=self.identity.forms.issue(secret, browser),
        )

    async def start(self, request: web.Request) -> web.Response:
        """Redirect to the platform if this browser has proved that the person uses it, else to Slack first."""
        secret = request.match_info["ticket"]
        if not await self.identity.is_ours(request, secret):
            return self.identity.elsewhere(self, secret)
        browser = self.cookies.ensure(request)
        invitation = await self._read(secret, browser)
        if invitation is None:
            return await self._used_up(secret, browser)
        if await self.identity.known(browser, invitation.member):
            return await self._consent(invitation, secret, browser)
        return await self.identity.ask(secret, browser, _expected(invitation))

    # Back from Sign in with Slack (`bot.web.identity.ConfirmedPage`)

    def address(self, secret: str) -> str:
        """Return the path of a ticket's page."""
        return f"/connect/{secret}"

    async def expects(self, secret: str, browser: str) -> Expected | None:
        """Return for whom a ticket was made; None: it works no more, or never was one."""
        invitation = await self._read(secret, browser)
        return None if invitation is None else _expected(invitation)

    async def confirmed(self, secret: str, browser: str) -> web.Response:
        """Send the member's browser to the platform."""
        invitation = await self._read(secret, browser)
        if invitation is None:
            return await self._used_up(secret, browser)
        return await self._consent(invitation, secret, browser)

    async def over(self, secret: str, browser: str) -> web.Response | None:
        """Return the result of a used ticket to the browser that used it."""
        arrived = await self.arrivals.of_link(secret, browser)
        return None if arrived is None else await self._arrived(arrived)

    async def _consent(self, invitation: Invitation, secret: str, browser: str) -> web.Response:
        """Use the ticket up and go to the platform's consent screen."""
        platform = invitation.platform
        try:
            location = await self.connecting.begin(invitation, secret, browser)
        except Misconfigured as error:
            return self.cookies.keep(self._misconfigured(error, platform), browser)
        if location is None:
            return self.cookies.keep(await self._used_up(secret, browser), browser)
        log.info("consent.began", ticket=invitation.reference, platform=platform.key)
        return self.cookies.keep(self.pages.redirect(location), browser)

    # And back

    async def callback(self, request: web.Request) -> web.Response:
        """Finish a connection attempt, or show its result again."""
        platform = self.platforms.get(request.match_info["slug"])
        if platform is None:
            raise web.HTTPNotFound
        query = single_values(request.query, "code", "state", "iss", *platform.refusal_parameters)
        browser = self.cookies.read(request)
        error = next(filter(None, (query[name] for name in platform.refusal_parameters)), "")
        if not SECRET.fullmatch(query["state"]) or not (query["code"] or error):
            return self._cannot_finish()
        if platform.issuer is not None and query["iss"] != platform.issuer:
            log.warning("callback.wrong_issuer", platform=platform.key)
            return self._cannot_finish()
        back = Return(
            platform=platform, state=query["state"], browser=browser, code=query["code"], error=error
        )
        return await self._arrived(await self.arrivals.finish(back), platform)

    async def _arrived(self, arrived: Arrived | NotArrived, platform: Platform | None = None) -> web.Response:
        if isinstance(arrived, NotArrived):
            return self._not_arrived(arrived, platform)
        link = await self._back(arrived.team_id)
        if arrived.outcome is None:
            refusal = arrived.refusal or NotMemberError()
            self._count(arrived, refusal.code)
            return self.pages.render("refused.html", status=403, link=link, why=on_page(refusal))
        self._count(arrived, label_of(arrived.outcome))
        if not (arrived.again or isinstance(arrived.outcome, ConsentFailed)):
            self.home.redraw_soon(arrived, arrived.team_id)
        page = views.of_outcome(arrived.outcome, arrived.platform)
        return self.pages.render(page.TEMPLATE, title=page.title, good=page.good, page=page, link=link)

    def _not_arrived(self, why: NotArrived, platform: Platform | None) -> web.Response:
        name = platform.name if platform is not None else ""
        match why:
            case NotArrived.FINISHING:
                return self.pages.render("finishing.html", status=202)
            case NotArrived.ABANDONED:
                return self.pages.render("abandoned.html", status=500)
            case NotArrived.LATE:
                return self.pages.render("late.html", status=400, platform=name)
            case NotArrived.ELSEWHERE:
                return self.pages.render("other_browser.html", status=400, platform=name)
            case NotArrived.UNKNOWN:
                return self._cannot_finish()

    def _count(self, arrived: Arrived, label: str) -> None:
        if not arrived.again:
            GRANTS.labels(arrived.platform.key, label).inc()

    # Shared

    async def _read(self, secret: str, browser: str | None) -> Invitation | None:
        return await self.connecting.read_link(secret, browser) if SECRET.fullmatch(secret) else None

    async def _back(self, team_id: str) -> Link:
        async with self.database.system(write=False) as session:
            workspace = await Workspaces(session).get(team_id)
            enterprise_id = workspace.enterprise_id if workspace is not None else None
            found = await Installations(session, self.vault).find(team_id, enterprise_id)
        return self.pages.back_to_slack(found.app_id if found is not None else None, team_id)

    async def _used_up(self, secret: str, browser: str | None) -> web.Response:
        """Show the result of a used link to the browser that used it, and to others that it doesn't work."""
        if browser is not None and SECRET.fullmatch(secret):
            arrived = await self.arrivals.of_link(secret, browser)
            if arrived is not None:
                return await self._arrived(arrived)
        return self.pages.render("used_up.html", status=410)

    def _cannot_finish(self) -> web.Response:
        return self.pages.render("cannot_finish.html", status=400)

    def _misconfigured(self, error: Misconfigured, platform: Platform) -> web.Response:
        return self.pages.render("refused.html", status=503, why=explain(error, platform))


def label_of(outcome: Outcome) -> str:
    """Return the label under which an outcome is counted."""
    match outcome:
        case ConsentFailed(failure=None):
            return outcome.code or "refused"
        case ConsentFailed():
            return outcome.failure.verdict if outcome.failure else ""
        case ConsentWaiting():
            return "waiting"
        case ConsentSettled() if outcome.wrong is not None:
            return "wrong"
        case ConsentSettled() if outcome.discovery_id:
            return "choose"
        case ConsentSettled() if outcome.attached:
            return "attached"
        case ConsentSettled():
            return "renewed" if outcome.renewed else "nothing"


def _expected(invitation: Invitation) -> Expected:
    return Expected(
        member=invitation.member, team_id=invitation.asked.team_id, reference=invitation.reference
    )


def reasons_of(client: Client) -> list[str]:
    """Return what we ask permission for. What the operator added has one general reason."""
    reasons = {scope.name: scope.reason for scope in client.app.scopes}
    return list(dict.fromkeys(reasons.get(name, views.OPERATORS_SCOPE) for name in client.scopes))
