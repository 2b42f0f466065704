"""Posts that wait for somebody who may publish them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, func, select, update

from storage.drafts import Drafts
from storage.engine.statements import now
from storage.models import Submission, SubmissionStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

_FRESH = {"populate_existing": True, "synchronize_session": False}
_WAITS = col(Submission.status) == SubmissionStatus.WAITING


class Submissions:
    """The posts that members of an organization have submitted."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def submit(
        self, organization_id: str, author: str, draft_id: str, written: Mapping[str, Any]
    ) -> Submission:
        """Turn a member's draft into a submission, and return that. The draft is gone then.

        Raises:
            LookupError: The member has no such draft: it was submitted or published a moment ago.

        """
        drafts = Drafts(self._session)
        draft = await drafts.get(organization_id, author, draft_id)
        if draft is None or not await drafts.discard(organization_id, author, draft_id):
            raise LookupError("no such draft")
        made = Submission(
            organization_id=organization_id,
            draft_id=draft_id,
            author=author,
            written=dict(written),
            slack_id=draft.slack_id,
            channel=draft.channel,
        )
        self._session.add(made)
        await self._session.flush()
        return made

    async def get(self, organization_id: str, submission_id: str) -> Submission | None:
        """Return a submission of the organization, decided or not."""
        found = select(Submission).where(
            Submission.organization_id == organization_id, Submission.id == submission_id
        )
        return (await self._session.exec(found)).one_or_none()

    async def decide(
        self,
        organization_id: str,
        submission_id: str,
        status: SubmissionStatus,
        *,
        decided_by: str,
        reason: str = "",
    ) -> Submission | None:
        """Decide about a submission that waits, and return it; of two who decide at once, one gets None."""
        waiting = update(Submission).where(
            col(Submission.organization_id) == organization_id, col(Submission.id) == submission_id, _WAITS
        )
        decided = waiting.values(status=status, decided_by=decided_by, reason=reason, decided_at=now())
        rows = await self._session.exec(decided.returning(Submission), execution_options=_FRESH)
        return rows.scalar_one_or_none()

    async def count(self, organization_id: str, author: str = "") -> int:
        """Return how many submissions wait; with `author`, those of one member."""
        found = select(func.count()).where(*_waiting(organization_id, author))
        return (await self._session.exec(found)).one()

    async def page(self, organization_id: str, author: str, first: int, limit: int) -> list[Submission]:
        """Return up to `limit` submissions that wait, from the `first` one on (from 0), the oldest first.

        `author`: the member whose; empty: everybody's.
        """
        found = select(Submission).where(*_waiting(organization_id, author))
        ordered = found.order_by(col(Submission.created_at), col(Submission.id))
        return list(await self._session.exec(ordered.offset(first).limit(limit)))

    async def waiting(self) -> list[Submission]:
        """Return every submission that waits. System session."""
        return list(await self._session.exec(select(Submission).where(_WAITS)))


def _waiting(organization_id: str, author: str) -> list[ColumnElement[bool]]:
    theirs = [col(Submission.author) == author] if author else []
    return [col(Submission.organization_id) == organization_id, _WAITS, *theirs]
