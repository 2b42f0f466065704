"""Where a Slack user id is unique, and what changes when a workspace joins a Grid organization.

Outside of a Grid a user id belongs to its workspace; inside, to the Grid organization. So when a workspace joins
one, whatever names a person moves from the realm of the workspace to the realm of the Grid, and takes the
person's new id with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import bindparam, literal_column, union_all
from sqlalchemy import select as core_select
from sqlmodel import col, select, update

from storage.engine.statements import now, rows
from storage.memberships import Members
from storage.models import (
    AccessRequest,
    Browser,
    ChannelRequest,
    Installation,
    Invitation,
    Membership,
    Workspace,
)
from storage.organization_names import lock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import CompoundSelect
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner

One = TypeVar("One", Invitation, AccessRequest)
"""A row of which a person has one for each organization."""
_UNSYNCHRONIZED = {"synchronize_session": False}


def realm_of(team_id: str, enterprise_id: str | None) -> str:
    """Return where a user id of this workspace is unique: the Grid organization if it is in one, else itself."""
    return enterprise_id or team_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What became of a workspace's memberships when it joined a Grid."""

    memberships: list[Membership] = field(default_factory=list)
    """Those that moved, ended ones among them."""
    ended: list[Membership] = field(default_factory=list)
    """Those that ended: the Grid doesn't know the person, or they were in the organization twice."""


# Built once: it runs before every request from a Grid.
_LEFT_BEHIND: CompoundSelect[tuple[str]] = union_all(
    core_select(literal_column("1")).where(
        col(Membership.realm) == bindparam("team_id"), col(Membership.ended_at).is_(None)
    ),
    core_select(literal_column("1")).where(
        col(Invitation.realm) == bindparam("team_id"), col(Invitation.expires_at) > now()
    ),
).limit(1)


async def left_behind(session: AsyncSession | AutocommitRunner, team_id: str) -> bool:
    """Tell whether members are still known by the workspace's own realm: it has joined a Grid since."""
    return bool(await rows(session, _LEFT_BEHIND, team_id=team_id))


async def people_of(session: AsyncSession, team_id: str) -> list[str]:
    """Return the user ids that are known by the workspace's own realm. System session."""
    found: set[str] = set()
    for model in (Membership, Invitation, AccessRequest, ChannelRequest, Browser):
        found.update(await session.exec(select(model.user_id).where(model.realm == team_id)))
    return sorted(found)


async def move(session: AsyncSession, team_id: str, enterprise_id: str, ids: Mapping[str, str]) -> Moved:
    """Move the people of a workspace into the realm of its Grid, under the ids they have there. System session.

    `ids` maps the old ids to the new ones. Whoever is not in it is nobody the Grid knows: their memberships end.
    """
    await lock(session, f"workspace:{team_id}")
    moved = await _move_members(session, team_id, enterprise_id, ids)
    await _move_once(session, Invitation, team_id, enterprise_id, ids)
    await _move_once(session, AccessRequest, team_id, enterprise_id, ids)
    requests = await session.exec(select(ChannelRequest).where(ChannelRequest.realm == team_id))
    browsers = await session.exec(select(Browser).where(Browser.realm == team_id))
    passing: list[ChannelRequest | Browser] = [*requests, *browsers]
    for one in passing:
        if one.user_id in ids:
            one.realm, one.user_id = enterprise_id, ids[one.user_id]
        else:
            await session.delete(one)
    for inside in (
        update(Workspace).where(col(Workspace.team_id) == team_id),
        update(Installation).where(col(Installation.team_id) == team_id),
    ):
        await session.exec(inside.values(enterprise_id=enterprise_id), execution_options=_UNSYNCHRONIZED)
    return moved


async def _move_members(
    session: AsyncSession, team_id: str, enterprise_id: str, ids: Mapping[str, str]
) -> Moved:
    """Move the memberships. Of two in one organization the one that the Grid knew stays, with the higher role."""
    moved = Moved()
    theirs = list(await session.exec(select(Membership).where(Membership.realm == team_id)))
    organizations = {each.organization_id for each in theirs}
    known = select(Membership).where(
        Membership.realm == enterprise_id, col(Membership.organization_id).in_(organizations)
    )
    there = {(each.organization_id, each.user_id): each for each in await session.exec(known)}
    for each in theirs:
        user_id = ids.get(each.user_id)
        other = there.get((each.organization_id, user_id or ""))
        if user_id is not None and other is None:
            each.realm, each.user_id = enterprise_id, user_id
            there[each.organization_id, user_id] = each
            moved.memberships.append(each)
        elif each.ended_at is None:
            if other is not None:
                other.role = each.role if other.ended_at is not None else max(other.role, each.role)
                other.ended_at = None
            moved.ended.append(each)
    await session.flush()
    await Members(session).end_each(moved.ended)
    return moved


async def _move_once(
    session: AsyncSession,
    model: type[One],
    team_id: str,
    enterprise_id: str,
    ids: Mapping[str, str],
) -> None:
    """Move the rows. Of two of one person in one organization, the one that the Grid knew stays."""
    known = select(model.organization_id, model.user_id).where(model.realm == enterprise_id)
    there = set(await session.exec(known))
    for one in await session.exec(select(model).where(model.realm == team_id)):
        place = (one.organization_id, ids.get(one.user_id, ""))
        if one.user_id in ids and place not in there:
            one.realm, one.user_id = enterprise_id, place[1]
            there.add(place)
        else:
            await session.delete(one)
    await session.flush()
