"""A process that deletes an organization, killed at every step of it: the deletion is whole, or never began."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, select, update

from bot.services.access import Actor, Sender
from bot.slack.sender import OutboxSender
from sandbox.member import text_of
from sandbox.platforms import values as simulated
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.slack.world import ACME, ADA, OTTO
from storage.discoveries import Found
from storage.grants import NewGrant
from storage.memberships import Members
from storage.models import Notice, Organization, Revocation, Role
from storage.organizations import Organizations
from storage.workspaces import Workspaces
from tests.application import Office
from tests.counts import sampled
from tests.crash import worker
from tests.crash.children import Child
from tests.crash.house import UNSYNCHRONIZED
from tests.crash.test_outbox_kill import environment, open_for_business
from tests.hostile.slack_side import dump
from tests.tenancy import connected

OWNERS = (ADA, OTTO)
PLATFORMS = ("x", "tiktok")
LIVES = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """An organization with an account at each of two platforms, and two owners."""

    actor: Actor
    identifiers: frozenset[str]
    families: tuple[simulated.Grant, ...]
    """What the platforms know of its sign-ins."""


def everything(office: Office) -> Mapping[str, str]:
    """Return the settings of the office's application with its platforms, for a process of its own."""
    env = environment(office)
    for platform in set(office.world.platforms.values()):
        for one in platform.registrations:
            name = f"OCTAPOST_{one.app.upper()}"
            env |= {f"{name}_CLIENT_ID": one.client_id, f"{name}_CLIENT_SECRET": one.client_secret}
            env[f"OCTAPOST_{one.platform.upper()}_URL"] = platform.url
    return env


def consented(simulator: OAuthSimulator, number: str) -> simulated.Grant:
    """Let a new person have allowed our app something at a platform."""
    now, client_id = simulator.clock.now(), next(iter(simulator.apps))
    family = simulated.Grant(
        id=number,
        person=simulated.Person(id=number, name=f"Person {number}"),
        client_id=client_id,
        scopes=frozenset({"read"}),
        assets=frozenset(),
        issued_at=now,
        access={f"access-{number}": now + LIVES.total_seconds()},
        refresh={f"refresh-{number}": None},
    )
    simulator.grants[number] = family
    simulator.issued_to |= dict.fromkeys((*family.access, *family.refresh), number)
    return family


async def doomed(office: Office) -> Doomed:
    """Return a new organization that has everything a deletion has to care for."""
    word, families, ids = secrets.token_hex(6), [], []
    async with office.database.system() as session:
        organization = await Organizations(session).create(f"Bakery {word}")
        await Workspaces(session).link(ACME, organization.id)
        members = [
            await Members(session).add(
                organization.id, realm=ACME, user_id=user_id, team_id=ACME, role=Role.OWNER
            )
            for user_id in OWNERS
        ]
        for key in PLATFORMS:
            family = consented(office.world.platforms[key], f"{key}-{word}")
            new = NewGrant(
                connected_by=members[0].id,
                platform=key,
                app=key,
                access=next(iter(family.access)),
                refresh=next(iter(family.refresh)),
                scopes=["read"],
                access_expires_in=LIVES,
                refresh_expires_in=None,
            )
            found = Found(remote_id=family.id, kind="Profile", name=f"{key} {word}")
            grant, account = await connected(
                session, office.parts.vault, organization.id, new, (family.id, family.id), found
            )
            families.append(family)
            ids += [grant.id, account.id]
    actor = Actor(
        sender=Sender(user_id=ADA, team_id=ACME, enterprise_id=None, channel_id=""),
        membership_id=members[0].id,
        organization_id=organization.id,
        organization=organization.name,
        role=Role.OWNER,
    )
    known = frozenset({word, organization.id, *ids, *(member.id for member in members)})
    return Doomed(actor=actor, identifiers=known, families=tuple(families))


async def finish(office: Office, victim: Doomed) -> bool:
    """Do what another process finds to do, once the leases are over; return whether the deletion had begun."""
    async with office.database.system() as session:
        for model in (Revocation, Notice):
            waiting = update(model).where(col(model.due_at).is_not(None)).values(lease_until=None)
            await session.exec(waiting, execution_options=UNSYNCHRONIZED)
        there = select(Organization).where(Organization.id == victim.actor.organization_id)
        begun = (await session.exec(there)).one_or_none() is None
    if not begun:
        await office.parts.deletions.delete(victim.actor, victim.actor.organization)
    await office.parts.deletions.work()
    renderer = office.parts.notices.renderer
    await OutboxSender(office.database, office.parts.slack_clients, renderer, between=timedelta(0)).run()
    await office.parts.deletions.work()
    return begun


def receipts(office: Office, victim: Doomed) -> list[int]:
    """Return how many receipts each owner got."""
    title = f"Receipt: {victim.actor.organization} is deleted"
    return [
        sum(title in text_of(message) for message in office.slack.direct_messages(owner, ACME))
        for owner in OWNERS
    ]


async def leftovers(office: Office, victim: Doomed) -> list[str]:
    """Return the organization's identifiers that stand in any table."""
    rows = str(await dump(office.database, whole=True))
    return [one for one in victim.identifiers if one in rows]


async def test_a_deletion_that_is_killed_at_any_step_is_finished_by_another_process(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    await open_for_business(office, 0.0)
    whole = Child(worker.delete, everything(office), (await doomed(office)).actor, 0)
    assert await whole.ended() == 0, whole.said()
    steps = int(whole.said().split()[-2])
    whole.close()
    kills, begun, wrong, twice = 0, 0, list[str](), 0

    for last in sampled(range(1, steps + 1), 15, 7):
        victim = await doomed(office)
        child = Child(worker.delete, everything(office), victim.actor, last)
        status = await child.ended()
        assert status in {0, -signal.SIGKILL}, child.said()
        child.close()
        kills += status != 0  # one of the last steps is not taken every time
        untouched = not any(family.dead for family in victim.families)
        committed = await finish(office, victim)
        begun += committed
        alive = [family.id for family in victim.families if not family.dead]
        got = receipts(office, victim)
        twice += sum(count - 1 for count in got)
        if alive or min(got) < 1 or await leftovers(office, victim) or not (committed or untouched):
            wrong.append(f"step {last}: alive {alive}, receipts {got}")

    record_property(
        "counted",
        f"{office.database.dialect}: a deletion of {steps} steps killed at {kills} of them, {begun} times after its"
        f" commit: {len(wrong)} not whole, {twice} receipts sent twice",
    )
    assert wrong == []
    assert 0 < begun < kills
