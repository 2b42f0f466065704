"""`/octapost status` and `/octapost doctor`: how all accounts are doing, and what is wrong with one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.permissions import Permission
from bot.slack.routes import Answer, Request, Say, command
from bot.views import accounts as account_views
from bot.views import doctor as views

if TYPE_CHECKING:
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.accounts.profiles import AccountProfiles

TOPIC = "Accounts"


class Doctor:
    """Says how accounts are doing, and why."""

    def __init__(self, profiles: AccountProfiles, catalog: PlatformCatalog) -> None:
        self._profiles = profiles
        self._catalog = catalog

    @command(
        "status",
        Permission.SEE_ACCOUNTS,
        topic=TOPIC,
        help="How your accounts and their platforms are doing.",
    )
    async def status(self, request: Request) -> Answer:
        """Answer `/octapost status`: one line per account, the platforms in trouble, and what isn't set up."""
        actor = request.actor
        cards = await self._profiles.all(actor)
        summary = views.summary(actor.organization, cards)
        if cards:
            blocks = views.overview(actor.organization, cards)
        else:
            blocks = account_views.nothing(actor.organization, "", actor.role)
        not_set_up = [found.platform.name for found in self._catalog.unconfigured()]
        if not_set_up:
            blocks += views.not_set_up(not_set_up)
        return Say(text=summary, blocks=blocks)

    @command(
        "doctor",
        Permission.SEE_ACCOUNTS,
        hint="[account]",
        topic=TOPIC,
        help="Diagnose an account, or all that need attention.",
        aliases=("why", "diagnose"),
    )
    async def examine(self, request: Request) -> Answer:
        """Answer `/octapost doctor [account]`.

        Raises:
            UnknownAccountError: The organization has no account of that name.

        """
        actor, word = request.actor, request.words.strip()
        cards = await self._profiles.all(actor)
        if not cards:
            text = account_views.none_yet(actor.organization)
            return Say(text=text, blocks=account_views.nothing(actor.organization, "", actor.role))
        chosen = [card for card in cards if not card.diagnosis.fine]
        if word:
            chosen = await self._profiles.named(actor, cards, word)
        elif not chosen:
            return Say.of(views.nothing_wrong(actor.organization, cards))
        worst_first = account_views.worst_first(chosen)
        return Say.of(views.examined(actor.organization, worst_first, actor.role))
