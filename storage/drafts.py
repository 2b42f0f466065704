"""What members are writing. Each sees their own drafts only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, delete, func, select

from storage.engine.statements import insert_once, now
from storage.models import Account, Draft, Post, Submission, SubmissionStatus
from storage.post_edits import edit_draft, revision_of
from storage.posts import post_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel.ext.asyncio.session import AsyncSession

_FRESH = {"populate_existing": True}


class Drafts:
    """The drafts of an organization's members."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: str, author: str, draft_id: str) -> Draft | None:
        """Return a draft of this member; None if there is none, or it is somebody else's."""
        return (
            await self._session.exec(select(Draft).where(*_theirs(organization_id, author, draft_id)))
        ).one_or_none()

    async def save(
        self,
        organization_id: str,
        author: str,
        draft_id: str,
        written: Mapping[str, Any],
        *,
        slack_id: str,
        channel: str,
    ) -> Draft:
        """Store what is in the form under this id, and return the draft.

        Raises:
            LookupError: Another member's draft has this id, it was submitted or has become a post, or the post that it
                changes was changed by somebody else.

        """
        if not await self._open(organization_id, author, draft_id):
            raise LookupError("no such draft")
        values = {"written": dict(written), "updated_at": now()}
        new = insert_once(self._session, Draft).values(
            id=draft_id,
            organization_id=organization_id,
            author=author,
            slack_id=slack_id,
            channel=channel,
            created_at=now(),
            **values,
        )
        theirs = (col(Draft.organization_id) == organization_id) & (col(Draft.author) == author)
        upsert = new.on_conflict_do_update(index_elements=["id"], set_=values, where=theirs)
        rows = await self._session.exec(upsert.returning(Draft), execution_options=_FRESH)
        draft: Draft | None = rows.scalar_one_or_none()
        if draft is None:
            raise LookupError("no such draft")
        return draft

    async def _open(self, organization_id: str, author: str, draft_id: str) -> bool:
        """Tell whether a draft of this id can still become a post, or change one."""
        found = select(Post).where(Post.id == post_of(draft_id))
        post = (await self._session.exec(found, execution_options=_FRESH)).one_or_none()
        if revision_of(draft_id) is None:
            return post is None and not await self._submitted(draft_id)
        if post is None or post.organization_id != organization_id:
            return False
        return draft_id == edit_draft(post, author)

    async def _submitted(self, draft_id: str) -> bool:
        """Tell whether the draft waits for somebody who may publish it."""
        found = select(Submission.id).where(
            Submission.draft_id == draft_id, Submission.status == SubmissionStatus.WAITING
        )
        return (await self._session.exec(found)).first() is not None

    async def latest(self, organization_id: str, author: str) -> Draft | None:
        """Return the draft that the member changed last."""
        return next(iter(await self.page(organization_id, author, 0, 1)), None)

    async def author(self, organization_id: str, draft_id: str) -> str | None:
        """Return who writes a draft; None if there is none of this id."""
        found = select(Draft.author).where(Draft.organization_id == organization_id, Draft.id == draft_id)
        return (await self._session.exec(found)).one_or_none()

    async def platforms(self, organization_id: str, author: str, draft_id: str) -> list[str]:
        """Return the platforms of the accounts that are chosen in a draft."""
        draft = await self.get(organization_id, author, draft_id)
        chosen = draft.written.get("accounts", ()) if draft is not None else ()
        found = select(Account.platform).where(
            Account.organization_id == organization_id, col(Account.id).in_(chosen)
        )
        return list(await self._session.exec(found.distinct()))

    async def count(self, organization_id: str, author: str) -> int:
        """Return how many drafts the member has."""
        found = select(func.count()).where(Draft.organization_id == organization_id, Draft.author == author)
        return (await self._session.exec(found)).one()

    async def page(self, organization_id: str, author: str, first: int, limit: int) -> list[Draft]:
        """Return up to `limit` drafts of the member from the `first` one on (from 0), the last changed first."""
        found = select(Draft).where(Draft.organization_id == organization_id, Draft.author == author)
        ordered = found.order_by(col(Draft.updated_at).desc(), col(Draft.id).desc())
        return list(await self._session.exec(ordered.offset(first).limit(limit)))

    async def discard(self, organization_id: str, author: str, draft_id: str) -> bool:
        """Delete a draft; return whether there was one. Of two who do it at once, one gets True."""
        gone = delete(Draft).where(*_theirs(organization_id, author, draft_id))
        return (await self._session.exec(gone)).rowcount == 1


def _theirs(organization_id: str, author: str, draft_id: str) -> tuple[Any, ...]:
    return (
        col(Draft.organization_id) == organization_id,
        col(Draft.author) == author,
        col(Draft.id) == draft_id,
    )
