"""Slack's answers to which workspaces belong to a Grid organization, and which people belong to a workspace.

Workspaces with an installation or an organization are known without asking Slack.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, literal_column, or_
from sqlalchemy import select as core_select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import SQLModel, col

from storage.engine.statements import dialect_of, now, rows
from storage.models import GridHome, Workspace

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.sql.dml import ReturningInsert
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner

OURS_FOR = timedelta(days=30)
"""How long a positive answer is kept: a workspace may leave the Grid."""
FOREIGN_FOR = timedelta(hours=1)
"""How long a negative answer is kept: the person, or the workspace, may join."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim that a person of a Grid organization belongs to a workspace."""

    enterprise_id: str
    team_id: str
    user_id: str


_HOMES = SQLModel.metadata.tables[str(GridHome.__tablename__)]
# Built once: they run with requests.
_KNOWN = core_select(_HOMES.c.ours).where(
    _HOMES.c.enterprise_id == bindparam("enterprise_id"),
    _HOMES.c.team_id == bindparam("team_id"),
    _HOMES.c.expires_at > now(),
    or_(_HOMES.c.ours, _HOMES.c.user_id == bindparam("user_id")),
)
_WORKSPACE: Select[tuple[int]] = core_select(literal_column("1")).where(
    col(Workspace.team_id) == bindparam("team_id"), col(Workspace.enterprise_id) == bindparam("enterprise_id")
)
_REMEMBER: dict[tuple[str, bool], ReturningInsert[tuple[Any]]] = {
    (dialect, ours): once(_HOMES)
    .values(
        enterprise_id=bindparam("enterprise_id"),
        team_id=bindparam("team_id"),
        user_id=bindparam("user_id"),
        ours=ours,
        expires_at=now(life),
    )
    .on_conflict_do_update(
        index_elements=["enterprise_id", "team_id", "user_id"], set_={"ours": ours, "expires_at": now(life)}
    )
    .returning(literal_column("1"))
    for dialect, once in (("sqlite", sqlite_insert), ("postgresql", postgresql_insert))
    for ours, life in ((True, OURS_FOR), (False, FOREIGN_FOR))
}


async def known(session: AsyncSession | AutocommitRunner, claim: Claim) -> bool | None:
    """Return whether the claim is true; None if Slack has to be asked."""
    values = {"enterprise_id": claim.enterprise_id, "team_id": claim.team_id}
    if await rows(session, _WORKSPACE, **values):
        return True
    found = await rows(session, _KNOWN, **values, user_id=claim.user_id)
    return any(row[0] for row in found) if found else None


async def remember(session: AsyncSession | AutocommitRunner, claim: Claim, *, ours: bool) -> None:
    """Store Slack's answer about the claim: for 30 days if it is true, else for an hour."""
    await rows(
        session,
        _REMEMBER[dialect_of(session), ours],
        enterprise_id=claim.enterprise_id,
        team_id=claim.team_id,
        user_id=claim.user_id,
    )
