"""Listing accounts, reconnecting or disconnecting one, and showing where one may post."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from adapters.base import PlatformError
from bot.ops.logs import logger
from bot.services.accounts.revoking import RevocationResult
from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from bot.slack.failures import CALL_FAILED, failure
from bot.slack.routes import (
    Answer,
    Done,
    Kind,
    OpenModal,
    Options,
    Request,
    Say,
    UpdateModal,
    Who,
    command,
    on,
)
from bot.views import accounts as views
from bot.views import connect as connect_views
from bot.views import doctor, kit
from bot.views.errors import explain
from bot.views.paging import page_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.access import Actor
    from bot.services.accounts.disconnecting import Disconnecting
    from bot.services.accounts.places import PlaceService
    from bot.services.accounts.profiles import AccountProfile, AccountProfiles
    from bot.services.accounts.reconnecting import Reconnecting
    from bot.slack.home_tab import HomeTab

log = logger(__name__)
CARDS_SHOWN = 15
"""A message holds 50 blocks. An account takes at most 3, and up to five blocks come before and after them."""
TOPIC = "Accounts"


@dataclass(frozen=True)
class AccountsStory:
    """The accounts that an organization can publish to."""

    profiles: AccountProfiles
    reconnecting: Reconnecting
    disconnecting: Disconnecting
    place_service: PlaceService
    home: HomeTab

    @command(
        "accounts",
        Permission.SEE_ACCOUNTS,
        hint="[platform]",
        topic=TOPIC,
        help="Your organization's accounts, one line each.",
        aliases=("list", "ls"),
    )
    async def show(self, request: Request) -> Answer:
        """Answer `/octapost accounts [platform]`."""
        return await self._listed(request.actor, request.words.strip(), 0)

    @on(Kind.ACTION, "account.list", Permission.SEE_ACCOUNTS, changes=False)
    async def show_all(self, request: Request) -> Answer:
        """Show the first page of the list."""
        return await self._listed(request.actor, "", 0)

    @on(Kind.ACTION, "account.earlier", Permission.SEE_ACCOUNTS, changes=False)
    @on(Kind.ACTION, "account.later", Permission.SEE_ACCOUNTS, changes=False)
    async def turn(self, request: Request) -> Answer:
        """Show another page of the list, which a button names, in place of the current one.

        Raises:
            NotFoundError: The button's value is no page number.

        """
        word, _, platform = request.target.partition(":")
        number = page_number(word)
        if number is None:
            raise NotFoundError(Thing.PAGE)
        return replace(await self._listed(request.actor, platform, number), replace=True)

    async def _listed(self, actor: Actor, word: str, number: int) -> Say:
        platform = self.profiles.catalog.resolve(word).platform if word else None
        found = await self.profiles.all(actor, platform.key if platform else None)
        if not found:
            name = platform.name if platform else ""
            return Say(
                text=views.none_yet(actor.organization),
                blocks=views.nothing(actor.organization, name, actor.role),
            )
        where = f"{actor.organization} on {platform.name}" if platform else actor.organization
        text = views.summary(found, where)
        part = views.page(
            views.worst_first(found),
            number,
            size=CARDS_SHOWN,
            story="account",
            value=f"{actor.organization_id}/",
            about=f":{platform.key}" if platform else "",
        )
        blocks = [kit.words(text), *views.outages(found)[:2], *views.cards(part, actor.role)]
        return Say(text=text, blocks=blocks)

    @command(
        "reconnect",
        Permission.CONNECT_ACCOUNTS,
        hint="[account]",
        topic=TOPIC,
        help="Renew an account's sign-in; without a name, the one that needs it.",
        aliases=("renew",),
    )
    @on(Kind.ACTION, "account.needy", Permission.CONNECT_ACCOUNTS, changes=False)
    async def which_to_reconnect(self, request: Request) -> Answer:
        """Answer `/octapost reconnect [account]` with a link, or ask which account if that is not clear.

        One consent renews all accounts of a sign-in, so these are offered as one choice.
        """
        actor, word = request.actor, request.words.strip()
        found = await self.profiles.all(actor)
        if not found:
            return Say(
                text=views.none_yet(actor.organization),
                blocks=views.nothing(actor.organization, "", actor.role),
            )
        needy = views.in_need(found)
        matching = await self.profiles.named(actor, found, word) if word else needy or found
        choices = _by_sign_in(matching)
        if len(choices) == 1 and (word or needy):
            return await self._link(request, matching[0].account.id)
        return Say.of(views.which(choices, actor.organization_id, "reconnect"))

    @on(Kind.ACTION, "account.open", Who.ANYONE, changes=False)
    @on(Kind.ACTION, "account.place", Who.ANYONE, changes=False)
    async def opened(self, request: Request) -> Answer:  # noqa: ARG002 - only acknowledges
        """Acknowledge a link or a choice that needs no answer."""
        return Done()

    @command(
        "disconnect",
        Permission.DISCONNECT_ACCOUNTS,
        hint="[account]",
        topic=TOPIC,
        help="Disconnect an account for the whole organization.",
        aliases=("remove", "unlink"),
        opens=views.DISCONNECT_TITLE,
    )
    async def which(self, request: Request) -> Answer:
        """Answer `/octapost disconnect [account]` with the confirmation, or ask which account."""
        actor, word = request.actor, request.words.strip()
        found = await self.profiles.all(actor)
        if not found:
            return Say(
                text=views.none_to_disconnect(actor.organization),
                blocks=views.nothing(actor.organization, "", actor.role),
            )
        matching = await self.profiles.named(actor, found, word) if word else found
        if len(matching) == 1 and word:
            return OpenModal(await self._confirmation(matching[0]))
        return Say.of(views.which([[one] for one in matching], actor.organization_id, "disconnect"))

    @on(
        Kind.ACTION,
        "account.disconnect",
        Permission.DISCONNECT_ACCOUNTS,
        changes=False,
        opens=views.DISCONNECT_TITLE,
    )
    async def confirm(self, request: Request) -> Answer:
        """Open the confirmation for one account."""
        return OpenModal(await self._confirmation(await self._one(request)))

    @on(Kind.SUBMISSION, "account.disconnected", Permission.DISCONNECT_ACCOUNTS)
    async def disconnect(self, request: Request) -> Answer:
        """Disconnect at once, then end the access at the platform and show the result in the same modal."""
        gone = await self.disconnecting.disconnect(request.actor, request.target)
        request.later.append(partial(self.home.redraw, request.sender, request.actor.organization_id))
        if gone.revocation is None:
            return UpdateModal(views.disconnected(gone, RevocationResult.STILL_USED))
        view_id = str(request.body["view"]["id"])

        async def end() -> None:
            result = await self.disconnecting.revocation(gone)
            try:
                client = await request.client()
                await client.views_update(view_id=view_id, view=views.disconnected(gone, result))
            except CALL_FAILED as error:
                log.info("answer.not_shown", code=failure(error).code)

        request.later.append(end)
        return UpdateModal(views.disconnecting(gone))

    @on(Kind.ACTION, "account.reconnect", Permission.CONNECT_ACCOUNTS, changes=False)
    async def reconnect(self, request: Request) -> Answer:
        """Answer the Reconnect button."""
        return await self._link(request, request.target)

    @on(Kind.ACTION, "account.renew", Permission.CONNECT_ACCOUNTS, changes=False)
    async def renew(self, request: Request) -> Answer:
        """Answer the button of a renewal that came to nothing: another link for the same sign-in."""
        found = await self.profiles.all(request.actor)
        one = next((one for one in found if one.account.grant_id == request.target), None)
        if one is None:
            raise NotFoundError(Thing.GRANT)
        return await self._link(request, one.account.id)

    async def _link(self, request: Request, account_id: str) -> Say:
        return Say.of(
            connect_views.renewal(await self.reconnecting.link(request.actor, account_id, request.key))
        )

    @on(Kind.ACTION, "account.details", Permission.SEE_ACCOUNTS, changes=False, opens=views.DETAILS_TITLE)
    async def details(self, request: Request) -> Answer:
        """Open the modal with everything about one account.

        Raises:
            NotFoundError: The organization has no such account.

        """
        found = await self.profiles.all(request.actor)
        one = next((one for one in found if one.account.id == request.target), None)
        if one is None:
            raise NotFoundError(Thing.ACCOUNT)
        return OpenModal(doctor.details(one, request.actor.role))

    @on(Kind.ACTION, "account.places", Permission.SEE_ACCOUNTS, changes=False, opens=views.PLACES_TITLE)
    async def places(self, request: Request) -> Answer:
        """Open the modal that lists where an account can post."""
        one = await self._one(request)
        actor, account = request.actor, one.account
        try:
            count = await self.place_service.count(actor, account, one.grant)
        except PlatformError as error:
            return OpenModal(kit.message_modal(views.PLACES_TITLE, explain(error, one.platform)))
        return OpenModal(
            views.places(account.name, one.platform, count, f"{actor.organization_id}/{account.id}")
        )

    @on(Kind.OPTIONS, "account.place", Permission.SEE_ACCOUNTS, changes=False)
    async def search_places(self, request: Request) -> Answer:
        """Answer the typeahead of places."""
        return Options(
            views.place_options(await self.place_service.search(request.actor, request.target, request.words))
        )

    async def _one(self, request: Request) -> AccountProfile:
        """Return the profile of the account that the button names."""
        return await self.profiles.get(request.actor, request.target)

    async def _confirmation(self, one: AccountProfile) -> kit.Json:
        return views.confirm_disconnect(one, await self.disconnecting.outlook(one.account))


def _by_sign_in(found: Sequence[AccountProfile]) -> list[list[AccountProfile]]:
    """Return the profiles grouped by grant."""
    together: dict[str, list[AccountProfile]] = {}
    for one in found:
        together.setdefault(one.account.grant_id or one.account.id, []).append(one)
    return list(together.values())
