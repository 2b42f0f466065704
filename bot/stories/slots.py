"""`/octapost slots`: the weekly times at which accounts publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, Thing
from bot.services.incidents.quiet_hours import zones_like
from bot.services.permissions import Permission
from bot.services.posts.schedule import TimesError, Weekly, weekly_of
from bot.slack.refusals import BadInputError, under
from bot.slack.routes import Answer, Kind, OpenModal, Options, Request, UpdateModal, command, on
from bot.views.alerts import zone_options
from bot.views.publishing import account_select
from bot.views.publishing import slots as views

if TYPE_CHECKING:
    from bot.services.accounts.profiles import AccountProfiles
    from bot.services.posts.slots import SlotService
    from bot.slack.zones import PeopleZones

SHOWN_AT_ONCE = 100


@dataclass(frozen=True)
class SlotsStory:
    """The form for posting times."""

    slots: SlotService
    profiles: AccountProfiles
    zones: PeopleZones

    @command(
        "slots",
        Permission.PLAN,
        hint="[account]",
        topic="Posts",
        help="Choose the weekly times at which an account publishes.",
        aliases=("times", "schedule"),
        opens=views.TITLE,
    )
    async def show(self, request: Request) -> Answer:
        """Answer `/octapost slots [account]` with the form, and the times of that account in it."""
        actor = request.actor
        found = await self.profiles.all(actor)
        if not found:
            return OpenModal(views.nothing())
        meant = await self.profiles.named(actor, found, request.words) if request.words.strip() else found[:1]
        chosen = [one.account.id for one in meant] if request.words.strip() or len(found) == 1 else []
        known = await self.slots.of(actor, chosen)
        weekly = known.get(chosen[0]) if chosen else None
        if weekly is None:
            weekly = Weekly(times=(), zone=await self.zones.of(actor.sender))
        return OpenModal(views.form(found, chosen, weekly, actor.organization_id))

    @on(Kind.OPTIONS, "slots.zone", Permission.PLAN, changes=False)
    async def zone(self, request: Request) -> Answer:
        """Answer the typeahead of time zones."""
        return Options(zone_options(zones_like(request.words)[:SHOWN_AT_ONCE]))

    @on(Kind.SUBMISSION, "slots.saved", Permission.PLAN)
    async def save(self, request: Request) -> Answer:
        """Store the times of the form for the chosen accounts.

        Raises:
            NotFoundError: The submission is not from this form.

        """
        if request.target or views.ZONE not in request.state:
            raise NotFoundError(Thing.FORM)
        typed = [str(request.typed(views.block_of(day)).get("value") or "") for day in range(len(views.DAYS))]
        zone = str((request.typed(views.ZONE).get("selected_option") or {}).get("value") or "")
        options = request.typed(account_select.BLOCK).get("selected_options") or ()
        try:
            weekly = weekly_of(typed, zone)
        except TimesError as error:
            raise BadInputError(views.fault(error), field=views.block_of(error.day)) from None
        with under(account_select.BLOCK):
            following = await self.slots.save(request.actor, [str(one["value"]) for one in options], weekly)
        return UpdateModal(views.saved(await self.profiles.all(request.actor), following, zone))
