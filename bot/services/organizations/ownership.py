"""An organization that nobody can manage gets an owner from whoever runs the installation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.access import Sender
from bot.services.errors import (
    Ineligible,
    IneligiblePersonError,
    OrganizationNotFoundError,
    OrganizationOwnedError,
)
from bot.services.notifications import OwnerAppointed
from bot.services.outbox import enqueue_dm
from bot.services.permissions import HIGHEST
from storage.audit import SYSTEM, Audit
from storage.memberships import Members
from storage.organizations import Organizations, lock_organization
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from bot.services.organizations.people import People
    from storage.engine.db import Database
    from storage.models import Organization

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointed:
    """An organization, its new owner, and how many members are told."""

    organization: str
    name: str
    """The person's, as Slack shows it."""
    told: int


@dataclass(frozen=True)
class OwnershipService:
    """Appoints owners. For the command line: no member is behind it."""

    database: Database
    people: People

    async def appoint(self, organization: str, user_id: str) -> Appointed:
        """Make a full member of one of the organization's workspaces its owner, and tell all its members.

        `organization` is an id or a name.

        Raises:
            OrganizationNotFoundError: There is no such organization, or several of that name.
            OrganizationOwnedError: It has an owner, who can do this in Slack.
            IneligiblePersonError: The person is of none of its workspaces, or a guest, or a bot.

        """
        found = await self._find(organization)
        person, name = await self._person(found.id, user_id)
        async with self.database.system() as session:
            await lock_organization(session, found.id)
            members = Members(session)
            owners = await members.owners(found.id)
            if owners:
                raise OrganizationOwnedError(found.name, tuple(owner.user_id for owner in owners))
            owner = await members.add(
                found.id, realm=person.realm, user_id=user_id, team_id=person.team_id, role=HIGHEST
            )
            line = await Audit(session).write(found.id, SYSTEM, "owner appointed", owner.id)
            told = await members.all(found.id)
            for member in told:
                news = OwnerAppointed(user_id=user_id, organization=found.name)
                await enqueue_dm(session, member, f"appointed:{line.id}", news)
        log.info("organization.owner_appointed", organization=found.id, membership=owner.id)
        return Appointed(organization=found.name, name=name, told=len(told))

    async def _find(self, typed: str) -> Organization:
        async with self.database.system(write=False) as session:
            found = await Organizations(session).called(typed)
        if len(found) != 1:
            raise OrganizationNotFoundError(typed, tuple(each.id for each in found))
        return found[0]

    async def _person(self, organization_id: str, user_id: str) -> tuple[Sender, str]:
        """Return the person in the first of the organization's workspaces that knows them, and their name."""
        async with self.database.system(write=False) as session:
            workspaces = [
                await Workspaces(session).get(team_id)
                for team_id in await Workspaces(session).teams(organization_id)
            ]
        refusal = IneligiblePersonError(Ineligible.UNKNOWN)
        for workspace in workspaces:
            if workspace is None:
                continue
            sender = Sender(
                user_id="", team_id=workspace.team_id, enterprise_id=workspace.enterprise_id, channel_id=""
            )
            try:
                [name] = await self.people.names(sender, [user_id])
            except IneligiblePersonError as error:
                refusal = error
            else:
                return replace(sender, user_id=user_id), name
        raise refusal
