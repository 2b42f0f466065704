"""Key rotation: every sealed value gets the newest key, while the application runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, literal, select, update

from storage.vault import SealBroken, Vault, VaultError, check_canaries, keys_in_use, sealed_columns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from sqlalchemy import Column, Table

    from storage.db import Database

PATIENCE = 100
"""Rounds of a twentieth of a second without progress, before somebody else's locks are reported."""


def _silent(_done: int, _total: int) -> None:
    """Show nothing."""


async def remaining(database: Database, vault: Vault) -> dict[int, int]:
    """Return how many stored values are sealed with each key, also the ring's unused ones.

    A key may leave the ring when its count is 0 and no running process seals with it.
    """
    async with database.system(write=False) as session:
        return dict.fromkeys(vault.ring, 0) | await keys_in_use(session)


async def rotate(
    database: Database, vault: Vault, *, batch: int = 500, progress: Callable[[int, int], None] = _silent
) -> int:
    """Seal every stored value anew with the newest key and return how many were.

    Every batch is one transaction: a run that dies is continued by the next one. A value that changed
    since it was read is left to whoever changed it, and looked at again. `progress` hears what is done
    and what there is. Raises `VaultError` before anything is touched if the ring does not fit, and
    `SealBroken` at the end, naming them, if some values do not open.
    """
    async with database.system() as session:
        await check_canaries(session, vault)
    done, idle, broken = 0, 0, set[str]()
    while (left := await _left(database, vault)) > len(broken):
        sealed = 0
        for table, column in sealed_columns():
            async for count in _rotate_column(database, vault, table, column, batch, broken):
                sealed += count
                progress(done + sealed, done + left)
        done += sealed
        idle = 0 if sealed else idle + 1
        if idle > PATIENCE:
            raise VaultError(f"{left} values are held by other transactions: run the rotation again.")
        await asyncio.sleep(0.05 if idle else 0)
    if broken:
        raise SealBroken(f"{len(broken)} values do not open: {', '.join(sorted(broken))}.")
    return done


async def _left(database: Database, vault: Vault) -> int:
    counts = await remaining(database, vault)
    return sum(count for key_id, count in counts.items() if key_id != vault.newest)


async def _rotate_column(
    database: Database, vault: Vault, table: Table, column: Column[bytes], batch: int, broken: set[str]
) -> AsyncIterator[int]:
    (key,) = table.primary_key.columns
    organization = table.columns.get("organization_id")
    after: object = None
    while True:
        page = (
            select(key, column, literal(None) if organization is None else organization)
            .where(func.substr(column, 2, 2) != vault.newest.to_bytes(2), column.is_not(None))
            .order_by(key)
            .limit(batch)
            .with_for_update(skip_locked=True)
        )
        async with database.system() as session:
            rows = (await session.exec(page if after is None else page.where(key > after))).all()
            changes = list(_sealed_anew(vault, table, column, rows, broken))
            if changes:
                change = update(table).where(key == bindparam("key"), column == bindparam("old"))
                await session.exec(change.values({column: bindparam("new")}), params=changes)
        if not rows:
            return
        after = rows[-1][0]
        yield len(changes)


def _sealed_anew(
    vault: Vault, table: Table, column: Column[bytes], rows: Sequence[Any], broken: set[str]
) -> Iterator[dict[str, object]]:
    for key, old, organization in rows:
        row = key.hex() if isinstance(key, bytes) else key
        place = {"table": table.name, "column": column.name, "organization": organization, "row": row}
        try:
            value = vault.open(old, **place)
        except SealBroken:
            broken.add(f"{table.name}.{column.name} of {row}")
            continue
        yield {"key": key, "old": old, "new": vault.seal(value.reveal(), **place)}
