"""How an organization gets into a workspace: created there, or linked from another one. System sessions only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func
from sqlmodel import col, select

from storage.audit import Audit
from storage.engine.statements import now
from storage.memberships import Members
from storage.models import AuditLine, Membership, Role
from storage.organization_names import lock
from storage.organizations import Organizations
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.models import Organization

FOUNDED_A_DAY = 3
FOUNDED = "organization created"
"""The action in the audit trail by which new organizations are counted."""


class TooManyFounded(Exception):
    """The person has created as many organizations as one may in a day."""


async def found(session: AsyncSession, name: str, *, realm: str, user_id: str, team_id: str) -> Organization:
    """Return a new organization, usable from this workspace, with this person as its owner.

    The workspace has to exist.

    Raises:
        TooManyFounded: The person has created as many as one may in a day.
        NameTaken: The name looks like that of another organization in the workspace.

    """
    await lock(session, f"person:{realm}:{user_id}")
    lately = (
        select(func.count())
        .select_from(AuditLine)
        .join(
            Membership,
            (col(Membership.organization_id) == col(AuditLine.organization_id))
            & (col(Membership.id) == col(AuditLine.actor)),
        )
        .where(
            Membership.realm == realm,
            Membership.user_id == user_id,
            AuditLine.action == FOUNDED,
            col(AuditLine.at) > now(timedelta(days=-1)),
        )
    )
    if (await session.exec(lately)).one() >= FOUNDED_A_DAY:
        raise TooManyFounded
    organization = await Organizations(session).create(name)
    await let_in(session, team_id, organization.id)
    owner = await Members(session).add(
        organization.id, realm=realm, user_id=user_id, team_id=team_id, role=Role.OWNER
    )
    await Audit(session).write(organization.id, owner.id, FOUNDED, organization.id)
    return organization


async def let_in(session: AsyncSession, team_id: str, organization_id: str) -> None:
    """Link an organization to a workspace; the first one there becomes the workspace's default.

    Raises:
        NameTaken: The name looks like that of another organization in the workspace.

    """
    workspaces = Workspaces(session)
    await workspaces.link(team_id, organization_id)
    if [each.id for each in await workspaces.organizations(team_id)] == [organization_id]:
        await workspaces.set_default(team_id, organization_id)
