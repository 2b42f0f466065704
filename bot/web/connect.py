"""The browser's part of connecting an account: the ticket's page, the proof of who is there, the way back.

A forwarded link ends at the proof: only the Slack person a ticket was made for ever sees a consent
screen. Opening a ticket's page changes nothing, so a link preview cannot spend it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.base import Client, Misconfigured, Platform, PlatformError
from bot.ops.logs import logger
from bot.ops.metrics import GRANTS
from bot.services.access import sender_behind
from bot.services.accounts.connecting import Waiting
from bot.services.errors import ServiceError
from bot.services.notifications import (
    ConsentFailed,
    ConsentProblem,
    ConsentSettled,
    ConsentWaiting,
    Failure,
)
from bot.services.outbox import enqueue_dm_by_id
from bot.views import connect as connect_views
from bot.views import consent as words
from bot.views.errors import explain, sentence
from bot.web.guard import SECRET, is_same_origin, single_values
from bot.web.openid import NotProved, Person, Unreachable
from bot.web.pages import form_action_sources
from storage.attempts import Attempts
from storage.browsers import Browsers
from storage.installations import Installations
from storage.memberships import Members
from storage.models import ConnectionAttempt, Membership, Ticket
from storage.sign_ins import SignIns
from storage.tickets import Tickets
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.services.accounts.connecting import Connections
    from bot.settings import PlatformSettings, Settings
    from bot.slack.home_tab import HomeTab
    from bot.views.kit import Json
    from bot.web.guard import Cookies
    from bot.web.openid import SignInWithSlack
    from bot.web.pages import Pages
    from storage.attempts import Redeemed
    from storage.engine.db import Database
    from storage.vault import Vault

log = logger(__name__)
Link = tuple[str, str]

CODE = re.compile(r"[a-z_]{1,40}")
"""The error codes we repeat on a page; anything else might be somebody's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A row of the ticket page's table."""

    name: str
    reason: str


class ConnectPages:
    """/connect/{ticket}, /slack/identity and /oauth/{slug}/callback. Built once, in `bot.app`."""

    def __init__(
        self,
        *,
        settings: Settings,
        platforms: Mapping[str, PlatformSettings],
        connections: Connections,
        database: Database,
        vault: Vault,
        home: HomeTab,
        later: Callable[[Callable[[], Awaitable[None]]], None],
        sign_in: SignInWithSlack,
        pages: Pages,
        cookies: Cookies,
    ) -> None:
        self._settings = settings
        self._slugs = {found.callback_slug: found.platform for found in platforms.values()}
        self._connections = connections
        self._database = database
        self._vault = vault
        self._home = home
        self._later = later
        self._sign_in = sign_in
        self._pages = pages
        self._cookies = cookies

    def routes(self) -> list[web.RouteDef]:
        """Return the three addresses. A HEAD never redeems anything."""
        return [
            web.get("/connect/{ticket}", self.show),
            web.post("/connect/{ticket}", self.start),
            web.get("/slack/identity", self.identity, allow_head=False),
            web.get("/oauth/{slug}/callback", self.callback, allow_head=False),
        ]

    # There

    async def show(self, request: web.Request) -> web.Response:
        """Show what a ticket is for. Changes nothing and sets no cookie."""
        ticket = await self._peek(request.match_info["ticket"])
        if ticket is None:
            return self._used_up()
        _, organization = await self._connections.standing(ticket)
        platform = self._connections.catalog.platform(ticket.platform)
        try:
            client = self._connections.catalog.client(ticket.platform, ticket.app)
        except Misconfigured as error:
            return self._pages.message_page("That didn't work", explain(error, platform.name), status=503)
        return self._pages.render(
            "ticket.html",
            form_to=self._form_targets(platform, client),
            platform=platform,
            app=client.app,
            organization=organization,
            again=ticket.reconnects is not None,
            permissions=permissions_of(client),
        )

    async def start(self, request: web.Request) -> web.Response:
        """Send the person on: to the platform if this browser is known to be theirs, else to Slack first."""
        if not is_same_origin(request, self._settings.public_url):
            return self._pages.message_page(
                "That didn't work",
                "This has to be started from its own page.",
                "Open the link from Slack again and press Continue there.",
                status=403,
            )
        plain = request.match_info["ticket"]
        ticket = await self._peek(plain)
        if ticket is None:
            return self._used_up()
        member, _ = await self._connections.standing(ticket)
        browser = self._cookies.ensure(request)
        async with self._database.system(write=False) as session:
            known = await Browsers(session).who(browser)
        if known is not None and (known.realm, known.user_id) == (member.realm, member.user_id):
            return self._cookies.keep(await self._consent(plain, browser), browser)
        async with self._database.system() as session:
            state, nonce = await SignIns(session, self._vault).open(plain, browser)
        log.info("sign-in began", ticket=_short(ticket.ticket_hash))
        location = self._sign_in.authorize_url(state=state, nonce=nonce, team_id=ticket.team_id)
        return self._cookies.keep(self._pages.redirect(location), browser)

    async def identity(self, request: web.Request) -> web.Response:
        """Take Slack's word for who uses this browser; only the ticket's own member goes on."""
        query = single_values(request.query, "code", "state", "error")
        browser = self._cookies.read(request)
        redeemed = None
        if browser is not None and SECRET.fullmatch(query["state"]):
            async with self._database.system() as session:
                redeemed = await SignIns(session, self._vault).redeem(query["state"], browser)
        if browser is None or redeemed is None:
            return self._cannot_finish()
        sign_in, plain = redeemed
        retry = ("Try again", f"/connect/{plain}")
        if query["error"] or not query["code"]:
            return self._pages.message_page(
                "Slack hasn't told us who you are",
                "The sign-in at Slack was cancelled, so nothing was started.",
                "You can try again as long as the link lives, 10 minutes in all.",
                status=403,
                link=retry,
            )
        try:
            person = await self._sign_in.who(query["code"], sign_in.nonce_hash)
        except (NotProved, Unreachable) as error:
            return self._unproved(error, retry)
        return await self._admit(person, plain, browser)

    def _unproved(self, error: NotProved | Unreachable, retry: Link) -> web.Response:
        log.warning("sign-in failed", kind=type(error).__name__, code=str(error))
        if isinstance(error, Unreachable):
            return self._pages.message_page(
                "Slack isn't answering",
                "So we don't know yet that it's you, and nothing was started.",
                "Try again in a minute.",
                status=503,
                link=retry,
            )
        return self._pages.message_page(
            "Slack didn't confirm that it's you",
            "Nothing was started.",
            "Please try again.",
            status=403,
            link=retry,
        )

    async def _admit(self, person: Person, plain: str, browser: str) -> web.Response:
        """Go on if this is the person the ticket was made for; nobody else learns what it was for."""
        ticket = await self._peek(plain)
        if ticket is None:
            return self._used_up()
        member, _ = await self._connections.standing(ticket)
        if not is_member(person, member, ticket):
            log.warning("forwarded link refused", ticket=_short(ticket.ticket_hash))
            return self._pages.message_page(
                "This link belongs to somebody else in Slack",
                "It works only for the person who asked for it, so nothing was started.",
                "To connect an account yourself, type `/octapost connect` in your own Slack.",
                status=403,
            )
        async with self._database.system() as session:
            await Browsers(session).prove(browser, member.realm, person.team_id, member.user_id)
        return self._cookies.keep(await self._consent(plain, browser), browser)

    async def _consent(self, plain: str, browser: str) -> web.Response:
        """Use the ticket up and go to the platform's consent screen."""
        async with self._database.system() as session:
            ticket = await Tickets(session).redeem(plain)
        if ticket is None:
            return self._used_up()
        try:
            location = await self._connections.consent_url(ticket, browser)
        except Misconfigured as error:
            platform = self._connections.catalog.platform(ticket.platform)
            return self._pages.message_page("That didn't work", explain(error, platform.name), status=503)
        log.info("consent began", ticket=_short(ticket.ticket_hash), platform=ticket.platform)
        return self._pages.redirect(location)

    # And back

    async def callback(self, request: web.Request) -> web.Response:
        """Finish a connection attempt: same browser, same platform, once."""
        platform = self._slugs.get(request.match_info["slug"])
        if platform is None:
            raise web.HTTPNotFound
        query = single_values(request.query, "code", "state", "error", "iss")
        browser = self._cookies.read(request)
        if browser is None or not SECRET.fullmatch(query["state"]) or not (query["code"] or query["error"]):
            return self._cannot_finish()
        if platform.issuer is not None and query["iss"] != platform.issuer:
            log.warning("callback from another issuer", platform=platform.key)
            return self._cannot_finish()
        async with self._database.system() as session:
            redeemed = await Attempts(session, self._vault).redeem(query["state"], browser, platform.key)
        if redeemed is None:
            return self._cannot_finish()
        if query["error"]:
            return await self._refused(redeemed.attempt, platform, query["error"])
        return await self._finish(redeemed, platform, query["code"])

    async def _finish(self, redeemed: Redeemed, platform: Platform, code: str) -> web.Response:
        attempt = redeemed.attempt
        try:
            outcome = await self._connections.finish(redeemed, code)
        except PlatformError as error:
            log.warning(
                "consent not finished", platform=platform.key, verdict=type(error).__name__, code=error.code
            )
            failed = _failed(attempt, ConsentProblem.NOT_ACCEPTED, failure=Failure.of(error))
            return await self._came_to_nothing(
                attempt, platform, type(error).__name__, "That didn't work", failed
            )
        except ServiceError as error:
            GRANTS.labels(platform.key, error.code).inc()
            return self._pages.message_page(
                "That didn't work", sentence(error), status=403, link=await self._back(attempt.team_id)
            )
        self._later(partial(self._redraw_home, attempt))
        link = await self._back(attempt.team_id)
        if isinstance(outcome, Waiting):
            GRANTS.labels(platform.key, "waiting").inc()
            waiting = ConsentWaiting(
                organization_id=attempt.organization_id,
                platform=platform.key,
                grant_id=outcome.grant_id,
                failure=Failure.of(outcome.error),
            )
            message = connect_views.waiting(waiting, platform)
            return self._pages.message_page(
                f"{platform.name} isn't answering yet",
                *texts(message.blocks),
                "Press Finish connecting in the message we sent you in Slack, whenever you like.",
                link=link,
            )
        GRANTS.labels(platform.key, kind_of(outcome)).inc()
        sentences = texts(connect_views.outcome(outcome, platform).blocks)
        if outcome.discovery_id:
            sentences.append("Press Choose accounts in the message we sent you in Slack.")
        elif outcome.attached or outcome.renewed:
            sentences.append("You can close this page. In Slack, `/octapost connect` connects the next one.")
        return self._pages.message_page(
            TITLES[kind_of(outcome)], *sentences, good=bool(outcome.attached or outcome.renewed), link=link
        )

    async def _redraw_home(self, attempt: ConnectionAttempt) -> None:
        """Show what came of it in the App Home of whoever consented, which may be open in Slack."""
        async with self._database.organization(attempt.organization_id, write=False) as session:
            member = await Members(session).get(attempt.organization_id, attempt.membership_id)
        if member is not None:
            await self._home.redraw(sender_behind(member, attempt.team_id), attempt.organization_id)

    async def _refused(self, attempt: ConnectionAttempt, platform: Platform, error: str) -> web.Response:
        """Answer an `error` of the platform. The attempt is over; nothing was exchanged."""
        code = error if CODE.fullmatch(error) else ""
        log.info("consent refused", platform=platform.key, code=code or "unprintable")
        if error in platform.denied_codes:
            title, problem = "You said no, and that's fine", ConsentProblem.DECLINED
        elif error in platform.missing_product_codes:
            title, problem = "That's on us", ConsentProblem.MISSING_PRODUCT
        else:
            title, problem = f"{platform.name} stopped the sign-in", ConsentProblem.STOPPED
        failed = _failed(attempt, problem, code=code)
        return await self._came_to_nothing(attempt, platform, code or "refused", title, failed)

    async def _came_to_nothing(
        self, attempt: ConnectionAttempt, platform: Platform, outcome: str, title: str, failed: ConsentFailed
    ) -> web.Response:
        """Say it in the browser, and in Slack, where the person goes on."""
        GRANTS.labels(platform.key, outcome).inc()
        key = f"consent over:{attempt.state_hash.hex()}"
        async with self._database.system() as session:
            await enqueue_dm_by_id(session, attempt.organization_id, attempt.membership_id, key, failed)
        return self._pages.message_page(
            title,
            words.why(failed, platform),
            words.how_to_go_on(platform),
            link=await self._back(attempt.team_id),
        )

    # What they share

    async def _peek(self, plain: str) -> Ticket | None:
        if not SECRET.fullmatch(plain):
            return None
        async with self._database.system(write=False) as session:
            return await Tickets(session).peek(plain)

    async def _back(self, team_id: str) -> Link:
        async with self._database.system(write=False) as session:
            workspace = await Workspaces(session).get(team_id)
            enterprise_id = workspace.enterprise_id if workspace is not None else None
            found = await Installations(session, self._vault).find(team_id, enterprise_id)
        return self._pages.back_to_slack(found.app_id if found is not None else None, team_id)

    def _form_targets(self, platform: Platform, client: Client) -> tuple[str, ...]:
        hops = self._settings.slack_web_url, client.at(platform.authorize_url)
        return tuple(source for url in hops for source in form_action_sources(url))

    def _used_up(self) -> web.Response:
        return self._pages.message_page(
            "This link doesn't work",
            "It has been used, has expired (links last 10 minutes), or isn't complete.",
            "Type `/octapost connect` in Slack to get a new one.",
            status=410,
        )

    def _cannot_finish(self) -> web.Response:
        return self._pages.message_page(
            "This sign-in can't be finished here",
            "It has expired, was finished before, or was started in another browser. This visit changed nothing.",
            "`/octapost accounts` in Slack shows what is connected. To connect an account, type"
            " `/octapost connect` and open the new link in this browser.",
            status=400,
        )


TITLES = {
    "attached": "Done. Back to Slack.",
    "renewed": "Renewed. Back to Slack.",
    "choose": "Almost done: choose in Slack",
    "wrong": "You signed in as somebody else",
    "nothing": "Nothing was connected",
}


def kind_of(outcome: ConsentSettled) -> str:
    """Return what a consent came to, in one word: a key of TITLES."""
    if outcome.wrong is not None:
        return "wrong"
    if outcome.discovery_id:
        return "choose"
    if outcome.attached:
        return "attached"
    return "renewed" if outcome.renewed else "nothing"


def is_member(person: Person, member: Membership, ticket: Ticket) -> bool:
    """Tell whether the person Slack named is the member the ticket was made for.

    User ids are unique in a workspace, and in a Grid across its workspaces: there Slack may name
    any of the person's workspaces or the organization itself, so the one asked from counts too.
    """
    at_home = person.team_id in {member.team_id, member.realm, ticket.team_id}
    return at_home and person.user_id == member.user_id


def permissions_of(client: Client) -> list[Permission]:
    """Return what we ask for and why; a scope the operator added is said to be theirs."""
    reasons = {scope.name: scope.reason for scope in client.app.scopes}
    return [
        Permission(name=name, reason=reasons.get(name, "do what this installation was set up for"))
        for name in client.scopes
    ]


def _failed(
    attempt: ConnectionAttempt, problem: ConsentProblem, *, code: str = "", failure: Failure | None = None
) -> ConsentFailed:
    return ConsentFailed(
        organization_id=attempt.organization_id,
        platform=attempt.platform,
        app=attempt.app,
        problem=problem,
        code=code,
        failure=failure,
    )


def texts(blocks: object) -> list[str]:
    """Return the sentences of a message of ours, for a page that says the same without its signs."""
    found: list[str] = []
    for block in blocks if isinstance(blocks, list | tuple) else ():
        holders: list[Json] = [block["text"]] if "text" in block else []
        if block["type"] == "context":
            holders += block["elements"]
        found += [str(holder["text"]).lstrip("✅🔁 ") for holder in holders]
    return found


def _short(ticket_hash: bytes) -> str:
    """Return enough of a hash to follow a trip through the log."""
    return ticket_hash.hex()[:12]
