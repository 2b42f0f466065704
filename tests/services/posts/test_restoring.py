"""After a restore from a backup nothing that was due since is sent: it is looked up, or a person is asked."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Content, Finding, Format, Outcome, Part
from bot.services.posts.restoring import Restoring
from bot.services.posts.results import Results
from storage.engine.db import Database
from storage.engine.statements import now
from storage.media_store import MediaStore
from storage.models import DeliveryStatus
from storage.vault import Vault
from tests.counts import in_full, tries
from tests.databases import Postgres, another, sqlite_file
from tests.services.posts.press import Desk, open_desk

SCHEDULED, SENT, UNKNOWN = DeliveryStatus.SCHEDULED, DeliveryStatus.SENT, DeliveryStatus.UNKNOWN
HOUR = timedelta(hours=1)
Backup = Callable[[], Awaitable[Database]]
THREAD = Content(format=Format.THREAD, thread=(Part(text="One"), Part(text="Two")))


@asynccontextmanager
async def on_sqlite(folder: Path, _: Postgres) -> AsyncIterator[tuple[Database, Backup]]:
    """Give a database on SQLite, and what copies its file."""
    file = sqlite_file(folder)

    async def backup() -> Database:
        copy = folder / "backup.db"
        with closing(sqlite3.connect(file)) as ours, closing(sqlite3.connect(copy)) as theirs:
            ours.backup(theirs)
        return Database(f"sqlite+aiosqlite:///{copy}")

    database = Database(f"sqlite+aiosqlite:///{file}")
    yield database, backup
    await database.close()


@asynccontextmanager
async def on_postgresql(_: Path, postgres: Postgres) -> AsyncIterator[tuple[Database, Backup]]:
    """Give a database of its own on PostgreSQL, and what copies it."""
    name = await postgres.migrated()
    copy = f"{name}_backup"

    async def backup() -> Database:
        await postgres.run(f"CREATE DATABASE {copy} TEMPLATE {name}")
        return Database(postgres.url(copy))

    database = Database(postgres.url(name))
    yield database, backup
    await database.close()
    for each in (name, copy):
        await postgres.drop(each)


def restoring(desk: Desk, marks: MediaStore) -> Restoring:
    return Restoring(calls=desk.calls, results=Results(), marks=marks, database=desk.database)


@pytest.mark.parametrize("opened", [on_sqlite, pytest.param(on_postgresql, marks=in_full)])
async def test_what_went_out_after_the_backup_is_not_sent_again(
    opened: Callable[..., Any],
    postgres: Postgres,
    vault: Vault,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """With a real copy of the database, put back an hour later."""
    async with opened(tmp_path, postgres) as (database, backup):
        marks, desk = MediaStore(str(tmp_path / "media")), await open_desk(database, vault)
        await restoring(desk, marks).run()
        contents: list[Content | str] = [THREAD, *(f"Mug {number}" for number in range(tries(20, 1)))]
        posts = [
            await desk.schedule(content, HOUR, account_id=await desk.account(number))
            for number, content in enumerate(contents)
        ]
        await desk.run()
        await database.close()  # PostgreSQL copies a database only while nobody uses it
        restored, current = await backup(), another(database)
        desk = replace(desk, database=current, engine=desk.engine_on(current))
        for post in posts:
            await desk.later(post, due_at=now())
        for _ in range(3):
            await desk.run()
        await restoring(desk, marks).run()
        live = list(desk.press.posts)

        again = replace(desk, database=restored)
        for post in posts:
            await again.change(post, due_at=now(timedelta(minutes=-1)), work_at=now())
        engine = desk.engine_on(restored)
        guarded = restoring(again, marks).before(engine.run)
        for _ in range(4):
            await guarded()
            await engine.finish()
            for post in posts:
                await again.later(post)
        states = Counter([(await again.delivery(post)).status for post in posts])
        for each in (current, restored):
            await each.close()

    record_property(
        "counted",
        f"{database.dialect}, restored to an hour ago: {len(posts)} posts went out since,"
        f" {len(desk.press.posts) - len(live)} sent again",
    )
    assert len(set(live)) == len(live) == len(posts) + 1
    assert desk.press.posts == live
    assert states == {SENT: len(posts)}


@pytest.mark.parametrize("found", [Outcome.NOT_FOUND, Outcome.UNREADABLE])
async def test_what_cannot_be_found_is_for_a_person_to_say(
    database: Database, vault: Vault, tmp_path: Path, found: Outcome
) -> None:
    desk, marks = await open_desk(database, vault), MediaStore(str(tmp_path / "media"))
    post = await desk.schedule("Mugs")
    future = await desk.schedule("Cups", HOUR)
    await restoring(desk, marks).run()
    await marks.write_mark((await marks.read_mark()).replace("1 ", "9 ", 1))
    desk.press.looks.extend([Finding(outcome=found)] * 3)

    await restoring(desk, marks).run()
    for _ in range(4):
        await desk.run()
        await desk.later(post)

    row = await desk.delivery(post)
    assert (row.status, row.asks) == (UNKNOWN, True)
    assert (await desk.delivery(future)).status == SCHEDULED
    assert desk.press.posts == []
    assert (await marks.read_mark()).startswith("10 ")


async def test_processes_that_count_beside_each_other_find_no_restore(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    desk, marks = await open_desk(database, vault), MediaStore(str(tmp_path / "media"))
    post = await desk.schedule("Mugs")

    for _ in range(3):
        for each in (restoring(desk, marks), restoring(desk, marks)):
            await each.run()
    await marks.write_mark((await marks.read_mark()).replace("6 ", "4 ", 1))  # a process wrote late
    await restoring(desk, marks).run()

    assert (await desk.delivery(post)).status == SCHEDULED
    assert (await marks.read_mark()).startswith("7 ")


async def test_nothing_is_sent_while_nobody_knows_whether_the_database_is_the_newest(
    sqlite_database: Database, vault: Vault
) -> None:
    class Away(MediaStore):
        async def read_mark(self) -> str:
            raise OSError("the store is away")

    desk = await open_desk(sqlite_database, vault)
    await desk.schedule("Mugs")

    with pytest.raises(OSError, match="away"):
        await restoring(desk, Away("")).before(desk.engine.run)()

    assert desk.press.calls == []


async def test_the_operator_can_say_that_it_was_restored(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    desk = await open_desk(database, vault)
    post = await desk.schedule("Mugs")

    count = await restoring(desk, MediaStore(str(tmp_path))).restored()

    assert count == 1
    assert (await desk.delivery(post)).status == UNKNOWN
