"""`/octapost sets`: accounts that are often chosen together, under a name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from bot.services.posts.account_sets import NewSet
from bot.services.posts.composing import Where
from bot.slack.refusals import BadInputError, under
from bot.slack.routes import Answer, Kind, OpenModal, Request, Say, UpdateModal, command, on
from bot.views.publishing import account_select
from bot.views.publishing import account_sets as views
from storage.folding import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.accounts.profiles import AccountProfiles
    from bot.services.posts.account_sets import AccountSetService, SetReport


@dataclass(frozen=True)
class AccountSetsStory:
    """The list of sets, and the form for one."""

    sets: AccountSetService
    profiles: AccountProfiles

    @command(
        "sets",
        Permission.PLAN,
        hint="[name]",
        topic="Posts",
        help="Save accounts that you often choose together under a name, and choose them beforehand in a channel.",
        aliases=("set",),
        opens=views.TITLE,
    )
    async def show(self, request: Request) -> Answer:
        """Answer `/octapost sets [name]` with the list, or with the form for the set of this name."""
        name = request.words.strip().removeprefix("save ").strip()
        if not name:
            return await self._listed(request)
        found = await self.sets.all(request.actor)
        one = next((each for each in found if fold(each.name) == fold(name)), None)
        return await self._form(request, one, name)

    @on(Kind.ACTION, f"{views.STORY}.new", Permission.PLAN, changes=False, opens=views.TITLE)
    async def new(self, request: Request) -> Answer:
        """Open the form for a new set."""
        return await self._form(request, None, "")

    @on(Kind.ACTION, f"{views.STORY}.keep", Permission.PLAN, changes=False, opens=views.TITLE)
    async def keep(self, request: Request) -> Answer:
        """Answer "Save as a set" in the form for a post with the form for a set of the accounts chosen there."""
        options = request.typed(account_select.BLOCK).get("selected_options") or ()
        chosen = [str(option["value"]) for option in options]
        return await self._form(request, None, "", channel=request.target.partition(":")[2], chosen=chosen)

    @on(Kind.ACTION, f"{views.STORY}.change", Permission.PLAN, changes=False, opens=views.TITLE)
    async def change(self, request: Request) -> Answer:
        """Open the form with a set in it."""
        found = await self.sets.all(request.actor)
        one = next((each for each in found if each.id == request.target), None)
        if one is None:
            raise NotFoundError(Thing.ACCOUNT_SET)
        return await self._form(request, one, one.name)

    @on(Kind.ACTION, f"{views.STORY}.delete", Permission.PLAN)
    async def delete(self, request: Request) -> Answer:
        """Delete a set, and show the others."""
        await self.sets.delete(request.actor, request.target)
        return replace(await self._listed(request), replace=True)

    @on(Kind.SUBMISSION, "sets.saved", Permission.PLAN)
    async def save(self, request: Request) -> Answer:
        """Store what is in the form.

        Raises:
            NotFoundError: The submission is not from this form.

        """
        channel, _, set_id = request.target.partition(":")
        if views.NAME not in request.state or (channel and not channel.startswith(("C", "G"))):
            raise NotFoundError(Thing.FORM)
        name = " ".join(str(request.typed(views.NAME).get("value") or "").split())
        if not fold(name):
            raise BadInputError(views.NO_NAME, field=views.NAME)
        options = request.typed(account_select.BLOCK).get("selected_options") or ()
        new = NewSet(
            name=name,
            account_ids=[str(option["value"]) for option in options],
            here=bool(channel and request.typed(views.HERE).get("selected_options")),
            replaces=set_id,
        )
        where = Where(slack_id=request.sender.team_id, channel=channel) if channel else Where()
        with under(account_select.BLOCK):
            one = await self.sets.save(request.actor, new, where)
        return UpdateModal(views.saved(one))

    async def _listed(self, request: Request) -> Say:
        actor = request.actor
        found = await self.sets.all(actor)
        return Say.of(views.listed(found, actor.organization, actor.organization_id))

    async def _form(
        self,
        request: Request,
        one: SetReport | None,
        name: str,
        *,
        channel: str = "",
        chosen: Sequence[str] = (),
    ) -> Answer:
        actor, channel = request.actor, channel or request.sender.channel_id or ""
        found = await self.profiles.all(actor)
        if not found:
            return OpenModal(views.nothing())
        shared = channel if channel.startswith(("C", "G")) else ""
        return OpenModal(views.form(found, one, name, actor.organization_id, shared, chosen=chosen))
