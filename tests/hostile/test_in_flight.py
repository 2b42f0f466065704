"""Requests that were let in and then lost their right: who sent them was removed before they wrote anything.

Every request is held where it marks its signature as seen: after its role was read, before its handler runs.
Meanwhile the sender is removed, or made a member; then all go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlmodel import text

from bot.routes import Kind
from bot.views import alerts as alert_views
from sandbox.core import Fault
from sandbox.slack.world import ACME, ADA, OLGA
from storage.db import Database
from storage.incidents import Alerts
from storage.models import Account, Grant, Membership, Role
from storage.tenants import Members
from tests.application import Office
from tests.databases import another
from tests.hostile.slack_side import (
    Desk,
    Json,
    Rows,
    belongings,
    changed,
    dump,
    first_organization,
    outcomes,
    seat,
)
from tests.hostile.test_roles import inputs, target_of_any
from tests.web.house import House
from tests.web.test_callback import approve

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.routes import Route

PAT, CHANNEL = "U0PAT", "C0ACMESOC"
AT_ONCE = 4
"""How many are held at a time: on PostgreSQL a fifth connection reads the roles of those that follow."""
LATER = "connect.resume"
"""It answers first, and acts when the platform has said what a consent covers."""
HOLDS = {
    "sqlite": "UPDATE seen_request SET seen_at = seen_at",  # takes the one write lock that there is
    "postgresql": "LOCK TABLE seen_request IN EXCLUSIVE MODE",
}
WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


async def let_in(database: Database) -> int:
    """Return how many requests have had their role read and wait to be marked as seen."""
    if database.dialect == "sqlite":
        single: Any = database.single
        return sum("seen_request" in sql for sql, *_ in single._writes._waiting)
    async with database.system(write=False) as session:
        return int((await (await session.connection()).execute(WAITING)).scalar_one())


@asynccontextmanager
async def holding(database: Database) -> AsyncIterator[AsyncSession]:
    """Give a transaction of another process; until it ends no request is marked as seen."""
    other = another(database)
    try:
        async with other.system() as session:
            await (await session.connection()).execute(text(HOLDS[database.dialect]))
            yield session
    finally:
        await other.close()


async def removed(members: Members, member: Membership) -> None:
    await members.end(member.organization_id, member.id)


async def demoted(members: Members, member: Membership) -> None:
    await members.set_role(member.organization_id, member.id, Role.MEMBER)


def of_others(rows: Rows, member: Membership) -> Rows:
    """Return the rows without the member's own seat, which the test itself changes."""
    return rows | {"membership": [row for row in rows["membership"] if repr(member.id) not in row]}


def request_for(desk: Desk, route: Route, target: str, chosen: Json) -> Json:
    if route.kind is Kind.SUBMISSION:
        return desk.submission(ADA, route.key, target, chosen)
    return desk.request(route, ADA, target)


@pytest.mark.parametrize("lost", [removed, demoted])
async def test_a_request_of_somebody_who_lost_the_right_on_the_way_changes_nothing(
    either_office: Office, lost: Callable[..., Any], record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id=CHANNEL)
    owner = await first_organization(office, ACME)
    mine = await belongings(office, "Almond", owner)
    await seat(office, mine.organization, OLGA, ACME, Role.OWNER)
    spare = await seat(office, mine.organization, desk.person(PAT, "pat"), ACME, Role.MEMBER)
    async with office.database.organization(mine.organization) as session:
        await Alerts(session).save(mine.organization, channel_id=CHANNEL, slack_id=ACME)
    routes = [
        route
        for route in office.parts.routes
        if route.changes and (isinstance(route.role, Role) or route.key == "org switch")
        if lost is removed or route.role in {Role.ADMIN, Role.OWNER}
    ]
    came_to: dict[str, float] = {}
    before = of_others(await dump(office.database), owner)

    for start in range(0, len(routes), AT_ONCE):
        some = routes[start : start + AT_ONCE]
        bodies = [
            request_for(
                desk, route, target_of_any(route, mine, spare.id, ADA), inputs(mine) | settings_form()
            )
            for route in some
        ]
        counted = outcomes()
        async with asyncio.timeout(60):
            async with holding(office.database) as session:
                flying = [
                    asyncio.create_task(office.parts.bolt.async_dispatch(desk.signed(body)))
                    for body in bodies
                ]
                while await let_in(office.database) < len(some):  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.005)
                await lost(Members(session), owner)
            answers = await asyncio.gather(*flying)
        assert {answer.status for answer in answers} == {200}
        for outcome, count in outcomes().items():
            came_to[outcome] = came_to.get(outcome, 0) + count - counted.get(outcome, 0)
        await office.parts.dispatcher.drain(10)
        await seat(office, mine.organization, ADA, ACME, Role.OWNER)
    effects = changed(before, of_others(await dump(office.database), owner))

    refusal = "NotMember" if lost is removed else "NotAllowed"
    later = sum(route.key == LATER for route in routes)
    assert effects == {}
    assert {outcome: count for outcome, count in came_to.items() if count} == {
        refusal: len(routes) - later,
        "ok": later,
    }
    record_property(
        "counted",
        f"{len(routes)} requests in flight, their sender {lost.__name__}: 0 effects ({office.database.dialect})",
    )


def settings_form() -> Json:
    """Return the inputs of the alerts form as it is when nothing was touched."""
    return {
        alert_views.CHANNEL: {"in": {"selected_conversation": CHANNEL}},
        alert_views.DAYS: {"in": {"selected_options": []}},
        alert_views.DIGEST: {"in": {"selected_option": {"value": next(iter(alert_views.DIGESTS))}}},
        alert_views.ZONE: {"in": {"selected_option": {"value": "UTC"}}},
        alert_views.FROM: {"in": {"selected_time": None}},
        alert_views.TO: {"in": {"selected_time": None}},
    }


@dataclass(slots=True, kw_only=True)
class Held(Fault):
    """A platform that answers when it is let go."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        self.asked.set()
        await self.go_on.wait()


@pytest.mark.parametrize("asked", ["/token", "/users/me"], ids=["exchange", "discovery"])
async def test_a_consent_of_somebody_who_is_removed_while_the_platform_answers_leads_to_nothing(
    house: House, asked: str
) -> None:
    member = await house.member()
    async with house.browser() as browser:
        proved = await house.sign_in(browser, await house.ticket(member))
        back = await approve(house, proved.headers["location"])
        slow = Held(path=asked, times=1)
        house.x.faults.append(slow)

        callback = asyncio.create_task(browser.get(back))
        async with asyncio.timeout(20):
            await slow.asked.wait()
        async with house.parts.database.system() as session:
            other = await Members(session).add(
                member.organization_id, realm=ACME, user_id=OLGA, team_id=ACME, role=Role.OWNER
            )
            await removed(Members(session), member)
        slow.go_on.set()
        page: httpx.Response = await callback

    assert other.role == Role.OWNER
    assert page.status_code == 403
    assert "You aren&#39;t a member" in page.text
    assert await house.count(Account) == 0
    assert await house.count(Grant) == 0
