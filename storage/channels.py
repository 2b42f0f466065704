"""Which organization a channel is about, and requests to change that. System sessions only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import col, delete, or_, select, update

from storage.engine.statements import insert_once, now
from storage.models import (
    ChannelDefault,
    ChannelRequest,
    Membership,
    Organization,
    Role,
    Workspace,
    WorkspaceLink,
    new_id,
)
from storage.organization_names import lock

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

REQUEST_LIFE = timedelta(days=7)
"""How long a request can be answered; one that was declined cannot be repeated for as long."""
REQUESTS_A_DAY = 5
_FRESH = {"populate_existing": True, "synchronize_session": False}


class TooManyRequests(Exception):
    """The person has made as many requests as one may in a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChannelRequest:
    """A request that commands in a channel mean another organization."""

    team_id: str
    channel_id: str
    wanted_id: str
    """The organization that the channel should be about."""
    requested_by: str
    """The membership in that organization that asks."""
    realm: str
    user_id: str


class Channels:
    """The organizations that channels are about, and requests to change them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def present(self, team_id: str, channel_id: str) -> Organization | None:
        """Return the organization a channel is about: its own default, else its workspace's.

        The workspace's row stays locked until the transaction ends, so that the answer stays true.
        """
        workspace = await self._lock_workspace(team_id)
        own = select(ChannelDefault.organization_id).where(
            ChannelDefault.team_id == team_id, ChannelDefault.channel_id == channel_id
        )
        wished = [(await self._session.exec(own)).one_or_none()]
        wished += [workspace.default_organization_id] if workspace is not None else []
        for organization_id in filter(None, wished):
            linked = (
                select(Organization)
                .join(WorkspaceLink, col(WorkspaceLink.organization_id) == col(Organization.id))
                .where(
                    WorkspaceLink.team_id == team_id,
                    Organization.id == organization_id,
                    col(Organization.deleted_at).is_(None),
                )
            )
            if found := (await self._session.exec(linked)).one_or_none():
                return found
        return None

    async def organization_of(self, team_id: str, channel_id: str) -> str | None:
        """Return the id of the organization that a channel or else its workspace is set to. Locks nothing."""
        own = select(ChannelDefault.organization_id).where(
            ChannelDefault.team_id == team_id, ChannelDefault.channel_id == channel_id
        )
        home = select(Workspace.default_organization_id).where(Workspace.team_id == team_id)
        found = (await self._session.exec(own)).one_or_none()
        return found or (await self._session.exec(home)).one_or_none()

    async def _lock_workspace(self, team_id: str) -> Workspace | None:
        home = select(Workspace).where(Workspace.team_id == team_id).with_for_update()
        return (await self._session.exec(home)).one_or_none()

    async def member(self, organization_id: str, realm: str, user_id: str, least: Role) -> Membership | None:
        """Return a person's membership if its role is at least `least`, locked until the transaction ends."""
        found = select(Membership).where(
            Membership.organization_id == organization_id,
            Membership.realm == realm,
            Membership.user_id == user_id,
            Membership.role >= least,
            col(Membership.ended_at).is_(None),
        )
        return (await self._session.exec(found.with_for_update(read=True))).one_or_none()

    async def request(self, organization_id: str, new: NewChannelRequest) -> ChannelRequest | None:
        """Return a new request to the admins of the channel's present organization.

        None if the same was requested within the last week and not approved.

        Raises:
            TooManyRequests: The person has made 5 requests today.

        """
        await lock(self._session, f"person:{new.realm}:{new.user_id}")
        key = {"team_id": new.team_id, "channel_id": new.channel_id, "wanted_id": new.wanted_id}
        expired, moved = (
            col(ChannelRequest.expires_at) <= now(),
            ChannelRequest.organization_id != organization_id,
        )
        over = delete(ChannelRequest).filter_by(**key).where(or_(expired, moved))
        await self._session.exec(over, execution_options={"synchronize_session": False})
        lately = select(func.count()).where(
            ChannelRequest.realm == new.realm,
            ChannelRequest.user_id == new.user_id,
            col(ChannelRequest.created_at) > now(timedelta(days=-1)),
        )
        if (await self._session.exec(lately)).one() >= REQUESTS_A_DAY:
            raise TooManyRequests
        times = {"created_at": now(), "expires_at": now(REQUEST_LIFE)}
        fresh = insert_once(self._session, ChannelRequest).values(
            id=new_id("chr"), organization_id=organization_id, **asdict(new), **times
        )
        statement = fresh.on_conflict_do_nothing()
        made = await self._session.exec(statement.returning(ChannelRequest), execution_options=_FRESH)
        return made.scalar_one_or_none()

    async def approve(self, organization_id: str, request_id: str) -> ChannelRequest | None:
        """Delete an open request to this organization and return it; of several callers one gets it, the others None.

        The workspace is locked before the request, in the same order as `present` and `request` do.
        """
        waiting = _waiting(organization_id, request_id)
        where = (await self._session.exec(select(ChannelRequest.team_id).where(*waiting))).one_or_none()
        if where is None:
            return None
        await self._lock_workspace(where)
        taken = delete(ChannelRequest).where(*waiting)
        rows = await self._session.exec(taken.returning(ChannelRequest), execution_options=_FRESH)
        return rows.scalar_one_or_none()

    async def decline(self, organization_id: str, request_id: str) -> ChannelRequest | None:
        """Decline an open request to this organization and return it; None if there is none."""
        declined = update(ChannelRequest).where(*_waiting(organization_id, request_id))
        rows = await self._session.exec(
            declined.values(declined_at=now()).returning(ChannelRequest), execution_options=_FRESH
        )
        return rows.scalar_one_or_none()

    async def sweep(self) -> int:
        """Delete requests that have expired, and return how many."""
        gone = delete(ChannelRequest).where(col(ChannelRequest.expires_at) <= now())
        return (await self._session.exec(gone, execution_options={"synchronize_session": False})).rowcount


def _waiting(organization_id: str, request_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(ChannelRequest.organization_id) == organization_id,
        col(ChannelRequest.id) == request_id,
        col(ChannelRequest.declined_at).is_(None),
        col(ChannelRequest.expires_at) > now(),
    )
