"""The composer's forms, drawn from what is written and what the accounts can take."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.base import PlatformError
from bot.services.permissions import Permission
from bot.slack.routes import Answer, OpenModal, Request, UpdateModal
from bot.views.publishing import composer as views
from bot.views.publishing import details, entries
from storage.models import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.services.accounts.places import PlaceService
    from bot.services.posts.candidates import AccountProblems, Candidate
    from bot.services.posts.composing import Composing
    from bot.services.posts.drafts import Written
    from bot.slack.files import SlackFiles

MOST_ALERTS = 10


@dataclass(frozen=True)
class Forms:
    """Draws both forms. Built once, in `bot.publishing`."""

    composing: Composing
    places: PlaceService
    files: SlackFiles

    async def open(
        self, request: Request, written: Written, draft_id: str = "", *, private: bool = False
    ) -> Answer:
        """Open the first form. `private`: it does not say in which channel it was begun."""
        may_attach = await self.files.allowed(request.sender)
        candidates = await self.composing.candidates(request.actor, written, may_attach=True)
        if all(one.unsuited for one in candidates) and not written.media:
            return OpenModal(views.no_accounts(candidates))
        shown = views.FirstForm(
            metadata=_metadata(request, draft_id or new_id("drf"), private=private),
            may_attach=may_attach,
            problems=self._problems(candidates, written),
            may_publish=request.actor.may(Permission.PUBLISH),
        )
        return OpenModal(views.form(candidates, written, shown))

    async def first(
        self, request: Request, written: Written, *, turn: int, alerts: Sequence[str] = ()
    ) -> Answer:
        """Show the first form again with everything in it, and what is wrong."""
        may_attach = await self.files.allowed(request.sender)
        candidates = await self.composing.candidates(request.actor, written, may_attach=True)
        shown = views.FirstForm(
            metadata=_begun(request),
            may_attach=may_attach,
            alerts=alerts[:MOST_ALERTS],
            turn=turn,
            problems=self._problems(candidates, written),
            may_publish=request.actor.may(Permission.PUBLISH),
        )
        return UpdateModal(views.form(candidates, written, shown))

    def _problems(self, candidates: Sequence[Candidate], written: Written) -> list[AccountProblems]:
        able = [one for one in candidates if one.unsuited is None and one.account_id in written.accounts]
        return self.composing.problems(able, written)

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
        found = await self.pages(request, chosen, written, alerts)
        if number is None:
            return UpdateModal(details.first_with_problems(found))
        return UpdateModal(found[min(number, len(found) - 1)])

    async def pages(
        self, request: Request, chosen: Sequence[Candidate], written: Written, alerts: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Return every page of the second form."""
        shown = details.SecondForm(
            metadata=_begun(request),
            may_attach=await self.files.allowed(request.sender),
            problems=self.composing.problems(chosen, written),
            alerts=alerts,
            may_publish=request.actor.may(Permission.PUBLISH),
        )
        return details.pages(chosen, written, shown)


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
