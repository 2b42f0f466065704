"""Pages in the browser for drafts: their addresses, and the forms in Slack that they were opened from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlmodel import col, insert, select, update

from storage.engine.statements import now
from storage.models import Draft, DraftLink, digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sqlmodel.ext.asyncio.session import AsyncSession

_UNSYNCHRONIZED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """A page for a draft."""

    token: str
    organization_id: str
    membership_id: str
    team_id: str
    draft_id: str
    lives: timedelta
    platform: str = ""
    account_id: str = ""
    form: Mapping[str, Any]


class DraftLinks:
    """The pages for an organization's drafts."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open(self, new: NewLink) -> None:
        """Let the member open a page for a draft of theirs with the token.

        Raises:
            LookupError: They have no such draft.

        """
        theirs = select(Draft.id).where(
            Draft.organization_id == new.organization_id,
            Draft.author == new.membership_id,
            Draft.id == new.draft_id,
        )
        if (await self._session.exec(theirs)).first() is None:
            raise LookupError("no such draft")
        await self._session.exec(
            insert(DraftLink).values(
                token_hash=digest(new.token),
                organization_id=new.organization_id,
                membership_id=new.membership_id,
                team_id=new.team_id,
                draft_id=new.draft_id,
                platform=new.platform,
                account_id=new.account_id,
                form=dict(new.form),
                created_at=now(),
                expires_at=now(new.lives),
            )
        )

    async def find(self, token: str) -> DraftLink | None:
        """Return what `token` is for, or None if there is no such link now. System session."""
        found = select(DraftLink).where(
            DraftLink.token_hash == digest(token), col(DraftLink.expires_at) > now()
        )
        return (await self._session.exec(found)).one_or_none()

    async def of_draft(self, organization_id: str, draft_id: str) -> list[DraftLink]:
        """Return the links of a draft, the newest first."""
        found = select(DraftLink).where(
            DraftLink.organization_id == organization_id,
            DraftLink.draft_id == draft_id,
            col(DraftLink.expires_at) > now(),
        )
        return list(await self._session.exec(found.order_by(col(DraftLink.created_at).desc())))

    async def shows(self, link: DraftLink, form: Mapping[str, Any]) -> None:
        """Store what the form shows now that a link was opened from; empty: it is closed."""
        theirs = update(DraftLink).where(
            col(DraftLink.organization_id) == link.organization_id,
            col(DraftLink.draft_id) == link.draft_id,
            col(DraftLink.token_hash) == link.token_hash,
        )
        await self._session.exec(theirs.values(form=dict(form)), execution_options=_UNSYNCHRONIZED)
