"""Whether a post that is being scheduled still fits into what its platform takes that day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.services.posts.budgets import budget_of, units_of
from storage.engine.statements import database_time
from storage.publishing_uses import PublishingUses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.profiles import AccountProfile
    from bot.services.posts.candidates import Candidate
    from storage.engine.db import Database

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapReached:
    """A limit that the post would pass: it would go out later than planned."""

    profile: AccountProfile
    most: int
    whole_app: bool
    """All accounts of this installation share it."""
    units: bool = False
    """It counts units of the platform's quota, not posts."""


@dataclass(frozen=True)
class Caps:
    """Counts what is planned and used. Built once, in `bot.publishing`."""

    database: Database

    async def reached(self, chosen: Sequence[Candidate], due_at: datetime | None) -> list[CapReached]:
        """Return the limits that these accounts would pass with one post more. `due_at`: None means now.

        What other organizations publish through the same app counts, and is not told.
        """
        limited = [one for one in chosen if one.facts.daily_cap is not None or one.facts.daily_units]
        if not limited:
            return []
        found: list[CapReached] = []
        seen: dict[str, int] = {}
        async with self.database.system(write=False) as session:
            clock = await database_time(session)
            at = due_at or clock
            for one in limited:
                found += await _reached(session, one, at, clock, seen)
        return found


async def _reached(
    session: AsyncSession, one: Candidate, at: datetime, clock: datetime, seen: dict[str, int]
) -> list[CapReached]:
    """Return the limits that one account would pass. `seen`: the post's accounts that were counted, by budget."""
    account, cap, uses = one.profile.account, one.facts.daily_cap, PublishingUses(session)
    found = []
    if cap is not None:
        name = budget_of(account, whole_app=cap.whole_app)
        seen[name] = seen.get(name, 0) + 1
        used = (await uses.used(name, at)).posts if at - clock < DAY else 0
        planned = await uses.planned(account, at - DAY, at, whole_app=cap.whole_app)
        if used + planned + seen[name] > cap.posts:
            found.append(CapReached(profile=one.profile, most=cap.posts, whole_app=cap.whole_app))
    if one.facts.daily_units and at - clock < DAY:
        used = (await uses.used(units_of(account), at)).posts
        if used + sum(one.facts.step_units.values()) > one.facts.daily_units:
            units = CapReached(profile=one.profile, most=one.facts.daily_units, whole_app=True, units=True)
            found.append(units)
    return found
