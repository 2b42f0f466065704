"""Posts of members who may not publish: submitted, then published or returned by somebody who may."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from bot.services.access import members_with
from bot.services.acting import acting
from bot.services.errors import Limit, LimitReachedError, NotFoundError, PostDecidedError, Thing
from bot.services.outbox import Conversation, enqueue, enqueue_dm, enqueue_dm_by_id
from bot.services.permissions import Permission
from bot.services.posts.drafts import Extra, dump, load
from bot.services.posts.listing import SIZE, PageOf, page_at
from bot.services.posts.notifications import SubmissionDecided, SubmissionWaiting
from storage.account_labels import labels
from storage.alert_settings import Alerts
from storage.audit import Audit
from storage.drafts import Drafts
from storage.memberships import Members
from storage.models import SubmissionStatus, new_id
from storage.outbox import Notices
from storage.post_edits import revision_of
from storage.posts import NewPost
from storage.publishing_accounts import accounts_among
from storage.submissions import Submissions

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from bot.services.notifications import Living, Reader
    from bot.services.posts.composing import Composing, Where
    from bot.services.posts.drafts import Written
    from storage.engine.db import Database
    from storage.models import Notice, Submission

MOST_WAITING = 20
"""How many posts of one member can wait at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionReport:
    """A submitted post, and what has become of it."""

    id: str
    organization_id: str
    draft_id: str
    author: str | None
    """The user id of whoever wrote it; None: they have left."""
    written: Written
    accounts: tuple[tuple[str, str], ...]
    """The accounts it goes to: the name, told apart from others, and the platform's key."""
    status: SubmissionStatus
    decided_by: str | None = None
    """The user id of whoever decided; None: nobody has, or they have left."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionPage:
    """One page of the posts that wait: for members who may publish everybody's, for others their own."""

    at: PageOf
    submissions: tuple[SubmissionReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What has become of a form that was submitted."""

    channel: str
    """The channel where the post was written; empty: in none."""
    waits: bool = False
    """Somebody who may publish decides about it."""


class SubmissionService:
    """Submits posts, and decides about them. Built once, in `bot.publishing`."""

    def __init__(self, composing: Composing, database: Database) -> None:
        self._composing = composing
        self._database = database

    async def finish(self, actor: Actor, draft_id: str, written: Written, where: Where) -> Finished:
        """Publish what the actor has written, or submit it if they may not publish. The draft is gone then.

        Raises:
            LimitReachedError: As many of their posts wait as may.
            Exception: What `Composing.publish` raises.

        """
        if actor.may(Permission.PUBLISH):
            post = await self._composing.publish(actor, draft_id, written, where)
            return Finished(channel=post.channel)
        if revision_of(draft_id) is not None:
            actor.require(Permission.PUBLISH)
        await self._composing.check_time(actor, written)
        _, written = await self._composing.checked(actor, written)
        async with acting(self._database, actor, Permission.WRITE_POSTS) as session:
            submissions = Submissions(session)
            if await submissions.count(actor.organization_id, actor.membership_id) >= MOST_WAITING:
                raise LimitReachedError(Limit.SUBMISSIONS, MOST_WAITING)
            try:
                made = await submissions.submit(
                    actor.organization_id, actor.membership_id, draft_id, dump(written)
                )
            except LookupError:
                raise PostDecidedError from None
            await Audit(session).write(actor.organization_id, actor.membership_id, "post submitted", made.id)
            await _ask(session, made)
        return Finished(channel=made.channel, waits=True)

    async def report(self, actor: Actor, submission_id: str) -> SubmissionReport:
        """Return a submission that the actor can decide about.

        Raises:
            NotFoundError: Their organization has none of this id.
            PostDecidedError: Somebody has decided about it.

        """
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            return await _report(session, await _waiting(session, actor, submission_id))

    async def publish(self, actor: Actor, submission_id: str) -> None:
        """Publish a submitted post, at the time that its author chose. Raises what `publish_at` raises."""
        await self._publish(actor, submission_id, (await self.report(actor, submission_id)).written)

    async def publish_at(self, actor: Actor, submission_id: str, due_at: datetime | None) -> None:
        """Publish a submitted post at this time; None: now.

        Raises:
            NotFoundError: The actor's organization has no such submission, or a file of it is gone.
            PostDecidedError: Somebody has decided about it.
            TimeError: The time has passed.
            UnsuitedError: An account can't take it.
            ProblemsError: A platform does not take it as it is.

        """
        written = (await self.report(actor, submission_id)).written
        extras = tuple(one for one in written.extras if one is not Extra.NEXT_SLOT)
        await self._publish(actor, submission_id, replace(written, due_at=due_at, extras=extras))

    async def _publish(self, actor: Actor, submission_id: str, written: Written) -> None:
        await self._composing.check_time(actor, written)
        chosen, written = await self._composing.checked(actor, written)
        try:
            async with acting(self._database, actor, Permission.PUBLISH) as session:
                made = await _decided(session, actor, submission_id, SubmissionStatus.PUBLISHED)
                new = NewPost(
                    draft_id=made.draft_id,
                    author=made.author,
                    text=written.text,
                    content=dump(written),
                    slack_id=made.slack_id,
                    channel=made.channel,
                )
                await self._composing.schedule(session, actor, new, written, chosen)
        except IntegrityError:
            raise PostDecidedError from None

    async def give_back(self, actor: Actor, submission_id: str, reason: str) -> None:
        """Make a submitted post its author's draft again, and tell them why.

        Raises:
            NotFoundError: The actor's organization has no such submission.
            PostDecidedError: Somebody has decided about it.

        """
        async with acting(self._database, actor, Permission.PUBLISH) as session:
            made = await _decided(session, actor, submission_id, SubmissionStatus.RETURNED, reason)
            await Drafts(session).save(
                made.organization_id,
                made.author,
                made.draft_id,
                made.written,
                slack_id=made.slack_id,
                channel=made.channel,
            )

    async def page(self, actor: Actor, number: int) -> SubmissionPage:
        """Return a page of the submissions that wait and that the actor may see, the oldest first."""
        organization_id = actor.organization_id
        author = "" if actor.may(Permission.PUBLISH) else actor.membership_id
        async with self._database.organization(organization_id, write=False) as session:
            submissions = Submissions(session)
            at = page_at(await submissions.count(organization_id, author), number)
            found = await submissions.page(organization_id, author, at.number * SIZE, SIZE)
            return SubmissionPage(at=at, submissions=tuple([await _report(session, one) for one in found]))

    # What people read about it

    @property
    def readers(self) -> dict[type[Living], Reader]:
        """What the messages about submissions say now."""
        return {SubmissionWaiting: self.read, SubmissionDecided: self.read}

    async def read(
        self, session: AsyncSession, one: SubmissionWaiting | SubmissionDecided
    ) -> SubmissionReport | None:
        """Return what has become of a submission; None if it is gone."""
        made = await Submissions(session).get(one.organization_id, one.submission_id)
        return await _report(session, made) if made is not None else None

    async def on_delivered(self, session: AsyncSession, notice: Notice) -> None:
        """Nothing follows: the card is where people see it."""

    async def on_undeliverable(
        self,
        session: AsyncSession,
        notice: Notice,
        code: str,  # noqa: ARG002 - whatever the reason is
        *,
        app_removed: bool,  # noqa: ARG002 - admins may be in another workspace
    ) -> None:
        """Ask every admin if the channel doesn't take the card."""
        made = await Submissions(session).get(notice.facts["organization_id"], notice.facts["submission_id"])
        if made is not None and notice.key == _key(made.id) and made.status == SubmissionStatus.WAITING:
            await _ask_each(session, made)


async def _waiting(session: AsyncSession, actor: Actor, submission_id: str) -> Submission:
    found = await Submissions(session).get(actor.organization_id, submission_id)
    if found is None:
        raise NotFoundError(Thing.POST)
    if found.status != SubmissionStatus.WAITING:
        raise PostDecidedError
    return found


async def _decided(
    session: AsyncSession, actor: Actor, submission_id: str, status: SubmissionStatus, reason: str = ""
) -> Submission:
    """Decide about a submission that waits, and tell everybody whom it concerns."""
    organization_id, by = actor.organization_id, actor.membership_id
    await _waiting(session, actor, submission_id)
    made = await Submissions(session).decide(
        organization_id, submission_id, status, decided_by=by, reason=reason
    )
    if made is None:
        raise PostDecidedError
    await Audit(session).write(organization_id, by, f"submission {status}", made.id)
    about = SubmissionDecided(organization_id=organization_id, submission_id=made.id)
    await enqueue_dm_by_id(session, organization_id, made.author, f"{_key(made.id)}:decided", about)
    keys = [f"{_key(made.id)}:{one.id}" for one in await Members(session).all(organization_id)]
    for key in (_key(made.id), *keys):
        card = await Notices(session).get(key)
        if card is not None:
            there = Conversation(slack_id=card.slack_id, id=card.channel, organization_id=organization_id)
            await enqueue(session, there, f"{key}:{new_id('upd')}", _about(made), edits=key)
    return made


async def _ask(session: AsyncSession, made: Submission) -> None:
    """Show a submission in the organization's channel; without one, to everybody who may publish."""
    settings = await Alerts(session).get(made.organization_id)
    if not settings.channel_id:
        await _ask_each(session, made)
        return
    to = Conversation(
        slack_id=settings.slack_id, id=settings.channel_id, organization_id=made.organization_id
    )
    await enqueue(session, to, _key(made.id), _about(made))


async def _ask_each(session: AsyncSession, made: Submission) -> None:
    for member in await members_with(session, made.organization_id, Permission.PUBLISH):
        await enqueue_dm(session, member, _key(made.id), _about(made))


def _about(made: Submission) -> SubmissionWaiting:
    return SubmissionWaiting(organization_id=made.organization_id, submission_id=made.id)


async def _report(session: AsyncSession, made: Submission) -> SubmissionReport:
    written = load(made.written)
    accounts = await accounts_among(session, made.organization_id, written.accounts)
    named, members = labels(accounts), Members(session)
    author = await members.get(made.organization_id, made.author)
    by = await members.get(made.organization_id, made.decided_by) if made.decided_by else None
    return SubmissionReport(
        id=made.id,
        organization_id=made.organization_id,
        draft_id=made.draft_id,
        author=author.user_id if author is not None else None,
        written=written,
        accounts=tuple((named[one.id], one.platform) for one in accounts),
        status=SubmissionStatus(made.status),
        decided_by=by.user_id if by is not None else None,
        reason=made.reason,
    )


def _key(submission_id: str) -> str:
    return f"submission:{submission_id}"
