"""Help and debug: what a person types when they wonder."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from bot.slack.routes import Answer, Request, Routes, Say, Who
from bot.views import help as views
from bot.views import kit
from storage.models import Role

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

    def register(self, routes: Routes) -> None:
        """Add this story to the table."""
        routes.command(
            "help",
            self.help,
            permission=Who.ANYONE,
            topic=TOPIC,
            help="This list.",
            aliases=("?", "-h", "--help", "commands"),
        )
        routes.command(
            "debug",
            self.debug,
            permission=Who.ANYONE,
            topic=TOPIC,
            help="The ids support asks for.",
            aliases=("ids", "whoami"),
        )

    async def help(self, request: Request) -> Answer:  # noqa: ARG002 - the same for everyone
        """Answer `/octapost help`. Asks nothing of the database, and is the same until the next start."""
        if self._usage is None:
            self._usage = views.usage(
                self._routes.commands(),
                [found.platform.name for found in self._catalog.configured()],
                [found.platform.name for found in self._catalog.unconfigured()],
            )
        return self._usage

    async def debug(self, request: Request) -> Answer:
        """Answer `/octapost debug`: ids only, nothing secret, for the person to pass on."""
        sender = request.sender
        standing = await request.standing()
        rows = [
            ("version", version("octapost")),
            ("workspace", sender.team_id),
            ("enterprise", sender.enterprise_id or "none"),
            ("channel", sender.channel_id or "none"),
            ("person", sender.user_id),
        ]
        for seat in standing.choices:
            marker = " (this channel)" if seat.organization_id == standing.default_organization_id else ""
            role = Role(seat.role).word
            rows.append((f"organization{marker}", f"{seat.organization_id} as {role} ({seat.membership_id})"))
        text = "\n".join(f"{name}: {value}" for name, value in rows)
        blocks = [kit.section(f"```{text}```")]
        if self._settings.support_url:
            blocks.append(kit.fine_print(f"Support: {self._settings.support_url}"))
        return Say(text=text, blocks=blocks)
