"""Two roles on PostgreSQL: made by deploy/postgres-role.sh, told apart by `db upgrade`, `doctor` and the start."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from bot.cli import cli
from storage.engine.db import Database
from storage.engine.roles import NoSuchRole, RoleFault
from storage.vault import KeyRing, Vault
from tests.counts import in_full
from tests.databases import APP, OWNER, in_a_thread, started
from tests.storage.world import build, run_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import Postgres

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "deploy" / "postgres-role.sh"
RING = KeyRing.generate()
NOTHING = (
    "DROP DATABASE IF EXISTS octapost",
    "DROP ROLE IF EXISTS octapost",
    "DROP ROLE IF EXISTS octapost_owner",
)
"""Statements after which there are neither roles nor a database of ours."""


async def test_the_role_of_the_tests_owns_nothing_and_is_held_by_every_policy(database: Database) -> None:
    assert await database.role_faults() == []


async def test_a_role_that_could_take_the_walls_down_is_known(postgres: Postgres) -> None:
    found = {}
    for role, made in {
        "octapost_above": "BYPASSRLS",
        "octapost_super": "SUPERUSER",
        "octapost_member": f"IN ROLE {OWNER}",
    }.items():
        await postgres.run(f"DROP ROLE IF EXISTS {role}", f"CREATE ROLE {role} LOGIN {made} PASSWORD '{APP}'")
        database = Database(postgres.url(postgres.name).replace(f"{APP}:", f"{role}:", 1))
        found[role] = await database.role_faults()
        await database.close()
        await postgres.run(f"DROP ROLE {role}")
    owner = Database(postgres.url(postgres.name, OWNER))
    found[OWNER] = await owner.role_faults()
    await owner.close()

    assert found == {
        "octapost_above": [RoleFault.ABOVE_POLICIES],
        "octapost_super": [RoleFault.ABOVE_POLICIES],
        "octapost_member": [RoleFault.OWNER],
        OWNER: [RoleFault.OWNER],
    }


@in_full
async def test_an_upgrade_for_a_role_that_does_not_exist_changes_nothing(postgres: Postgres) -> None:
    name = await postgres.create()
    owner = Database(postgres.url(name, OWNER))

    with pytest.raises(NoSuchRole, match="octapost_nobody"):
        await owner.upgrade(for_role="octapost_nobody")

    assert await run_sql(owner, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
    await owner.close()
    await postgres.drop(name)


# The command line


def octapost(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run a command with these settings and none of the test run's; return its status and what it said."""
    nothing_else = dict.fromkeys(name for name in os.environ if name.startswith("OCTAPOST_"))
    ours = {
        "PUBLIC_URL": "http://localhost:1",
        "VAULT_KEYS": RING,
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "slack-secret",
        "SLACK_SIGNING_SECRET": "s" * 32,
    } | settings
    env = nothing_else | {f"OCTAPOST_{name}": value for name, value in ours.items()}
    done = CliRunner().invoke(cli, arguments, env=env)
    return done.exit_code, " ".join(done.output.split())


@pytest.fixture
def fresh(postgres: Postgres) -> Iterator[str]:
    """Give the name of a database without tables."""
    names: list[str] = []

    async def create() -> None:
        names.append(await postgres.create())

    in_a_thread(create)
    yield names[0]
    in_a_thread(lambda: postgres.drop(names[0]))


@pytest.mark.usefixtures("logs_as_before")
def test_the_owner_upgrades_and_the_application_works(postgres: Postgres, fresh: str) -> None:
    ours, owners = postgres.url(fresh), postgres.url(fresh, OWNER)

    upgrade = octapost("db", "upgrade", DATABASE_URL=ours, DATABASE_MIGRATION_URL=owners)
    again = octapost("db", "upgrade", DATABASE_URL=ours, DATABASE_MIGRATION_URL=owners)
    status, doctor = octapost("doctor", DATABASE_URL=ours)

    assert upgrade == again == (0, "The database is up to date.")
    assert status == 0
    assert "owns the tables" not in doctor


@in_full
@pytest.mark.usefixtures("logs_as_before")
def test_one_role_for_both_still_works_and_is_warned_of(postgres: Postgres, fresh: str) -> None:
    one = postgres.url(fresh, OWNER)

    upgrade, said = octapost("db", "upgrade", DATABASE_URL=one)
    doctor, found = octapost("doctor", DATABASE_URL=one)

    assert (upgrade, doctor) == (0, 0)
    assert "This role owns the tables" in said
    assert "This role owns the tables" in found


@in_full
@pytest.mark.usefixtures("logs_as_before")
def test_an_upgrade_that_cannot_be_made_says_what_to_set(postgres: Postgres, fresh: str) -> None:
    ours, owners = postgres.url(fresh), postgres.url(fresh, OWNER)
    file = "sqlite+aiosqlite:///nowhere.sqlite3"

    as_application = octapost("db", "upgrade", DATABASE_URL=ours)
    elsewhere = octapost(
        "db", "upgrade", DATABASE_URL=postgres.url("postgres"), DATABASE_MIGRATION_URL=owners
    )
    on_sqlite = octapost("db", "upgrade", DATABASE_URL=file, DATABASE_MIGRATION_URL=owners)

    assert [status for status, _ in (as_application, elsewhere, on_sqlite)] == [1, 1, 1]
    assert "set OCTAPOST_DATABASE_MIGRATION_URL" in as_application[1]
    assert "OCTAPOST_DATABASE_URL is another database" in elsewhere[1]
    assert "only for PostgreSQL" in on_sqlite[1]


# The hand-over


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """Give a PostgreSQL whose roles are nobody else's."""
    with started() as running:
        yield running


def in_the_container(server: Any, command: str) -> None:
    """Run a command as PostgreSQL's container would: with its tools, and the passwords of postgres.env."""
    host = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
    subprocess.run(  # noqa: S603 - our own commands
        [shutil.which("sh") or "sh", "-c", command],
        env={
            "PATH": f"{server.bin_path}:{os.environ['PATH']}",
            "PGHOST": host,
            "OWNER_PASSWORD": "it's \"the owner's\"",
            "APP_PASSWORD": "$app'",
        },
        check=True,
    )


def make_roles(server: Any) -> None:
    """Run deploy/postgres-role.sh."""
    in_the_container(server, f"sh '{SCRIPT}'")


async def upgrade(server: Any) -> None:
    """Do what `octapost db upgrade` does with both URLs."""
    owner = Database(url(server, "octapost_owner"))
    await owner.upgrade(for_role="octapost")
    await owner.close()


def url(server: Any, role: str) -> str:
    return f"postgresql+asyncpg://{role}@/octapost?{urlsplit(server.get_uri()).query}"


@in_full
@pytest.mark.parametrize("restored", [False, True], ids=["as it is", "from a backup"])
async def test_an_installation_of_one_role_is_handed_over_with_everything_in_it(
    server: Any, tmp_path: Path, *, restored: bool
) -> None:
    connection = await asyncpg.connect(server.get_uri())
    for statement in (*NOTHING, "CREATE ROLE octapost LOGIN", "CREATE DATABASE octapost OWNER octapost"):
        await connection.execute(statement)
    await connection.close()
    before = Database(url(server, "octapost"))
    await before.upgrade()
    world = await build(before, Vault(KeyRing.parse(RING)), "1")
    assert await before.role_faults() == [RoleFault.OWNER]
    await before.close()
    if restored:
        in_the_container(
            server,
            f"""
            set -e
            pg_dump --username=postgres --format=custom octapost > '{tmp_path}/octapost.dump'
            dropdb --username=postgres octapost
            createuser --username=postgres octapost_owner
            createdb --username=postgres --owner=octapost_owner octapost
            pg_restore --username=postgres --dbname=octapost --exit-on-error < '{tmp_path}/octapost.dump'
            """,
        )

    for _ in range(2):
        make_roles(server)
    await upgrade(server)

    after = Database(url(server, "octapost"))
    assert await after.role_faults() == []
    assert await run_sql(after, "SELECT id FROM organization") == [(world.organization_id,)]
    with pytest.raises(DBAPIError, match="must be owner"):
        await run_sql(after, "ALTER TABLE account DISABLE ROW LEVEL SECURITY")
    await after.close()


@in_full
async def test_a_new_installation_gets_both_roles_with_their_passwords(server: Any) -> None:
    connection = await asyncpg.connect(server.get_uri())
    for statement in NOTHING:
        await connection.execute(statement)

    make_roles(server)

    made = await connection.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolpassword IS NOT NULL FROM pg_authid"
        " WHERE rolname LIKE 'octapost%' ORDER BY 1"
    )
    await connection.close()
    assert [tuple(row) for row in made] == [
        ("octapost", False, False, True),
        ("octapost_owner", False, False, True),
    ]
    await upgrade(server)
    ours = Database(url(server, "octapost"))
    await ours.check()
    assert await ours.role_faults() == []
    await ours.close()
