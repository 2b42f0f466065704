"""The composer's forms, drawn from what is written and what the accounts can take."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.base import PlatformError
from bot.services.permissions import Permission
from bot.services.posts.schedule import Zones
from bot.slack.routes import Answer, OpenModal, Request, UpdateModal
from bot.slack.zones import UNKNOWN
from bot.views.publishing import composer as views
from bot.views.publishing import details, entries
from storage.alert_settings import Alerts
from storage.models import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.access import Actor
    from bot.services.accounts.places import PlaceService
    from bot.services.posts.candidates import Candidate
    from bot.services.posts.caps import Caps
    from bot.services.posts.composing import Composing
    from bot.services.posts.drafts import Written
    from bot.slack.files import SlackFiles
    from bot.slack.zones import PeopleZones
    from storage.engine.db import Database

MOST_ALERTS = 10


@dataclass(frozen=True)
class Forms:
    """Draws both forms. Built once, in `bot.publishing`."""

    composing: Composing
    places: PlaceService
    files: SlackFiles
    people: PeopleZones
    caps: Caps
    database: Database

    async def open(
        self, request: Request, written: Written, draft_id: str = "", *, private: bool = False
    ) -> Answer:
        """Open the first form. `private`: it does not say in which channel it was begun."""
        candidates = await self.composing.candidates(request.actor, written, may_attach=True)
        if all(one.unsuited for one in candidates) and not written.media:
            return OpenModal(views.no_accounts(candidates, request.actor.role))
        metadata = _metadata(request, draft_id or new_id("drf"), private=private)
        return OpenModal(await self.draw_first(request.actor, written, metadata))

    async def first(
        self, request: Request, written: Written, *, turn: int, alerts: Sequence[str] = ()
    ) -> Answer:
        """Show the first form again with everything in it, and what is wrong."""
        return UpdateModal(
            await self.draw_first(request.actor, written, _begun(request), turn=turn, alerts=alerts)
        )

    async def draw_first(
        self, actor: Actor, written: Written, metadata: str, *, turn: int = 0, alerts: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Return the first form. `metadata` names the organization, the draft and the channel."""
        candidates = await self.composing.candidates(actor, written, may_attach=True)
        chosen = [one for one in candidates if one.unsuited is None and one.account_id in written.accounts]
        shown = views.FirstForm(
            full=await self.caps.reached(chosen, written.due_at),
            metadata=metadata,
            may_attach=await self.files.allowed(actor.sender),
            role=actor.role,
            zones=await self.zones(actor) if written.due_at is not None else None,
            alerts=alerts[:MOST_ALERTS],
            turn=turn,
            problems=self.composing.problems(chosen, written),
            may_publish=actor.may(Permission.PUBLISH),
        )
        return views.form(candidates, written, shown)

    async def zones(self, actor: Actor) -> Zones:
        """Return the time zones of a member and of their organization, as far as they are known."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            chosen = (await Alerts(session).get(actor.organization_id)).timezone
        known = "" if chosen == UNKNOWN else chosen
        return Zones(reader=await self.people.of(actor.sender), organization=known)

    async def again(self, request: Request, written: Written, alerts: Sequence[str]) -> Answer:
        """Show the first form again after a submission that was not taken."""
        return await self.first(request, written, turn=entries_of(request).turn + 1, alerts=alerts)

    async def details(
        self,
        request: Request,
        chosen: Sequence[Candidate],
        written: Written,
        *,
        number: int | None = 0,
        alerts: Sequence[str] = (),
    ) -> Answer:
        """Show a page of the second form; None: the first one with a problem. The platforms are asked before."""
        page = page_of(request)
        for one in chosen:
            if one.needs_place:
                with suppress(PlatformError):  # then the list that is stored has to do
                    await self.places.count(request.actor, one.profile.account, one.profile.grant)
        written = await self.composing.ask(chosen, written)
        await self.composing.save(request.actor, page.draft_id, written, page.where)
        chosen = await self.composing.chosen(request.actor, written)
        found = await self.draw_second(request.actor, chosen, written, _begun(request), alerts)
        if number is None:
            return UpdateModal(details.first_with_problems(found))
        return UpdateModal(found[min(number, len(found) - 1)])

    async def pages(
        self, request: Request, chosen: Sequence[Candidate], written: Written
    ) -> list[dict[str, Any]]:
        """Return every page of the second form."""
        return await self.draw_second(request.actor, chosen, written, _begun(request))

    async def draw_second(
        self,
        actor: Actor,
        chosen: Sequence[Candidate],
        written: Written,
        metadata: str,
        alerts: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """Return every page of the second form. `metadata`: without the page."""
        shown = details.SecondForm(
            metadata=metadata,
            may_attach=await self.files.allowed(actor.sender),
            problems=self.composing.problems(chosen, written),
            alerts=alerts,
            may_publish=actor.may(Permission.PUBLISH),
        )
        return details.pages(chosen, written, shown)

    async def entered(self, request: Request, before: Written) -> Written:
        """Return what is written with what either form says, as far as Slack told."""
        written = entries.first_form(entries_of(request), before)
        return entries.second_form(entries_of(request), written, await self.suited(request, written))

    async def suited(self, request: Request, written: Written) -> list[Candidate]:
        """Return the chosen accounts that can take the post."""
        found = await self.composing.candidates(request.actor, written)
        by_id = {one.account_id: one for one in found if one.unsuited is None}
        return [by_id[account_id] for account_id in written.accounts if account_id in by_id]


def entries_of(request: Request) -> entries.Entries:
    """Return what was entered in the form that the request came from."""
    return entries.Entries(request.state, (request.body.get("view") or {}).get("blocks", ()))


def page_of(request: Request) -> entries.Page:
    """Return which form the request came from."""
    shown = request.body.get("view") or {}
    return entries.page_of(request.target, str(shown.get("private_metadata", "")), request.sender.team_id)


def _metadata(request: Request, draft_id: str, *, private: bool) -> str:
    """Return what the form carries: the organization, the draft, and the channel where it was begun."""
    return f"{request.actor.organization_id}/{draft_id}:{'' if private else request.sender.channel_id}"


def _begun(request: Request) -> str:
    """Return what the form carries, without the page."""
    return ":".join(str(request.body["view"]["private_metadata"]).split(":")[:2])
