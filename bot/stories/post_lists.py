"""The lists of posts and drafts, and decisions about whole posts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from bot.services.posts.decisions import Decision
from bot.services.posts.errors import TimeError
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Done, Kind, OpenModal, Request, Say, UpdateModal, command, on
from bot.views.paging import page_number
from bot.views.publishing import bulk
from bot.views.publishing import posts as views
from bot.views.publishing import submissions as submitted
from bot.views.publishing.composer import TIMES
from bot.views.publishing.post_menu import RESCHEDULE
from storage.post_listings import Which

if TYPE_CHECKING:
    from bot.services.access import Actor
    from bot.services.accounts.catalog import PlatformCatalog
    from bot.services.posts.bulk import BulkDecider
    from bot.services.posts.changing import PostChanges
    from bot.services.posts.composing import Composing
    from bot.services.posts.decisions import DeliveryDecider
    from bot.services.posts.listing import PostLists
    from bot.services.posts.submissions import SubmissionService
    from bot.slack.home_tab import HomeTab
    from bot.views.kit import Message

TOPIC = "Posts"


@dataclass(frozen=True)
class PostListsStory:
    """What the organization has decided to publish, and what the reader is writing."""

    lists: PostLists
    decider: DeliveryDecider
    composing: Composing
    changes: PostChanges
    submissions: SubmissionService
    several: BulkDecider
    catalog: PlatformCatalog
    home: HomeTab

    @command(
        "posts",
        Permission.SEE_ACCOUNTS,
        hint="[drafts|submitted|scheduled|held|failed|sent]",
        topic=TOPIC,
        help="See what's coming up and what needs you; or your drafts, or what was published.",
    )
    async def show(self, request: Request) -> Answer:
        """Answer `/octapost posts [drafts|submitted|scheduled|held|failed|sent]`."""
        word = request.words.strip().casefold()
        if word and word not in views.WORDS:
            raise BadInputError(views.UNKNOWN)
        return Say.of(await self._listed(request.actor, word or Which.OPEN, 0))

    @on(Kind.ACTION, f"{views.STORY}.all", Permission.SEE_ACCOUNTS, changes=False)
    @on(Kind.ACTION, f"{views.STORY}.drafts", Permission.SEE_ACCOUNTS, changes=False)
    @on(Kind.ACTION, f"{views.STORY}.earlier", Permission.SEE_ACCOUNTS, changes=False)
    @on(Kind.ACTION, f"{views.STORY}.later", Permission.SEE_ACCOUNTS, changes=False)
    async def turn(self, request: Request) -> Answer:
        """Show another page of a list, which a button names, in place of the current one."""
        number, _, word = request.target.partition(":")
        return await self._again(request, word, number)

    @on(Kind.ACTION, f"{views.STORY}.details", Permission.SEE_ACCOUNTS, changes=False, opens=views.TITLE)
    async def details(self, request: Request) -> Answer:
        """Show how far a post is on every account, with what can be decided about each."""
        found = await self.lists.post(request.actor, request.target)
        return OpenModal(views.details(found, request.actor, self.catalog.platform))

    @on(Kind.ACTION, "details.earlier", Permission.SEE_ACCOUNTS, changes=False)
    @on(Kind.ACTION, "details.later", Permission.SEE_ACCOUNTS, changes=False)
    async def turn_details(self, request: Request) -> Answer:
        """Show other accounts of a post in place of the current ones."""
        post_id, _, number = request.target.partition(":")
        found = await self.lists.post(request.actor, post_id)
        page = page_number(number or "0")
        if page is None:
            raise NotFoundError(Thing.PAGE)
        return UpdateModal(views.details(found, request.actor, self.catalog.platform, page))

    @on(Kind.ACTION, f"{views.STORY}.{Decision.PUBLISH}", Permission.PUBLISH)
    async def publish(self, request: Request) -> Answer:
        """Send now what of a post is not out yet."""
        return await self._decide(request, Decision.PUBLISH)

    @on(Kind.ACTION, f"{views.STORY}.{Decision.CANCEL}", Permission.PUBLISH)
    async def cancel(self, request: Request) -> Answer:
        """Cancel what of a post is not out yet."""
        return await self._decide(request, Decision.CANCEL)

    @on(
        Kind.ACTION,
        f"{views.STORY}.reschedule",
        Permission.PUBLISH,
        changes=False,
        opens=RESCHEDULE,
    )
    async def ask_time(self, request: Request) -> Answer:
        """Ask for a post's new time."""
        post_id, _, _ = request.target.partition(":")
        found = await self.changes.open(request.actor, post_id)
        return OpenModal(views.reschedule(found.written, f"{request.actor.organization_id}/{post_id}"))

    @on(Kind.SUBMISSION, f"{views.STORY}.rescheduled", Permission.PUBLISH)
    async def reschedule(self, request: Request) -> Answer:
        """Give a post its new time."""
        at = request.typed(views.WHEN).get("selected_date_time")
        if at is None:
            raise NotFoundError(Thing.FORM)
        due_at = datetime.fromtimestamp(int(at), UTC)
        try:
            await self.changes.reschedule(request.actor, request.target, due_at)
        except TimeError as error:
            raise BadInputError(TIMES[error.fault], field=views.WHEN) from None
        return UpdateModal(views.rescheduled(due_at))

    @on(Kind.ACTION, f"{views.STORY}.several", Permission.PUBLISH, changes=False, opens=bulk.TITLE)
    async def select(self, request: Request) -> Answer:
        """Ask which posts of a page to decide about, and what to do with them."""
        number, _, word = request.target.partition(":")
        page = page_number(number)
        if page is None or word not in set(Which):
            raise NotFoundError(Thing.PAGE)
        found = await self.lists.posts(request.actor, Which(word), page)
        return OpenModal(bulk.form(found, f"{request.actor.organization_id}/"))

    @on(Kind.SUBMISSION, f"{views.STORY}.decided", Permission.PUBLISH)
    async def decide_several(self, request: Request) -> Answer:
        """Decide about the chosen posts, and say what became of each."""
        chosen = [str(each["value"]) for each in request.typed(bulk.POSTS).get("selected_options") or ()]
        what = str((request.typed(bulk.WHAT).get("selected_option") or {}).get("value", ""))
        if what not in bulk.CHOICES:
            raise NotFoundError(Thing.FORM)
        if not chosen:
            raise BadInputError(bulk.NONE_CHOSEN, field=bulk.POSTS)
        if what == bulk.MOVE:
            found = await self.several.move(request.actor, chosen, _hours(request))
        else:
            found = await self.several.decide(request.actor, chosen, Decision(what))
        texts = {}
        for post_id, _ in found.failed:
            with suppress(NotFoundError):
                texts[post_id] = (await self.lists.post(request.actor, post_id)).text
        return UpdateModal(bulk.decided(found, what, texts))

    @on(Kind.ACTION, "compose.discard", Permission.WRITE_POSTS)
    async def discard(self, request: Request) -> Answer:
        """Delete a draft of the actor's, and show the others."""
        draft_id, _, number = request.target.partition(":")
        await self.composing.discard(request.actor, draft_id)
        return await self._again(request, views.DRAFTS, number or "0")

    async def _decide(self, request: Request, decision: Decision) -> Answer:
        """Carry out the decision, and show the list that the button is in as it is then."""
        post_id, _, rest = request.target.partition(":")
        word, _, number = rest.partition(":")
        await self.decider.decide_all(request.actor, post_id, decision)
        if word:
            return await self._again(request, word, number or "0")
        if request.place != "modal":  # the button is in the post's own message, which changes by itself
            return Done()
        found = await self.lists.post(request.actor, post_id)
        return UpdateModal(views.details(found, request.actor, self.catalog.platform))

    async def _again(self, request: Request, word: str, number: str) -> Answer:
        """Return a page in place of the current one, or in a modal above the home tab.

        Raises:
            NotFoundError: There is no such list, or this is no page number.

        """
        page = page_number(number)
        if page is None:
            raise NotFoundError(Thing.PAGE)
        listed = await self._listed(request.actor, word, page)
        if request.place == "modal":
            return UpdateModal(views.modal(listed))
        if request.place == "home":
            request.later.append(partial(self.home.redraw, request.sender, request.actor.organization_id))
            return OpenModal(views.modal(listed))
        return Say.of(listed, replace=True)

    async def _listed(self, actor: Actor, word: str, number: int) -> Message:
        if word == views.DRAFTS:
            return views.drafts(await self.lists.drafts(actor, number), actor)
        if word == views.SUBMITTED:
            waiting = await self.submissions.page(actor, number)
            return submitted.listed(waiting, actor, self.catalog.platform)
        if word not in set(Which):
            raise NotFoundError(Thing.PAGE)
        found = await self.lists.posts(actor, Which(word), number)
        return views.posts(found, actor, self.catalog.platform)


def _hours(request: Request) -> timedelta:
    """Return by how much posts are to be moved."""
    try:
        hours = int(str(request.typed(bulk.HOURS).get("value") or ""))
    except ValueError:
        hours = 0
    if not 0 < abs(hours) <= bulk.MOST_HOURS:
        raise BadInputError(bulk.NO_HOURS, field=bulk.HOURS)
    return timedelta(hours=hours)
