"""Browsers that have proved which Slack person uses them. System sessions only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select

from storage.engine.statements import insert_once, now
from storage.models import Browser, digest

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

PROOF_LIFE = timedelta(hours=12)
_UNSYNCHRONIZED = {"synchronize_session": False}


class Browsers:
    """Browsers that have proved whose they are."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def prove(self, browser: str, realm: str, team_id: str, user_id: str) -> None:
        """Remember for 12 hours that this browser is this person's; an earlier proof is replaced."""
        person = {"realm": realm, "team_id": team_id, "user_id": user_id, "expires_at": now(PROOF_LIFE)}
        proof = insert_once(self._session, Browser).values(browser_hash=digest(browser), **person)
        await self._session.exec(
            proof.on_conflict_do_update(index_elements=["browser_hash"], set_=person),
            execution_options=_UNSYNCHRONIZED,
        )

    async def who(self, browser: str) -> Browser | None:
        """Return whose browser this is, if it was proved within the last 12 hours."""
        proof = select(Browser).where(
            Browser.browser_hash == digest(browser), col(Browser.expires_at) > now()
        )
        return (await self._session.exec(proof, execution_options={"populate_existing": True})).one_or_none()
