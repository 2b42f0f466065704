"""`/octapost help` and `/octapost debug`."""

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
    """Lists the commands, and the ids that support asks for."""

    def __init__(self, routes: Routes, catalog: PlatformCatalog, settings: Settings) -> None:
        self._routes = routes
        self._catalog = catalog
        self._settings = settings
        self._usage: Answer | None = None

    @command("help", Who.ANYONE, topic=TOPIC, help="This list.", aliases=("?", "-h", "--help", "commands"))
    async def help(self, request: Request) -> Answer:  # noqa: ARG002 - the same for everyone
        """List the commands. Reads no database: the list stays the same while the process runs."""
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
        """Show the ids that the person can pass on to support. None of them is secret."""
        standing = await request.standing()
        found = views.debug(version("octapost"), request.sender, standing, self._settings.support_url)
        return Say.of(found)
