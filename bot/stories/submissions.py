"""Deciding about posts that members have submitted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from bot.services.posts.errors import ProblemsError, TimeError, UnsuitedError
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Done, Kind, OpenModal, Request, Say, UpdateModal, on
from bot.views.paging import page_number
from bot.views.publishing import submissions as views
from bot.views.publishing.composer import TIMES

if TYPE_CHECKING:
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.posts.submissions import SubmissionService


@dataclass(frozen=True)
class SubmissionsStory:
    """The buttons of submitted posts."""

    submissions: SubmissionService
    catalog: PlatformCatalog

    @on(Kind.ACTION, f"{views.STORY}.earlier", Permission.WRITE_POSTS, changes=False)
    @on(Kind.ACTION, f"{views.STORY}.later", Permission.WRITE_POSTS, changes=False)
    async def turn(self, request: Request) -> Answer:
        """Show another page of the list in place of the current one."""
        return await self._listed(request, request.target)

    @on(Kind.ACTION, f"{views.STORY}.publish", Permission.PUBLISH)
    async def publish(self, request: Request) -> Answer:
        """Publish a submitted post; if its time is over, ask for another one."""
        submission_id, _, page = request.target.partition(":")
        try:
            await self.submissions.publish(request.actor, submission_id)
        except TimeError as error:
            report = await self.submissions.report(request.actor, submission_id)
            return OpenModal(views.time_form(report, error.fault, _metadata(request, submission_id)))
        except (ProblemsError, UnsuitedError) as error:
            return Say.of(views.refused(error))
        return await self._listed(request, page) if page else Done()

    @on(Kind.SUBMISSION, f"{views.STORY}.timed", Permission.PUBLISH)
    async def publish_at(self, request: Request) -> Answer:
        """Publish a submitted post at the time that was chosen for it instead of its own."""
        if views.WHEN not in request.state:
            raise NotFoundError(Thing.FORM)
        at = request.typed(views.WHEN).get("selected_date_time")
        due_at = datetime.fromtimestamp(int(at), UTC) if at is not None else None
        try:
            await self.submissions.publish_at(request.actor, request.target, due_at)
        except TimeError as error:
            raise BadInputError(TIMES[error.fault], field=views.WHEN) from None
        except (ProblemsError, UnsuitedError) as error:
            return UpdateModal(views.refused_modal(error))
        return UpdateModal(views.published())

    @on(Kind.ACTION, f"{views.STORY}.return", Permission.PUBLISH, changes=False, opens=views.RETURN)
    async def ask_reason(self, request: Request) -> Answer:
        """Ask why a post is returned."""
        submission_id, _, _ = request.target.partition(":")
        report = await self.submissions.report(request.actor, submission_id)
        return OpenModal(views.return_form(report, _metadata(request, submission_id)))

    @on(Kind.SUBMISSION, f"{views.STORY}.returned", Permission.PUBLISH)
    async def give_back(self, request: Request) -> Answer:
        """Make a submitted post its author's draft again."""
        reason = str(request.typed(views.REASON).get("value") or "").strip()
        report = await self.submissions.report(request.actor, request.target)
        if not reason:
            raise BadInputError("Say what should change.", field=views.REASON)
        await self.submissions.give_back(request.actor, request.target, reason[: views.MOST_REASON])
        return UpdateModal(views.returned(report))

    async def _listed(self, request: Request, number: str) -> Answer:
        page = page_number(number)
        if page is None:
            raise NotFoundError(Thing.PAGE)
        found = await self.submissions.page(request.actor, page)
        return Say.of(views.listed(found, request.actor, self.catalog.platform), replace=True)


def _metadata(request: Request, submission_id: str) -> str:
    return f"{request.actor.organization_id}/{submission_id}"
