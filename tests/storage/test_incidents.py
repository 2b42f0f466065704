"""At most one open incident per grant and organization, which comes up when its time has come."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from storage.accounts import Accounts
from storage.engine.statements import now
from storage.grants import Grants
from storage.incidents import EscalationPolicy, Incidents
from storage.models import Incident, IncidentCard, IncidentKind, Resolution
from storage.organizations import Organizations
from tests.counts import sampled
from tests.storage.world import build

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.models import Grant
    from storage.vault import Vault
    from tests.storage.world import World

DAY = timedelta(hours=24)


async def grant_of(database: Database, vault: Vault, world: World) -> Grant:

    async with database.system(write=False) as session:
        found = await Grants(session, vault).get(world.organization_id, world.grant_id)
    assert found is not None
    return found


async def test_of_many_who_open_an_incident_at_once_one_does(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    grant = await grant_of(database, vault, world)
    async with database.system() as session:
        there = await Incidents(session).get(world.organization_id, world.incident_id)
        assert there is not None
        there.resolved_at, there.resolution = datetime.now(UTC), Resolution.RECONNECTED
        [(account, _)] = await Accounts(session, vault).all(world.organization_id)

    async def report() -> tuple[str, bool]:
        async with database.system() as session:
            incident, new = await Incidents(session).open(
                world.organization_id, grant=grant, kind=IncidentKind.EXPIRING, accounts=[account]
            )
            return incident.id, new

    answers = await asyncio.gather(*(report() for _ in range(8)))

    assert len({incident for incident, _ in answers}) == 1
    assert sum(new for _, new in answers) == 1
    assert answers[0][0] != world.incident_id


async def test_the_database_itself_refuses_a_second_open_one(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")

    with pytest.raises(IntegrityError):
        async with database.system() as session:
            session.add(
                Incident(
                    organization_id=world.organization_id,
                    grant_id=world.grant_id,
                    generation=1,
                    kind=IncidentKind.EXPIRING,
                    platform="x",
                    connected_by="mem_1",
                )
            )


async def due(database: Database) -> list[str]:
    async with database.system(write=False) as session:
        return [found for _, found in await Incidents(session).due(EscalationPolicy())]


@pytest.mark.parametrize(
    ("columns", "is_due"),
    sampled(
        [
            pytest.param({}, False, id="fresh"),
            pytest.param({"since": -DAY}, True, id="unclaimed-for-a-day"),
            pytest.param({"since": -DAY, "claimed_by": "mem_1"}, False, id="claimed"),
            pytest.param({"since": -DAY, "escalated_at": -DAY}, False, id="escalated-already"),
            pytest.param({"since": -DAY, "snoozed_until": DAY}, False, id="snoozed"),
            pytest.param({"claimed_by": "mem_1", "claimed_at": -DAY}, True, id="claimed-a-day-ago"),
            pytest.param({"since": -DAY, "quiet_until": DAY}, False, id="unclaimed-in-the-night"),
            pytest.param({"since": -DAY, "kind": IncidentKind.EXPIRING}, False, id="not-over-yet"),
            pytest.param(
                {"since": -DAY, "kind": IncidentKind.EXPIRING, "deadline": DAY / 4}, True, id="its-last-hours"
            ),
            pytest.param({"kind": IncidentKind.EXPIRING, "deadline": DAY / 4}, False, id="just-said"),
            pytest.param({"since": -DAY, "number": 0}, False, id="not-said-yet"),
            pytest.param({"snoozed_until": -DAY}, True, id="the-snooze-is-over"),
            pytest.param({"quiet_until": -DAY}, True, id="the-night-is-over"),
            pytest.param({"quiet_until": DAY}, False, id="in-the-night"),
            pytest.param({"since": -DAY, "snoozed_until": -DAY, "resolved_at": -DAY}, False, id="resolved"),
            pytest.param({"quiet_until": -DAY, "resolved_at": -DAY}, True, id="resolved-with-lines-to-say"),
        ],
        6,
    ),
)
async def test_an_incident_comes_up_when_its_time_has_come(
    sqlite_database: Database, vault: Vault, columns: dict[str, object], is_due: bool
) -> None:
    world = await build(sqlite_database, vault, "1")
    async with sqlite_database.system() as session:
        incident = await Incidents(session).get(world.organization_id, world.incident_id)
        assert incident is not None
        for name, value in ({"number": 1} | columns).items():
            moment = (await session.exec(select(now(value)))).one() if isinstance(value, timedelta) else value
            setattr(incident.card if name in IncidentCard.model_fields else incident, name, moment)

    assert await due(sqlite_database) == ([world.incident_id] if is_due else [])


async def test_the_incidents_of_a_deleted_organization_come_up(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    async with database.system() as session:
        await Organizations(session).delete(world.organization_id)

    assert await due(database) == [world.incident_id]
