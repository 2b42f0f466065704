"""/slack/identity: proves through Sign in with Slack that a browser is used by the member a page was made for.

Pages with a secret in their address (a ticket, an upload link) share it: each says for whom its secret was made, and
goes on once that is proved. A forwarded link stops here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from bot.ops.logs import logger
from bot.views import pages as views
from bot.web.browsers import SECRET, FormTokens, is_same_origin, single_values
from bot.web.openid import NotProved, Person, Unreachable
from storage.browsers import Browsers
from storage.sign_ins import SignIns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.settings import Settings
    from bot.web.browsers import Cookies
    from bot.web.openid import SignInWithSlack
    from bot.web.pages import Pages
    from storage.engine.db import Database
    from storage.models import Membership
    from storage.vault import Vault

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The member for whom a secret was made."""

    member: Membership
    team_id: str
    """The workspace where they asked for it."""
    reference: str
    """Enough of the secret's hash to follow it through the log."""


class ConfirmedPage(Protocol):
    """A page that only the member sees for whom its secret was made."""

    def address(self, secret: str) -> str:
        """Return the page's path."""
        ...

    async def expects(self, secret: str, browser: str) -> Expected | None:
        """Return for whom the secret was made; None: it is no secret of this page, or works no more."""
        ...

    async def confirmed(self, secret: str, browser: str) -> web.Response:
        """Return what follows for a browser that is known to be the member's."""
        ...

    async def over(self, secret: str, browser: str) -> web.Response | None:
        """Return the page for a secret that works no more; None: this page knows nothing of it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who uses a browser."""

    settings: Settings
    sign_in: SignInWithSlack
    pages: Pages
    cookies: Cookies
    database: Database
    vault: Vault

    @property
    def forms(self) -> FormTokens:
        """The tokens of the forms on pages with a secret."""
        return FormTokens(self.settings.slack_signing_secret.get_secret_value())

    async def is_ours(self, request: web.Request, secret: str) -> bool:
        """Tell whether a form was sent from the page of this secret."""
        ours = is_same_origin(request, self.settings.public_url)
        if ours is None:
            return await self.forms.came_with(request, secret, self.cookies.read(request))
        return ours

    def elsewhere(self, page: ConfirmedPage, secret: str) -> web.Response:
        """Refuse a form that is not known to be ours, and lead to the page that has one."""
        link = (views.OPEN_PAGE, page.address(secret)) if SECRET.fullmatch(secret) else None
        return self.pages.render("elsewhere.html", status=403, link=link)

    async def known(self, browser: str, member: Membership) -> bool:
        """Tell whether a browser has proved within the last 12 hours that this member uses it."""
        async with self.database.system(write=False) as session:
            known = await Browsers(session).who(browser)
        return known is not None and (known.realm, known.user_id) == (member.realm, member.user_id)

    async def ask(self, secret: str, browser: str, expected: Expected) -> web.Response:
        """Send a browser to Sign in with Slack."""
        async with self.database.system() as session:
            state, nonce = await SignIns(session, self.vault).open(secret, browser)
        log.info("sign_in.began", ticket=expected.reference)
        location = self.sign_in.authorize_url(state=state, nonce=nonce, team_id=expected.team_id)
        return self.cookies.keep(self.pages.redirect(location), browser)


@dataclass(frozen=True, kw_only=True)
class IdentityPages:
    """The address to which Slack sends browsers back. Built once, in `bot.app`."""

    identity: Identity
    confirming: Sequence[ConfirmedPage]
    """The pages with secrets."""

    def routes(self) -> list[web.RouteDef]:
        """Return the one route. A HEAD request redeems nothing."""
        return [web.get("/slack/identity", self.returned, allow_head=False)]

    async def returned(self, request: web.Request) -> web.Response:
        """Handle the return from Sign in with Slack. Only the member may continue."""
        identity, pages = self.identity, self.identity.pages
        query = single_values(request.query, "code", "state", "error")
        browser = identity.cookies.read(request)
        redeemed = None
        if browser is not None and SECRET.fullmatch(query["state"]):
            async with identity.database.system() as session:
                redeemed = await SignIns(session, identity.vault).redeem(query["state"], browser)
        if browser is None or redeemed is None:
            return await self._again(query["state"], browser)
        sign_in, secret = redeemed
        found = await self._page(secret, browser)
        retry = (views.TRY_AGAIN, found[0].address(secret)) if found is not None else None
        if query["error"] or not query["code"]:
            return pages.render("sign_in_cancelled.html", status=403, link=retry)
        try:
            person = await identity.sign_in.who(query["code"], sign_in.nonce_hash)
        except (NotProved, Unreachable) as error:
            log.warning("sign_in.failed", kind=type(error).__name__, code=str(error))
            if isinstance(error, Unreachable):
                return pages.render("slack_silent.html", status=503, link=retry)
            return pages.render("not_confirmed.html", status=403, link=retry)
        return await self._admit(person, secret, browser)

    async def _admit(self, person: Person, secret: str, browser: str) -> web.Response:
        """Continue if the secret was made for this person. Nobody else learns what it is for."""
        found = await self._page(secret, browser)
        if found is None:
            return await self._over(secret, browser)
        page, expected = found
        member = expected.member
        if not is_member(person, member, expected.team_id):
            log.warning("ticket.wrong_person", ticket=expected.reference)
            return self.identity.pages.render("wrong_person.html", status=403)
        async with self.identity.database.system() as session:
            await Browsers(session).prove(browser, member.realm, person.team_id, member.user_id)
        return await page.confirmed(secret, browser)

    async def _again(self, state: str, browser: str | None) -> web.Response:
        """Handle a repeated return from Slack: continue as after the first one. A stranger's browser learns nothing."""
        secret = None
        if browser is not None and SECRET.fullmatch(state):
            async with self.identity.database.system(write=False) as session:
                secret = await SignIns(session, self.identity.vault).repeated(state, browser)
        if browser is None or secret is None:
            return self.identity.pages.render("cannot_finish.html", status=400)
        found = await self._page(secret, browser)
        if found is None:
            return await self._over(secret, browser)
        page, expected = found
        if await self.identity.known(browser, expected.member):
            return await page.confirmed(secret, browser)
        return self.identity.pages.redirect(f"{self.identity.settings.public_url}{page.address(secret)}")

    async def _page(self, secret: str, browser: str) -> tuple[ConfirmedPage, Expected] | None:
        for page in self.confirming:
            if (expected := await page.expects(secret, browser)) is not None:
                return page, expected
        return None

    async def _over(self, secret: str, browser: str) -> web.Response:
        for page in self.confirming:
            if (response := await page.over(secret, browser)) is not None:
                return response
        return self.identity.pages.render("used_up.html", status=410)


def is_member(person: Person, member: Membership, asked_in: str) -> bool:
    """Tell whether the person that Slack named is the member for whom a secret was made.

    User ids are unique in a workspace, and in a Grid across its workspaces. There Slack may name any of the person's
    workspaces or the organization itself, so the workspace `asked_in` counts too.
    """
    at_home = person.team_id in {member.team_id, member.realm, asked_in}
    return at_home and person.user_id == member.user_id
