"""Key rotation: every sealed value gets the newest key, while the application runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, update

from storage.engine.statements import run
from storage.vault import (
    SealBroken,
    Vault,
    VaultError,
    check_canaries,
    keys_in_use,
    place_of,
    sealed_columns,
    sealed_rows,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from sqlalchemy import Column, Table

    from storage.engine.db import Database

PASSES = 100
"""How many passes over all columns are made before the rotation gives up."""
PAUSE = timedelta(milliseconds=50)
"""The wait after a pass in which every remaining value was locked by another transaction."""


def _silent(_done: int, _total: int) -> None:
    """Show nothing."""


async def remaining(database: Database, vault: Vault) -> dict[int, int]:
    """Return how many stored values are sealed with each key, also the ring's unused ones.

    A key may be removed from the ring when its count is 0 and no running process seals with it.
    """
    async with database.system(write=False) as session:
        return dict.fromkeys(vault.ring, 0) | await keys_in_use(session)


async def rotate(
    database: Database,
    vault: Vault,
    *,
    batch: int = 500,
    progress: Callable[[int, int], None] = _silent,
    passes: int = PASSES,
) -> int:
    """Re-encrypt every stored value with the newest key and return how many were re-encrypted.

    Every batch is one transaction: a run that is interrupted is continued by the next one. A value that another
    transaction is changing is skipped and tried again. `progress` gets how many values are done and how many there are.

    Raises:
        VaultError: The ring does not fit the database, and nothing was changed; or after many passes some values are
            still sealed with older keys, because they are locked or a process still seals with an older key.
        SealBroken: Some values do not open; all others were re-encrypted. The text names them.

    """
    async with database.system() as session:
        await check_canaries(session, vault)
    done, broken = 0, set[str]()
    for _ in range(passes):
        left = await _left(database, vault)
        if left <= len(broken):
            break
        sealed = 0
        for table, column in sealed_columns():
            async for count in _Column(database, vault, table, column).rotate(batch, broken):
                sealed += count
                progress(done + sealed, max(done + left, done + sealed))
        done += sealed
        if not sealed:
            await asyncio.sleep(PAUSE.total_seconds())
    left = await _left(database, vault)
    if left > len(broken):
        raise VaultError(
            f"{left} values are still sealed with older keys, because running processes hold them or seal"
            " with an older key: give them the new ring, then rotate again."
        )
    if broken:
        raise SealBroken(f"{len(broken)} values do not open: {', '.join(sorted(broken))}.")
    return done


async def _left(database: Database, vault: Vault) -> int:
    counts = await remaining(database, vault)
    return sum(count for key_id, count in counts.items() if key_id != vault.newest)


@dataclass(frozen=True, slots=True)
class _Column:
    database: Database
    vault: Vault
    table: Table
    column: Column[bytes]

    async def rotate(self, batch: int, broken: set[str]) -> AsyncIterator[int]:
        """Yield the size of each batch that was re-encrypted; locked rows are skipped."""
        (key,) = self.table.primary_key.columns
        old = func.substr(self.column, 2, 2) != self.vault.newest.to_bytes(2)
        sealed = sealed_rows(self.table, self.column)
        page = sealed.where(old).order_by(key).limit(batch).with_for_update(skip_locked=True)
        change = (
            update(self.table)
            .where(key == bindparam("key"), self.column == bindparam("old"))
            .values({self.column: bindparam("new")})
        )
        after: object = None
        while True:
            async with self.database.system() as session:
                rows = (await run(session, page if after is None else page.where(key > after))).all()
                changes = list(self._sealed_anew(rows, broken))
                if changes:
                    await (await session.connection()).execute(change, changes)
            if not rows:
                return
            after = rows[-1][0]
            yield len(changes)

    def _sealed_anew(self, rows: Sequence[Any], broken: set[str]) -> Iterator[dict[str, object]]:
        for key, old, organization in rows:
            place = place_of(self.column, key, organization)
            try:
                value = self.vault.open(old, **place)
            except SealBroken:
                broken.add(f"{self.table.name}.{self.column.name} of {place['row']}")
                continue
            new = self.vault.seal(value.reveal(), **place)
            yield {"key": key, "old": old, "new": new}
