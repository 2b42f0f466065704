"""`/octapost help` and `/octapost debug`."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from bot.services.permissions import Permission, allows
from bot.slack.routes import Answer, Kind, Request, Route, Routes, Say, Who, command, on
from bot.views import help as views

if TYPE_CHECKING:
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.settings import Settings
    from bot.views.kit import Message
    from storage.models import Role

TOPIC = "Help"


class Help:
    """Lists the commands, and the ids that support asks for."""

    def __init__(self, routes: Routes, catalog: PlatformCatalog, settings: Settings) -> None:
        self._routes = routes
        self._catalog = catalog
        self._settings = settings
        self._usage: dict[Role | None, Answer] = {}

    @command(
        "help",
        Who.ANYONE,
        topic=TOPIC,
        help="This list.",
        aliases=("?", "-h", "--help", "commands", "org help"),
    )
    @on(Kind.ACTION, "help.show", Who.ANYONE, changes=False)
    async def help(self, request: Request) -> Answer:
        """List the commands that the person may use in at least one of their organizations."""
        highest = max((seat.role for seat in (await request.standing()).choices), default=None)
        if highest not in self._usage:
            self._usage[highest] = Say.of(self._for(highest))
        return self._usage[highest]

    def _for(self, highest: Role | None) -> Message:
        return views.usage(
            [route for route in self._routes.commands() if _may_use(route, highest)],
            [found.platform.name for found in self._catalog.configured()],
            [found.platform.name for found in self._catalog.unconfigured()],
            may_connect=highest is not None and allows(highest, Permission.CONNECT_ACCOUNTS),
        )

    @command(
        "debug", Who.ANYONE, topic=TOPIC, help="The ids that support asks for.", aliases=("ids", "whoami")
    )
    async def debug(self, request: Request) -> Answer:
        """Show the ids that the person can pass on to support. None of them is secret."""
        standing = await request.standing()
        found = views.debug(version("octapost"), request.sender, standing, self._settings.support_url)
        return Say.of(found)


def _may_use(route: Route, role: Role | None) -> bool:
    needed = route.permission if isinstance(route.permission, Permission) else route.asks
    return needed is None or (role is not None and allows(role, needed))
