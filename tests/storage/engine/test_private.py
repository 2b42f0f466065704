"""Files that only their owner may read."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import OperationalError

from adapters.registry import REGISTRY
from bot.settings import ConfigurationError, Settings
from storage.engine.db import Database
from storage.engine.private import Exposed, make_file, read_secret, tighten
from storage.vault import KeyRing, check_canaries
from tests.counts import in_full
from tests.databases import sqlite_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage.vault import Vault

OURS_OR_NOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture(autouse=True)
def careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}


async def write_something(folder: Path, vault: Vault) -> Database:
    database = Database(f"sqlite+aiosqlite:///{folder / 'octapost.sqlite3'}")
    await database.upgrade()
    async with database.system() as session:
        await check_canaries(session, vault)
    return database


@in_full
async def test_a_new_database_and_what_stands_beside_it_is_its_owners_alone(
    tmp_path: Path, vault: Vault
) -> None:
    database = await write_something(tmp_path, vault)

    found = modes(tmp_path)

    await database.close()
    assert found == dict.fromkeys(
        ("octapost.sqlite3", "octapost.sqlite3-wal", "octapost.sqlite3-shm"), "0o600"
    )


async def test_files_that_everybody_could_read_are_tightened_at_the_start(
    tmp_path: Path, vault: Vault
) -> None:
    file = sqlite_file(tmp_path)
    with closing(sqlite3.connect(file)) as older:
        older.execute("PRAGMA journal_mode = WAL")
        older.execute("CREATE TABLE other (id)")
        assert set(modes(tmp_path).values()) == {"0o666"}

        database = await write_something(tmp_path, vault)
        found = modes(tmp_path)
        await database.close()

    assert len(found) == 3
    assert set(found.values()) == {"0o600"}


def test_a_link_to_the_file_leads_to_the_same_care(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.touch(0o644)
    link.symlink_to(target)

    make_file(link)

    assert target.stat().st_mode & 0o777 == 0o600


@OURS_OR_NOT
def test_what_is_not_ours_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "theirs"
    file.touch(0o644)
    os.chown(file, 65534, 65534)

    tighten(file)
    tighten(tmp_path / "absent")

    assert file.stat().st_mode & 0o777 == 0o644


def test_what_is_no_ordinary_file_stays_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o666)

    make_file(pipe)

    assert pipe.stat().st_mode & 0o777 == 0o666


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_secret_in_a_file_of_ours_is_read_where_others_cannot(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "ring"
    file.write_text("1:abc\n")
    file.chmod(mode)

    assert read_secret(file) == "1:abc"


@pytest.mark.parametrize("mode", [0o666, 0o622, 0o620, 0o602, 0o644, 0o604, 0o777])
def test_a_secret_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "ring"
    file.write_text("1:abc\n")
    file.chmod(mode)

    with pytest.raises(Exposed, match="chmod 600"):
        read_secret(file)


@OURS_OR_NOT
@pytest.mark.parametrize(("mode", "accepted"), [(0o444, True), (0o440, True), (0o464, False), (0o446, False)])
def test_a_mounted_secret_is_another_users_and_may_be_readable(
    tmp_path: Path, mode: int, *, accepted: bool
) -> None:
    file = tmp_path / "ring"
    file.write_text("1:abc\n")
    os.chown(file, 65534, 65534)
    file.chmod(mode)

    try:
        assert read_secret(file) == "1:abc"
    except Exposed:
        assert not accepted
    else:
        assert accepted


def test_an_exposed_key_ring_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    file = tmp_path / "ring"
    file.write_text(KeyRing.generate())
    file.chmod(0o666)
    env = {
        "OCTAPOST_PUBLIC_URL": "https://bot.example.com",
        "OCTAPOST_SLACK_CLIENT_ID": "1.2",
        "OCTAPOST_SLACK_CLIENT_SECRET": "slack-secret",
        "OCTAPOST_SLACK_SIGNING_SECRET": "s" * 32,
        "OCTAPOST_VAULT_KEYS_FILE": str(file),
    }

    with pytest.raises(
        ConfigurationError, match=r"^OCTAPOST_VAULT_KEYS_FILE: its group or others can change it"
    ):
        Settings.from_env(env, REGISTRY)


async def test_a_database_that_cannot_be_opened_fails_with_sqlites_own_words(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/absent/octapost.sqlite3")

    with pytest.raises(OperationalError, match="unable to open database file"):
        await database.upgrade()

    await database.close()
