"""Connect an account: the link, the picker, and picking up a consent whose platform fell silent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot.services.access import Actor
from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission, allows
from bot.slack.refusals import BadInputError
from bot.slack.routes import (
    Answer,
    Done,
    Kind,
    OpenModal,
    Options,
    Request,
    Route,
    Routes,
    Say,
    UpdateModal,
    Who,
    command,
    on,
)
from bot.views import connect as views
from bot.views import kit
from storage.discoveries import Discoveries
from storage.grants import Grants
from storage.models import GrantStatus
from storage.organization_summaries import summaries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.accounts.connecting import Connections
    from bot.settings import PlatformSettings
    from bot.slack.home_tab import HomeTab
    from storage.engine.db import Database
    from storage.standing import Seat
    from storage.vault import Vault

SHOWN_AT_ONCE = 100
"""Slack takes at most 100 options."""
TOPIC = "Accounts"

OPENS = "Connect an account"
"""The title of the modal with the platforms."""


class Connect:
    """The connect story and what it needs. Built once, in `bot.app`."""

    def __init__(self, connections: Connections, home: HomeTab, database: Database, vault: Vault) -> None:
        self._connections = connections
        self._home = home
        self._database = database
        self._vault = vault

    def register_platforms(self, routes: Routes) -> None:
        """Add a route for each app that is configured."""
        for found in self._connections.catalog.configured():
            for app in found.clients:
                routes.put(
                    Route(
                        kind=Kind.ACTION,
                        key=f"connect.platform.{app}",
                        handler=self.platform,
                        permission=Permission.CONNECT_ACCOUNTS,
                        changes=False,
                    )
                )

    @command(
        "connect",
        Who.ANYONE,
        hint="[platform]",
        topic=TOPIC,
        help="Connect an account to your organization. You consent at the platform; no password is ever asked.",
        aliases=("add", "link"),
        opens="Connect an account",
        seldom=True,
    )
    async def start(self, request: Request) -> Answer:
        """Answer `/octapost connect [platform]` with a link only the sender can use."""
        word = next(iter(request.words.split()), "")
        who = await self._who(request)
        if word:
            self._connections.catalog.resolve(word)
        if isinstance(who, Actor):
            return await self._answer(request, who, word)
        return await self._which(request, who, word)

    @on(Kind.ACTION, "connect.start", Who.ANYONE, changes=False, opens=OPENS)
    @on(Kind.SHORTCUT, "octapost_connect", Who.ANYONE, changes=False, opens=OPENS)
    async def ask(self, request: Request) -> Answer:
        """Answer the global shortcut and the button that names no platform."""
        who = await self._who(request)
        if isinstance(who, Actor):
            return OpenModal(kit.modal("Connect an account", self._platforms(who)))
        return await self._which(request, who, "")

    async def _who(self, request: Request) -> Actor | list[Seat]:
        """Return the admin who asks, or the seats to choose from where it isn't plain which is meant.

        Raises NotMember or NotAllowed for somebody who may connect nothing here.
        """
        seats = [
            seat
            for seat in (await request.standing()).choices
            if allows(seat.role, Permission.CONNECT_ACCOUNTS)
        ]
        default = await self._default(request)
        if len(seats) > 1 or (seats and default and seats[0].organization_id != default):
            return seats
        return await request.act(seats[0].organization_id if seats else None, Permission.CONNECT_ACCOUNTS)

    async def _default(self, request: Request) -> str:
        return (await request.standing()).default_organization_id or ""

    async def _which(self, request: Request, seats: Sequence[Seat], word: str) -> Answer:
        async with self._database.system(write=False) as session:
            about = await summaries(session, [seat.organization_id for seat in seats])
        found = [about[seat.organization_id] for seat in seats if seat.organization_id in about]
        return OpenModal(views.which_organization(found, request.sender.realm, word))

    @on(Kind.ACTION, "connect.organization", Permission.CONNECT_ACCOUNTS, changes=False)
    async def organization(self, request: Request) -> Answer:
        """Go on with the organization that was chosen in the modal."""
        if request.place != "modal":
            raise NotFoundError(Thing.CHOICE)
        actor = request.actor
        word = request.target
        if not word:
            return UpdateModal(kit.modal("Connect an account", self._platforms(actor)))
        found = self._connections.catalog.resolve(word)
        if len(found.clients) > 1:
            return UpdateModal(
                kit.modal(
                    "Connect an account", views.which_app(found, actor.organization_id, actor.organization)
                )
            )
        return UpdateModal(await self._link(request, actor, found, next(iter(found.clients))))

    async def platform(self, request: Request) -> Answer:
        """Answer the button of one platform's app."""
        found = next((f for f in self._connections.catalog.configured() if request.target in f.clients), None)
        if found is None:
            raise NotFoundError(Thing.PLATFORM)
        if request.place == "modal":
            return UpdateModal(await self._link(request, request.actor, found, request.target))
        client = found.clients[request.target]
        url = await self._connections.open_ticket(request.actor, client, found.platform, request=request.key)
        return views.invitation(found.platform, client.app, request.actor.organization, url)

    @on(Kind.ACTION, "connect.open", Who.ANYONE, changes=False)
    async def opened(self, request: Request) -> Answer:  # noqa: ARG002 - Slack tells us that a link was followed
        """Take note that the link was followed; the browser does the rest."""
        return Done()

    @on(Kind.ACTION, "connect.choose", Permission.CONNECT_ACCOUNTS, changes=False, opens="Choose accounts")
    async def choose(self, request: Request) -> Answer:
        """Open the picker for the actor's own discovery."""
        actor = request.actor
        async with self._database.organization(actor.organization_id, write=False) as session:
            discoveries = Discoveries(session, self._vault)
            discovery = await discoveries.get(actor.organization_id, request.target, actor.membership_id)
            if discovery is None:
                raise NotFoundError(Thing.ACCOUNT_CHOICES)
            usable, blocked_total = await discoveries.count(actor.organization_id, discovery.id)
            blocked = await discoveries.search(
                actor.organization_id, discovery.id, "", usable=False, limit=views.BLOCKED_SHOWN
            )
            grant = await Grants(session, self._vault).get(actor.organization_id, discovery.grant_id)
        if grant is None:
            raise NotFoundError(Thing.GRANT)
        return OpenModal(
            views.picker(
                self._connections.catalog.platform(grant.platform),
                actor.organization,
                discovery,
                usable=usable,
                blocked=blocked,
                blocked_total=blocked_total,
                value=f"{actor.organization_id}/{discovery.id}",
            )
        )

    @on(Kind.OPTIONS, "connect.search", Permission.CONNECT_ACCOUNTS, changes=False)
    async def search(self, request: Request) -> Answer:
        """Answer the picker's typeahead."""
        actor = request.actor
        async with self._database.organization(actor.organization_id, write=False) as session:
            discoveries = Discoveries(session, self._vault)
            if await discoveries.get(actor.organization_id, request.target, actor.membership_id) is None:
                return Options([])
            found = await discoveries.search(
                actor.organization_id,
                request.target,
                request.words,
                usable=None if request.words else True,
                limit=SHOWN_AT_ONCE,
            )
        return Options(views.choices(found))

    @on(Kind.SUBMISSION, "connect.picked", Permission.CONNECT_ACCOUNTS)
    async def picked(self, request: Request) -> Answer:
        """Attach what was chosen; a greyed choice is named with its reason and nothing is attached."""
        actor = request.actor
        chosen = [str(o["value"]) for o in request.typed(views.PICKED).get("selected_options") or ()]
        async with self._database.organization(actor.organization_id, write=False) as session:
            discoveries = Discoveries(session, self._vault)
            discovery = await discoveries.get(actor.organization_id, request.target, actor.membership_id)
            if discovery is None:
                raise NotFoundError(Thing.ACCOUNT_CHOICES)
            greyed = await discoveries.blocked(actor.organization_id, discovery.id, chosen)
            grant = await Grants(session, self._vault).get(actor.organization_id, discovery.grant_id)
        if grant is None:
            raise NotFoundError(Thing.GRANT)
        if greyed:
            raise BadInputError(
                kit.cut(views.why_not(greyed[0].name, greyed[0].blocker), 150), field=views.PICKED
            )
        if not chosen:
            raise BadInputError(
                "Choose at least one account, or close this and come back later.", field=views.PICKED
            )
        accounts = await self._connections.choose_accounts(actor, discovery.id, chosen)
        if not accounts:
            raise NotFoundError(Thing.ACCOUNT_CHOICES)
        request.later.append(partial(self._home.redraw, request.sender, actor.organization_id))
        return UpdateModal(
            views.picked(accounts, self._connections.catalog.platform(grant.platform), actor.organization)
        )

    @on(Kind.ACTION, "connect.resume", Permission.CONNECT_ACCOUNTS)
    async def resume(self, request: Request) -> Answer:
        """Ask the platform again, after the answer: what comes of it arrives as a message of its own."""
        actor, grant_id = request.actor, request.target
        async with self._database.organization(actor.organization_id, write=False) as session:
            grant = await Grants(session, self._vault).get(actor.organization_id, grant_id)
        if grant is None or grant.status != GrantStatus.PENDING:
            raise NotFoundError(Thing.GRANT)

        async def ask_again() -> None:
            await self._connections.resume(actor, grant_id)
            await self._home.redraw(request.sender, actor.organization_id)

        request.later.append(ask_again)
        return Say(text="Asking again. I'll tell you here what comes of it.", replace=True)

    async def _answer(self, request: Request, actor: Actor, word: str) -> Say:
        if not word:
            return Say(text="Which platform do you want to connect?", blocks=self._platforms(actor))
        found = self._connections.catalog.resolve(word)
        if len(found.clients) > 1:
            return Say(
                text=f"What on {found.platform.name}?",
                blocks=views.which_app(found, actor.organization_id, actor.organization),
            )
        client = next(iter(found.clients.values()))
        url = await self._connections.open_ticket(actor, client, found.platform, request=request.key)
        return views.invitation(found.platform, client.app, actor.organization, url)

    async def _link(self, request: Request, actor: Actor, found: PlatformSettings, app: str) -> kit.Json:
        client = found.clients[app]
        url = await self._connections.open_ticket(actor, client, found.platform, request=request.key)
        return views.go_on(found.platform, client.app, actor.organization, url)

    def _platforms(self, actor: Actor) -> list[kit.Json]:
        offered = self._connections.catalog.configured()
        if not offered:
            raise BadInputError(
                "No platform is set up on this installation yet. Whoever runs Octapost has to add one."
            )
        return views.platforms(offered, actor.organization_id, actor.organization)
