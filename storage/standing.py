"""The organizations that a person may act for in a channel, in one query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, func
from sqlalchemy import select as core_select
from sqlmodel import col

from storage.engine.statements import rows
from storage.models import ChannelDefault, Membership, Organization, Role, Workspace, WorkspaceLink

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A person's place in one organization."""

    membership_id: str
    organization_id: str
    organization_name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The organizations that one person may act for in one channel."""

    choices: tuple[Seat, ...]
    default_organization_id: str | None
    """The organization that a command means when it names none; None: the person has to choose."""
    certain: bool
    """False: a command that changes something asks nevertheless, because the channel has no organization of its own
    and the person has several. It may have had one: Slack can give a channel another id without telling us."""


# Built once: this runs before every command.
_STANDING = (
    core_select(
        col(Membership.id),
        col(Organization.id),
        col(Organization.name),
        col(Membership.role),
        col(ChannelDefault.organization_id),
        col(Workspace.default_organization_id),
    )
    .select_from(WorkspaceLink)
    .join(Organization, col(Organization.id) == col(WorkspaceLink.organization_id))
    .join(Membership, col(Membership.organization_id) == col(Organization.id))
    .outerjoin(Workspace, col(Workspace.team_id) == col(WorkspaceLink.team_id))
    .outerjoin(
        ChannelDefault,
        and_(
            col(ChannelDefault.team_id) == col(WorkspaceLink.team_id),
            col(ChannelDefault.channel_id) == bindparam("channel_id"),
        ),
    )
    .where(
        col(WorkspaceLink.team_id) == bindparam("team_id"),
        col(Organization.deleted_at).is_(None),
        col(Membership.realm) == bindparam("realm"),
        col(Membership.user_id) == bindparam("user_id"),
        col(Membership.ended_at).is_(None),
    )
    .order_by(func.lower(Organization.name), col(Organization.id))
)


async def standing(
    session: AsyncSession | AutocommitRunner, realm: str, user_id: str, team_id: str, channel_id: str
) -> Standing:
    """Return the organizations that the person may act for in this channel. One query; needs a system session.

    The default is the channel's, else the workspace's, else the only choice; an organization of which the person is not
    a member is no default. The channel's default and the only choice are certain.
    """
    found = await rows(
        session, _STANDING, realm=realm, user_id=user_id, team_id=team_id, channel_id=channel_id
    )
    choices = tuple(
        Seat(membership_id=row[0], organization_id=row[1], organization_name=row[2], role=Role(row[3]))
        for row in found
    )
    theirs = {seat.organization_id for seat in choices}
    wished: list[str | None] = [found[0][4], found[0][5]] if found else []
    default = next((each for each in wished if each in theirs), None)
    if default is None and len(choices) == 1:
        default = choices[0].organization_id
    certain = len(choices) <= 1 or wished[0] in theirs
    return Standing(choices=choices, default_organization_id=default, certain=certain)
