"""What is entered in the composer's two forms is kept, checked and published."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.services.errors import NotFoundError, PostChangedError, PostOutError, Thing
from bot.services.media.intake import RefusedFile, Taken
from bot.services.permissions import Permission
from bot.services.posts.drafts import ThreadPart, Written
from bot.services.posts.errors import ProblemsError, TimeError, UnsuitedError
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Done, Kind, Request, UpdateModal, on
from bot.stories.posts.forms import entries_of, page_of
from bot.views import uploads
from bot.views.errors import sentence
from bot.views.publishing import account_select, attachments, details, entries, fields
from bot.views.publishing import composer as views
from storage.engine import time_limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.services.media.intake import Intake
    from bot.services.media.uploading import Uploading
    from bot.services.posts.composing import Composing
    from bot.services.posts.submissions import SubmissionService
    from bot.slack.files import SlackFiles
    from bot.stories.posts.forms import Forms


@dataclass(frozen=True)
class PostsStory:
    """Both forms."""

    composing: Composing
    submissions: SubmissionService
    forms: Forms
    intake: Intake
    files: SlackFiles
    uploading: Uploading

    async def _kept(self, request: Request) -> Written:
        """Store what is in the first form, and return it."""
        page = page_of(request)
        written = entries.first_form(
            entries_of(request), await self.composing.draft(request.actor, page.draft_id)
        )
        # A form of a moment ago; when it is submitted, it says that it is outdated.
        with suppress(NotFoundError, PostChangedError):
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        return written

    @on(Kind.ACTION, "compose.text", Permission.WRITE_POSTS)
    @on(Kind.ACTION, "compose.link", Permission.WRITE_POSTS)
    @on(Kind.ACTION, "compose.comment", Permission.WRITE_POSTS)
    async def keep(self, request: Request) -> Answer:
        """Store what is being typed. The form stays as it is under the hands of who types."""
        await self._kept(request)
        return Done()

    @on(Kind.ACTION, "compose.accounts", Permission.WRITE_POSTS)
    @on(Kind.ACTION, "compose.when", Permission.WRITE_POSTS)
    @on(Kind.ACTION, "compose.extras", Permission.WRITE_POSTS)
    async def refresh(self, request: Request) -> Answer:
        """Store what is in the first form, and count anew."""
        return await self.forms.first(request, await self._kept(request), turn=entries_of(request).turn)

    @on(Kind.CLOSED, "compose.written", Permission.WRITE_POSTS)
    @on(Kind.CLOSED, "compose.detailed", Permission.WRITE_POSTS)
    async def closed(self, request: Request) -> Answer:
        """Store what a form had in it, as far as Slack says. A post that was decided has no draft any more."""
        page = page_of(request)
        with suppress(NotFoundError, PostChangedError):
            before = await self.composing.resume(request.actor, page.draft_id)
            written = await self.forms.entered(request, before)
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        return Done()

    @on(Kind.SUBMISSION, "compose.written", Permission.WRITE_POSTS)
    async def submit(self, request: Request) -> Answer:
        """Publish, or ask for what single platforms need besides."""
        page = page_of(request)
        if views.TEXT not in request.state:
            raise NotFoundError(Thing.FORM)
        before = await self.composing.draft(request.actor, page.draft_id)
        written = entries.first_form(entries_of(request), before)
        try:
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        except PostChangedError as error:
            return await self.forms.again(request, written, [sentence(error)])
        if not written.accounts:
            raise BadInputError("Choose at least one account.", field=account_select.BLOCK)
        with time_limit.unlimited():  # files take longer than a request may: the form is filled afterwards
            return await self._continue(request, written)

    async def _continue(self, request: Request, written: Written) -> Answer:
        """Take in the files, then publish or ask for what is missing; on a fault show the form again."""
        page, entered = page_of(request), entries_of(request)
        taken = await self._take(request, entered.files(f"{attachments.FILES}:{entered.turn}"))
        if written.source is not None and await self.files.allowed(request.sender):
            taken += await self._take(request, [one.payload for one in written.source.files])
            written = replace(written, source=replace(written.source, files=()))
        if stored := [one.media for one in taken if isinstance(one, Taken)]:
            written = replace(written, media=written.media + tuple(stored))
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        if refused := [one for one in taken if isinstance(one, RefusedFile)]:
            return await self.forms.again(request, written, attachments.alerts(refused))
        if left := await self.uploading.unfinished(request.actor, page.draft_id):
            return await self.forms.again(request, written, [uploads.unfinished(one) for one in left])
        if not written.text.strip() and not written.media and not written.link.strip():
            raise BadInputError("Write something or attach a file.", field=views.TEXT)
        try:
            chosen = await self.composing.chosen(request.actor, written)
            await self.composing.check_time(request.actor, written)
        except UnsuitedError as error:
            return await self.forms.again(request, written, views.unsuited(error.found))
        except TimeError as error:
            raise BadInputError(views.TIMES[error.fault], field=views.time_field(request.state)) from None
        if details.asks_more(chosen, written):
            return await self.forms.details(request, chosen, written)
        return await self._publish(request, written)

    async def _take(
        self, request: Request, attached: Sequence[Mapping[str, Any]]
    ) -> list[Taken | RefusedFile]:
        incoming = (self.files.incoming(request.sender, one, attachments.MOST_BYTES) for one in attached)
        return [await self.intake.take(request.actor, one) for one in incoming]

    # The second form

    async def _described(self, request: Request) -> Written:
        """Store what is on a page of the second form, and return it.

        Raises:
            NotFoundError: The draft is gone, or somebody else's.

        """
        page = page_of(request)
        before = await self.composing.resume(request.actor, page.draft_id)
        chosen = await self.forms.suited(request, before)
        written = entries.second_form(entries_of(request), before, chosen)
        await self.composing.save(request.actor, page.draft_id, written, page.where)
        return written

    @on(Kind.ACTION, "compose.title", Permission.WRITE_POSTS)
    @on(Kind.ACTION, "compose.own_text", Permission.WRITE_POSTS)
    @on(Kind.ACTION, "compose.part", Permission.WRITE_POSTS)
    async def keep_details(self, request: Request) -> Answer:
        """Store what is being typed."""
        # A form of a moment ago; when it is submitted, it says that it is outdated.
        with suppress(NotFoundError, PostChangedError):
            await self._described(request)
        return Done()

    @on(Kind.ACTION, "compose.place", Permission.WRITE_POSTS)
    @on(Kind.ACTION, "compose.option", Permission.WRITE_POSTS)
    @on(Kind.ACTION, "compose.draft", Permission.WRITE_POSTS)
    @on(Kind.ACTION, "compose.ask", Permission.WRITE_POSTS)
    async def refresh_details(self, request: Request) -> Answer:
        """Store what is in the form, and show the fields that it needs now."""
        with time_limit.unlimited():  # a platform is asked
            return await self._details_again(request, await self._described(request))

    @on(Kind.ACTION, "compose.more_parts", Permission.WRITE_POSTS)
    async def add_part(self, request: Request) -> Answer:
        """Add a part to a thread."""
        written = await self._described(request)
        account_id = str(request.body["actions"][0].get("block_id", "")).partition(":")[2]
        before = written.of(account_id)
        grown = replace(before, thread=(*before.thread, ThreadPart())[: fields.MOST_PARTS - 1])
        return await self._details_again(
            request, replace(written, details={**written.details, account_id: grown})
        )

    async def _details_again(self, request: Request, written: Written, alerts: Sequence[str] = ()) -> Answer:
        try:
            chosen = await self.composing.chosen(request.actor, written)
        except UnsuitedError as error:
            return await self.forms.again(request, written, views.unsuited(error.found))
        number = page_of(request).number
        return await self.forms.details(request, chosen, written, number=number, alerts=alerts)

    @on(Kind.SUBMISSION, "compose.detailed", Permission.WRITE_POSTS)
    async def submit_details(self, request: Request) -> Answer:
        """Show the next page, or publish with what the pages asked for."""
        written = await self._described(request)
        if entries.is_outdated(entries_of(request), written, await self.forms.suited(request, written)):
            return await self._details_again(request, written, [details.CHOSEN_ELSEWHERE])
        with time_limit.unlimited():  # covers are taken in, and platforms asked
            written, alerts = await self._take_covers(request, written)
            try:
                chosen = await self.composing.chosen(request.actor, written)
            except UnsuitedError as error:
                return await self.forms.again(request, written, views.unsuited(error.found))
            number = page_of(request).number
            if alerts:
                return await self.forms.details(request, chosen, written, number=number, alerts=alerts)
            if number + 1 < len(await self.forms.pages(request, chosen, written)):
                return await self.forms.details(request, chosen, written, number=number + 1)
            return await self._publish(request, written)

    async def _take_covers(self, request: Request, written: Written) -> tuple[Written, list[str]]:
        """Take in the covers that were attached; return the post with them, and why some were not taken."""
        entered, page, alerts = entries_of(request), page_of(request), list[str]()
        for group in details.groups(await self.forms.suited(request, written)):
            block = fields.cover_block(group[0], written.of(group[0].account_id))
            for taken in await self._take(request, entered.files(block)):
                if isinstance(taken, RefusedFile):
                    alerts += attachments.alerts([taken])
                    continue
                covered = {
                    one.account_id: replace(written.of(one.account_id), cover=taken.media) for one in group
                }
                written = replace(written, details={**written.details, **covered})
                await self.composing.save(request.actor, page.draft_id, written, page.where)
        return written, alerts

    async def _publish(self, request: Request, written: Written) -> Answer:
        page = page_of(request)
        try:
            done = await self.submissions.finish(request.actor, page.draft_id, written, page.where)
        except ProblemsError as error:
            chosen = await self.composing.chosen(request.actor, error.written)
            return await self.forms.details(request, chosen, error.written, number=None)
        except UnsuitedError as error:
            return await self.forms.again(request, written, views.unsuited(error.found))
        except TimeError as error:
            raise BadInputError(views.TIMES[error.fault], field=views.time_field(request.state)) from None
        except (PostChangedError, PostOutError) as error:
            return await self.forms.again(request, written, [sentence(error)])
        return UpdateModal(views.decided(written, done))
