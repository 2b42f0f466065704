"""Who we serve: installations, workspaces, organizations, their members, and how they get in.

Questions about one organization take its id first and see nothing else. The others (who is asking, where
is the app installed) come before an organization is known and need a system session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, case, func
from sqlalchemy import select as core_select
from sqlmodel import col, delete, select, update

from storage.db import insert_once, now, rows
from storage.invitation_models import Invitation
from storage.models import (
    ChannelDefault,
    Installation,
    JoinCode,
    Membership,
    Organization,
    Role,
    Workspace,
    WorkspaceLink,
    new_id,
)
from storage.names import check_link, check_rename

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.single import Single
    from storage.vault import Secret, Vault

MAY_INVITE = Role.OWNER
"""The least role that lets people in."""
_FRESH = {"populate_existing": True}
_UNSYNCHRONIZED = {"synchronize_session": False}


class LastOwner(Exception):
    """The organization would be left without an owner."""


def bot_token(vault: Vault, installation: Installation) -> Secret:
    """Return an installation's bot token. Raises `LookupError` when it was destroyed."""
    if installation.bot_token_sealed is None:
        raise LookupError("the app was uninstalled, its token is gone")
    return _open(vault, installation, "bot_token_sealed", installation.bot_token_sealed)


def _open(vault: Vault, installation: Installation, column: str, sealed: bytes) -> Secret:
    return vault.open(sealed, table="installation", column=column, organization=None, row=installation.id)


class Installations:
    """Where our app is installed, with the sealed bot tokens. System sessions only."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def save(
        self,
        *,
        slack_id: str,
        team_id: str | None,
        enterprise_id: str | None,
        name: str,
        app_id: str,
        bot_user_id: str,
        scopes: Sequence[str],
        bot_token: str,
        refresh_token: str | None = None,
        token_expires_at: datetime | None = None,
        installed_by: str,
    ) -> Installation:
        """Return the installation, new or renewed; one that was uninstalled is back.

        Two that are saved at once both succeed, and the later one's tokens stay.
        """
        values: dict[str, Any] = {
            "team_id": team_id,
            "enterprise_id": enterprise_id,
            "name": name,
            "app_id": app_id,
            "bot_user_id": bot_user_id,
            "scopes": list(scopes),
            "installed_by": installed_by,
        }
        fresh = Installation(slack_id=slack_id, **values)
        known = insert_once(self._session, Installation).values(**fresh.model_dump())
        upsert = known.on_conflict_do_update(
            index_elements=["slack_id"],
            set_={**values, "installed_at": fresh.installed_at, "uninstalled_at": None},
        )
        rows = await self._session.exec(upsert.returning(Installation), execution_options=_FRESH)
        installation: Installation = rows.scalar_one()
        await self.rotate(installation, bot_token, refresh_token, token_expires_at)
        return installation

    async def find(self, team_id: str | None, enterprise_id: str | None) -> Installation | None:
        """Return the workspace's own installation, else its Grid organization's, else None."""
        ids = [each for each in (team_id, enterprise_id) if each]
        found = select(Installation).where(
            col(Installation.slack_id).in_(ids), col(Installation.uninstalled_at).is_(None)
        )
        by_id = {each.slack_id: each for each in await self._session.exec(found)}
        return next((by_id[each] for each in ids if each in by_id), None)

    async def get(self, slack_id: str) -> Installation | None:
        """Return the installation of this workspace or Grid organization, also an uninstalled one."""
        return (
            await self._session.exec(select(Installation).where(Installation.slack_id == slack_id))
        ).first()

    def refresh_token(self, installation: Installation) -> Secret | None:
        """Return the token that renews the bot token, or None where token rotation is off."""
        if installation.refresh_token_sealed is None:
            return None
        return _open(self._vault, installation, "refresh_token_sealed", installation.refresh_token_sealed)

    async def rotate(
        self,
        installation: Installation,
        bot_token: str,
        refresh_token: str | None,
        expires_at: datetime | None,
    ) -> bool:
        """Store a fresh pair of tokens in place of the old one; False if it was uninstalled meanwhile."""
        rotated = (
            update(Installation)
            .where(col(Installation.id) == installation.id, col(Installation.uninstalled_at).is_(None))
            .values(
                token_expires_at=expires_at,
                rotating_until=None,
                **self._sealed(installation.id, bot_token, refresh_token),
            )
            .returning(Installation)
        )
        rows = await self._session.exec(rotated, execution_options=_FRESH | _UNSYNCHRONIZED)
        return rows.scalar_one_or_none() is not None

    def _sealed(self, row: str, bot_token: str, refresh_token: str | None) -> dict[str, bytes | None]:
        tokens = {"bot_token_sealed": bot_token, "refresh_token_sealed": refresh_token}
        return {
            column: self._vault.seal(token, table="installation", column=column, organization=None, row=row)
            if token
            else None
            for column, token in tokens.items()
        }

    async def uninstall(self, slack_id: str, at: datetime) -> bool:
        """Destroy the tokens and return True the first time. Slack's two events may come in either order."""
        installation = await self.get(slack_id)
        if installation is None:
            return False
        installation.bot_token_sealed = installation.refresh_token_sealed = None
        installation.token_expires_at = None
        first = installation.uninstalled_at is None
        installation.uninstalled_at = installation.uninstalled_at or at
        self._session.add(installation)
        await self._session.flush()
        return first


class Workspaces:
    """Slack workspaces, and which organizations may be used from them. System sessions only."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def ensure(self, team_id: str, enterprise_id: str | None, name: str) -> Workspace:
        """Return the workspace, new or with its present name."""
        values = {"team_id": team_id, "enterprise_id": enterprise_id, "name": name}
        statement = insert_once(self._session, Workspace).values(**values)
        upsert = statement.on_conflict_do_update(
            index_elements=["team_id"],
            set_={"name": statement.excluded.name, "enterprise_id": statement.excluded.enterprise_id},
        )
        rows = await self._session.exec(upsert.returning(Workspace), execution_options=_FRESH)
        workspace: Workspace = rows.scalar_one()
        return workspace

    async def get(self, team_id: str) -> Workspace | None:
        """Return the workspace, or None."""
        return await self._session.get(Workspace, team_id)

    async def set_default(self, team_id: str, organization_id: str | None) -> None:
        """Let commands in this workspace mean this organization."""
        workspace = await self._session.get(Workspace, team_id)
        if workspace is not None:
            workspace.default_organization_id = organization_id
            await self._session.flush()

    async def channel_default(self, team_id: str, channel_id: str) -> str | None:
        """Return the id of the organization that commands in this channel mean, where one was set."""
        found = select(ChannelDefault.organization_id).where(
            ChannelDefault.team_id == team_id, ChannelDefault.channel_id == channel_id
        )
        return (await self._session.exec(found)).one_or_none()

    async def set_channel_default(self, team_id: str, channel_id: str, organization_id: str) -> None:
        """Let commands in this channel mean this organization."""
        values = {"team_id": team_id, "channel_id": channel_id, "organization_id": organization_id}
        statement = insert_once(self._session, ChannelDefault).values(**values)
        await self._session.exec(
            statement.on_conflict_do_update(
                index_elements=["team_id", "channel_id"], set_={"organization_id": organization_id}
            )
        )

    async def link(self, team_id: str, organization_id: str) -> None:
        """Let the organization be used from this workspace; a second time changes nothing.

        Raises `NameTaken` where its name looks like that of another organization there.
        """
        await check_link(self._session, team_id, organization_id)
        link = WorkspaceLink(team_id=team_id, organization_id=organization_id)
        statement = insert_once(self._session, WorkspaceLink).values(**link.model_dump())
        await self._session.exec(statement.on_conflict_do_nothing())

    async def organizations(self, team_id: str) -> list[Organization]:
        """Return the organizations that may be used from this workspace, by name."""
        linked = (
            select(Organization)
            .join(WorkspaceLink, col(WorkspaceLink.organization_id) == col(Organization.id))
            .where(WorkspaceLink.team_id == team_id, col(Organization.deleted_at).is_(None))
            .order_by(func.lower(Organization.name), col(Organization.id))
        )
        return list(await self._session.exec(linked))

    async def teams(self, organization_id: str) -> list[str]:
        """Return the ids of the workspaces from which the organization may be used."""
        linked = select(WorkspaceLink.team_id).where(WorkspaceLink.organization_id == organization_id)
        return list(await self._session.exec(linked.order_by(col(WorkspaceLink.linked_at))))


class Organizations:
    """The tenants themselves."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def create(self, name: str) -> Organization:
        """Return a new organization. Needs a system session."""
        organization = Organization(name=name)
        self._session.add(organization)
        await self._session.flush()
        return organization

    async def get(self, organization_id: str) -> Organization | None:
        """Return the organization unless it is absent or deleted."""
        found = select(Organization).where(
            Organization.id == organization_id, col(Organization.deleted_at).is_(None)
        )
        return (await self._session.exec(found)).one_or_none()

    async def rename(self, organization_id: str, name: str) -> bool:
        """Give the organization another name; False if it is absent. Raises `NameTaken`: see `Workspaces.link`."""
        await check_rename(self._session, organization_id, name)
        organization = await self.get(organization_id)
        if organization is None:
            return False
        organization.name = name
        await self._session.flush()
        return True

    async def delete(self, organization_id: str) -> bool:
        """Mark the organization as deleted, so that nobody finds it any more; False if it is absent.

        Its rows stay until retention removes the organization's own row, and everything with it.
        """
        organization = await self.get(organization_id)
        if organization is None:
            return False
        gone = update(Organization).where(col(Organization.id) == organization_id)
        await self._session.exec(gone.values(deleted_at=now()))
        await self._session.refresh(organization)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A person's place in one organization."""

    membership_id: str
    organization_id: str
    organization_name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one person may speak for in one channel."""

    choices: tuple[Seat, ...]
    default_organization_id: str | None
    """The organization a command means when it names none; None: ask."""


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
    session: AsyncSession | Single, realm: str, user_id: str, team_id: str, channel_id: str
) -> Standing:
    """Return what the person may speak for in this channel. One query; needs a system session.

    The default is the channel's, else the workspace's, else the only choice; a default in which the
    person is no member does not count.
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
    return Standing(choices=choices, default_organization_id=default)


async def lock_organization(session: AsyncSession, organization_id: str) -> None:
    """Wait until nobody else changes who belongs to the organization, and keep others from it until we end.

    Taken before any membership is locked. Not FOR UPDATE, which every insert of a row that refers to the
    organization would wait for (https://www.postgresql.org/docs/current/explicit-locking.html, 2026-11-30).
    """
    alone = select(Organization.id).where(Organization.id == organization_id)
    await session.exec(alone.with_for_update(key_share=True))


_WITH_ROLE = (
    select(Membership)
    .where(
        col(Membership.organization_id) == bindparam("organization_id"),
        col(Membership.ended_at).is_(None),
        col(Membership.role) >= bindparam("least"),
    )
    .order_by(col(Membership.role).desc(), col(Membership.created_at), col(Membership.id))
)


class Members:
    """Who belongs to which organization, and with which role."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, organization_id: str, *, realm: str, user_id: str, team_id: str, role: Role
    ) -> Membership:
        """Return the person's membership: new, revived with this role, or as it was if it is the higher.

        An invitation they had not answered ends, so that it lets nobody back in who is removed later.
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
            },
        )
        rows = await self._session.exec(upsert.returning(Membership), execution_options=_FRESH)
        membership: Membership = rows.scalar_one()
        return membership

    async def find(self, organization_id: str, realm: str, user_id: str) -> Membership | None:
        """Return the person's membership unless it ended."""
        found = select(Membership).where(
            Membership.organization_id == organization_id,
            Membership.realm == realm,
            Membership.user_id == user_id,
            col(Membership.ended_at).is_(None),
        )
        return (await self._session.exec(found)).one_or_none()

    async def get(self, organization_id: str, membership_id: str) -> Membership | None:
        """Return the membership unless it ended."""
        found = select(Membership).where(
            Membership.organization_id == organization_id,
            Membership.id == membership_id,
            col(Membership.ended_at).is_(None),
        )
        return (await self._session.exec(found)).one_or_none()

    async def of_person(
        self, realm: str, user_id: str, team_id: str
    ) -> list[tuple[Membership, Organization]]:
        """Return the person's organizations that may be used from this workspace, by name. System session."""
        theirs = (
            select(Membership, Organization)
            .join(Organization, col(Organization.id) == col(Membership.organization_id))
            .join(WorkspaceLink, col(WorkspaceLink.organization_id) == col(Organization.id))
            .where(
                WorkspaceLink.team_id == team_id,
                Membership.realm == realm,
                Membership.user_id == user_id,
                col(Membership.ended_at).is_(None),
                col(Organization.deleted_at).is_(None),
            )
            .order_by(func.lower(Organization.name), col(Organization.id))
        )
        return list(await self._session.exec(theirs))

    async def resolve(self, realm: str, user_id: str, team_id: str, channel_id: str) -> Standing:
        """Return what the person may speak for in this channel: `standing` in this session."""
        return await standing(self._session, realm, user_id, team_id, channel_id)

    async def all(self, organization_id: str) -> list[Membership]:
        """Return the members, owners first, then in the order they came."""
        return await self._with_role(organization_id, Role.MEMBER)

    async def owners(self, organization_id: str) -> list[Membership]:
        """Return the owners in the order they came."""
        return await self._with_role(organization_id, Role.OWNER)

    async def admins(self, organization_id: str) -> list[Membership]:
        """Return the owners, then the admins."""
        return await self._with_role(organization_id, Role.ADMIN)

    async def _with_role(self, organization_id: str, least: Role) -> list[Membership]:
        asked = {"organization_id": organization_id, "least": int(least)}
        return list(await self._session.exec(_WITH_ROLE, params=asked))

    async def count_owners(self, organization_id: str) -> int:
        """Return how many owners the organization has."""
        return len(await self.owners(organization_id))

    async def set_role(self, organization_id: str, membership_id: str, role: Role) -> bool:
        """Change a member's role; False if there is no such member.

        Raises `LastOwner`; of two owners who step down at the same moment one is refused.
        """
        membership = await self._to_change(organization_id, membership_id, keeps_owner=role is Role.OWNER)
        if membership is None:
            return False
        membership.role = int(role)
        await self._session.flush()
        if role < MAY_INVITE:
            await self._take_back([membership_id])
        return True

    async def end(self, organization_id: str, membership_id: str) -> bool:
        """End a membership; False if there is no such member. Raises `LastOwner` like `set_role`."""
        membership = await self._to_change(organization_id, membership_id, keeps_owner=False)
        if membership is None:
            return False
        await self._end([membership])
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

    async def _end(self, memberships: list[Membership]) -> None:
        ids = [each.id for each in memberships]
        ended = update(Membership).where(col(Membership.id).in_(ids)).values(ended_at=now())
        await self._session.exec(ended, execution_options=_UNSYNCHRONIZED)
        for each in memberships:
            await self._session.refresh(each)
        await self._take_back(ids)

    async def _take_back(self, makers: list[str]) -> None:
        """Delete the join codes and end the invitations of members who may not let people in any more."""
        theirs = delete(JoinCode).where(col(JoinCode.created_by).in_(makers))
        await self._session.exec(theirs, execution_options=_UNSYNCHRONIZED)
        await self._end_invitations(col(Invitation.invited_by).in_(makers))

    async def _end_invitations(self, *which: ColumnElement[bool]) -> None:
        ended = update(Invitation).where(*which, col(Invitation.expires_at) > now())
        await self._session.exec(ended.values(expires_at=now()), execution_options=_UNSYNCHRONIZED)

    async def end_person(self, realm: str, user_id: str) -> list[Membership]:
        """End all memberships of somebody who left Slack, and their invitations; return the memberships.

        Needs a system session. May leave an organization without an owner: the person is gone either way.
        """
        theirs = select(Membership).where(
            Membership.realm == realm, Membership.user_id == user_id, col(Membership.ended_at).is_(None)
        )
        # Their invitations first: whoever accepts one locks it before the membership.
        await self._end_invitations(col(Invitation.realm) == realm, col(Invitation.user_id) == user_id)
        memberships = list(await self._session.exec(theirs))
        await self._end(memberships)
        return memberships

    async def touch(self, membership_id: str, team_id: str) -> None:
        """Remember through which workspace the person was last seen."""
        seen = update(Membership).where(
            col(Membership.id) == membership_id, col(Membership.team_id) != team_id
        )
        await self._session.exec(seen.values(team_id=team_id))
