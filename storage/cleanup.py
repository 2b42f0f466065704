"""Deletes expired rows. System sessions only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, delete

from storage.attempts import REMEMBERED
from storage.engine.statements import now
from storage.models import (
    AccessRequest,
    AttemptOutcome,
    Browser,
    ConnectionAttempt,
    Discovery,
    DraftLink,
    GridHome,
    InstallState,
    JoinCode,
    MediaAddress,
    MediaPreview,
    SignIn,
    Ticket,
    Upload,
)
from storage.seen_requests import SEEN_LIFE, Seen

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

MODELS = (
    Ticket,
    SignIn,
    Browser,
    ConnectionAttempt,
    AttemptOutcome,
    InstallState,
    JoinCode,
    Discovery,
    DraftLink,
    GridHome,
    MediaAddress,
    MediaPreview,
    Upload,
    AccessRequest,
)
_UNSYNCHRONIZED = {"synchronize_session": False}


async def sweep(session: AsyncSession) -> int:
    """Delete every one-time row that has expired; return how many. System session."""
    count = await Seen(session).forget_older(SEEN_LIFE)
    for model in MODELS:
        remembered = REMEMBERED if model is ConnectionAttempt else timedelta(0)
        expired = delete(model).where(col(model.expires_at) <= now(-remembered))
        count += (await session.exec(expired, execution_options=_UNSYNCHRONIZED)).rowcount
    return count
