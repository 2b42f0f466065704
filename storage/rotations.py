"""Bot tokens that rotate: their refresh token works once, so of all processes one may use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, or_, update

from storage.db import now
from storage.models import Installation

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlmodel.ext.asyncio.session import AsyncSession

_OPTIONS = {"populate_existing": True, "synchronize_session": False}


class Rotations:
    """Whose turn it is to renew an installation's tokens. System sessions only."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def take(self, installation: Installation, lease: timedelta) -> Installation | None:
        """Return the installation if its tokens are the caller's to renew, for `lease`.

        None if they are other tokens by now, or somebody else renews them.
        """
        free = or_(col(Installation.rotating_until).is_(None), col(Installation.rotating_until) < now())
        same = col(Installation.token_expires_at) == installation.token_expires_at
        taken = update(Installation).where(col(Installation.id) == installation.id, same, free)
        rows = await self._session.exec(
            taken.values(rotating_until=now(lease)).returning(Installation), execution_options=_OPTIONS
        )
        found: Installation | None = rows.scalar_one_or_none()
        return found

    async def give_back(self, installation: Installation) -> None:
        """Let others try to renew the tokens that `take` returned."""
        ours = update(Installation).where(
            col(Installation.id) == installation.id,
            col(Installation.rotating_until) == installation.rotating_until,
        )
        await self._session.exec(ours.values(rotating_until=None), execution_options=_OPTIONS)
