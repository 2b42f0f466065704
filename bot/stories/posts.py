"""Writing a post, and publishing it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from adapters.base import PlatformError
from bot.services.errors import NotFoundError, PostChangedError, PostOutError, Thing
from bot.services.media.intake import RefusedFile, Taken
from bot.services.permissions import Permission
from bot.services.posts.composing import ProblemsError, TimeError, UnsuitedError
from bot.services.posts.drafts import ThreadPart, Written
from bot.slack.messages import chosen_message
from bot.slack.plain_text import plain_text
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Done, Kind, OpenModal, Request, UpdateModal, command, on
from bot.views import uploads
from bot.views.errors import sentence
from bot.views.publishing import account_select, attachments, details, entries, fields
from bot.views.publishing import composer as views
from storage.drafts import new_draft_id
from storage.engine import time_limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.services.accounts.places import PlaceService
    from bot.services.media.intake import Intake
    from bot.services.media.uploading import Uploading
    from bot.services.posts.candidates import AccountProblems, Candidate
    from bot.services.posts.changing import PostChanges
    from bot.services.posts.composing import Composing
    from bot.services.posts.sharing import Sharing
    from bot.slack.files import SlackFiles

TOPIC = "Posts"
MOST_ALERTS = 10


@dataclass(frozen=True)
class PostsStory:
    """The composer."""

    composing: Composing
    changes: PostChanges
    sharing: Sharing
    places: PlaceService
    intake: Intake
    files: SlackFiles
    uploading: Uploading

    @command(
        "post",
        Permission.PUBLISH,
        hint="[text]",
        topic=TOPIC,
        help="Write a post and publish it on your accounts, now or later.",
        aliases=("publish", "compose"),
        opens=views.TITLE,
    )
    async def write(self, request: Request) -> Answer:
        """Answer `/octapost post [text]` with the form: the text is in it, and the channel's account set chosen."""
        where = entries.where_of(request.sender.channel_id or "", request.sender.team_id)
        written = await self.composing.begun(request.actor, where, plain_text(request.words))
        return await self._open(request, written)

    @on(Kind.ACTION, "compose.start", Permission.PUBLISH, changes=False, opens=views.TITLE)
    @on(Kind.SHORTCUT, "octapost_compose", Permission.PUBLISH, changes=False, opens=views.TITLE)
    async def start(self, request: Request) -> Answer:
        """Answer the button and the global shortcut with the form: empty, or what the actor was writing."""
        found = await self.composing.latest(request.actor)
        if found is None:
            return await self._open(request, Written())
        written = await self.composing.draft(request.actor, found.id)
        return await self._open(request, written, found.id)

    @on(Kind.ACTION, "compose.continue", Permission.PUBLISH, changes=False, opens=views.TITLE)
    async def go_on(self, request: Request) -> Answer:
        """Answer a draft's Continue with the form, as it was left."""
        draft_id = _page(request).draft_id
        return await self._open(request, await self.composing.resume(request.actor, draft_id), draft_id)

    @on(Kind.ACTION, "posts.edit", Permission.PUBLISH, changes=False, opens=views.TITLE)
    async def edit(self, request: Request) -> Answer:
        """Answer a post's Edit with the form, and in it everything that is not out yet."""
        found = await self.changes.open(request.actor, request.target.partition(":")[0])
        return await self._open(request, found.written, found.draft_id)

    @on(Kind.ACTION, "posts.duplicate", Permission.PUBLISH)
    async def duplicate(self, request: Request) -> Answer:
        """Answer a post's Duplicate with the form for another post that says the same."""
        post_id = request.target.partition(":")[0]
        found = await self.changes.duplicate(
            request.actor, post_id, entries.where_of(request.sender.channel_id, request.sender.team_id)
        )
        return await self._open(request, found.written, found.draft_id)

    @on(Kind.SHORTCUT, "octapost_publish_message", Permission.PUBLISH, changes=False, opens=views.TITLE)
    async def publish_message(self, request: Request) -> Answer:
        """Answer the message shortcut with the form; what the message says is in it, and kept as a draft at once."""
        message = chosen_message(request.body)
        if message is None:  # the form didn't open the first time
            return await self.start(request)
        channel = "" if message.private else request.sender.channel_id
        actor, where = request.actor, entries.where_of(channel, request.sender.team_id)
        draft_id = new_draft_id(actor.membership_id, request.key)
        written = await self.composing.begun(actor, where, message.text)
        written = replace(written, source=await self.sharing.source_of(actor, message))
        await self.composing.save(request.actor, draft_id, written, where)
        return await self._open(request, written, draft_id, private=message.private)

    async def _open(
        self, request: Request, written: Written, draft_id: str = "", *, private: bool = False
    ) -> Answer:
        """Open the form. `private`: it does not say in which channel it was begun."""
        may_attach = await self.files.allowed(request.sender)
        candidates = await self.composing.candidates(request.actor, written, may_attach=True)
        if all(one.unsuited for one in candidates) and not written.media:
            return OpenModal(views.no_accounts(candidates))
        shown = views.FirstForm(
            metadata=_metadata(request, draft_id, private=private),
            may_attach=may_attach,
            problems=self._problems(candidates, written),
        )
        return OpenModal(views.form(candidates, written, shown))

    def _problems(self, candidates: Sequence[Candidate], written: Written) -> list[AccountProblems]:
        able = [one for one in candidates if one.unsuited is None and one.account_id in written.accounts]
        return self.composing.problems(able, written)

    async def _first(
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
        )
        return UpdateModal(views.form(candidates, written, shown))

    async def _again(self, request: Request, written: Written, alerts: Sequence[str]) -> Answer:
        return await self._first(request, written, turn=_entries(request).turn + 1, alerts=alerts)

    async def _kept(self, request: Request) -> Written:
        """Store what is in the first form, and return it."""
        page = _page(request)
        written = entries.first_form(
            _entries(request), await self.composing.draft(request.actor, page.draft_id)
        )
        # A form of a moment ago; when it is submitted, it says that it is outdated.
        with suppress(NotFoundError, PostChangedError):
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        return written

    @on(Kind.ACTION, "compose.text", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.link", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.comment", Permission.PUBLISH)
    async def keep(self, request: Request) -> Answer:
        """Store what is being typed. The form stays as it is under the hands of who types."""
        await self._kept(request)
        return Done()

    @on(Kind.ACTION, "compose.accounts", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.when", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.extras", Permission.PUBLISH)
    async def refresh(self, request: Request) -> Answer:
        """Store what is in the first form, and count anew."""
        return await self._first(request, await self._kept(request), turn=_entries(request).turn)

    @on(Kind.CLOSED, "compose.written", Permission.PUBLISH)
    @on(Kind.CLOSED, "compose.detailed", Permission.PUBLISH)
    async def closed(self, request: Request) -> Answer:
        """Store what a form had in it, as far as Slack says. A post that was decided has no draft any more."""
        page = _page(request)
        with suppress(NotFoundError, PostChangedError):
            before = await self.composing.resume(request.actor, page.draft_id)
            written = entries.first_form(_entries(request), before)
            chosen = await self._still_chosen(request, written)
            written = entries.second_form(_entries(request), written, chosen)
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        return Done()

    @on(Kind.SUBMISSION, "compose.written", Permission.PUBLISH)
    async def submit(self, request: Request) -> Answer:
        """Publish, or ask for what single platforms need besides."""
        page = _page(request)
        if views.TEXT not in request.state:
            raise NotFoundError(Thing.FORM)
        before = await self.composing.draft(request.actor, page.draft_id)
        written = entries.first_form(_entries(request), before)
        try:
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        except PostChangedError as error:
            return await self._again(request, written, [sentence(error)])
        if not written.accounts:
            raise BadInputError("Choose at least one account.", field=account_select.BLOCK)
        with time_limit.unlimited():  # files take longer than a request may: the form is filled afterwards
            return await self._continue(request, written)

    async def _continue(self, request: Request, written: Written) -> Answer:
        """Take in the files, then publish or ask for what is missing; on a fault show the form again."""
        page, entered = _page(request), _entries(request)
        taken = await self._take(request, entered.files(f"{attachments.FILES}:{entered.turn}"))
        if written.source is not None and await self.files.allowed(request.sender):
            taken += await self._take(request, [one.payload for one in written.source.files])
            written = replace(written, source=replace(written.source, files=()))
        if stored := [one.media for one in taken if isinstance(one, Taken)]:
            written = replace(written, media=written.media + tuple(stored))
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        if refused := [one for one in taken if isinstance(one, RefusedFile)]:
            return await self._again(request, written, attachments.alerts(refused))
        if left := await self.uploading.unfinished(request.actor, page.draft_id):
            return await self._again(request, written, [uploads.unfinished(one) for one in left])
        if not written.text.strip() and not written.media and not written.link.strip():
            raise BadInputError("Write something or attach a file.", field=views.TEXT)
        try:
            chosen = await self.composing.chosen(request.actor, written)
            await self.composing.check_time(request.actor, written)
        except UnsuitedError as error:
            return await self._again(request, written, views.unsuited(error.found))
        except TimeError as error:
            raise BadInputError(views.TIMES[error.fault], field=views.time_field(request.state)) from None
        if details.asks_more(chosen, written):
            return await self._details(request, chosen, written)
        return await self._publish(request, written)

    async def _take(
        self, request: Request, attached: Sequence[Mapping[str, Any]]
    ) -> list[Taken | RefusedFile]:
        incoming = (self.files.incoming(request.sender, one, attachments.MOST_BYTES) for one in attached)
        return [await self.intake.take(request.actor, one) for one in incoming]

    # The second form

    async def _still_chosen(self, request: Request, written: Written) -> list[Candidate]:
        """Return the chosen accounts that can take the post."""
        found = await self.composing.candidates(request.actor, written)
        by_id = {one.account_id: one for one in found if one.unsuited is None}
        return [by_id[account_id] for account_id in written.accounts if account_id in by_id]

    async def _described(self, request: Request) -> Written:
        """Store what is on a page of the second form, and return it.

        Raises:
            NotFoundError: The draft is gone, or somebody else's.

        """
        page = _page(request)
        before = await self.composing.resume(request.actor, page.draft_id)
        chosen = await self._still_chosen(request, before)
        written = entries.second_form(_entries(request), before, chosen)
        await self.composing.save(request.actor, page.draft_id, written, page.where)
        return written

    @on(Kind.ACTION, "compose.title", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.own_text", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.part", Permission.PUBLISH)
    async def keep_details(self, request: Request) -> Answer:
        """Store what is being typed."""
        # A form of a moment ago; when it is submitted, it says that it is outdated.
        with suppress(NotFoundError, PostChangedError):
            await self._described(request)
        return Done()

    @on(Kind.ACTION, "compose.place", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.option", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.draft", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.ask", Permission.PUBLISH)
    async def refresh_details(self, request: Request) -> Answer:
        """Store what is in the form, and show the fields that it needs now."""
        with time_limit.unlimited():  # a platform is asked
            return await self._details_again(request, await self._described(request))

    @on(Kind.ACTION, "compose.more_parts", Permission.PUBLISH)
    async def add_part(self, request: Request) -> Answer:
        """Add a part to a thread."""
        written = await self._described(request)
        account_id = str(request.body["actions"][0].get("block_id", "")).partition(":")[2]
        before = written.of(account_id)
        grown = replace(before, thread=(*before.thread, ThreadPart())[: fields.MOST_PARTS - 1])
        return await self._details_again(
            request, replace(written, details={**written.details, account_id: grown})
        )

    async def _details_again(self, request: Request, written: Written) -> Answer:
        try:
            chosen = await self.composing.chosen(request.actor, written)
        except UnsuitedError as error:
            return await self._again(request, written, views.unsuited(error.found))
        return await self._details(request, chosen, written, number=_page(request).number)

    @on(Kind.SUBMISSION, "compose.detailed", Permission.PUBLISH)
    async def submit_details(self, request: Request) -> Answer:
        """Show the next page, or publish with what the pages asked for."""
        written = await self._described(request)
        with time_limit.unlimited():  # covers are taken in, and platforms asked
            written, alerts = await self._take_covers(request, written)
            try:
                chosen = await self.composing.chosen(request.actor, written)
            except UnsuitedError as error:
                return await self._again(request, written, views.unsuited(error.found))
            number = _page(request).number
            if alerts:
                return await self._details(request, chosen, written, number=number, alerts=alerts)
            if number + 1 < len(await self._pages(request, chosen, written)):
                return await self._details(request, chosen, written, number=number + 1)
            return await self._publish(request, written)

    async def _take_covers(self, request: Request, written: Written) -> tuple[Written, list[str]]:
        """Take in the covers that were attached; return the post with them, and why some were not taken."""
        entered, page, alerts = _entries(request), _page(request), list[str]()
        for group in details.groups(await self._still_chosen(request, written)):
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

    async def _details(
        self,
        request: Request,
        chosen: Sequence[Candidate],
        written: Written,
        *,
        number: int | None = 0,
        alerts: Sequence[str] = (),
    ) -> Answer:
        """Show a page of the second form; None: the first one with a problem. The platforms are asked before."""
        page = _page(request)
        for one in chosen:
            if one.needs_place:
                with suppress(PlatformError):  # then the list that is stored has to do
                    await self.places.count(request.actor, one.profile.account, one.profile.grant)
        written = await self.composing.ask(chosen, written)
        await self.composing.save(request.actor, page.draft_id, written, page.where)
        chosen = await self.composing.chosen(request.actor, written)
        found = await self._pages(request, chosen, written, alerts)
        if number is None:
            return UpdateModal(details.first_with_problems(found))
        return UpdateModal(found[min(number, len(found) - 1)])

    async def _pages(
        self, request: Request, chosen: Sequence[Candidate], written: Written, alerts: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        shown = details.SecondForm(
            metadata=_begun(request),
            may_attach=await self.files.allowed(request.sender),
            problems=self.composing.problems(chosen, written),
            alerts=alerts,
        )
        return details.pages(chosen, written, shown)

    async def _publish(self, request: Request, written: Written) -> Answer:
        page = _page(request)
        try:
            post = await self.composing.publish(request.actor, page.draft_id, written, page.where)
        except ProblemsError as error:
            chosen = await self.composing.chosen(request.actor, error.written)
            return await self._details(request, chosen, error.written, number=None)
        except UnsuitedError as error:
            return await self._again(request, written, views.unsuited(error.found))
        except TimeError as error:
            raise BadInputError(views.TIMES[error.fault], field=views.time_field(request.state)) from None
        except (PostChangedError, PostOutError) as error:
            return await self._again(request, written, [sentence(error)])
        return UpdateModal(views.decided(written, post.channel))


def _entries(request: Request) -> entries.Entries:
    return entries.Entries(request.state, (request.body.get("view") or {}).get("blocks", ()))


def _metadata(request: Request, draft_id: str, *, private: bool) -> str:
    """Return what the form carries: the organization, the draft, and the channel where it was begun."""
    draft_id = draft_id or new_draft_id(request.actor.membership_id)
    return f"{request.actor.organization_id}/{draft_id}:{'' if private else request.sender.channel_id}"


def _begun(request: Request) -> str:
    """Return what the form carries, without the page."""
    return ":".join(str(request.body["view"]["private_metadata"]).split(":")[:2])


def _page(request: Request) -> entries.Page:
    """Return which form the request came from."""
    shown = request.body.get("view") or {}
    return entries.page_of(request.target, str(shown.get("private_metadata", "")), request.sender.team_id)
