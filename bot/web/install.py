"""Installing the app in a Slack workspace or a Grid organization.

Source: https://docs.slack.dev/authentication/installing-with-oauth, read 2026-11-30. A state works once, and only in
the browser that started the installation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from adapters.base import text_of
from adapters.numbers import lifetime
from adapters.oauth import token_of
from bot.ops.logs import logger
from bot.services.organizations.installing import NewInstallation
from bot.services.organizations.organizations import LONGEST_NAME
from bot.slack.failures import SlackRefused, SlackSilent
from bot.slack.rotation import LIFE
from bot.slack.scopes import BOT_SCOPES, OPTIONAL_BOT_SCOPES
from bot.views import plain_pages as views
from bot.views import privacy
from bot.views.kit import cut, listed
from bot.web.browsers import single_values
from bot.web.install_trips import InstallEnd, InstallTrips

if TYPE_CHECKING:
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.organizations.installing import InstallationService
    from bot.settings import Settings
    from bot.slack.clients import SlackClients
    from bot.web.browsers import Cookies
    from bot.web.pages import Pages

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class InstallPages:
    """/, /privacy, /slack/install and /slack/oauth_redirect. Built once, in `bot.app`."""

    settings: Settings
    catalog: PlatformCatalog
    trips: InstallTrips
    clients: SlackClients
    installations: InstallationService
    pages: Pages
    cookies: Cookies

    @property
    def redirect_uri(self) -> str:
        """Where Slack sends the browser back to."""
        return f"{self.settings.public_url}/slack/oauth_redirect"

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [
            web.get("/", self.home),
            web.get("/privacy", self.privacy),
            web.get("/slack/install", self.start, allow_head=False),
            web.get("/slack/oauth_redirect", self.finish, allow_head=False),
        ]

    async def home(self, _request: web.Request) -> web.Response:
        """Show what Octapost is and which scopes it asks Slack for, with the button that adds it."""
        offered = listed(found.platform.name for found in self.catalog.configured())
        return self.pages.render(
            "home.html", reasons=list(BOT_SCOPES.values()), offered=offered, support=self.settings.support_url
        )

    async def privacy(self, _request: web.Request) -> web.Response:
        """Show what is stored, for how long, and how to have it deleted."""
        support = self.settings.support_url
        return self.pages.render(
            "privacy.html",
            host=urlsplit(self.settings.public_url).netloc,
            stored=privacy.STORED,
            deletion=privacy.DELETION,
            support=support,
            support_shown=support.removeprefix("mailto:"),
        )

    async def start(self, request: web.Request) -> web.Response:
        """Send the browser to Slack's install page. It asks for no user scopes: Sign in with Slack does that."""
        browser = self.cookies.ensure(request)
        state = await self.trips.begin(browser)
        query = {
            "client_id": self.settings.slack_client_id,
            "scope": ",".join(BOT_SCOPES),
            "user_scope": "",
            "redirect_uri": self.redirect_uri,
            "state": state,
        }
        location = f"{self.settings.slack_web_url}/oauth/v2/authorize?{urlencode(query)}"
        # Slack asks for 302 where the address is the app's "direct install URL"
        # (https://docs.slack.dev/slack-marketplace/slack-marketplace-app-guidelines-and-requirements).
        return self.cookies.keep(self.pages.redirect(location, status=302), browser)

    async def finish(self, request: web.Request) -> web.Response:
        """Finish an installation, or say again what came of it."""
        query = single_values(request.query, "code", "state", "error")
        browser = self.cookies.read(request)
        again = (views.ADD_TO_SLACK, "/slack/install")
        ours = browser is not None and self.trips.began_here(query["state"], browser)
        if ours and (query["error"] or not query["code"]):
            return self.pages.plain(views.NOT_APPROVED, again)
        if browser is None or not ours:
            return self.pages.plain(views.INSTALLATION_EXPIRED, again)
        if await self.trips.finish(query["state"], browser):
            end = await self._install(query["code"])
            await self.trips.keep(query["state"], end)
        else:
            found = await self.trips.end(query["state"])
            if found is None:
                return self.pages.plain(views.INSTALLATION_EXPIRED, again)
            end = found
        if not end.name:
            return self.pages.plain(views.INSTALLATION_FAILED, again)
        _, address = self.pages.back_to_slack(end.app_id, end.team_id)
        return self.pages.plain(views.installed(end.name, greeted=end.greeted), (views.OPEN_SLACK, address))

    async def _install(self, code: str) -> InstallEnd:
        """Trade Slack's code for the bot token, and return what came of it."""
        try:
            answer = await self.clients.oauth("oauth.v2.access", code=code, redirect_uri=self.redirect_uri)
            new = new_installation(answer.get)
        except (SlackRefused, SlackSilent, ValueError) as error:
            log.warning("installation.refused", kind=type(error).__name__, code=str(error))
            return InstallEnd()
        if missing := BOT_SCOPES.keys() - OPTIONAL_BOT_SCOPES - set(new.scopes):
            log.warning("installation.scopes_missing", missing=",".join(sorted(missing)))
        greeted = await self.installations.install(new)
        return InstallEnd(name=new.name, app_id=new.app_id, team_id=new.team_id, greeted=greeted)


def new_installation(get: Callable[[str], Any]) -> NewInstallation:
    """Return the installation in an answer of `oauth.v2.access`, whose fields `get` returns by name.

    An org-wide install has `team: null`; `refresh_token` and `expires_in` come with token rotation
    (https://docs.slack.dev/authentication/using-token-rotation, read 2026-11-30).

    Raises:
        ValueError: A field is missing.

    """
    team, enterprise, person = (_object(get(name)) for name in ("team", "enterprise", "authed_user"))
    org_wide = get("is_enterprise_install") is True
    where = enterprise if org_wide else team
    needed = {
        "id": where.get("id"),
        "app_id": get("app_id"),
        "bot_user_id": get("bot_user_id"),
        "access_token": token_of(get("access_token")),
        "authed_user": person.get("id"),
    }
    if not all(isinstance(value, str) and value for value in needed.values()):
        raise ValueError("a field that Slack documents is missing")
    refresh, name = token_of(get("refresh_token")), _text(where.get("name")) or str(needed["id"])
    return NewInstallation(
        team_id=None if org_wide else str(needed["id"]),
        enterprise_id=_text(enterprise.get("id")),
        name=name,
        organization=cut(name, LONGEST_NAME),
        app_id=str(needed["app_id"]),
        bot_user_id=str(needed["bot_user_id"]),
        scopes=tuple(scope for scope in str(get("scope") or "").split(",") if scope),
        bot_token=str(needed["access_token"]),
        refresh_token=refresh,
        expires_in=(lifetime(get("expires_in")) or LIFE) if refresh else None,
        installed_by=str(needed["authed_user"]),
    )


def _object(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}


def _text(raw: object) -> str | None:
    return text_of(raw) or None
