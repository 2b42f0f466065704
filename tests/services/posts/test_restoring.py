"""After a restore from a backup nothing that was due since is sent: it is looked up, or a person is asked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.base import Content, Finding, Format, Outcome, Part
from bot.services.posts.restoring import Restoring
from bot.services.posts.results import Results
from storage.engine.db import Database
from storage.engine.statements import now
from storage.media_store import MediaStore
from storage.models import DeliveryStatus
from storage.vault import Vault
from tests.services.posts.press import Desk, open_desk

SCHEDULED, SENT, UNKNOWN = DeliveryStatus.SCHEDULED, DeliveryStatus.SENT, DeliveryStatus.UNKNOWN
HOUR = timedelta(hours=1)
THREAD = Content(format=Format.THREAD, thread=(Part(text="One"), Part(text="Two")))


def copied(folder: Path) -> Path:
    """Return a backup of the database in a folder."""
    (file,) = folder.glob("*.sqlite3")
    backup = folder / "backup.db"
    with closing(sqlite3.connect(file)) as ours, closing(sqlite3.connect(backup)) as copy:
        ours.backup(copy)
    return backup


def restoring(desk: Desk, marks: MediaStore) -> Restoring:
    return Restoring(calls=desk.calls, results=Results(), marks=marks, database=desk.database)


async def test_what_went_out_after_the_backup_is_not_sent_again(
    sqlite_database: Database, vault: Vault, tmp_path: Path
) -> None:
    """With a real copy of the database's file, put back an hour later."""
    marks, desk = MediaStore(str(tmp_path / "media")), await open_desk(sqlite_database, vault)
    await restoring(desk, marks).run()
    posts = [await desk.schedule("Mugs", HOUR), await desk.schedule(THREAD, HOUR)]
    await desk.run()
    backup = copied(tmp_path)
    for post in posts:
        await desk.later(post, due_at=now())
    for _ in range(3):
        await desk.run()
    await restoring(desk, marks).run()
    live = list(desk.press.posts)

    restored = Database(f"sqlite+aiosqlite:///{backup}")
    again = replace(desk, database=restored)
    for post in posts:
        await again.change(post, due_at=now(timedelta(minutes=-1)), work_at=now())
    engine = desk.engine_on(restored)
    guarded = restoring(again, marks).before(engine.run)
    for _ in range(8):
        await guarded()
        await engine.finish()
        for post in posts:
            await again.later(post)

    states = [(await again.delivery(post)).status for post in posts]
    await restored.close()
    assert live == [("4711", "Mugs"), ("4711", "One"), ("4711", "Two")]
    assert desk.press.posts == live
    assert states == [SENT, SENT]


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
