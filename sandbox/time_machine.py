"""Letting time pass: every platform's clock goes on, and what the app has stored moves into the past.

The app's own clock is the machine's, so its times are moved instead: a token that had 60 days left has 7
after 53 of them, exactly as if somebody had waited. SQLite only, where the sandbox lives.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

TIME = "VARCHAR(26)"
"""The declared type of the app's time columns: sortable text, `2026-11-24 08:00:00.000000`."""
LEASE = "lease_until"
"""Not moved: whoever holds a lease is at work right now, and would be joined by a second one."""
WAIT_S = 10.0


def age(database: Path, by: timedelta) -> int:
    """Move the times in the app's database back by `by` and return how many columns there were.

    One transaction, so that the running app sees all of it or nothing.
    """
    moved = 0
    with closing(sqlite3.connect(database, timeout=WAIT_S, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        # What a trigger guards, such as the audit trail, stays as it was written.
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND name NOT IN (SELECT tbl_name FROM sqlite_master WHERE type = 'trigger')"
        ).fetchall()
        for (table,) in tables:
            columns = connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
            for column, kind in columns:
                if kind == TIME and column != LEASE:
                    moved += 1
                    connection.execute(
                        f'UPDATE "{table}" SET "{column}" ='  # noqa: S608 - names out of the database itself
                        f" strftime('%Y-%m-%d %H:%M:%f', \"{column}\", ?) || '000'"
                        f' WHERE "{column}" IS NOT NULL',
                        (f"-{by.total_seconds():.3f} seconds",),
                    )
        connection.execute("COMMIT")
    return moved
