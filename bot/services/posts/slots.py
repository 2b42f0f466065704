"""The weekly times at which accounts publish, and the next ones that are free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.errors import NotFoundError, NothingChosenError, Thing
from bot.services.incidents.quiet_hours import zones
from bot.services.permissions import Permission
from bot.services.posts.schedule import FARTHEST, Weekly, next_free
from storage.audit import Audit
from storage.engine.statements import database_time
from storage.posts import Posts
from storage.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.access import Actor
    from storage.engine.db import Database


@dataclass(frozen=True)
class SlotService:
    """Reads and stores weekly times. Built once, in `bot.app`."""

    database: Database

    async def of(self, actor: Actor, account_ids: Sequence[str]) -> dict[str, Weekly]:
        """Return the weekly times of those of the accounts that have any, by account id."""
        async with self.database.organization(actor.organization_id, write=False) as session:
            return await _weekly(session, actor.organization_id, account_ids)

    async def save(
        self, actor: Actor, account_ids: Sequence[str], weekly: Weekly
    ) -> Mapping[str, datetime | None]:
        """Give the accounts these times, in place of those they have, and return the next that is free of each.

        Raises:
            NothingChosenError: No account was chosen.
            NotFoundError: An account is gone, or there is no such time zone.

        """
        if not account_ids:
            raise NothingChosenError
        if weekly.zone not in zones():
            raise NotFoundError(Thing.CHOICE)
        organization_id = actor.organization_id
        async with acting(self.database, actor, Permission.PLAN) as session:
            try:
                await Slots(session).save(organization_id, account_ids, weekly.stored, weekly.zone)
            except LookupError:
                raise NotFoundError(Thing.ACCOUNT) from None
            for account_id in account_ids:
                await Audit(session).write(
                    organization_id, actor.membership_id, "slots changed", account_id, times=len(weekly.times)
                )
            return await free_slots(session, organization_id, account_ids)


async def free_slots(
    session: AsyncSession, organization_id: str, account_ids: Sequence[str], *, lock: bool = True
) -> dict[str, datetime | None]:
    """Return each account's next free slot; None: it has none, or none within a year.

    `lock`: until the transaction ends nobody else gets one of these slots.
    """
    taken = await Posts(session).taken(organization_id, account_ids, lock=lock)
    weekly = await _weekly(session, organization_id, account_ids)
    clock = await database_time(session)
    return {
        account_id: next_free(weekly[account_id], taken.get(account_id, ()), clock, clock + FARTHEST)
        if account_id in weekly
        else None
        for account_id in account_ids
    }


async def _weekly(
    session: AsyncSession, organization_id: str, account_ids: Sequence[str]
) -> dict[str, Weekly]:
    found = await Slots(session).of(organization_id, account_ids)
    return {one.account_id: Weekly.load(one.weekly, one.timezone) for one in found.values()}
