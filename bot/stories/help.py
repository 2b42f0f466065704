"""Help, status and debug: what a person types when they wonder."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from adapters.base import Capability
from bot.routes import Answer, Request, Routes, Say, Who
from bot.views import accounts as account_views
from bot.views import help as views
from bot.views import kit
from storage.models import Role

if TYPE_CHECKING:
    from bot.offer import Offer
    from bot.settings import Settings
    from bot.stories.accounts import AccountsStory

TOPIC = "Help"


class Help:
    """The words for people who wonder what to type, how things are, or what to tell support."""

    def __init__(self, routes: Routes, offer: Offer, accounts: AccountsStory, settings: Settings) -> None:
        self._routes = routes
        self._offer = offer
        self._accounts = accounts
        self._settings = settings
        self._usage: Answer | None = None

    def register(self, routes: Routes) -> None:
        """Add this story to the table."""
        routes.command(
            "help",
            self.help,
            role=Who.ANYONE,
            topic=TOPIC,
            help="This list.",
            aliases=("?", "-h", "--help", "commands"),
        )
        routes.command(
            "status",
            self.status,
            role=Role.MEMBER,
            topic=TOPIC,
            help="How your accounts and this installation are doing.",
        )
        routes.command(
            "debug",
            self.debug,
            role=Who.ANYONE,
            topic=TOPIC,
            help="The ids support asks for.",
            aliases=("ids", "whoami"),
        )

    async def help(self, request: Request) -> Answer:  # noqa: ARG002 - the same for everyone
        """Answer `/octapost help`. Asks nothing of the database, and is the same until the next start."""
        if self._usage is None:
            self._usage = views.usage(
                self._routes.commands(),
                [found.platform.name for found in self._offer.offered()],
                [found.platform.name for found in self._offer.missing_platforms()],
            )
        return self._usage

    async def status(self, request: Request) -> Answer:
        """Answer `/octapost status`: one line per account, then what is set up."""
        actor = request.actor
        cards = await self._accounts.cards(actor)
        lines = [
            f"{account_views.status(card)} · {kit.escape(card.platform.name)}: {kit.escape(card.account.name)}"
            for card in cards
        ]
        able = sum(Capability.PUBLISH in card.can for card in cards)
        summary = f"{actor.organization}: {able} of {len(cards)} accounts can publish."
        blocks = [kit.words(summary)] if cards else account_views.nothing(actor.organization, "", actor.role)
        blocks += [kit.section("\n".join(lines[i : i + 20])) for i in range(0, min(len(lines), 600), 20)]
        not_set_up = [found.platform.name for found in self._offer.missing_platforms()]
        if not_set_up:
            blocks.append(kit.fine_print(f"Not set up on this installation: {kit.listed(not_set_up)}."))
        return Say(text=summary, blocks=blocks)

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
