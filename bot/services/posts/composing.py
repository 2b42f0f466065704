"""Writing a post: drafts, which accounts can take it and why others can't, and the decision to publish."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from adapters.base import Publishes
from bot.services.acting import acting
from bot.services.errors import (
    NotFoundError,
    NothingChosenError,
    PostChangedError,
    PostDecidedError,
    Thing,
)
from bot.services.permissions import Permission
from bot.services.posts import contents
from bot.services.posts.candidates import candidate, problems, targets
from bot.services.posts.drafts import Extra, Written, dump, load, with_uploads
from bot.services.posts.editing import Opened, applied, opened
from bot.services.posts.errors import ProblemsError, TimeError, TimeFault, UnsuitedError
from bot.services.posts.schedule import FARTHEST
from bot.services.posts.sharing import not_before
from bot.services.posts.slots import free_slots
from storage.account_sets import AccountSets
from storage.audit import Audit
from storage.drafts import Drafts, is_id_of, new_draft_id
from storage.engine.statements import database_time
from storage.media import Files
from storage.post_edits import revision_of
from storage.posts import NewPost, Posts, Target, post_of
from storage.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from adapters.base import Adapter, Publisher
    from bot.services.access import Actor, ActorRef
    from bot.services.accounts.profiles import AccountProfiles
    from bot.services.posts.asking import Asking
    from bot.services.posts.candidates import AccountProblems, Candidate
    from bot.services.posts.results import Results
    from bot.services.posts.sharing import Sharing
    from storage.engine.db import Database
    from storage.models import Draft, Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The channel where a post is written."""

    slack_id: str = ""
    channel: str = ""


class Composing:
    """The use cases behind the composer. Built once, in `bot.app`."""

    def __init__(
        self,
        profiles: AccountProfiles,
        adapters: Mapping[str, Adapter],
        results: Results,
        asking: Asking,
        sharing: Sharing,
        database: Database,
    ) -> None:
        self._profiles = profiles
        self._asking = asking
        self._sharing = sharing
        self._adapters = adapters
        self._results = results
        self._database = database

    async def candidates(
        self, actor: Actor, written: Written, *, may_attach: bool = False
    ) -> list[Candidate]:
        """Return every account of the actor's organization, and whether it can take what is written.

        `may_attach`: files can be added yet, so an account that takes no text alone is no problem.
        """
        may_attach = may_attach and not written.media
        return [
            candidate(one, self._publisher(one.account.platform), written, may_attach=may_attach)
            for one in await self._profiles.all(actor)
        ]

    def _publisher(self, platform: str) -> Publisher | None:
        adapter = self._adapters.get(platform)
        return adapter.publisher if isinstance(adapter, Publishes) else None

    async def draft(self, actor: Actor, draft_id: str) -> Written:
        """Return what the actor has written under this id: of a form that changes a post, at first what it says."""
        try:
            return await self.resume(actor, draft_id)
        except NotFoundError:
            if revision_of(draft_id) is None:
                if is_id_of(draft_id, actor.membership_id):
                    return Written()
                raise
        async with self._database.organization(actor.organization_id, write=False) as session:
            return (await opened(session, actor, post_of(draft_id))).written

    async def resume(self, actor: ActorRef, draft_id: str) -> Written:
        """Return what is in a draft of the actor's.

        Raises:
            NotFoundError: They have no such draft.

        """
        async with self._database.organization(actor.organization_id, write=False) as session:
            found = await Drafts(session).get(actor.organization_id, actor.membership_id, draft_id)
            uploads = await Uploads(session).all(actor.organization_id, draft_id)
        if found is None:
            raise NotFoundError(Thing.DRAFT)
        return with_uploads(load(found.written), uploads)

    async def latest(self, actor: Actor) -> Draft | None:
        """Return the draft that the actor changed last."""
        async with self._database.organization(actor.organization_id, write=False) as session:
            return await Drafts(session).latest(actor.organization_id, actor.membership_id)

    async def new(self, actor: Actor, where: Where, text: str) -> Written:
        """Return a new post with this text; in a channel that has an account set, with its accounts chosen."""
        if not where.channel:
            return Written(text=text)
        organization_id = actor.organization_id
        async with self._database.organization(organization_id, write=False) as session:
            found = await AccountSets(session).of_channel(organization_id, where.slack_id, where.channel)
        return Written(text=text, accounts=tuple(found.accounts) if found is not None else ())

    async def begin(self, actor: Actor, key: str, new: Written, where: Where) -> Opened:
        """Store a new post as a draft, and return it. `key`: what its request has in common with a repetition.

        If the request is repeated, what was written since is returned; and if the actor's last draft says just the
        same, that one: the form of a command may have to be opened again.

        Raises:
            NotFoundError: The draft has become a post.

        """
        draft_id = new_draft_id(actor.membership_id, key)
        with suppress(NotFoundError):
            return Opened(draft_id=draft_id, written=await self.resume(actor, draft_id))
        last = await self.latest(actor)
        if last is not None and last.written == dump(new):
            return Opened(draft_id=last.id, written=new)
        await self.save(actor, draft_id, new, where)
        return Opened(draft_id=draft_id, written=new)

    async def save(self, actor: Actor, draft_id: str, written: Written, where: Where) -> None:
        """Store what is in the form.

        Raises:
            NotFoundError: The draft is not the actor's, or has become a post.
            PostChangedError: Something was decided about the post that it changes.

        """
        async with acting(self._database, actor, Permission.WRITE_POSTS) as session:
            try:
                await Drafts(session).save(
                    actor.organization_id,
                    actor.membership_id,
                    draft_id,
                    dump(written),
                    slack_id=where.slack_id,
                    channel=where.channel,
                )
            except LookupError:
                if revision_of(draft_id) is not None:
                    raise PostChangedError from None
                raise NotFoundError(Thing.DRAFT) from None

    async def discard(self, actor: Actor, draft_id: str) -> None:
        """Delete a draft of the actor's, with its files.

        Raises:
            NotFoundError: They have no such draft.

        """
        async with acting(self._database, actor, Permission.WRITE_POSTS, system=True) as session:
            drafts = Drafts(session)
            found = await drafts.get(actor.organization_id, actor.membership_id, draft_id)
            if found is None:
                raise NotFoundError(Thing.DRAFT)
            uploads = Uploads(session)
            written = with_uploads(load(found.written), await uploads.all(actor.organization_id, draft_id))
            await uploads.discard(actor.organization_id, draft_id)
            await drafts.discard(actor.organization_id, actor.membership_id, draft_id)
            keys = [one.key for one in written.files]
            await Files(session).discard(actor.organization_id, keys)

    async def chosen(self, actor: Actor, written: Written) -> list[Candidate]:
        """Return the accounts that were chosen.

        Raises:
            NothingChosenError: None was chosen.
            NotFoundError: One is not the organization's.
            UnsuitedError: Some cannot take what is written.

        """
        by_id = {one.account_id: one for one in await self.candidates(actor, written)}
        if not written.accounts:
            raise NothingChosenError
        found = [by_id.get(account_id) for account_id in written.accounts]
        if None in found:
            raise NotFoundError(Thing.ACCOUNT)
        known = [one for one in found if one is not None]
        if unsuited := [one for one in known if one.unsuited]:
            raise UnsuitedError(unsuited)
        return known

    async def ask(self, chosen: Sequence[Candidate], written: Written, *, anew: bool = False) -> Written:
        """Return what is written with what the platforms say about it now; `anew`: whatever they said before."""
        return await self._asking.ask(chosen, written, anew=anew)

    def problems(self, chosen: Sequence[Candidate], written: Written) -> list[AccountProblems]:
        """Return the accounts whose platform does not take the post as it is, with the reasons."""
        publishers = ((one, self._publisher(one.profile.account.platform)) for one in chosen)
        return list(problems([(one, found) for one, found in publishers if found is not None], written))

    async def check_time(self, actor: Actor, written: Written) -> None:
        """Return if the post can be published when it is due.

        Raises:
            TimeError: The time has passed, or is too far away, or an account has no free slot.

        """
        async with self._database.organization(actor.organization_id, write=False) as session:
            await self._times(session, actor, written, await database_time(session), lock=False)

    async def checked(self, actor: Actor, written: Written) -> tuple[list[Candidate], Written]:
        """Return the chosen accounts, and what is written with what their platforms say about it now.

        Raises:
            NothingChosenError: No account was chosen.
            NotFoundError: An account is gone.
            UnsuitedError: An account can't take it.
            ProblemsError: A platform does not take it as it is.

        """
        chosen = await self.chosen(actor, written)
        written = await self.ask(chosen, written, anew=True)
        # What a platform has switched off meanwhile is not asked for any more.
        chosen = await self.chosen(actor, written)
        if found := self.problems(chosen, written):
            raise ProblemsError(found, written)
        return chosen, written

    async def publish(self, actor: Actor, draft_id: str, written: Written, where: Where) -> Post:
        """Decide to publish the post, or to change it, and return it. The draft is gone then.

        Raises:
            NothingChosenError: No account was chosen.
            NotFoundError: An account or a file is gone.
            PostDecidedError: The same form was submitted a moment ago.
            UnsuitedError: An account can't take it.
            ProblemsError: A platform does not take it as it is.
            TimeError: It is for a time that is over, or too far away.
            PostChangedError: Something was decided about the post that the form changes.
            PostOutError: The post that the form changes is going out to one of the accounts, or is live there.

        """
        chosen, written = await self.checked(actor, written)
        new = NewPost(
            draft_id=draft_id,
            author=actor.membership_id,
            text=written.text,
            content=dump(written),
            slack_id=where.slack_id,
            channel=where.channel,
        )
        try:
            async with acting(self._database, actor, Permission.PUBLISH) as session:
                post = await self.schedule(session, actor, new, written, chosen)
                await Drafts(session).discard(actor.organization_id, actor.membership_id, draft_id)
        except IntegrityError:
            raise PostDecidedError from None
        return post

    async def schedule(
        self,
        session: AsyncSession,
        actor: Actor,
        new: NewPost,
        written: Written,
        chosen: Sequence[Candidate],
    ) -> Post:
        """Store a post that was checked, or the change of one. Called in the transaction that decides it.

        Raises:
            IntegrityError: Its draft has become a post already.
            Exception: What `publish` raises about times, files and changes.

        """
        clock = await database_time(session)
        due_at = await self._times(session, actor, written, clock)
        wanted, done = list(_spaced(chosen, written, due_at)), "post scheduled"
        if revision_of(new.draft_id) is None:
            post = await Posts(session).schedule(actor.organization_id, new, wanted)
        else:
            post, done = await applied(session, actor, new.draft_id, new, wanted), "post edited"
        await self._use_files(session, actor, post, written)
        await Audit(session).write(
            actor.organization_id, actor.membership_id, done, post.id, accounts=len(chosen)
        )
        await self._results.update(session, post)
        await self._sharing.tell_author(session, post, written.source)
        return post

    async def _times(
        self, session: AsyncSession, actor: Actor, written: Written, clock: datetime, *, lock: bool = True
    ) -> dict[str, datetime]:
        """Return when the post is due on each account; with `lock`, nobody else gets the slots meanwhile."""
        if Extra.NEXT_SLOT not in written.extras:
            at = not_before(due(written.due_at, clock), clock, written)
            return dict.fromkeys(written.accounts, at)
        found = await free_slots(session, actor.organization_id, written.accounts, lock=lock)
        times = {account_id: at for account_id, at in found.items() if at is not None}
        if len(times) < len(found):
            raise TimeError(TimeFault.NO_SLOT)
        return {account_id: not_before(at, clock, written) for account_id, at in times.items()}

    async def _use_files(self, session: AsyncSession, actor: Actor, post: Post, written: Written) -> None:
        try:
            await Files(session).use(actor.organization_id, post.id, [one.key for one in written.files])
        except LookupError:
            raise NotFoundError(Thing.FILE) from None


def _spaced(
    chosen: Sequence[Candidate], written: Written, due_at: Mapping[str, datetime]
) -> Iterator[Target]:
    """Yield where the post goes and when: in an account's further places later, as its platform wants.

    `due_at`: by account id.
    """
    before: Counter[str] = Counter()
    for one in targets(chosen, written):
        account_id, apart = one.candidate.account_id, one.candidate.facts.spaced
        yield Target(
            account_id=account_id,
            due_at=due_at[account_id] + apart * before[account_id],
            place=one.content.place,
            content=contents.dump(one.content),
        )
        before[account_id] += 1


def due(wanted: datetime | None, clock: datetime) -> datetime:
    """Return when the post is due. A time of the last minutes is now: the form took that long."""
    if wanted is None or clock - timedelta(minutes=5) < wanted <= clock:
        return clock
    if wanted < clock:
        raise TimeError(TimeFault.PAST)
    if wanted > clock + FARTHEST:
        raise TimeError(TimeFault.TOO_FAR)
    return wanted
