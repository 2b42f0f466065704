"""The database and the vault, opened and checked before anything is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.engine.db import ANSWERED_WITHIN, Database
from storage.vault import KeyRing, Vault, check_canaries

if TYPE_CHECKING:
    from datetime import timedelta


async def open_database(url: str, *, answered_within: timedelta | None = ANSWERED_WITHIN) -> Database:
    """Return the database at the right schema: SQLite upgrades itself, PostgreSQL is checked.

    `answered_within` is how long it may take to answer a statement; None: as long as it needs.
    """
    database = Database(url, answered_within=answered_within)
    try:
        if database.dialect == "sqlite":
            await database.upgrade()
        await database.check()
    except BaseException:
        await database.close()
        raise
    return database


async def open_vault(keys: str, database: Database, *, write: bool = True) -> Vault:
    """Return the vault, after its keys have opened values that they sealed before.

    `write`: store a value sealed with a new key, to check the key next time.

    Raises:
        VaultError: The keys are not the ones of this database.

    """
    vault = Vault(KeyRing.parse(keys))
    async with database.system(write=write) as session:
        await check_canaries(session, vault, leave=write)
    return vault
