"""A sign-in that only a person can renew: reminders in time, one for each day that was chosen, and one at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlmodel import col, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.services.incidents.incidents import IncidentService
from bot.services.incidents.reminders import ExpiryReminders, next_look
from sandbox.platforms.linkedin.simulator import LinkedInSimulator
from storage.engine.db import Database
from storage.engine.statements import now
from storage.models import Grant, GrantStatus
from storage.refreshes import Refreshes
from storage.vault import Vault
from tests.ageing import behind
from tests.services.tokens.test_refreshing import Works, open_works


@pytest_asyncio.fixture
async def linkedin(database: Database, vault: Vault) -> AsyncIterator[Works]:
    async with AsyncExitStack() as stack:
        yield await open_works(stack, LinkedInSimulator(), database, vault)


async def ending_in(works: Works, left: timedelta, who: str = "ana-ruiz") -> Grant:
    """Connect a profile and let time pass until its sign-in has `left` to live."""
    grant = await works.grant(who, due=False)
    async with works.database.system() as session:
        await Refreshes(session).schedule(grant.id, timedelta(days=1), renews=False)
        await session.exec(
            update(Grant)
            .where(col(Grant.id) == grant.id)
            .values(access_expires_at=now(left), next_reminder_at=now()),
            execution_options={"synchronize_session": False},
        )
    return grant


def reminders(works: Works) -> ExpiryReminders:
    return ExpiryReminders(works.catalog, IncidentService(works.catalog, works.vault), works.database)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        pytest.param(timedelta(days=13), "within 13 days", id="first"),
        pytest.param(timedelta(days=6, hours=23), "within 7 days", id="second"),
        pytest.param(timedelta(days=2), "within 2 days", id="third"),
        pytest.param(timedelta(hours=5), "within 1 day", id="last"),
    ],
)
async def test_each_reminder_is_sent_once_with_the_time_that_is_left(
    linkedin: Works, left: timedelta, words: str
) -> None:
    grant = await ending_in(linkedin, left)

    for _ in range(3):
        await reminders(linkedin).run()

    [notice] = await linkedin.said()
    assert words in notice["text"]
    assert (await linkedin.look(grant.id)).status == GrantStatus.HEALTHY


async def test_nobody_is_told_two_months_early(linkedin: Works) -> None:
    await ending_in(linkedin, timedelta(days=15))

    await reminders(linkedin).run()

    assert await linkedin.said() == []


async def test_when_its_time_is_up_it_needs_a_person_and_says_so_once(linkedin: Works) -> None:
    grant = await ending_in(linkedin, timedelta(seconds=-1))

    for _ in range(3):
        await reminders(linkedin).run()

    after = await linkedin.look(grant.id)
    assert (after.status, after.reason) == (GrantStatus.NEEDS_RECONNECT, "expired")
    [notice] = await linkedin.said()
    assert "reconnecting. Until then" in notice["text"]


async def test_a_host_whose_clock_is_ahead_ends_nothing_early(
    sqlite_database: Database, vault: Vault
) -> None:
    behind(sqlite_database, timedelta(minutes=5))
    async with AsyncExitStack() as stack:
        works = await open_works(stack, LinkedInSimulator(), sqlite_database, vault)
        grant = await ending_in(works, timedelta(minutes=4))

        await reminders(works).run()

        after = await works.look(grant.id)
        [notice] = await works.said()
    assert (after.status, after.reason) == (GrantStatus.HEALTHY, "")
    assert "within 1 day" in notice["text"]


class Stumbling(IncidentService):
    """Fails at one grant, as a fault of ours would."""

    stone = ""

    async def grant_ends(self, session: AsyncSession, grant: Grant, left: timedelta) -> None:
        if grant.id == self.stone:
            raise RuntimeError("a fault of ours")
        await super().grant_ends(session, grant, left)


async def test_a_grant_that_cannot_be_looked_at_hides_no_other_and_is_tried_again(linkedin: Works) -> None:
    first = await ending_in(linkedin, timedelta(days=2), "ana-ruiz")
    await ending_in(linkedin, timedelta(days=2), "ben-okafor")
    incidents = Stumbling(linkedin.catalog, linkedin.vault)
    incidents.stone = first.id

    await ExpiryReminders(linkedin.catalog, incidents, linkedin.database).run()

    assert len(await linkedin.said()) == 1
    again = (await linkedin.look(first.id)).next_reminder_at
    assert again is not None
    assert again < datetime.now(UTC) + timedelta(hours=2)


def test_there_is_something_to_say_once_a_day_before_the_end_and_once_a_month_else() -> None:
    moment = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def wait(left: timedelta | None) -> timedelta:
        return next_look(None if left is None else moment + left, moment) - moment

    day, hour = timedelta(days=1), timedelta(hours=1)
    assert wait(None) == wait(-hour) == wait(365 * day) == 30 * day
    assert wait(53 * day) == 23 * day
    assert wait(6 * day + hour) == hour
    assert wait(6 * day) == day
    assert wait(hour) == hour
    assert wait(timedelta(minutes=1)) == timedelta(minutes=15)
