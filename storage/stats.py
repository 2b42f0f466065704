"""Numbers over all organizations, for monitoring. System sessions only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlalchemy import select as columns
from sqlmodel import col, select

from storage.engine.statements import now, run
from storage.models import IN_DOUBT, UNWELL, Grant, GrantStatus, Incident, IncidentKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCount:
    """The grants of one platform in one status."""

    platform: str
    status: str
    grants: int


class Stats:
    """Numbers over all organizations."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def waiting(self, apps: Mapping[str, Collection[str]]) -> dict[str, timedelta]:
        """Return for how long the longest due grant of each platform has been due; no entry if none is due.

        `apps` has the keys of the apps by platform. One index lookup per platform, however many grants there are.
        """
        oldest = [
            select(func.min(Grant.due_at))
            .where(Grant.platform == platform, col(Grant.app).in_(keys), col(Grant.due_at) <= now())
            .scalar_subquery()
            for platform, keys in apps.items()
        ]
        row: Sequence[Any] = (await run(self._session, columns(now(), *oldest))).one()
        return {
            platform: row[0] - due for platform, due in zip(apps, row[1:], strict=True) if due is not None
        }

    async def grant_counts(self) -> list[GrantCount]:
        """Return how many grants there are by platform and status.

        Three counts that read indexes only: all grants, and the few that have a problem.
        """
        platform, status, number = col(Grant.platform), col(Grant.status), func.count()
        whole = await self._session.exec(select(platform, number).group_by(platform))
        unwell = await self._session.exec(
            select(platform, status, number).where(UNWELL).group_by(platform, status)
        )
        left, counts = dict(whole.all()), []
        for key, what, grants in unwell:
            left[key] -= grants
            counts.append(GrantCount(platform=key, status=what, grants=grants))
        well = [
            GrantCount(platform=key, status=GrantStatus.HEALTHY, grants=rest) for key, rest in left.items()
        ]
        return [*counts, *(count for count in well if count.grants)]

    async def in_doubt(self) -> dict[str, int]:
        """Return for how many grants of each platform the answer to a single-use refresh was lost; no entry for 0."""
        platform = col(Grant.platform)
        found = await self._session.exec(select(platform, func.count()).where(IN_DOUBT).group_by(platform))
        return dict(found.all())

    async def ended(self, span: timedelta) -> dict[str, int]:
        """Return how many grants of each platform began to need a person within `span`; no entry for 0."""
        platform, grants = col(Incident.platform), func.count(col(Incident.grant_id).distinct())
        lately = (
            select(platform, grants)
            .where(col(Incident.since) >= now(-span), Incident.kind == IncidentKind.NEEDS_RECONNECT)
            .group_by(platform)
        )
        return dict((await self._session.exec(lately)).all())
