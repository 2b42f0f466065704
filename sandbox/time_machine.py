"""Lets time pass for the app, by moving the times it has stored into the past.

The app uses the machine's clock, which can't be moved. So its stored times are moved instead: after 53 days a token
that had 60 days left has 7. For SQLite only, which the sandbox uses.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

TIME = "VARCHAR(26)"
"""The declared type of the app's time columns: sortable text, `2026-11-24 08:00:00.000000`."""
LEASE = "lease_until"
"""Not moved: the holder of a lease is at work right now, and another worker would start the same work."""
WAIT_S = 10.0


def age(database: Path, by: timedelta) -> int:
    """Move the times in the app's database back by `by` and return how many columns there were.

    One transaction, so that the running app sees all of it or nothing.
    """
    moved = 0
    with closing(sqlite3.connect(database, timeout=WAIT_S, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        # Tables that a trigger protects, such as the audit trail, keep their times.
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
