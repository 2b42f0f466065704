"""Warnings at start about settings with which the process works, but not safely."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.ops.logs import logger
from storage.engine.roles import RoleFault

if TYPE_CHECKING:
    from storage.engine.db import Database

log = logger(__name__)
ONE_PROCESS = (
    "this process does half of the work, and the other half must open this same file. For several machines, set"
    " OCTAPOST_DATABASE_URL to a PostgreSQL"
)
OWNERS_URL = "only `octapost db upgrade` needs it. Don't set it for `octapost run`"
ROLE_FAULTS = {
    RoleFault.ABOVE_POLICIES: (
        "PostgreSQL doesn't apply row-level security to this role, because it is a superuser or has BYPASSRLS. Only"
        " the code keeps organizations apart. Use an ordinary role that owns nothing."
    ),
    RoleFault.OWNER: (
        "This role owns the tables, so anyone with its password can switch off row-level security and rewrite the"
        " audit trail. Give the tables an owner of their own: docs/operating.md, Two roles."
    ),
}


async def warn_about_database(database: Database, *, whole: bool, migration_url: bool) -> None:
    """Log warnings about the database and our role in it.

    `whole`: this process both serves and runs the jobs; `migration_url`: it was given the URL of the tables' owner.
    """
    if database.dialect == "sqlite" and not whole:
        log.warning("start.sqlite_is_shared", hint=ONE_PROCESS)
    for fault in await database.role_faults():
        log.warning("start.database_role_too_powerful", hint=ROLE_FAULTS[fault])
    if migration_url:
        log.warning("start.migration_url_is_set", hint=OWNERS_URL)
