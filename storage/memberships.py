"""Who belongs to which organization, and with which role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, case
from sqlmodel import col, delete, select, update

from storage.engine.statements import insert_once, now
from storage.models import Invitation, JoinCode, Membership, Organization, Role, new_id
from storage.organizations import lock_organization
from storage.standing import Standing, standing

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession


_FRESH = {"populate_existing": True}
_UNSYNCHRONIZED = {"synchronize_session": False}


class LastOwner(Exception):
    """The organization would be left without an owner."""


_MEMBER = select(Membership).where(
    col(Membership.organization_id) == bindparam("organization_id"),
    col(Membership.id) == bindparam("membership_id"),
    col(Membership.ended_at).is_(None),
)
_WITH_ROLE = (
    select(Membership)
    .where(
        col(Membership.organization_id) == bindparam("organization_id"),
        col(Membership.ended_at).is_(None),
        col(Membership.role) >= bindparam("least"),
    )
    .order_by(col(Membership.role).desc(), col(Membership.created_at), col(Membership.id))
)


def _left(realm: str, user_id: str) -> tuple[ColumnElement[bool], ...]:
    """Return what holds for the memberships that ended when Slack deactivated the person."""
    there = select(Organization.id).where(col(Organization.deleted_at).is_(None))
    return (
        col(Membership.realm) == realm,
        col(Membership.user_id) == user_id,
        col(Membership.ended_at).is_not(None),
        col(Membership.left_slack).is_(True),
        col(Membership.organization_id).in_(there),
    )


class Members:
    """Who belongs to which organization, and with which role."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, organization_id: str, *, realm: str, user_id: str, team_id: str, role: Role
    ) -> Membership:
        """Return the person's membership: new, restored with this role, or unchanged if its role is higher.

        An open invitation is closed, so that it does not let in again a person who is removed later.
        """
        await self._end_invitations(
            col(Invitation.organization_id) == organization_id,
            col(Invitation.realm) == realm,
            col(Invitation.user_id) == user_id,
        )
        values = {"id": new_id("mem"), "organization_id": organization_id, "realm": realm, "user_id": user_id}
        statement = insert_once(self._session, Membership)
        fresh = statement.excluded
        higher = and_(col(Membership.ended_at).is_(None), col(Membership.role) > fresh.role)
        upsert = statement.values(**values, team_id=team_id, role=int(role), created_at=now())
        upsert = upsert.on_conflict_do_update(
            index_elements=["organization_id", "realm", "user_id"],
            set_={
                "role": case((higher, col(Membership.role)), else_=fresh.role),
                "team_id": fresh.team_id,
                "ended_at": None,
                "left_slack": False,
            },
        )
        rows = await self._session.exec(upsert.returning(Membership), execution_options=_FRESH)
        membership: Membership = rows.scalar_one()
        return membership

    async def find(self, organization_id: str, realm: str, user_id: str) -> Membership | None:
        """Return the person's membership; None if there is none or it has ended."""
        found = select(Membership).where(
            Membership.organization_id == organization_id,
            Membership.realm == realm,
            Membership.user_id == user_id,
            col(Membership.ended_at).is_(None),
        )
        return (await self._session.exec(found)).one_or_none()

    async def get(self, organization_id: str, membership_id: str) -> Membership | None:
        """Return the membership; None if there is none or it has ended."""
        asked = {"organization_id": organization_id, "membership_id": membership_id}
        return (await self._session.exec(_MEMBER, params=asked)).one_or_none()

    async def resolve(self, realm: str, user_id: str, team_id: str, channel_id: str) -> Standing:
        """Return the organizations that the person may act for in this channel: `standing` in this session."""
        return await standing(self._session, realm, user_id, team_id, channel_id)

    async def all(self, organization_id: str) -> list[Membership]:
        """Return the members, owners first, then by when they joined."""
        return await self.with_role(organization_id, min(Role))

    async def owners(self, organization_id: str) -> list[Membership]:
        """Return the owners by when they joined."""
        return await self.with_role(organization_id, Role.OWNER)

    async def with_role(self, organization_id: str, least: Role) -> list[Membership]:
        """Return the members whose role is at least this one, in the order of `all`."""
        asked = {"organization_id": organization_id, "least": int(least)}
        return list(await self._session.exec(_WITH_ROLE, params=asked))

    async def count_owners(self, organization_id: str) -> int:
        """Return how many owners the organization has."""
        return len(await self.owners(organization_id))

    async def set_role(self, organization_id: str, membership_id: str, role: Role) -> bool:
        """Change a member's role; False if there is no such member.

        Raises:
            LastOwner: They are the only owner; of two owners who step down at once, one is refused.

        """
        membership = await self._to_change(organization_id, membership_id, keeps_owner=role is Role.OWNER)
        if membership is None:
            return False
        membership.role = int(role)
        await self._session.flush()
        return True

    async def end_offers(self, membership_ids: list[str]) -> None:
        """Delete the join codes and end the invitations that these members made."""
        theirs = delete(JoinCode).where(col(JoinCode.created_by).in_(membership_ids))
        await self._session.exec(theirs, execution_options=_UNSYNCHRONIZED)
        await self._end_invitations(col(Invitation.invited_by).in_(membership_ids))

    async def end(self, organization_id: str, membership_id: str) -> bool:
        """End a membership; return False if there is no such member.

        Raises:
            LastOwner: As `set_role` does.

        """
        membership = await self._to_change(organization_id, membership_id, keeps_owner=False)
        if membership is None:
            return False
        await self.end_each([membership])
        return True

    async def _to_change(
        self, organization_id: str, membership_id: str, *, keeps_owner: bool
    ) -> Membership | None:
        await lock_organization(self._session, organization_id)
        members = {each.id: each for each in await self.all(organization_id)}
        membership = members.get(membership_id)
        owners = {each.id for each in members.values() if each.role == Role.OWNER}
        if not keeps_owner and owners == {membership_id}:
            raise LastOwner(organization_id)
        return membership

    async def end_each(self, memberships: list[Membership], *, left_slack: bool = False) -> None:
        """End these memberships, and what the members offered. May leave an organization without an owner."""
        ids = [each.id for each in memberships]
        ended = update(Membership).where(col(Membership.id).in_(ids))
        ended = ended.values(ended_at=now(), left_slack=left_slack)
        await self._session.exec(ended, execution_options=_UNSYNCHRONIZED)
        for each in memberships:
            await self._session.refresh(each)
        await self.end_offers(ids)

    async def _end_invitations(self, *which: ColumnElement[bool]) -> None:
        ended = update(Invitation).where(*which, col(Invitation.expires_at) > now())
        await self._session.exec(ended.values(expires_at=now()), execution_options=_UNSYNCHRONIZED)

    async def end_person(self, realm: str, user_id: str) -> list[Membership]:
        """End all memberships and invitations of a person who left Slack; return the memberships.

        An organization may be left without an owner, because the person has left either way. System session.
        """
        theirs = select(Membership).where(
            Membership.realm == realm, Membership.user_id == user_id, col(Membership.ended_at).is_(None)
        )
        # Their invitations first: accepting an invitation locks it before the membership.
        await self._end_invitations(col(Invitation.realm) == realm, col(Invitation.user_id) == user_id)
        memberships = list(await self._session.exec(theirs))
        await self.end_each(memberships, left_slack=True)
        return memberships

    async def has_left_slack(self, realm: str, user_id: str) -> bool:
        """Tell whether the person would be a member of something had Slack not deactivated them. System session."""
        return bool((await self._session.exec(select(Membership.id).where(*_left(realm, user_id)))).first())

    async def restore_person(self, realm: str, user_id: str) -> list[Membership]:
        """Restore what ended when Slack deactivated the person, and return it. Needs a system session.

        The roles are as they were; invitations and join codes that the person had made stay ended.
        """
        back = update(Membership).where(*_left(realm, user_id)).values(ended_at=None, left_slack=False)
        rows = await self._session.exec(
            back.returning(Membership), execution_options=_FRESH | _UNSYNCHRONIZED
        )
        memberships: list[Membership] = list(rows.scalars())
        return memberships
