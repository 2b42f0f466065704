"""Join codes: one-time codes with which another workspace joins an organization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.errors import (
    InvalidJoinCodeError,
    Limit,
    LimitReachedError,
    LookalikeOrganizationError,
    NotFoundError,
    Thing,
)
from bot.services.notifications import WorkspaceJoined
from bot.services.outbox import enqueue_dm
from bot.services.permissions import Permission, allows, lowest_role, roles_without
from storage.audit import Audit
from storage.founding import let_in
from storage.join_codes import MOST_OPEN, JoinCodes, TooManyCodes
from storage.memberships import Members
from storage.models import Role
from storage.organization_names import NameTaken
from storage.organizations import Organizations
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor, Sender
    from bot.services.organizations.people import Newcomer, People
    from storage.engine.db import Database
    from storage.models import JoinCode, Membership, Organization

ROLES_BY_CODE = roles_without(Permission.INVITE)
"""The roles a code can give: a stranger who finds one must not be able to let others in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCodes:
    """The open codes of an organization. Never the codes themselves: they are not stored."""

    organization_id: str
    organization: str
    codes: Sequence[JoinCode]
    makers: Mapping[str, Membership]
    """Members of the organization, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedByCode:
    """What a person who used a code is now."""

    organization: str
    role: Role


@dataclass(frozen=True)
class JoinCodeService:
    """Makes, lists and revokes codes, and lets people join with one."""

    database: Database
    people: People

    async def create(self, actor: Actor, role: Role) -> str:
        """Return a new code that gives `role`, one of `ROLES_BY_CODE`.

        Raises:
            LimitReachedError: The organization has as many open codes as it can have.

        """
        async with acting(self.database, actor, Permission.INVITE) as session:
            try:
                secret = await JoinCodes(session).create(actor.organization_id, role, actor.membership_id)
            except TooManyCodes:
                raise LimitReachedError(Limit.JOIN_CODES, MOST_OPEN, actor.organization) from None
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "code created", role=role.word
            )
        return secret

    async def open(self, actor: Actor) -> OpenCodes:
        """Return the open codes of the actor's organization."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            return await _open(session, actor)

    async def revoke(self, actor: Actor, code_id: str) -> OpenCodes:
        """Revoke a code and return those that are left.

        Raises:
            NotFoundError: It is not open.

        """
        async with acting(self.database, actor, Permission.SEE_JOIN_CODES) as session:
            revoked = await JoinCodes(session).revoke(actor.organization_id, code_id)
            if revoked is None:
                raise NotFoundError(Thing.JOIN_CODE)
            await Audit(session).write(
                actor.organization_id, actor.membership_id, "code revoked", by=revoked.created_by
            )
            return await _open(session, actor)

    async def join(self, sender: Sender, code: str) -> JoinedByCode:
        """Link the sender's workspace to the organization of a code, make them a member, and tell its owners.

        Raises:
            IneligiblePersonError: The sender is a guest.
            InvalidJoinCodeError: The code cannot be used.
            LookalikeOrganizationError: The workspace has an organization of a similar name. The code stays good.

        """
        newcomer = await self.people.newcomer(sender)
        async with self.database.system() as session:
            redeemed = await JoinCodes(session).redeem(code, lowest_role(Permission.INVITE))
            organization = await Organizations(session).get(redeemed.organization_id) if redeemed else None
            if redeemed is None or organization is None:
                raise InvalidJoinCodeError
            await Workspaces(session).ensure(sender.team_id, sender.enterprise_id, newcomer.workspace)
            try:
                await let_in(session, sender.team_id, organization.id)
            except NameTaken:
                raise LookalikeOrganizationError(organization.name) from None
            member = await _add(session, sender, redeemed, organization)
            await _tell_owners(session, organization, member, newcomer, redeemed.id)
        return JoinedByCode(organization=organization.name, role=Role(member.role))


async def _open(session: AsyncSession, actor: Actor) -> OpenCodes:
    return OpenCodes(
        organization_id=actor.organization_id,
        organization=actor.organization,
        codes=await JoinCodes(session).all(actor.organization_id),
        makers={member.id: member for member in await Members(session).all(actor.organization_id)},
    )


async def _add(
    session: AsyncSession, sender: Sender, redeemed: JoinCode, organization: Organization
) -> Membership:
    member = await Members(session).add(
        organization.id,
        realm=sender.realm,
        user_id=sender.user_id,
        team_id=sender.team_id,
        role=Role(redeemed.role),
    )
    await Audit(session).write(organization.id, member.id, "workspace joined", sender.team_id)
    return member


async def _tell_owners(
    session: AsyncSession, organization: Organization, member: Membership, newcomer: Newcomer, code_id: str
) -> None:
    joined = WorkspaceJoined(
        organization=organization.name, workspace=newcomer.workspace, by_name=newcomer.name, role=member.role
    )
    for owner in await Members(session).all(organization.id):
        if allows(owner.role, Permission.INVITE) and owner.id != member.id:
            await enqueue_dm(session, owner, f"joined:{organization.id}:{code_id}", joined)
