"""At most one open incident per grant and organization; settings as they were chosen last."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from storage.db import now
from storage.grants import Grants
from storage.incident_models import Incident, IncidentKind, Resolution
from storage.incidents import Alerts, IncidentRows, Patience
from storage.tenants import Organizations
from tests.storage.world import build

if TYPE_CHECKING:
    from storage.db import Database
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
        there = await IncidentRows(session).get(world.organization_id, world.incident_id)
        assert there is not None
        there.resolved_at, there.resolution = datetime.now(UTC), Resolution.RECONNECTED

    async def report() -> tuple[str, bool]:
        async with database.system() as session:
            incident, new = await IncidentRows(session).open(
                world.organization_id, grant=grant, kind=IncidentKind.EXPIRING, connected_by="mem_1"
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
        return [found for _, found in await IncidentRows(session).with_something_to_say(Patience())]


@pytest.mark.parametrize(
    ("columns", "is_due"),
    [
        pytest.param({}, False, id="fresh"),
        pytest.param({"since": -DAY}, True, id="unclaimed-for-a-day"),
        pytest.param({"since": -DAY, "claimed_by": "mem_1"}, False, id="claimed"),
        pytest.param({"since": -DAY, "escalated_at": -DAY}, False, id="escalated-already"),
        pytest.param({"since": -DAY, "snoozed_until": DAY}, False, id="snoozed"),
        pytest.param({"claimed_by": "mem_1", "claimed_at": -DAY}, True, id="claimed-a-day-ago"),
        pytest.param({"since": -DAY, "held_until": DAY}, False, id="unclaimed-in-the-night"),
        pytest.param({"since": -DAY, "kind": IncidentKind.EXPIRING}, False, id="not-over-yet"),
        pytest.param(
            {"since": -DAY, "kind": IncidentKind.EXPIRING, "deadline": DAY / 4}, True, id="its-last-hours"
        ),
        pytest.param({"kind": IncidentKind.EXPIRING, "deadline": DAY / 4}, False, id="just-said"),
        pytest.param({"since": -DAY, "card": 0}, False, id="not-said-yet"),
        pytest.param({"snoozed_until": -DAY}, True, id="the-snooze-is-over"),
        pytest.param({"held_until": -DAY}, True, id="the-night-is-over"),
        pytest.param({"held_until": DAY}, False, id="in-the-night"),
        pytest.param({"since": -DAY, "snoozed_until": -DAY, "resolved_at": -DAY}, False, id="resolved"),
        pytest.param({"held_until": -DAY, "resolved_at": -DAY}, True, id="resolved-with-lines-to-say"),
    ],
)
async def test_an_incident_comes_up_when_its_time_has_come(
    sqlite_database: Database, vault: Vault, columns: dict[str, object], is_due: bool
) -> None:
    world = await build(sqlite_database, vault, "1")
    async with sqlite_database.system() as session:
        incident = await IncidentRows(session).get(world.organization_id, world.incident_id)
        assert incident is not None
        for name, value in ({"card": 1} | columns).items():
            moment = (await session.exec(select(now(value)))).one() if isinstance(value, timedelta) else value
            setattr(incident, name, moment)

    assert await due(sqlite_database) == ([world.incident_id] if is_due else [])


async def test_the_incidents_of_a_deleted_organization_come_up(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    async with database.system() as session:
        await Organizations(session).delete(world.organization_id)

    assert await due(database) == [world.incident_id]


async def test_what_was_never_chosen_is_as_for_everybody(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    async with database.system() as session:
        other = (await Organizations(session).create("Other")).id

        found = await Alerts(session).get(other)

    assert (found.channel_id, found.days, found.digest) == ("", [14, 7, 3, 1], "weekly")
    assert (found.quiet_from, found.timezone) == ("", "UTC")
    assert found.organization_id != world.organization_id


async def test_a_change_keeps_what_it_does_not_name(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")

    async with database.system() as session:
        await Alerts(session).save(world.organization_id, days=[3], digest="off")
        kept = await Alerts(session).save(world.organization_id, digest="daily")

    assert (kept.channel_id, kept.days, kept.digest) == (world.channel_id, [3], "daily")


async def test_trouble_is_dated_once_and_ends_with_the_first_message_that_arrives(
    database: Database, vault: Vault
) -> None:
    world = await build(database, vault, "1")

    async with database.system() as session:
        alerts = Alerts(session)
        await alerts.trouble(world.organization_id, "C_elsewhere", "is_archived")
        elsewhere = (await alerts.get(world.organization_id)).trouble
        await alerts.trouble(world.organization_id, world.channel_id, "not_in_channel")
        since = (await alerts.get(world.organization_id)).trouble_since
        await alerts.trouble(world.organization_id, world.channel_id, "is_archived")
        found = await alerts.get(world.organization_id)
        during = found.trouble, found.trouble_since
        await alerts.trouble(world.organization_id, world.channel_id, "")
        after = await alerts.get(world.organization_id)

    assert elsewhere == ""
    assert during == ("is_archived", since)
    assert (after.trouble, after.trouble_since) == ("", None)


async def test_of_two_who_say_a_digest_one_does(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    async with database.system(write=False) as session:
        before = (await Alerts(session).get(world.organization_id)).told_at

    async def tell() -> bool:
        async with database.system() as session:
            return await Alerts(session).told(world.organization_id, before)

    assert sorted(await asyncio.gather(tell(), tell(), tell())) == [False, False, True]
