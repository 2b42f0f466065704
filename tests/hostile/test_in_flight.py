"""Requests that were let in and then lost their right: who sent them was removed before they wrote anything.

Every request is held where it marks its signature as seen: after its role was read, before its handler runs.
Meanwhile the sender is removed, or made a member; then all go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlmodel import text, update

from bot.services.permissions import Permission, allows
from bot.slack.routes import Kind
from bot.views import alerts as alert_views
from bot.views.publishing import bulk as bulk_views
from bot.views.publishing import holds as hold_views
from bot.views.publishing import posts as post_views
from sandbox.core import Fault
from sandbox.slack.world import ACME, ADA, OLGA
from storage.alert_settings import Alerts
from storage.engine.db import Database
from storage.memberships import Members
from storage.models import Account, Grant, Invitation, Membership, Role
from tests.application import Office
from tests.counts import in_full, sampled
from tests.databases import another
from tests.hostile.slack_side import (
    Desk,
    Json,
    Rows,
    Tenant,
    belongings,
    changed,
    dump,
    first_organization,
    outcomes,
    seat,
)
from tests.hostile.test_roles import inputs, target_of_any
from tests.patience import PATIENCE_S
from tests.web.test_connect_callback import approve

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.slack.routes import Route

Meanwhile = Callable[[Members, Membership], Awaitable[None]]

PAT, CHANNEL = "U0PAT", "C0ACMESOC"
AT_ONCE = 4
"""How many are held at a time: on PostgreSQL a fifth connection reads the roles of those that follow."""
LATER = "connect.resume"
"""It answers first, and acts when the platform has said what a consent covers."""
HOLDS = {
    "sqlite": "UPDATE seen_request SET seen_at = seen_at",  # takes the one write lock that there is
    "postgresql": "LOCK TABLE seen_request IN EXCLUSIVE MODE",
}
WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'seen_request'::regclass")


async def let_in(database: Database) -> int:
    """Return how many requests have had their role read and wait to be marked as seen."""
    if database.dialect == "sqlite":
        single: Any = database.autocommit
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


async def kept(_members: Members, _member: Membership) -> None:
    """Let the sender keep the right, so that all of the requests go on."""


def of_others(rows: Rows, member: Membership) -> Rows:
    """Return the rows without the member's own seat, which the test itself changes."""
    return rows | {"membership": [row for row in rows["membership"] if repr(member.id) not in row]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Ada, an owner whose requests are held, and what she has."""

    desk: Desk
    mine: Tenant
    owner: Membership
    spare: Membership

    def request(self, route: Route) -> Json:
        target = target_of_any(route, self.mine, self.spare.id, ADA)
        if route.kind is Kind.SUBMISSION:
            chosen = inputs(self.mine) | settings_form() | post_forms(self.mine)
            return self.desk.submission(ADA, route.key, target, chosen)
        return self.desk.request(route, ADA, target)

    async def fly(self, routes: Sequence[Route], meanwhile: Meanwhile) -> None:
        """Hold a request for each of the routes, do something meanwhile, and let them go on at once."""
        office = self.desk.office
        signed = [self.desk.signed(self.request(route)) for route in routes]
        async with asyncio.timeout(PATIENCE_S):
            async with holding(office.database) as session:
                flying = [asyncio.create_task(office.parts.bolt.async_dispatch(each)) for each in signed]
                while await let_in(office.database) < len(flying):  # noqa: ASYNC110 - nothing tells
                    await asyncio.sleep(0.005)
                await meanwhile(Members(session), self.owner)
            answers = await asyncio.gather(*flying)
        assert {answer.status for answer in answers} == {200}
        await office.parts.dispatcher.drain(10)

    async def fly_all(self, routes: Sequence[Route], meanwhile: Meanwhile) -> dict[str, float]:
        """Do so with as many at a time as can be held, and return how often each outcome was counted."""
        counted = outcomes()
        for start in range(0, len(routes), AT_ONCE):
            await self.fly(routes[start : start + AT_ONCE], meanwhile)
            await seat(self.desk.office, self.mine.organization, ADA, ACME, Role.OWNER)
        came_to = {outcome: count - counted.get(outcome, 0) for outcome, count in outcomes().items()}
        return {outcome: count for outcome, count in came_to.items() if count}


async def scene(office: Office) -> Scene:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id=CHANNEL)
    owner = await first_organization(office, ACME)
    mine = await belongings(office, "Almond", owner)
    olga = await seat(office, mine.organization, OLGA, ACME, Role.OWNER)
    async with office.database.system() as session:  # Ada's own would end with her role
        await session.exec(update(Invitation).values(invited_by=olga.id))
    spare = await seat(office, mine.organization, desk.person(PAT, "pat"), ACME, Role.MEMBER)
    async with office.database.organization(mine.organization) as session:
        await Alerts(session).save(mine.organization, channel_id=CHANNEL, slack_id=ACME)
    return Scene(desk=desk, mine=mine, owner=owner, spare=spare)


def changing(office: Office) -> list[Route]:
    """Return the routes on which a member changes something."""
    return [
        route
        for route in office.parts.routes
        if route.changes and (isinstance(route.permission, Permission) or route.key == "org switch")
    ]


def above_member(route: Route) -> bool:
    """Tell whether an owner who was made a member may use the route no longer."""
    return isinstance(route.permission, Permission) and not allows(Role.MEMBER, route.permission)


@pytest.mark.parametrize("lost", sampled([removed, demoted], 2))
async def test_a_request_of_somebody_who_lost_the_right_on_the_way_changes_nothing(
    either_office: Office, lost: Meanwhile, record_property: Callable[[str, object], None]
) -> None:
    office, ada = either_office, await scene(either_office)
    every = changing(office)
    routes = every if lost is removed else [each for each in every if above_member(each)]
    before = of_others(await dump(office.database), ada.owner)

    came_to = await ada.fly_all(routes, lost)

    refusal = "not_member" if lost is removed else "not_allowed"
    later = sum(route.key == LATER for route in routes)
    assert changed(before, of_others(await dump(office.database), ada.owner)) == {}
    assert came_to == {refusal: len(routes) - later, "ok": later}
    record_property(
        "counted",
        f"{len(routes)} requests in flight, their sender {lost.__name__}: 0 effects ({office.database.dialect})",
    )


@in_full
async def test_changes_that_go_on_at_the_same_moment_never_wait_for_each_other_in_a_ring(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    ada = await scene(either_office)
    routes = changing(either_office)

    came_to = await ada.fly_all(routes, kept)

    assert sum(came_to.values()) == len(routes)
    settled = {"already_resolved", "post_decided", "post_settled"}
    assert set(came_to) <= {"ok", "not_found", "bad_input", "not_member", "not_allowed"} | settled
    assert came_to["ok"] >= len(routes) // 3
    record_property(
        "counted",
        f"{len(routes)} changes by one owner, {AT_ONCE} at a time: 0 deadlocks ({either_office.database.dialect})",
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


def post_forms(mine: Tenant) -> Json:
    """Return the inputs of the forms about posts: when, until when, which, and what is to be done with them."""
    soon = int((datetime.now(UTC) + timedelta(days=1)).timestamp())
    return {
        post_views.WHEN: {"in": {"selected_date_time": soon}},
        hold_views.UNTIL: {"in": {"selected_date_time": soon}},
        bulk_views.POSTS: {"in": {"selected_options": [{"value": mine.post}]}},
        bulk_views.WHAT: {"in": {"selected_option": {"value": "cancel"}}},
    }


@dataclass(slots=True, kw_only=True)
class Held(Fault):
    """A platform that answers when it is let go."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        self.asked.set()
        await self.go_on.wait()


@pytest.mark.parametrize(
    "asked", sampled([pytest.param("/token", id="exchange"), pytest.param("/users/me", id="discovery")], 2)
)
async def test_a_consent_of_somebody_who_is_removed_while_the_platform_answers_leads_to_nothing(
    office: Office, asked: str
) -> None:
    member = await office.member()
    async with office.browser() as browser:
        proved = await office.sign_in(browser, await office.ticket(member))
        back = await approve(office, proved.headers["location"])
        slow = Held(path=asked, times=1)
        office.x.faults.append(slow)

        callback = asyncio.create_task(browser.get(back))
        async with asyncio.timeout(PATIENCE_S):
            await slow.asked.wait()
        async with office.parts.database.system() as session:
            other = await Members(session).add(
                member.organization_id, realm=ACME, user_id=OLGA, team_id=ACME, role=Role.OWNER
            )
            await removed(Members(session), member)
        slow.go_on.set()
        page: httpx.Response = await callback

    assert other.role == Role.OWNER
    assert page.status_code == 403
    assert "You aren&#39;t a member" in page.text
    assert await office.count(Account) == 0
    assert await office.count(Grant) == 0
