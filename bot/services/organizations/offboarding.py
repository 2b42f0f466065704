"""A person leaves Slack: their memberships end, what they connected stays. They may come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.access import members_with
from bot.services.errors import IneligiblePersonError
from bot.services.notifications import MemberLeft
from bot.services.organizations.notifications import MemberReturned
from bot.services.outbox import enqueue_dm
from bot.services.permissions import Permission
from storage.audit import SYSTEM, Audit
from storage.memberships import Members
from storage.organizations import Organizations

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Sender
    from bot.services.incidents.cards import Cards
    from bot.services.organizations.people import People
    from storage.engine.db import Database
    from storage.models import Membership

log = logger(__name__)


@dataclass(frozen=True)
class OffboardingService:
    """Ends what a person could do, and restores it."""

    database: Database
    cards: Cards
    people: People

    async def person_left(self, leaver: Sender, event_id: str) -> None:
        """End the memberships of someone Slack deactivated, and tell the admins of each organization."""
        async with self.database.system() as session:
            for ended in await Members(session).end_person(leaver.realm, leaver.user_id):
                await self.cards.on_member_left(session, ended.organization_id, ended.id)
                await _tell(session, ended, event_id)
                log.info("member.left_slack", membership=ended.id)

    async def person_returned(self, person: Sender, event_id: str) -> None:
        """Restore the memberships that ended when Slack deactivated someone, and tell the admins.

        Slack's event may be an old one that comes again, so Slack is asked; what the call raises is passed on.
        """
        async with self.database.system(write=False) as session:
            if not await Members(session).has_left_slack(person.realm, person.user_id):
                return
        try:
            await self.people.names(person, [person.user_id])
        except IneligiblePersonError as refused:
            log.info("member.not_restored", why=refused.why)
            return
        async with self.database.system() as session:
            for back in await Members(session).restore_person(person.realm, person.user_id):
                await _tell_of_return(session, back, event_id)
                log.info("member.restored", membership=back.id)


async def _tell_of_return(session: AsyncSession, back: Membership, event_id: str) -> None:
    organization = await Organizations(session).get(back.organization_id)
    if organization is None:
        return
    await Audit(session).write(organization.id, SYSTEM, "member returned", back.id)
    returned = MemberReturned(user_id=back.user_id, organization=organization.name, role=back.role)
    for admin in await members_with(session, organization.id, Permission.RECEIVE_NOTICES):
        await enqueue_dm(session, admin, f"returned:{back.id}:{event_id}", returned)


async def _tell(session: AsyncSession, ended: Membership, event_id: str) -> None:
    organization = await Organizations(session).get(ended.organization_id)
    if organization is None:
        return
    await Audit(session).write(organization.id, SYSTEM, "member left", ended.id)
    owners = await Members(session).count_owners(organization.id)
    left = MemberLeft(user_id=ended.user_id, organization=organization.name, owners=owners)
    for admin in await members_with(session, organization.id, Permission.RECEIVE_NOTICES):
        await enqueue_dm(session, admin, f"left:{ended.id}:{event_id}", left)
