"""Requests for access to an organization, which its owners answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import col, delete, select, update

from storage.engine.statements import insert_once, now
from storage.models import AccessRequest, new_id
from storage.organization_names import lock

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

REQUEST_LIFE = timedelta(days=7)
"""How long a request can be answered. One that was declined can't be repeated before this ends."""
REQUESTS_A_DAY = 5
_FRESH = {"populate_existing": True, "synchronize_session": False}


class TooManyAccessRequests(Exception):
    """The person has made as many requests as one may in a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccessRequest:
    """Who asks for access, and for which role."""

    realm: str
    user_id: str
    team_id: str
    role: int | None


class AccessRequests:
    """The requests to the owners of organizations."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def request(self, organization_id: str, new: NewAccessRequest) -> AccessRequest | None:
        """Return a new request; None if the person has an open or declined one of the last week.

        Needs a system session.

        Raises:
            TooManyAccessRequests: The person has made 5 requests today.

        """
        await lock(self._session, f"person:{new.realm}:{new.user_id}")
        theirs = (col(AccessRequest.realm) == new.realm, col(AccessRequest.user_id) == new.user_id)
        here = col(AccessRequest.organization_id) == organization_id
        over = delete(AccessRequest).where(here, *theirs, col(AccessRequest.expires_at) <= now())
        await self._session.exec(over, execution_options={"synchronize_session": False})
        there = select(AccessRequest.id).where(here, *theirs)
        if (await self._session.exec(there)).one_or_none() is not None:
            return None
        lately = select(func.count()).where(*theirs, col(AccessRequest.created_at) > now(timedelta(days=-1)))
        if (await self._session.exec(lately)).one() >= REQUESTS_A_DAY:
            raise TooManyAccessRequests
        times = {"created_at": now(), "expires_at": now(REQUEST_LIFE)}
        made = insert_once(self._session, AccessRequest).values(
            id=new_id("arq"), organization_id=organization_id, **asdict(new), **times
        )
        rows = await self._session.exec(made.returning(AccessRequest), execution_options=_FRESH)
        request: AccessRequest = rows.scalar_one()
        return request

    async def find(self, organization_id: str, access_id: str) -> AccessRequest | None:
        """Return an open request to this organization, or None."""
        found = select(AccessRequest).where(*_waiting(organization_id, access_id))
        return (await self._session.exec(found)).one_or_none()

    async def approve(self, organization_id: str, access_id: str) -> AccessRequest | None:
        """Delete an open request and return it; of several callers one gets it, the others None."""
        taken = delete(AccessRequest).where(*_waiting(organization_id, access_id))
        rows = await self._session.exec(taken.returning(AccessRequest), execution_options=_FRESH)
        return rows.scalar_one_or_none()

    async def decline(self, organization_id: str, access_id: str) -> AccessRequest | None:
        """Decline an open request and return it; None if there is none."""
        declined = update(AccessRequest).where(*_waiting(organization_id, access_id))
        rows = await self._session.exec(
            declined.values(declined_at=now()).returning(AccessRequest), execution_options=_FRESH
        )
        return rows.scalar_one_or_none()


def _waiting(organization_id: str, access_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(AccessRequest.organization_id) == organization_id,
        col(AccessRequest.id) == access_id,
        col(AccessRequest.declined_at).is_(None),
        col(AccessRequest.expires_at) > now(),
    )
