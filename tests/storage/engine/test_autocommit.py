from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from storage.engine.autocommit import FAILURES, AutocommitRunner
from storage.engine.postgresql import PostgresAutocommitRunner
from storage.engine.sqlite_autocommit import SqliteAutocommitRunner
from storage.memberships import Members
from storage.models import Role
from storage.seen_requests import first_seen
from storage.standing import standing
from storage.tickets import TICKETS_PER_MINUTE, NewTicket, TooManyTickets, open_ticket
from storage.workspaces import Workspaces
from tests.counts import in_full
from tests.patience import PATIENCE_S
from tests.storage.world import run_sql, tenant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.engine.db import Database
    from storage.engine.sqlite import SqliteConnection

NO_ONE = "org_00000000000000000000"


async def ticket(database: Database, organization_id: str, membership_id: str = "mem_1") -> str:
    return await open_ticket(
        database.autocommit,
        NewTicket(
            organization_id=organization_id,
            membership_id=membership_id,
            team_id="T1",
            channel_id="C1",
            platform="x",
            app="x",
        ),
    )


async def count(database: Database, table: str) -> int:
    ((found,),) = await run_sql(database, f"SELECT count(*) FROM {table}")  # noqa: S608 - our own words
    return int(found)


def writer(single: AutocommitRunner) -> SqliteConnection:
    assert isinstance(single, SqliteAutocommitRunner)
    connection = single._writes._connection
    assert connection is not None
    return connection


def failures(answers: Sequence[object]) -> list[object]:
    return [each for each in answers if isinstance(each, BaseException)]


@in_full
async def test_a_lone_statement_answers_what_a_session_answers(database: Database) -> None:
    organization = await tenant(database, "Octa Mugs")
    async with database.system() as session:
        await Workspaces(session).ensure("T1", None, "Acme")
        await Workspaces(session).link("T1", organization)
        await Members(session).add(organization, realm="T1", user_id="U1", team_id="T1", role=Role.ADMIN)
    async with database.system(write=False) as session:
        expected = await Members(session).resolve("T1", "U1", "T1", "C1")

    alone = await standing(database.autocommit, "T1", "U1", "T1", "C1")
    stranger = await standing(database.autocommit, "T1", "U2", "T1", "C1")

    assert alone == expected
    assert [seat.role for seat in alone.choices] == [Role.ADMIN]
    assert stranger.choices == ()


async def test_what_was_answered_is_there_for_everybody_else(database: Database) -> None:
    organization = await tenant(database)

    assert await first_seen(database.autocommit, "v0=1")
    await ticket(database, organization)

    assert await count(database, "seen_request") == 1
    assert await count(database, "ticket") == 1


async def test_of_two_hundred_at_once_with_one_signature_one_is_first(database: Database) -> None:
    answers = await asyncio.gather(*(first_seen(database.autocommit, "v0=1") for _ in range(200)))

    assert answers.count(True) == 1


async def test_a_member_who_asks_forty_times_at_once_gets_thirty_links_of_which_five_work(
    database: Database,
) -> None:
    organization = await tenant(database)

    answers = await asyncio.gather(
        *(ticket(database, organization) for _ in range(40)), return_exceptions=True
    )

    assert len(set(answers) - set(failures(answers))) == TICKETS_PER_MINUTE
    assert all(isinstance(each, TooManyTickets) for each in failures(answers))
    assert await count(database, "ticket WHERE used_at IS NULL") in {
        4,
        5,
    }  # two at once may close the same one


async def test_each_caller_gets_its_own_error_and_nobody_elses(database: Database) -> None:
    organization = await tenant(database)
    asked = [organization if each % 3 else NO_ONE for each in range(30)]

    answers = await asyncio.gather(
        *(ticket(database, each, f"mem_{number}") for number, each in enumerate(asked)),
        return_exceptions=True,
    )

    assert [isinstance(each, Exception) for each in answers] == [each == NO_ONE for each in asked]
    assert await count(database, "ticket") == 20


async def test_a_caller_who_goes_away_takes_nobody_along(database: Database) -> None:
    callers = [asyncio.create_task(first_seen(database.autocommit, f"v0={n}")) for n in range(20)]
    await asyncio.sleep(0)

    for each in callers[::2]:
        each.cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)

    assert answers[1::2] == [True] * 10
    assert await first_seen(database.autocommit, "v0=afterwards")


async def test_sessions_and_lone_statements_take_turns(database: Database) -> None:
    async def in_a_session(name: str) -> None:
        async with database.system() as session:
            await Workspaces(session).ensure(name, None, name)

    answers = await asyncio.gather(
        *(in_a_session(f"T{n}") for n in range(20)),
        *(first_seen(database.autocommit, f"v0={n}") for n in range(20)),
        return_exceptions=True,
    )

    assert failures(answers) == []
    assert await count(database, "workspace") == 20
    assert await count(database, "seen_request") == 20


async def test_only_lone_statements_that_need_no_disk_do_not_wait_for_it(database: Database) -> None:
    asked = {
        "sqlite": "PRAGMA synchronous",
        "postgresql": "SELECT source FROM pg_settings WHERE name = 'synchronous_commit'",
    }[database.dialect]

    async with database.system() as session:
        in_a_session = (await (await session.connection()).execute(text(asked))).scalar_one()
    alone: dict[AutocommitRunner, object] = {}
    for single in (database.autocommit, database.durable_autocommit):
        await first_seen(single, f"v0={len(alone)}")
        if isinstance(single, SqliteAutocommitRunner):
            ((alone[single],),) = (await writer(single).visit("execute", asked)).rows
        else:
            assert isinstance(single, PostgresAutocommitRunner)
            alone[single] = await single._idle[0].fetchval(asked)

    normal, full = 1, 2
    quick, waits = (normal, full) if database.dialect == "sqlite" else ("client", "configuration file")
    assert alone == {database.autocommit: quick, database.durable_autocommit: waits}
    assert in_a_session == waits


async def test_when_a_commit_fails_all_who_waited_for_it_hear_so(sqlite_database: Database) -> None:
    single = sqlite_database.autocommit

    answers = await asyncio.gather(
        single.rows(text("PRAGMA defer_foreign_keys = ON"), {}),
        first_seen(single, "v0=1"),
        ticket(sqlite_database, NO_ONE),
        first_seen(single, "v0=2"),
        return_exceptions=True,
    )

    assert len(failures(answers)) == 4
    assert await count(sqlite_database, "seen_request") == 0
    assert await first_seen(single, "v0=1")


async def test_on_a_full_disk_what_was_promised_is_stored_and_nothing_else(sqlite_database: Database) -> None:
    await first_seen(sqlite_database.autocommit, "v0=before")
    connection = writer(sqlite_database.autocommit)
    ((pages,),) = (await connection.visit("execute", "PRAGMA page_count")).rows
    await connection.visit("execute", f"PRAGMA max_page_count = {pages}")

    answers = await asyncio.gather(
        *(first_seen(sqlite_database.autocommit, f"v0={n}") for n in range(200)), return_exceptions=True
    )
    stored = await count(sqlite_database, "seen_request")
    await connection.visit("execute", f"PRAGMA max_page_count = {pages + 1000}")

    assert failures(answers)
    assert stored == 1 + answers.count(True)
    assert await first_seen(sqlite_database.autocommit, "v0=afterwards")


async def test_a_connection_the_server_ended_is_replaced(postgres_database: Database) -> None:
    single = postgres_database.autocommit
    assert isinstance(single, PostgresAutocommitRunner)
    await first_seen(single, "v0=1")
    ended, gone = single._idle[0], asyncio.Event()
    ended.add_termination_listener(lambda _: gone.set())
    await run_sql(postgres_database, "SELECT pg_terminate_backend(:pid)", pid=ended.get_server_pid())
    async with asyncio.timeout(PATIENCE_S):
        await gone.wait()

    assert not await first_seen(single, "v0=1")
    assert single._idle != [ended]


async def test_a_failed_statement_leaves_a_connection_that_works(database: Database) -> None:
    with pytest.raises(FAILURES) as caught:
        await database.autocommit.rows(select(text("1 FROM nowhere")), {})

    assert re.search("no such table|does not exist", str(caught.value.__cause__ or caught.value))
    assert await first_seen(database.autocommit, "v0=1")
