"""SQLite's connections, below SQLAlchemy."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from storage.engine.sqlite import SqliteConnection

TIMES = 50


@pytest.mark.parametrize("file", ["absent/octapost.sqlite3", "octapost.sqlite3"])
def test_a_connection_that_is_given_up_may_end_after_the_event_loop(
    tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda fault: faults.append(repr(fault.exc_value)))
    before = set(threading.enumerate())

    async def open_and_give_up() -> None:
        with suppress(sqlite3.OperationalError):
            connection = await SqliteConnection(str(tmp_path / file))
            connection.stop()

    for _ in range(TIMES):
        asyncio.run(open_and_give_up())
    for thread in set(threading.enumerate()) - before:
        thread.join(10)

    assert faults == []
    assert set(threading.enumerate()) <= before
