"""Deletes what has expired. System sessions only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, delete

from storage.attempts import REMEMBERED
from storage.engine.statements import now
from storage.models import (
    AttemptOutcome,
    Browser,
    ConnectionAttempt,
    Discovery,
    GridHome,
    InstallState,
    JoinCode,
    SignIn,
    Ticket,
)
from storage.seen_requests import SEEN_LIFE, Seen

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

AT_ONCE = timedelta(0)
MODELS = {
    Ticket: AT_ONCE,
    SignIn: AT_ONCE,
    Browser: AT_ONCE,
    ConnectionAttempt: REMEMBERED,
    AttemptOutcome: AT_ONCE,
    InstallState: AT_ONCE,
    JoinCode: AT_ONCE,
    Discovery: AT_ONCE,
    GridHome: AT_ONCE,
}
"""What expires, and how long it is remembered after that."""
_UNSYNCHRONIZED = {"synchronize_session": False}


async def sweep(session: AsyncSession) -> int:
    """Delete every one-time thing that is past its time; return how many rows. System session."""
    count = await Seen(session).forget_older(SEEN_LIFE)
    for model, remembered in MODELS.items():
        expired = delete(model).where(col(model.expires_at) <= now(-remembered))
        count += (await session.exec(expired, execution_options=_UNSYNCHRONIZED)).rowcount
    return count
