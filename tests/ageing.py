"""Time in a test's database: what is stored moves into the past, or its clock is behind the host's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text
from sqlmodel import SQLModel

from storage.models import Utc

if TYPE_CHECKING:
    from storage.engine.db import Database

KEPT = frozenset({"audit_line", "account", "grant_holder"})
"""Not moved: a trigger keeps the first as it was written, and nothing is decided by the others' times."""


def aged(
    dialect: str, span: timedelta, minutes: int = 0, hours: int = 0, *, leases: bool = True
) -> list[str]:
    """Return the statements that move every stored time back by `span`, and what is counted by the minute or hour.

    `leases` too: not while somebody holds one, who would be joined by a second one.
    """
    seconds = f"{span.total_seconds():.3f} seconds"
    statements = []
    for table in SQLModel.metadata.sorted_tables:
        names = [
            column.name
            for column in table.columns
            if isinstance(column.type, Utc) and (leases or column.name != "lease_until")
        ]
        if not names or table.name in KEPT:
            continue
        moved = (
            f"{name} = strftime('%Y-%m-%d %H:%M:%f', {name}, '-{seconds}') || '000'"
            if dialect == "sqlite"
            else f"{name} = {name} - interval '{seconds}'"
            for name in names
        )
        statements.append(f"UPDATE {table.name} SET {', '.join(moved)}")  # noqa: S608 - our own tables
    for counted, unit, by in (("verdict_tally", "minute", minutes), ("publishing_use", "hour", hours)):
        if by:
            # In two steps, so that no row meets another one's key on the way.
            statements += [
                f"UPDATE {counted} SET {unit} = {by} - {unit}",  # noqa: S608 - our own tables
                f"UPDATE {counted} SET {unit} = -{unit}",  # noqa: S608
            ]
    return statements


async def age(database: Database, span: timedelta) -> None:
    """Let what is stored grow older, beside an application that works on it."""
    async with database.system() as session:
        connection = await session.connection()
        for statement in aged(database.dialect, span, leases=False):
            await connection.execute(text(statement))


def behind(database: Database, span: timedelta) -> None:
    """Let the clock of a database on SQLite, of which no session was used yet, be behind the host's."""
    shift = f"-{span.total_seconds():.3f} seconds"

    def strftime(*given: Any) -> str:
        late = (*given, shift) if "now" in given else given
        marks = ", ".join("?" for _ in late)
        with closing(sqlite3.connect(":memory:")) as true:
            return str(*true.execute(f"SELECT strftime({marks})", late).fetchone())

    def connected(connection: Any, _record: object) -> None:
        connection.run_async(lambda driver: driver.create_function("strftime", -1, strftime))

    for engine in (database._reads, database._writes):
        event.listen(engine.sync_engine, "connect", connected)
