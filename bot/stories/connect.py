"""Connecting an account: the link, the picker, and finishing a consent after a platform's outage."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot.services.access import Actor
from bot.services.errors import InvalidInputError, NotFoundError, Thing, UnknownPlatformError
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
from bot.views import kit, picker, suggestions
from bot.views.consent import CHOOSE
from bot.views.errors import sentence
from storage.folding import near
from storage.organization_summaries import summaries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.accounts.choosing import Choosing
    from bot.services.accounts.connecting import Connecting
    from bot.services.accounts.profiles import AccountProfiles
    from bot.settings import PlatformSettings
    from bot.slack.home_tab import HomeTab
    from storage.engine.db import Database
    from storage.standing import Seat

TOPIC = "Accounts"


class Connect:
    """Connects accounts to an organization. Built once, in `bot.app`."""

    def __init__(
        self,
        catalog: PlatformCatalog,
        connecting: Connecting,
        choosing: Choosing,
        profiles: AccountProfiles,
        home: HomeTab,
        database: Database,
    ) -> None:
        self._catalog = catalog
        self._connecting = connecting
        self._choosing = choosing
        self._profiles = profiles
        self._home = home
        self._database = database

    def register_platforms(self, routes: Routes) -> None:
        """Add a route for each app that is configured."""
        for found in self._catalog.configured():
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

    # The link

    @command(
        "connect",
        Who.ANYONE,
        hint="[platform]",
        topic=TOPIC,
        help="Connect an account. You approve it on the platform's own page, so we never see a password.",
        aliases=("add", "link"),
        opens=views.TITLE,
        seldom=True,
        asks=Permission.CONNECT_ACCOUNTS,
    )
    async def start(self, request: Request) -> Answer:
        """Answer `/octapost connect [platform]` with a link that only the sender can use."""
        word = request.words.strip()
        who = await self._who(request)
        try:
            found = self._catalog.resolve(word) if word else None
        except UnknownPlatformError:
            if not isinstance(who, Actor) or not (known := await self._accounts_called(who, word)):
                raise
            again = [f"reconnect {name}" for name in known]
            return Say.of(suggestions.reconnect(known, who.organization, again))
        if not isinstance(who, Actor):
            return await self._which(request, who, word)
        if found is None:
            return Say(text=views.WHICH_PLATFORM, blocks=self._platforms(who))
        if len(found.clients) > 1:
            return Say.of(views.which_app(found, who.organization_id, who.organization))
        return Say.of(await self._link(request, who, found, next(iter(found.clients))))

    @on(Kind.ACTION, "connect.start", Who.ANYONE, changes=False, opens=views.TITLE)
    @on(Kind.SHORTCUT, "octapost_connect", Who.ANYONE, changes=False, opens=views.TITLE)
    async def ask(self, request: Request) -> Answer:
        """Answer the global shortcut and the button, which name no platform."""
        who = await self._who(request)
        if isinstance(who, Actor):
            return OpenModal(kit.modal(views.TITLE, self._platforms(who)))
        return await self._which(request, who, "")

    async def _who(self, request: Request) -> Actor | list[Seat]:
        """Return the sender as an admin, or the seats to choose from if it is not clear which one is meant.

        Raises:
            NotMemberError: They are a member of no organization here.
            NotAllowedError: They may connect accounts to none of their organizations.

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

    async def _accounts_called(self, actor: Actor, word: str) -> list[str]:
        """Return the accounts that a word probably means which names no platform."""
        return near(word, [one.label for one in await self._profiles.all(actor)])

    async def _default(self, request: Request) -> str:
        return (await request.standing()).default_organization_id or ""

    async def _which(self, request: Request, seats: Sequence[Seat], word: str) -> Answer:
        async with self._database.system(write=False) as session:
            about = await summaries(session, [seat.organization_id for seat in seats])
        found = [about[seat.organization_id] for seat in seats if seat.organization_id in about]
        return OpenModal(views.which_organization(found, request.sender.realm, word))

    @on(Kind.ACTION, "connect.organization", Permission.CONNECT_ACCOUNTS, changes=False)
    async def organization(self, request: Request) -> Answer:
        """Continue with the organization that was chosen in the modal.

        Raises:
            NotFoundError: The button is not in that modal.

        """
        if request.place != "modal":
            raise NotFoundError(Thing.CHOICE)
        actor = request.actor
        word = request.target
        if not word:
            return UpdateModal(kit.modal(views.TITLE, self._platforms(actor)))
        found = self._catalog.resolve(word)
        if len(found.clients) > 1:
            apps = views.which_app(found, actor.organization_id, actor.organization)
            return UpdateModal(kit.modal(views.TITLE, apps.blocks))
        link = await self._link(request, actor, found, next(iter(found.clients)))
        return UpdateModal(views.go_on(link))

    async def platform(self, request: Request) -> Answer:
        """Answer the button of one platform's app with a link.

        Raises:
            NotFoundError: The app is not set up on this installation any more.

        """
        found = next((f for f in self._catalog.configured() if request.target in f.clients), None)
        if found is None:
            raise NotFoundError(Thing.PLATFORM)
        link = await self._link(request, request.actor, found, request.target)
        return UpdateModal(views.go_on(link)) if request.place == "modal" else Say.of(link)

    @on(Kind.ACTION, "connect.open", Who.ANYONE, changes=False)
    async def opened(self, request: Request) -> Answer:  # noqa: ARG002 - Slack reports that a link was followed
        """Acknowledge that the link was followed; the browser does the rest."""
        return Done()

    async def _link(self, request: Request, actor: Actor, found: PlatformSettings, app: str) -> kit.Message:
        """Return the private message with a link for one of the platform's apps."""
        client = found.clients[app]
        url = await self._connecting.open_link(actor, found.platform, client, request=request.key)
        return views.invitation(found.platform, client.app, actor.organization, url)

    def _platforms(self, actor: Actor) -> list[kit.Json]:
        configured = self._catalog.configured()
        if not configured:
            raise BadInputError(views.NO_PLATFORM)
        return views.platforms(configured, actor.organization_id, actor.organization)

    # Choosing among the accounts that a sign-in found

    @on(Kind.ACTION, "connect.choose", Permission.CONNECT_ACCOUNTS, changes=False, opens=CHOOSE)
    async def choose(self, request: Request) -> Answer:
        """Open the picker with the accounts that the actor's own sign-in found."""
        actor = request.actor
        choice = await self._choosing.read(actor, request.target, blocked=picker.BLOCKED_SHOWN)
        value = f"{actor.organization_id}/{choice.discovery.id}"
        return OpenModal(picker.picker(choice, actor.organization, value))

    @on(Kind.OPTIONS, "connect.search", Permission.CONNECT_ACCOUNTS, changes=False)
    async def search(self, request: Request) -> Answer:
        """Answer the picker's typeahead."""
        found = await self._choosing.search(
            request.actor, request.target, request.words, limit=picker.OPTIONS_SHOWN
        )
        return Options(picker.choices(found))

    @on(Kind.SUBMISSION, "connect.picked", Permission.CONNECT_ACCOUNTS)
    async def picked(self, request: Request) -> Answer:
        """Connect the chosen accounts.

        Raises:
            BadInputError: One of them can't be connected, with the reason. Then nothing is connected.

        """
        actor = request.actor
        ids = [str(o["value"]) for o in request.typed(picker.PICKED).get("selected_options") or ()]
        try:
            chosen = await self._choosing.choose(actor, request.target, ids)
        except InvalidInputError as error:
            raise BadInputError(kit.cut(sentence(error), 150), field=picker.PICKED) from None
        request.later.append(partial(self._home.redraw, request.sender, actor.organization_id))
        return UpdateModal(picker.picked(chosen, actor.organization))

    @on(Kind.ACTION, "connect.resume", Permission.CONNECT_ACCOUNTS)
    async def resume(self, request: Request) -> Answer:
        """Ask the platform again in the background; the result arrives as a separate message."""
        actor, grant_id = request.actor, request.target
        await self._connecting.pending(actor, grant_id)

        async def ask_again() -> None:
            await self._connecting.resume(actor, grant_id)
            await self._home.redraw(request.sender, actor.organization_id)

        request.later.append(ask_again)
        return Say(text=views.ASKING_AGAIN, replace=True)
