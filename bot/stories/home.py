"""The App Home: opened, refreshed, and switched to another organization."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.ops.logs import logger
from bot.services.access import act_as, sender_behind
from bot.services.errors import NotMemberError
from bot.services.permissions import Permission
from bot.services.posts.agenda import read_agenda, risks_in
from bot.slack.failures import CALL_FAILED, failure
from bot.slack.payloads import opener_of
from bot.slack.routes import Answer, Done, Kind, Request, Who, on
from bot.slack.standing import LazyStanding
from bot.slack.zones import UNKNOWN
from bot.views import home as views
from bot.views.access_requests import refused
from bot.views.errors import sentence
from bot.views.kit import Json
from bot.views.paging import page_number
from bot.views.publishing import agenda as agenda_views
from storage.account_listings import Listings
from storage.alert_settings import Alerts
from storage.memberships import Members
from storage.models import Role

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.services.access import Actor, ActorRef, Sender
    from bot.services.accounts.profiles import AccountProfile, AccountProfiles
    from bot.services.organizations.access_requests import AccessService
    from bot.services.organizations.organizations import OrganizationService
    from bot.services.posts.agenda import Agenda
    from bot.settings import Settings
    from bot.slack.clients import SlackClients
    from bot.slack.home_tab import HomeTab
    from bot.slack.zones import PeopleZones
    from storage.engine.db import Database
    from storage.standing import Standing

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Home:
    """The tab that a member sees under the app's name. Implements `bot.slack.home_tab.HomeTab`."""

    profiles: AccountProfiles
    organizations: OrganizationService
    access: AccessService
    clients: SlackClients
    database: Database
    settings: Settings
    zones: PeopleZones

    @on(Kind.EVENT, "app_home_opened", Who.SLACK, changes=False)
    async def opened(self, request: Request) -> Answer:
        """Draw the home tab for the person who opened it."""
        if (request.body.get("event") or {}).get("tab") == "messages":
            return Done()
        sender = opener_of(request.body)
        standing = await LazyStanding(self.database, sender)()
        await self._publish(request, sender, await self.view(sender, standing))
        return Done()

    @on(Kind.ACTION, "home.refresh", Permission.SEE_ACCOUNTS, changes=False)
    @on(Kind.ACTION, "home.switch", Permission.SEE_ACCOUNTS, changes=False)
    @on(Kind.ACTION, "home.earlier", Permission.SEE_ACCOUNTS, changes=False)
    @on(Kind.ACTION, "home.later", Permission.SEE_ACCOUNTS, changes=False)
    async def show(self, request: Request) -> Answer:
        """Draw the tab for the organization and the page that the button or select names."""
        standing, page = await request.standing(), request.target
        number = page_number(page) or 0
        view = await self.view(request.sender, standing, request.actor.organization_id, number)
        await self._publish(request, request.sender, view)
        return Done()

    async def redraw(self, sender: Sender, organization_id: str | None) -> None:
        """Draw a person's tab again after a change that they made anywhere.

        If Slack does not accept it, the tab is drawn when the person next opens it.
        """
        standing = await LazyStanding(self.database, sender)()
        view = await self.view(sender, standing, organization_id)
        await self._draw(
            sender, view, lambda: self.clients.for_workspace(sender.team_id, sender.enterprise_id)
        )

    async def view(
        self, sender: Sender, standing: Standing, organization_id: str | None = None, page: int = 0
    ) -> Json:
        """Return the home tab of a person, who may be a member of no organization."""
        chosen = organization_id or standing.default_organization_id
        if chosen is None and standing.choices:
            chosen = standing.choices[0].organization_id
        found = await self.organizations.overview(sender, standing)
        try:
            actor = act_as(sender, standing, chosen)
        except NotMemberError as error:
            refusal = refused(sentence(error), await self.access.of_no_member(sender))
            view = views.with_invitations(views.welcome(refusal), found.invitations)
            return views.with_footer(view, self._links())
        seat = next(s for s in standing.choices if s.organization_id == actor.organization_id)
        async with self.database.organization(actor.organization_id, write=False) as session:
            alerts = await Alerts(session).get(actor.organization_id)
            listed = await Listings(session).all(actor.organization_id)
            agenda = await read_agenda(session, actor)
        cards = await self.profiles.of(actor, listed)
        planned = await self._planned(actor, agenda, cards) if cards or agenda.shows else []
        reader = views.Reader(realm=sender.realm, seats=standing.choices, seat=seat, about=found.summaries)
        view = views.home(reader, cards, alerts, page, planned=planned)
        return views.with_footer(views.with_invitations(view, found.invitations), self._links())

    async def _planned(self, actor: Actor, agenda: Agenda, accounts: Sequence[AccountProfile]) -> list[Json]:
        """Return the agenda, in days of the reader's own time zone."""
        now, zone = datetime.now(UTC), UNKNOWN
        if agenda.coming:
            zone = await self.zones.of(actor.sender)
        reading = agenda_views.Reading(
            organization_id=actor.organization_id,
            role=Role(actor.role),
            zone=ZoneInfo(zone),
            now=now,
            platform=self.profiles.catalog.platform,
        )
        return agenda_views.blocks(agenda, risks_in(agenda.coming, accounts, now), reading)

    def _links(self) -> views.Links:
        return views.Links(privacy=f"{self.settings.public_url}/privacy", support=self.settings.support_url)

    async def _publish(self, request: Request, sender: Sender, view: Json) -> None:
        await self._draw(sender, view, request.client)

    async def _draw(
        self, sender: Sender, view: Json, client_of: Callable[[], Awaitable[AsyncWebClient]]
    ) -> None:
        try:
            client = await client_of()
            await client.views_publish(user_id=sender.user_id, view=view)
        except CALL_FAILED as error:
            log.warning("home.not_published", code=failure(error).code)


class HomeInBackground:
    """Draws home tabs in the background, for callers without a Slack request. Built once, in `bot.app`."""

    def __init__(
        self, home: HomeTab, later: Callable[[Callable[[], Awaitable[None]]], None], database: Database
    ) -> None:
        self._home = home
        self._later = later
        self._database = database

    def redraw_soon(self, member: ActorRef, team_id: str) -> None:
        """Draw a member's home tab again in the background, unless they have left the organization."""
        self._later(partial(self._redraw, member.organization_id, member.membership_id, team_id))

    async def _redraw(self, organization_id: str, membership_id: str, team_id: str) -> None:
        async with self._database.organization(organization_id, write=False) as session:
            member = await Members(session).get(organization_id, membership_id)
        if member is not None:
            await self._home.redraw(sender_behind(member, team_id), organization_id)
