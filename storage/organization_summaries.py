"""Summaries by which people tell organizations apart: who owns each, and how many accounts it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import BindParameter, bindparam, func
from sqlmodel import col, select

from storage.engine.statements import rows
from storage.models import Account, Membership, Organization, Role, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An owner of an organization, and the workspace they were last seen in."""

    realm: str
    user_id: str
    workspace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One organization in a list of several."""

    organization_id: str
    name: str
    owners: tuple[Owner, ...]
    """By when they joined."""
    accounts: int
    """How many are connected."""


# Built once: they run with every App Home.
_IDS: BindParameter[Sequence[str]] = bindparam("ids", expanding=True)
_ACCOUNTS = (
    select(func.count())
    .where(col(Account.organization_id) == col(Organization.id), col(Account.disconnected_at).is_(None))
    .scalar_subquery()
)
_ORGANIZATIONS = select(Organization.id, Organization.name, _ACCOUNTS).where(
    col(Organization.id).in_(_IDS), col(Organization.deleted_at).is_(None)
)
_OWNERS = (
    select(Membership.organization_id, Membership.realm, Membership.user_id, Workspace.name)
    .outerjoin(Workspace, col(Workspace.team_id) == col(Membership.team_id))
    .where(
        col(Membership.organization_id).in_(_IDS),
        Membership.role >= Role.OWNER,
        col(Membership.ended_at).is_(None),
    )
    .order_by(col(Membership.created_at), col(Membership.id))
)


async def summaries(session: AsyncSession, organization_ids: Iterable[str]) -> dict[str, Summary]:
    """Return the summaries of these organizations, by id, without deleted ones. System session."""
    ids = list(organization_ids)
    if not ids:
        return {}
    owned: dict[str, list[Owner]] = {}
    for organization_id, realm, user_id, workspace in await rows(session, _OWNERS, ids=ids):
        one = Owner(realm=realm, user_id=user_id, workspace=workspace or "")
        owned.setdefault(organization_id, []).append(one)
    return {
        organization_id: Summary(
            organization_id=organization_id,
            name=name,
            owners=tuple(owned.get(organization_id, ())),
            accounts=count,
        )
        for organization_id, name, count in await rows(session, _ORGANIZATIONS, ids=ids)
    }
