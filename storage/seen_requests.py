"""The Slack requests that were handled, by signature. System sessions only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, literal_column
from sqlalchemy import select as core_select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import SQLModel, col, delete

from storage.engine.statements import dialect_of, now, rows
from storage.models import SeenRequest, digest

if TYPE_CHECKING:
    from sqlalchemy import Insert, Select
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner

SEEN_LIFE = timedelta(minutes=10)
"""Slack accepts a signature for 5 minutes; we remember it for twice as long."""
_UNSYNCHRONIZED = {"synchronize_session": False}
_SEEN: dict[str, Insert] = {
    dialect: once(SQLModel.metadata.tables["seen_request"])
    .values(signature_hash=bindparam("signature_hash"), seen_at=now())
    .on_conflict_do_nothing()
    .returning(literal_column("1"))
    for dialect, once in (("sqlite", sqlite_insert), ("postgresql", postgresql_insert))
}
_IS_SEEN: Select[int] = core_select(literal_column("1")).where(
    SQLModel.metadata.tables["seen_request"].c.signature_hash == bindparam("signature_hash")
)


async def first_seen(session: AsyncSession | AutocommitRunner, signature: str) -> bool:
    """Return True to the first caller with this signature, False to all others."""
    return bool(await rows(session, _SEEN[dialect_of(session)], signature_hash=digest(signature)))


async def seen(session: AsyncSession | AutocommitRunner, signature: str) -> bool:
    """Return whether the request was handled; unlike `first_seen`, this stores nothing."""
    return bool(await rows(session, _IS_SEEN, signature_hash=digest(signature)))


class Seen:
    """The Slack requests that were handled, by signature."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def first(self, signature: str) -> bool:
        """Return True to the first caller with this signature, False to all others."""
        return await first_seen(self._session, signature)

    async def forget_older(self, age: timedelta) -> int:
        """Delete the requests seen longer ago than `age`; return how many."""
        old = delete(SeenRequest).where(col(SeenRequest.seen_at) < now(-age))
        return (await self._session.exec(old, execution_options=_UNSYNCHRONIZED)).rowcount
