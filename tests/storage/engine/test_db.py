from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel, select

from storage.engine import schema
from storage.engine.db import Database
from storage.engine.schema import MIGRATIONS, SchemaTooNew, SchemaTooOld
from storage.engine.statements import across, now
from storage.models import Organization
from storage.organizations import Organizations
from storage.seen_requests import Seen
from tests.counts import in_full, sampled
from tests.databases import DIALECTS, another
from tests.storage.world import run_sql, run_sql_as_owner, tenant

ROOT = Path(__file__).parent.parent.parent.parent
LOADED = """
import os, sys
import bot.process
from storage.engine.db import Database
for url in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        Database(url)
        print(url, *sys.modules, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
"""Opens each database in a process that has opened none, and prints what is imported then."""


async def test_the_databases_clock_and_its_offsets_agree_with_ours(database: Database) -> None:
    async with database.system(write=False) as session:
        clock = select(
            now(), now(timedelta(minutes=10)), now(timedelta(seconds=-2.5)), now(timedelta(days=400))
        )
        at, later, earlier, far = (await session.exec(clock)).one()

    assert abs(at - datetime.now(UTC)) < timedelta(seconds=5)
    assert later - at == pytest.approx(timedelta(minutes=10), abs=timedelta(seconds=1))
    assert at - earlier == pytest.approx(timedelta(seconds=2.5), abs=timedelta(seconds=1))
    assert far - at == pytest.approx(timedelta(days=400), abs=timedelta(seconds=1))


async def test_a_block_that_ends_is_committed_and_one_that_raises_is_not(database: Database) -> None:
    await tenant(database, "kept")

    async def fail() -> None:
        async with database.system() as session:
            await Organizations(session).create("lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await run_sql(database, "SELECT name FROM organization") == [("kept",)]


async def test_a_cancelled_block_is_rolled_back_and_lets_others_write(database: Database) -> None:
    began = asyncio.Event()

    async def write() -> None:
        async with database.system() as session:
            await Organizations(session).create("lost")
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await tenant(database, "kept")

    assert await run_sql(database, "SELECT name FROM organization") == [("kept",)]


async def test_a_block_without_statements_costs_nothing_and_harms_nothing(database: Database) -> None:
    for write in (True, False):
        async with database.system(write=write):
            pass
        async with database.organization("org_1", write=write):
            pass


async def test_a_block_for_reading_refuses_to_write(database: Database) -> None:
    async with database.system(write=False) as session:
        with pytest.raises(DBAPIError, match="read"):
            await Seen(session).first("v0=1")

    async with database.system() as session:
        assert await Seen(session).first("v0=1")


async def test_a_hundred_writers_take_turns(database: Database) -> None:
    await run_sql(database, "INSERT INTO canary (key_id, value_sealed) VALUES (0, '')")

    async def count() -> None:
        async with database.system() as session:
            connection = await session.connection()
            canary = SQLModel.metadata.tables["canary"]
            await connection.execute(canary.update().values(key_id=canary.c.key_id + 1))

    await asyncio.gather(*(count() for _ in range(100)))

    assert await run_sql(database, "SELECT key_id FROM canary") == [(100,)]


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    await tenant(database, "seen")

    async with database.system() as session:
        await Organizations(session).create("not yet")
        async with database.system(write=False) as reader:
            seen = [each.name for each in await reader.exec(select(Organization))]

    assert seen == ["seen"]


async def test_a_write_inside_a_write_is_refused_on_sqlite_and_the_outer_one_goes_on(
    sqlite_database: Database,
) -> None:
    async with sqlite_database.system() as session:
        await Organizations(session).create("outer")
        with pytest.raises(RuntimeError, match="wait for itself"):
            async with sqlite_database.system():
                pass

    assert await run_sql(sqlite_database, "SELECT name FROM organization") == [("outer",)]


@in_full
async def test_two_processes_take_turns_on_one_sqlite_file(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/shared.sqlite3"
    first, second = Database(url), Database(url)
    await asyncio.gather(first.upgrade(), second.upgrade())

    await asyncio.gather(*(tenant(database, "x") for database in (first, second) for _ in range(20)))

    assert await run_sql(first, "SELECT count(*) FROM organization") == [(40,)]
    await first.close()
    await second.close()


async def test_sqlite_keeps_what_it_committed_and_checks_references(sqlite_database: Database) -> None:
    async with sqlite_database.system() as session:
        connection = await session.connection()
        settings = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]

    assert settings == ["wal", 2, 1, 5000]


async def test_what_is_seen_across_organizations_ends_with_the_block(postgres_database: Database) -> None:
    one, _ = await tenant(postgres_database, "one"), await tenant(postgres_database, "two")

    async def names(session: Any) -> list[str]:
        return sorted(each.name for each in await session.exec(select(Organization)))

    async with postgres_database.organization(one) as session:
        before = await names(session)
        async with across(session):
            within = await names(session)
        after = await names(session)
    async with postgres_database.system() as session:
        async with across(session):
            pass
        system = await names(session)

    assert (before, within, after, system) == (["one"], ["one", "two"], ["one"], ["one", "two"])


async def test_an_empty_database_is_too_old_until_it_is_upgraded(bare: Database) -> None:
    with pytest.raises(SchemaTooOld, match="octapost db upgrade"):
        await bare.check()

    await bare.upgrade()
    await bare.check()
    await bare.upgrade()


@in_full
async def test_replicas_that_upgrade_at_once_upgrade_once(bare: Database) -> None:
    others = [another(bare) for _ in range(3)]

    await asyncio.gather(*(each.upgrade() for each in (bare, *others)))

    await bare.check()
    for each in others:
        await each.close()


async def test_the_revisions_lead_to_exactly_what_the_models_say(bare: Database) -> None:
    await bare.upgrade()

    async with bare.system(write=False) as session:
        connection = await session.connection()
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), SQLModel.metadata)
        )

    assert differences == []


@in_full
@pytest.mark.parametrize("bare_url", sampled(DIALECTS, 2), indirect=True)
async def test_alembic_in_a_process_of_its_own_drafts_no_change_of_an_upgraded_schema(bare: Database) -> None:
    await bare.upgrade()
    url = bare._writes.url.render_as_string(hide_password=False)
    alembic = (sys.executable, "-m", "alembic", "-c", str(MIGRATIONS / "alembic.ini"), "-x", f"url={url}")

    process = await asyncio.create_subprocess_exec(
        *alembic, "check", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()

    assert "No new upgrade operations detected." in said.decode()
    assert process.returncode == 0


@in_full
async def test_the_comparison_would_notice_a_difference(bare: Database) -> None:
    await bare.upgrade()
    await run_sql(bare, "DROP INDEX grant_person")
    await run_sql(bare, "ALTER TABLE place DROP COLUMN detail")

    async with bare.system(write=False) as session:
        connection = await session.connection()
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), SQLModel.metadata)
        )

    assert {difference[0] for difference in differences} == {"add_index", "add_column"}


async def test_a_schema_of_a_newer_version_is_refused_and_left_alone(database: Database) -> None:
    ((known,),) = await run_sql(database, "SELECT version_num FROM alembic_version")
    await run_sql_as_owner(database, "UPDATE alembic_version SET version_num = '9999'")
    try:
        for refuse in (database.check, database.upgrade):
            with pytest.raises(SchemaTooNew, match="9999 is newer"):
                await refuse()
        assert await run_sql(database, "SELECT version_num FROM alembic_version") == [("9999",)]
    finally:
        await run_sql_as_owner(database, "UPDATE alembic_version SET version_num = :known", known=known)


async def test_a_table_of_every_kind_is_behind_a_policy(postgres_database: Database) -> None:
    rows = await run_sql(
        postgres_database,
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND NOT (relrowsecurity AND relforcerowsecurity)",
    )

    assert rows == [("alembic_version",)]


@in_full
def test_alembic_itself_can_upgrade_for_whoever_writes_a_revision(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/new.sqlite3"
    config = Config(str(MIGRATIONS / "alembic.ini"), cmd_opts=argparse.Namespace(x=[f"url={url}"]))

    command.upgrade(config, "head")

    asyncio.run(_check(url))


async def _check(url: str) -> None:
    database = Database(url)
    await database.check()
    await database.close()


def test_there_is_no_way_back_to_an_older_schema() -> None:
    scripts = ScriptDirectory.from_config(schema._config())

    for revision in scripts.walk_revisions():
        with pytest.raises(NotImplementedError):
            revision.module.downgrade()


@in_full
def test_a_process_loads_only_the_driver_of_its_own_database() -> None:
    drivers = {"sqlite+aiosqlite:///o.db": "aiosqlite", "postgresql+asyncpg://u@localhost/o": "asyncpg"}

    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", LOADED, *drivers], capture_output=True, check=True, text=True, cwd=ROOT
    )

    loaded = {url: set(modules) for url, *modules in map(str.split, done.stdout.splitlines())}
    assert {url: loaded[url] & set(drivers.values()) for url in drivers} == {
        url: {driver} for url, driver in drivers.items()
    }
