"""Help and debug: what a person types when they wonder."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from bot.slack.routes import Answer, Request, Routes, Say, Who, command
from bot.views import help as views

if TYPE_CHECKING:
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.settings import Settings

TOPIC = "Help"


class Help:
    """The words for people who wonder what to type, or what to tell support."""

    def __init__(self, routes: Routes, catalog: PlatformCatalog, settings: Settings) -> None:
        self._routes = routes
        self._catalog = catalog
        self._settings = settings
        self._usage: Answer | None = None

    @command("help", Who.ANYONE, topic=TOPIC, help="This list.", aliases=("?", "-h", "--help", "commands"))
    async def help(self, request: Request) -> Answer:  # noqa: ARG002 - the same for everyone
        """List the commands. Asks nothing of the database: the list is the same until the next start."""
        if self._usage is None:
            usage = views.usage(
                self._routes.commands(),
                [found.platform.name for found in self._catalog.configured()],
                [found.platform.name for found in self._catalog.unconfigured()],
            )
            self._usage = Say.of(usage)
        return self._usage

    @command("debug", Who.ANYONE, topic=TOPIC, help="The ids support asks for.", aliases=("ids", "whoami"))
    async def debug(self, request: Request) -> Answer:
        """Show ids only, nothing secret, for the person to pass on."""
        standing = await request.standing()
        found = views.debug(version("octapost"), request.sender, standing, self._settings.support_url)
        return Say.of(found)
