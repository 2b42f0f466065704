"""The work on due grants, and what a platform's answer changes in their rows. System sessions only.

Every change names the generation that was read. If another process has refreshed the grant since then, what was
learned about the older tokens is out of date, and nothing changes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, bindparam, case, func
from sqlmodel import and_, col, or_, select, update

from storage.engine.leases import claim, waiting
from storage.engine.statements import now, now_or_null, rows
from storage.models import CODE_LENGTH, FRESH, GRANT_DEAD, REJECTED, Grant, GrantStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner

_UNSYNCHRONIZED = {"synchronize_session": False}
_FRESH_ROW = _UNSYNCHRONIZED | {"populate_existing": True}

_OF_THE_APP = col(Grant.app) == bindparam("asked", type_=String)
_SOME = select(Grant.id).where(_OF_THE_APP, *waiting(Grant)).limit(1)


async def any_due(session: AsyncSession | AutocommitRunner, app: str) -> bool:
    """Return whether an app has due grants: a cheap read, made every second."""
    return bool(await rows(session, _SOME, asked=app))


class Refreshes:
    """The work on due grants."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, app: str, limit: int, lease: timedelta) -> list[Grant]:
        """Return up to `limit` due grants of one app; nobody else gets them for `lease`."""
        return await claim(self._session, Grant, limit=limit, lease=lease, only=_OF_THE_APP, asked=app)

    async def release(self, grants: Collection[Grant]) -> None:
        """End the leases of grants that were claimed and not worked on."""
        ours = update(Grant).where(
            col(Grant.id).in_([grant.id for grant in grants]),
            col(Grant.lease_until).in_({grant.lease_until for grant in grants}),
        )
        await self._session.exec(ours.values(lease_until=None), execution_options=_UNSYNCHRONIZED)

    async def take(self, grant_id: str, generation: int, lease: timedelta) -> Grant | None:
        """Lease one grant and return it; None if its tokens have changed or another process works on it.

        Also None if the last answer was not conclusive and the grant is not due yet: it waits for its next turn.
        """
        settled = and_(col(Grant.failures) == 0, col(Grant.suspected_at).is_(None))
        taken = (
            update(Grant)
            .where(
                col(Grant.id) == grant_id,
                col(Grant.generation) == generation,
                col(Grant.access_sealed).is_not(None),
                or_(col(Grant.lease_until).is_(None), col(Grant.lease_until) < now()),
                or_(settled, col(Grant.due_at) <= now()),
            )
            .values(lease_until=now(lease))
            .returning(Grant)
        )
        return (await self._session.exec(taken, execution_options=_FRESH_ROW)).scalar_one_or_none()

    async def look(self, grant_id: str) -> Grant | None:
        """Return the grant as it is now."""
        found = select(Grant).where(Grant.id == grant_id)
        return (await self._session.exec(found, execution_options={"populate_existing": True})).one_or_none()

    async def schedule(
        self, grant_id: str, due_in: timedelta, *, renews: bool = True, look_in: timedelta | None = None
    ) -> None:
        """Store that a grant is healthy after a consent, when it is due next, and when for a look at its accounts.

        `renews` is False where nothing refreshes the tokens of the latest consent: the refresh token of an earlier
        consent is then deleted.
        """
        change = update(Grant).where(col(Grant.id) == grant_id)
        if not renews:
            change = change.values(refresh_sealed=None, refresh_expires_at=None)
        await self._session.exec(
            change.values(
                due_at=now(due_in),
                look_at=now_or_null(look_in),
                next_reminder_at=now(),
                lease_until=None,
                checked_at=now(),
                last_outcome=FRESH,
                last_error_code="",
                failures=0,
                suspected_at=None,
                in_doubt=False,
            ),
            execution_options=_UNSYNCHRONIZED,
        )

    async def shown_until(self, grant: Grant, ends_in: timedelta) -> None:
        """Store for how long the platform still shows us the person's data."""
        change = update(Grant).where(col(Grant.id) == grant.id, col(Grant.generation) == grant.generation)
        first = case((col(Grant.data_access_expires_at).is_(None), now()), else_=col(Grant.next_reminder_at))
        await self._session.exec(
            change.values(data_access_expires_at=now(ends_in), next_reminder_at=first),
            execution_options=_UNSYNCHRONIZED,
        )

    async def healthy(
        self, grant: Grant, due_in: timedelta, *, outcome: str = FRESH, error_code: str = ""
    ) -> bool:
        """Store that the platform accepts the tokens we hold, and when to ask again."""
        return await self._settle(
            grant, outcome, error_code, failures=0, suspected_at=None, in_doubt=False, due_at=now(due_in)
        )

    async def reschedule(
        self, grant: Grant, outcome: str, error_code: str, due_in: timedelta, *, in_doubt: bool = False
    ) -> bool:
        """Store that the platform said nothing new about the grant, and when to ask again."""
        values = {"in_doubt": True} if in_doubt else {}
        return await self._settle(
            grant, outcome, error_code, failures=col(Grant.failures) + 1, due_at=now(due_in), **values
        )

    async def suspect(self, grant: Grant, outcome: str, error_code: str, due_in: timedelta) -> bool:
        """Store that the platform called the grant dead for the first time, and when to ask again."""
        first = func.coalesce(col(Grant.suspected_at), now())
        return await self._settle(grant, outcome, error_code, suspected_at=first, due_at=now(due_in))

    async def dead(self, grant: Grant, code: str) -> bool:
        """Store that the grant has ended; return False if it has been refreshed since it was read."""
        return await self._change(
            grant, GRANT_DEAD, code, status=GrantStatus.NEEDS_RECONNECT, reason=code, due_at=None
        )

    async def refused(self, grant: Grant, reason: str, code: str, due_in: timedelta) -> bool:
        """Store that the platform refuses to renew the grant for hours: it needs a person, and is still tried."""
        return await self._settle(
            grant,
            REJECTED,
            code,
            status=GrantStatus.NEEDS_RECONNECT,
            reason=reason,
            failures=col(Grant.failures) + 1,
            due_at=now(due_in),
        )

    async def refused_alike(self, app: str, code: str, within: timedelta) -> tuple[int, int]:
        """Return how many grants of an app were last refused with this code, and how many were renewed of late."""
        lately = and_(col(Grant.app) == app, col(Grant.checked_at) > now(-within))
        refused = and_(col(Grant.last_outcome) == REJECTED, col(Grant.last_error_code) == code[:CODE_LENGTH])
        counted = select(
            func.count().filter(refused), func.count().filter(col(Grant.last_outcome) == FRESH)
        ).where(lately)
        return (await self._session.exec(counted)).one()

    async def _settle(self, grant: Grant, outcome: str, error_code: str, **values: Any) -> bool:
        """Change a leased grant; return False, with nothing changed, if another process has the lease now."""
        leased = col(Grant.lease_until) == grant.lease_until
        return await self._change(grant, outcome, error_code, leased, **values)

    async def _change(
        self, grant: Grant, outcome: str, error_code: str, *only: ColumnElement[bool], **values: Any
    ) -> bool:
        change = (
            update(Grant)
            .where(col(Grant.id) == grant.id, col(Grant.generation) == grant.generation, *only)
            .values(
                last_outcome=outcome,
                last_error_code=error_code[:CODE_LENGTH],
                checked_at=now(),
                lease_until=None,
                **values,
            )
        )
        return (await self._session.exec(change, execution_options=_UNSYNCHRONIZED)).rowcount == 1

    async def looked_after(self, app: str) -> int:
        """Return how many grants of an app are checked regularly."""
        due = select(func.count()).where(col(Grant.app) == app, col(Grant.due_at).is_not(None))
        return (await self._session.exec(due)).one()
