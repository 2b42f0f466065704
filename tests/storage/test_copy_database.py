"""Moving everything to another database: whole or not at all, in every direction."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel
from typer.testing import CliRunner

from bot.cli import cli
from storage.accounts import Accounts
from storage.copy_database import CopyRefused, copy_database
from storage.engine.db import Database
from storage.engine.schema import SchemaTooOld
from storage.vault import KeyRing, Vault, VaultError
from tests.counts import FULL, in_full
from tests.databases import another, in_a_thread, sqlite_file
from tests.storage.world import build, pending_grant, run_sql, run_sql_as_owner, tenant

if TYPE_CHECKING:
    from typing import Any

RING = KeyRing.generate()
TO_POSTGRES, TO_SQLITE = "sqlite_database postgres_database", "postgres_database sqlite_database"
PAIRS = [TO_POSTGRES, TO_SQLITE, *(["sqlite_database other_sqlite"] if FULL else [])]
ONE_WAY = pytest.mark.parametrize("pair", PAIRS if FULL else [TO_POSTGRES], indirect=True)
SUDDEN_END = """
import asyncio, os, signal, sys
from storage.engine.db import Database
from storage.copy_database import copy_database
from storage.vault import KeyRing, Vault

def die(done, total):
    if done > total / 2:
        os.kill(os.getpid(), signal.SIGKILL)

source, target, ring = sys.argv[1:]
asyncio.run(copy_database(Database(source), Database(target), Vault(KeyRing.parse(ring)), progress=die, batch=5))
"""
"""A process that is killed when half of the rows are in the target."""


def silent(_done: int, _total: int) -> None:
    pass


def url_of(database: Database) -> str:
    return database._writes.url.render_as_string(hide_password=False)


def environment_of(database_url: str) -> dict[str, str]:
    """Return the environment of a command."""
    return {
        "OCTAPOST_PUBLIC_URL": "http://localhost:1",
        "OCTAPOST_DATABASE_URL": database_url,
        "OCTAPOST_VAULT_KEYS": RING,
        "OCTAPOST_SLACK_CLIENT_ID": "1.2",
        "OCTAPOST_SLACK_CLIENT_SECRET": "slack-secret",
        "OCTAPOST_SLACK_SIGNING_SECRET": "s" * 32,
    }


@pytest.fixture
def vault() -> Vault:
    """Give a vault whose ring another process can be told."""
    return Vault(KeyRing.parse(RING))


@pytest.fixture
async def other_sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    """Give an empty database on SQLite that is not `sqlite_database`."""
    (tmp_path / "other").mkdir()
    database = Database(f"sqlite+aiosqlite:///{sqlite_file(tmp_path / 'other')}")
    yield database
    await database.close()


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[Database, Database]:
    """Give a source and an empty target."""
    source, target = request.param.split()
    return request.getfixturevalue(source), request.getfixturevalue(target)


async def everything(database: Database) -> dict[str, list[Any]]:
    """Return every row of every table."""
    found = {}
    async with database.system(write=False) as session:
        connection = await session.connection()
        for table in SQLModel.metadata.sorted_tables:
            rows = await connection.execute(select(table))
            found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    return found


async def test_every_row_of_every_table_arrives_and_opens(
    pair: tuple[Database, Database], vault: Vault, record_property: Callable[[str, object], None]
) -> None:
    source, target = pair
    world = await build(source, vault, "1")
    await build(source, vault, "2")
    heard: list[tuple[int, int]] = []

    counts = await copy_database(
        source, target, vault, progress=lambda done, total: heard.append((done, total)), batch=1
    )

    before, after = await everything(source), await everything(target)
    assert after == before
    assert [name for name, rows in before.items() if not rows] == []
    assert counts == {name: len(rows) for name, rows in before.items()}
    assert heard[0] == (0, sum(counts.values()))
    assert heard[-1] == (sum(counts.values()),) * 2
    async with target.system(write=False) as session:
        accounts = Accounts(session, vault)
        account = await accounts.get(world.organization_id, world.account_id)
        assert account is not None
        token = accounts.token(account[0])
    assert token is not None
    assert token.reveal() == "page-token"
    record_property(
        "counted",
        f"moved {source.dialect} -> {target.dialect}: {sum(counts.values())} rows of {len(counts)} tables,"
        f" {sum(before[name] != after[name] for name in before)} tables differ",
    )


@in_full
@ONE_WAY
async def test_a_move_that_is_killed_leaves_an_empty_target(
    pair: tuple[Database, Database], vault: Vault
) -> None:
    source, target = pair
    await build(source, vault, "1")
    organization = await tenant(source)
    async with source.system() as session:
        for _ in range(30):
            await pending_grant(session, vault, organization)

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUDDEN_END, url_of(source), url_of(target), RING
    )
    code = await process.wait()

    assert code == -signal.SIGKILL
    assert not any((await everything(target)).values())
    await copy_database(source, target, vault, progress=silent)
    assert await everything(target) == await everything(source)


@in_full
@ONE_WAY
async def test_a_move_that_fails_leaves_an_empty_target(
    pair: tuple[Database, Database], vault: Vault
) -> None:
    source, target = pair
    await build(source, vault, "1")

    class PowerCutError(Exception):
        pass

    def die(done: int, total: int) -> None:
        if done > total / 2:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        await copy_database(source, target, vault, progress=die, batch=2)

    assert not any((await everything(target)).values())


@ONE_WAY
async def test_a_target_with_anything_in_it_is_refused(pair: tuple[Database, Database], vault: Vault) -> None:
    source, target = pair
    await build(source, vault, "1")
    await tenant(target)

    with pytest.raises(CopyRefused, match=r"not empty \(organization\)"):
        await copy_database(source, target, vault, progress=silent)

    assert sum(map(len, (await everything(target)).values())) == 1


@ONE_WAY
async def test_another_vault_key_is_refused(pair: tuple[Database, Database], vault: Vault) -> None:
    source, target = pair
    await build(source, vault, "1")
    stranger = Vault(KeyRing.parse(KeyRing.generate()))

    with pytest.raises(VaultError, match="Vault key 1 is not the key 1"):
        await copy_database(source, target, stranger, progress=silent)

    assert not any((await everything(target)).values())


@in_full
@ONE_WAY
async def test_a_value_that_does_not_open_is_found_before_anything_is_kept(
    pair: tuple[Database, Database], vault: Vault
) -> None:
    source, target = pair
    await build(source, vault, "1")
    await run_sql(source, "UPDATE account SET token_sealed = (SELECT bot_token_sealed FROM installation)")

    with pytest.raises(VaultError, match="does not open"):
        await copy_database(source, target, vault, progress=silent)

    assert not any((await everything(target)).values())


@in_full
@ONE_WAY
@pytest.mark.parametrize("which", ["source", "target"])
async def test_a_database_at_another_schema_is_refused(
    pair: tuple[Database, Database], vault: Vault, which: str
) -> None:
    source, target = pair
    await build(source, vault, "1")
    behind = source if which == "source" else target
    ((revision,),) = await run_sql(behind, "SELECT version_num FROM alembic_version")
    await run_sql_as_owner(behind, "UPDATE alembic_version SET version_num = '0001'")

    try:
        with pytest.raises(SchemaTooOld, match=f"The {which}: The database's schema is 0001"):
            await copy_database(source, target, vault, progress=silent)
    finally:
        await run_sql_as_owner(behind, "UPDATE alembic_version SET version_num = :it", it=revision)

    assert not any((await everything(target)).values())


@in_full
@ONE_WAY
async def test_a_target_that_somebody_else_fills_meanwhile_is_left_to_them(
    pair: tuple[Database, Database], vault: Vault
) -> None:
    source, target = pair
    if target.dialect == "sqlite":
        pytest.skip("on SQLite nobody else can write meanwhile")
    await build(source, vault, "1")

    async def fill() -> None:
        other = another(target)
        await tenant(other)
        await other.close()

    def meanwhile(done: int, _total: int) -> None:
        if done == 0:
            in_a_thread(fill)

    with pytest.raises(CopyRefused, match="other rows than the source"):
        await copy_database(source, target, vault, progress=meanwhile)

    assert sum(map(len, (await everything(target)).values())) == 1


@in_full
@pytest.mark.parametrize("pair", [TO_SQLITE], indirect=True)
async def test_what_is_written_meanwhile_is_not_half_copied(
    pair: tuple[Database, Database], vault: Vault
) -> None:
    source, target = pair
    await build(source, vault, "1")

    async def write_late() -> None:
        other = another(source)
        await build(other, vault, "2")
        await other.close()

    def write(done: int, _total: int) -> None:
        if done == 0:
            in_a_thread(write_late)

    await copy_database(source, target, vault, progress=write)

    assert len((await everything(source))["organization"]) == 2
    assert len((await everything(target))["organization"]) == 1


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("{source}", "That is the configured database itself"),
        ("postgres://octapost:hunter22@localhost/octapost", "--to: not the URL of a database"),
        ("octapost.sqlite3", "--to: not the URL of a database"),
        ("sqlite+aiosqlite:///{folder}/nothing.sqlite3", "The target: The database's schema is empty"),
        ("postgresql+asyncpg://octapost:hunter22@127.0.0.1:9/octapost", "ConnectionRefusedError"),
    ],
)
@pytest.mark.usefixtures("logs_as_before")
def test_the_command_says_what_is_wrong_with_the_target(
    tmp_path: Path, to: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    source = f"sqlite+aiosqlite:///{sqlite_file(tmp_path)}"
    target = to.format(source=source, folder=tmp_path)
    nothing_else = dict.fromkeys(name for name in os.environ if name.startswith("OCTAPOST_"))

    result = CliRunner().invoke(
        cli, ["db", "move", "--to", target], env=nothing_else | environment_of(source)
    )

    told = capfd.readouterr()
    everything_said = told.out + told.err + result.output
    assert result.exit_code == 1
    assert words in " ".join(everything_said.split())
    assert "hunter22" not in everything_said


@pytest.mark.skipif(not FULL, reason="starts a whole process")
@ONE_WAY
async def test_the_command_moves_and_says_what_came_of_it(
    pair: tuple[Database, Database], vault: Vault
) -> None:
    source, target = pair
    await build(source, vault, "1")
    ours = environment_of(url_of(source))
    env = {name: value for name, value in os.environ.items() if not name.startswith("OCTAPOST_")} | ours

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from bot.cli import main; main()", "db", "move", "--to", url_of(target)),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, errors = await process.communicate()

    assert process.returncode == 0, errors
    assert b"Copied and checked" in told
    assert await everything(target) == await everything(source)
