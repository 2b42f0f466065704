"""Members hold the posts of accounts until a time, and let them go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from bot.services.posts.errors import TimeError
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Kind, OpenModal, Request, Say, UpdateModal, command, on
from bot.views.publishing import account_select
from bot.views.publishing import holds as views
from bot.views.publishing.composer import TIMES

if TYPE_CHECKING:
    from bot.services.accounts.profiles import AccountProfiles
    from bot.services.posts.holds import HoldService

TOPIC = "Posts"


@dataclass(frozen=True)
class HoldsStory:
    """Holding what would go out, and letting it go."""

    profiles: AccountProfiles
    holds: HoldService

    @command(
        "hold",
        Permission.PUBLISH,
        hint="[account]",
        topic=TOPIC,
        help="Stop posts from going out until a time: of one account, of several or of all.",
        aliases=("pause",),
        opens=views.TITLE,
    )
    async def ask(self, request: Request) -> Answer:
        """Answer `/octapost hold [account]` with the form."""
        actor, word = request.actor, request.words.strip()
        found = await self.profiles.all(actor)
        if not found:
            raise BadInputError(views.NOTHING_CONNECTED)
        chosen = await self.profiles.named(actor, found, word) if word else found
        return OpenModal(views.form(found, chosen, f"{actor.organization_id}/"))

    @on(Kind.SUBMISSION, "hold.decided", Permission.PUBLISH)
    async def hold(self, request: Request) -> Answer:
        """Hold the posts of the chosen accounts."""
        at = request.typed(views.UNTIL).get("selected_date_time")
        if at is None:
            raise NotFoundError(Thing.FORM)
        options = request.typed(account_select.BLOCK).get("selected_options") or ()
        chosen = [str(option["value"]) for option in options]
        if not chosen:
            raise BadInputError(views.NONE_CHOSEN, field=account_select.BLOCK)
        if views.ALL in chosen:
            chosen = [one.account.id for one in await self.profiles.all(request.actor)]
        until = datetime.fromtimestamp(int(at), UTC)
        try:
            held = await self.holds.hold(request.actor, chosen, until)
        except TimeError as error:
            raise BadInputError(TIMES[error.fault], field=views.UNTIL) from None
        return UpdateModal(views.held(held, until))

    @command(
        "resume",
        Permission.PUBLISH,
        hint="[account]",
        topic=TOPIC,
        help="End a hold before its time: of one account, or of all.",
        aliases=("unpause",),
        changes=True,
    )
    async def resume(self, request: Request) -> Answer:
        """Answer `/octapost resume [account]`: what was held goes out again."""
        actor, word = request.actor, request.words.strip()
        found = await self.profiles.all(actor)
        chosen = await self.profiles.named(actor, found, word) if word else found
        return Say.of(views.resumed(await self.holds.resume(actor, [one.account.id for one in chosen])))
