"""Organizations: the ones a person is in, a new one, and another name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.services.accounts.offers import Offers
from bot.services.acting import acting
from bot.services.errors import Limit, LimitReachedError, NameFault, OrganizationNameError
from bot.services.organizations.invitations import invitations_for
from bot.services.permissions import Permission
from storage.audit import Audit
from storage.founding import FOUNDED_A_DAY, TooManyFounded, found
from storage.incidents import Incidents
from storage.organization_names import NameTaken, looks
from storage.organization_summaries import summaries
from storage.organizations import Organizations
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.services.access import Actor, Sender
    from bot.services.incidents.cards import Cards
    from bot.services.notifications import InvitationReceived
    from bot.services.organizations.people import People
    from storage.engine.db import Database
    from storage.organization_summaries import Summary
    from storage.standing import Standing
    from storage.vault import Vault

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What a person belongs to, and what they are invited to."""

    invitations: Sequence[InvitationReceived]
    summaries: Mapping[str, Summary]
    """Of the person's organizations, by id."""


@dataclass(frozen=True)
class OrganizationService:
    """Creates and renames organizations."""

    database: Database
    people: People
    cards: Cards
    vault: Vault

    async def overview(self, sender: Sender, standing: Standing) -> Overview:
        """Return the sender's organizations in this workspace and their open invitations."""
        async with self.database.system(write=False) as session:
            return Overview(
                invitations=await invitations_for(session, sender.realm, sender.user_id),
                summaries=await summaries(session, [seat.organization_id for seat in standing.choices]),
            )

    async def same_name(self, organization_ids: Sequence[str]) -> list[Summary]:
        """Return what tells these organizations apart, for a person who has to choose."""
        async with self.database.system(write=False) as session:
            return list((await summaries(session, organization_ids)).values())

    async def create(self, sender: Sender, name: str) -> None:
        """Create an organization in the sender's workspace and make them its owner.

        Raises:
            OrganizationNameError: It cannot have this name.
            IneligiblePersonError: The sender is a guest.
            LimitReachedError: They have created several today.

        """
        check_name(name)
        newcomer = await self.people.newcomer(sender)
        try:
            async with self.database.system() as session:
                await Workspaces(session).ensure(sender.team_id, sender.enterprise_id, newcomer.workspace)
                await found(session, name, realm=sender.realm, user_id=sender.user_id, team_id=sender.team_id)
        except NameTaken:
            raise OrganizationNameError(NameFault.TAKEN, name) from None
        except TooManyFounded:
            raise LimitReachedError(Limit.ORGANIZATIONS_A_DAY, FOUNDED_A_DAY) from None

    async def rename(self, actor: Actor, name: str) -> None:
        """Give the actor's organization another name, also on its open cards and choices.

        Raises:
            OrganizationNameError: It cannot have this name.

        """
        check_name(name)
        try:
            async with acting(self.database, actor, Permission.RENAME_ORGANIZATION) as session:
                await Organizations(session).rename(actor.organization_id, name)
                await Audit(session).write(actor.organization_id, actor.membership_id, "organization renamed")
                for incident in await Incidents(session).all_open(actor.organization_id):
                    await self.cards.show_names(session, incident)
                await Offers(self.vault).organization_renamed(session, actor.organization_id, name)
        except NameTaken:
            raise OrganizationNameError(NameFault.TAKEN, name) from None


def check_name(name: str) -> None:
    """Return if an organization can have this name.

    Raises:
        OrganizationNameError: It is too long, or nothing of it can be seen.

    """
    if len(name) > LONGEST_NAME:
        raise OrganizationNameError(NameFault.TOO_LONG, name, LONGEST_NAME)
    if not looks(name):
        raise OrganizationNameError(NameFault.INVISIBLE, name)
