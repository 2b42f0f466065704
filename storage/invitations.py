"""Invitations of people into organizations. An invited person is not a member until they accept."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import and_, bindparam, col, delete, or_, select, update

from storage.engine.statements import insert_once, now
from storage.models import Invitation, Membership, Organization, new_id

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.models import Role

INVITATION_LIFE = timedelta(days=7)
QUIET_AFTER_DECLINE = timedelta(days=30)
"""How long a person who declined gets no message about another invitation to the same organization."""
_FRESH = {"populate_existing": True}


class Invitations:
    """The invitations of organizations."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def invite(
        self, organization_id: str, *, realm: str, user_id: str, team_id: str, role: Role, invited_by: str
    ) -> Invitation:
        """Return the person's invitation, open for a week from now; an earlier one is replaced.

        The id stays the same, so that the buttons in an earlier message still work.
        """
        values = {"role": int(role), "team_id": team_id, "invited_by": invited_by, "created_at": now()}
        values["expires_at"] = now(INVITATION_LIFE)
        who = {"organization_id": organization_id, "realm": realm, "user_id": user_id}
        statement = insert_once(self._session, Invitation).values(id=new_id("inv"), **who, **values)
        upsert = statement.on_conflict_do_update(
            index_elements=["organization_id", "realm", "user_id"], set_=values
        )
        rows = await self._session.exec(upsert.returning(Invitation), execution_options=_FRESH)
        invitation: Invitation = rows.scalar_one()
        return invitation

    async def declined_lately(self, organization_id: str, invitation_id: str) -> bool:
        """Return whether the person declined an invitation to this organization within the last 30 days."""
        found = select(Invitation.id).where(
            Invitation.organization_id == organization_id,
            Invitation.id == invitation_id,
            col(Invitation.declined_at) > now(-QUIET_AFTER_DECLINE),
        )
        return (await self._session.exec(found)).one_or_none() is not None

    async def open(self, organization_id: str) -> list[Invitation]:
        """Return the open invitations of an organization, oldest first."""
        standing = (
            select(Invitation)
            .where(Invitation.organization_id == organization_id, col(Invitation.expires_at) > now())
            .order_by(col(Invitation.created_at), col(Invitation.id))
        )
        return list(await self._session.exec(standing))

    async def of_person(self, realm: str, user_id: str, inviter: Role) -> list[tuple[Invitation, Membership]]:
        """Return the invitations a person can accept, each with the member who made it. System session.

        `inviter` is the lowest role that can invite: an invitation is valid while its maker has that role.
        """
        asked = {"realm": realm, "user_id": user_id, "inviter": int(inviter)}
        return list(await self._session.exec(_ACCEPTABLE, params=asked))

    async def find(self, invitation_id: str, realm: str, user_id: str) -> Invitation | None:
        """Return a person's own open invitation, or None. System session."""
        found = select(Invitation).where(Invitation.id == invitation_id, *_of(realm, user_id))
        return (await self._session.exec(found)).one_or_none()

    async def accept(self, invitation_id: str, realm: str, user_id: str) -> Invitation | None:
        """Close a person's own open invitation and return it; of several callers one gets it. System session."""
        return await self._end(col(Invitation.id) == invitation_id, *_of(realm, user_id))

    async def decline(self, invitation_id: str, realm: str, user_id: str) -> Invitation | None:
        """Close a person's own open invitation, store that they declined, and return it. System session."""
        mine = (col(Invitation.id) == invitation_id, *_of(realm, user_id))
        return await self._end(*mine, declined=True)

    async def withdraw(self, organization_id: str, invitation_id: str) -> Invitation | None:
        """Close an invitation of an organization and return it; None if it is not open."""
        theirs = (col(Invitation.organization_id) == organization_id, col(Invitation.id) == invitation_id)
        return await self._end(*theirs)

    async def withdraw_from(self, organization_id: str, realm: str, user_id: str) -> Invitation | None:
        """Close the invitation of a person to an organization and return it; None if none is open."""
        theirs = (col(Invitation.organization_id) == organization_id, *_of(realm, user_id))
        return await self._end(*theirs)

    async def _end(self, *which: ColumnElement[bool], declined: bool = False) -> Invitation | None:
        values = {"expires_at": now()} | ({"declined_at": now()} if declined else {})
        ended = update(Invitation).where(*which, col(Invitation.expires_at) > now()).values(values)
        rows = await self._session.exec(
            ended.returning(Invitation), execution_options=_FRESH | {"synchronize_session": False}
        )
        return rows.scalar_one_or_none()

    async def sweep(self) -> int:
        """Delete closed invitations and return how many; declined ones are kept for 30 days. System session."""
        forgotten = or_(
            col(Invitation.declined_at).is_(None), col(Invitation.declined_at) <= now(-QUIET_AFTER_DECLINE)
        )
        gone = delete(Invitation).where(and_(col(Invitation.expires_at) <= now(), forgotten))
        return (await self._session.exec(gone, execution_options={"synchronize_session": False})).rowcount


def _of(
    realm: str | BindParameter[str], user_id: str | BindParameter[str]
) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Invitation.realm) == realm,
        col(Invitation.user_id) == user_id,
        col(Invitation.expires_at) > now(),
    )


# Built once: it runs with every App Home.
_ACCEPTABLE = (
    select(Invitation, Membership)
    .join(Organization, col(Organization.id) == col(Invitation.organization_id))
    .join(Membership, col(Membership.id) == col(Invitation.invited_by))
    .where(
        *_of(bindparam("realm"), bindparam("user_id")),
        col(Organization.deleted_at).is_(None),
        col(Membership.ended_at).is_(None),
        col(Membership.role) >= bindparam("inviter"),
    )
    .order_by(col(Invitation.created_at), col(Invitation.id))
)
