"""People who took their consent back: what is theirs ends whatever happens at the same moment, or is destroyed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import col, update

from storage.accounts import Accounts
from storage.deauthorizations import ExternalPerson, PersonGrants
from storage.engine.statements import database_time, now
from storage.models import Grant, GrantStatus
from storage.refreshes import Refreshes
from storage.renewals import Renewal, renew
from tests.counts import in_full, sampled, tries
from tests.storage.world import build, run_sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.engine.db import Database
    from storage.vault import Vault

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
RENEWAL = Renewal(
    access="newer",
    refresh="newer-refresh",
    access_expires_in=HOUR,
    refresh_expires_in=None,
    due_in=HOUR,
)
TOKENS = (
    "SELECT (SELECT count(*) FROM grant_ WHERE external_id = 'x-1'"
    " AND (access_sealed IS NOT NULL OR refresh_sealed IS NOT NULL)),"
    " (SELECT count(*) FROM account WHERE token_sealed IS NOT NULL),"
    " (SELECT count(*) FROM found_account WHERE token_sealed IS NOT NULL)"
)


def leaver(person: str = "x-1", *, app: str = "x", until: datetime | None = None) -> ExternalPerson:
    return ExternalPerson(
        platforms=["x", "instagram"],
        apps=[app],
        external_id=person,
        consented_until=until or datetime.now(UTC) + HOUR,
    )


async def look(database: Database, grant_id: str) -> Grant:
    async with database.system(write=False) as session:
        grant = await Refreshes(session).look(grant_id)
    assert grant is not None
    return grant


async def leave(database: Database, person: ExternalPerson, *, erase: bool = True) -> list[str]:
    """Return the grants that ended."""
    async with database.system() as session:
        grants = PersonGrants(session)
        ended = await grants.end(person, "deauthorized")
        if erase:
            await grants.erase(person)
    return [grant.id for grant in ended]


async def test_every_token_that_came_of_a_person_is_destroyed_and_nobody_elses(
    database: Database, vault: Vault
) -> None:
    world = await build(database, vault, "1")

    before = await run_sql(database, TOKENS)
    other = await build(database, vault, "2")
    ended = await leave(database, leaver())

    assert before == [(1, 1, 1)]
    assert ended == [world.grant_id]
    assert await run_sql(database, TOKENS) == [(0, 1, 1)]
    kept = await run_sql(database, "SELECT organization_id FROM account WHERE token_sealed IS NOT NULL")
    assert kept == [(other.organization_id,)]


@pytest.mark.parametrize("first", ["deauthorized", "GrantDead"])
async def test_what_ended_before_is_destroyed_too_and_told_no_second_time(
    database: Database, vault: Vault, first: str
) -> None:
    world = await build(database, vault, "1")
    if first == "deauthorized":
        await leave(database, leaver(), erase=False)
    else:
        async with database.system() as session:
            grant = await session.get_one(Grant, world.grant_id)
            assert await Refreshes(session).dead(grant, "invalid_grant")

    again = await leave(database, leaver())

    assert again == []
    assert await run_sql(database, TOKENS) == [(0, 0, 0)]


@in_full
@pytest.mark.parametrize("erase", [True, False])
async def test_a_refresh_under_way_does_not_bring_back_what_a_person_ended(
    database: Database, vault: Vault, erase: bool
) -> None:
    world = await build(database, vault, "1")
    in_flight = await look(database, world.grant_id)
    await leave(database, leaver(), erase=erase)
    left = await look(database, world.grant_id)

    async with database.system() as session:
        stored = await renew(session, vault, in_flight, RENEWAL)

    after = await look(database, world.grant_id)
    assert not stored
    assert (after.status, after.due_at) == (GrantStatus.NEEDS_RECONNECT, None)
    assert after.access_sealed == left.access_sealed
    assert (after.access_sealed is None) is erase


@in_full
async def test_a_refresh_that_was_quicker_does_not_save_what_a_person_ended(
    database: Database, vault: Vault
) -> None:
    world = await build(database, vault, "1")
    in_flight = await look(database, world.grant_id)
    async with database.system() as session:
        assert await renew(session, vault, in_flight, RENEWAL)

    await leave(database, leaver())

    after = await look(database, world.grant_id)
    assert (after.status, after.access_sealed) == (GrantStatus.NEEDS_RECONNECT, None)


@in_full
async def test_a_refresh_and_a_departure_at_once_leave_no_token(
    database: Database, vault: Vault, record_property: Callable[[str, object], None]
) -> None:
    worlds = [await build(database, vault, str(number)) for number in range(tries(20, 3))]
    grants = [await look(database, world.grant_id) for world in worlds]

    async def store(grant: Grant) -> None:
        async with database.system() as session:
            await renew(session, vault, grant, RENEWAL)

    await asyncio.gather(
        *(store(grant) for grant in grants),
        *(leave(database, leaver(str(grant.external_id))) for grant in grants),
    )

    after = [await look(database, grant.id) for grant in grants]
    kept = sum(grant.access_sealed is not None for grant in after)
    record_property(
        "counted", f"{len(after)} departures during a refresh, {database.dialect}: {kept} kept a token"
    )
    assert {(grant.status, grant.access_sealed) for grant in after} == {(GrantStatus.NEEDS_RECONNECT, None)}


async def test_newer_tokens_win_over_a_death_nobody_signed(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    in_flight = await look(database, world.grant_id)
    async with database.system() as session:
        assert await Refreshes(session).dead(in_flight, "invalid_grant")

    async with database.system() as session:
        stored = await renew(session, vault, in_flight, RENEWAL)

    assert stored
    assert (await look(database, world.grant_id)).status == GrantStatus.HEALTHY


async def test_accounts_read_while_their_person_left_get_no_tokens_again(
    database: Database, vault: Vault
) -> None:
    world = await build(database, vault, "1")
    await leave(database, leaver())

    async with database.system() as session:
        await Accounts(session, vault).replace_tokens(world.grant_id, {"r-1": "page-token"})

    assert await run_sql(database, TOKENS) == [(0, 0, 0)]


@pytest.mark.parametrize(
    ("facts", "asked"),
    sampled(
        [
            pytest.param({}, 1, id="the-one-that-is-meant"),
            pytest.param({"consented_at": now(MINUTE / 2)}, 1, id="signed-in-just-after"),
            pytest.param({"consented_at": now(2 * MINUTE)}, 0, id="signed-in-later"),
            pytest.param(
                {"last_outcome": "fresh", "checked_at": now(-MINUTE)},
                1,
                id="found-good-before",
            ),
            pytest.param(
                {"last_outcome": "fresh", "checked_at": now(2 * MINUTE)},
                0,
                id="found-good-since",
            ),
            pytest.param(
                {"last_outcome": "Busy", "checked_at": now(2 * MINUTE)},
                1,
                id="silent-since",
            ),
            pytest.param({"failures": 1}, 0, id="asked-again-anyway"),
            pytest.param({"suspected_at": now()}, 0, id="suspected-anyway"),
            pytest.param({"status": GrantStatus.NEEDS_RECONNECT}, 0, id="over"),
        ],
        3,
    ),
)
async def test_a_word_that_proves_nothing_makes_due_what_it_may_be_about(
    database: Database, vault: Vault, facts: dict[str, Any], asked: int
) -> None:
    world = await build(database, vault, "1")
    async with database.system() as session:
        change = update(Grant).where(col(Grant.id) == world.grant_id).values(due_at=now(HOUR), **facts)
        await session.exec(change, execution_options={"synchronize_session": False})
        clock = await database_time(session)

    async with database.system() as session:
        found = await PersonGrants(session).make_due(leaver(until=clock), MINUTE)

    after = await look(database, world.grant_id)
    assert found == asked
    assert after.status == facts.get("status", GrantStatus.HEALTHY)
    assert after.access_sealed is not None
    assert after.due_at is not None
    assert (after.due_at < clock + MINUTE) == bool(asked)


async def test_what_a_departure_is_not_about_stays(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    others = [
        leaver("x-2"),
        leaver(app="x-of-another"),
        leaver(until=datetime(2026, 1, 1, tzinfo=UTC)),
    ]

    ended = [await leave(database, other) for other in others]

    assert ended == [[], [], []]
    assert await run_sql(database, TOKENS) == [(1, 1, 1)]
    assert (await look(database, world.grant_id)).status == GrantStatus.HEALTHY
