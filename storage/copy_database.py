"""Copying everything in one database into another, empty one, of the same kind or the other.

The source is only read, in one transaction during which nothing else writes; the target is filled in one transaction,
which is committed after the copy was compared and its values opened. So the copy is complete or absent, whatever
interrupts it. Sealed values are copied as bytes: the same key ring opens them in the target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, literal, select, text, tuple_

from storage.engine.schema import SchemaTooNew, SchemaTooOld
from storage.models import every_table
from storage.vault import check_canaries, place_of, sealed_columns, sealed_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection

    from storage.engine.db import Database
    from storage.vault import Vault

BATCH = 500
"""How many rows are read and written at once."""
SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
"""Reads every table as of one moment, on PostgreSQL; on SQLite the write lock has this effect."""


class CopyRefused(Exception):
    """The copy cannot be made, or would not be complete. The target is unchanged."""


async def copy_database(
    source: Database,
    target: Database,
    vault: Vault,
    *,
    progress: Callable[[int, int], None],
    batch: int = BATCH,
) -> dict[str, int]:
    """Copy everything into the target and return how many rows each table has there.

    `progress` gets how many rows are done and how many there are. Nothing can write to the source during the copy on
    SQLite: writers wait, and fail after some seconds.

    Raises:
        SchemaTooOld: One of the databases has an older schema than this version.
        SchemaTooNew: One of them has a newer one.
        VaultError: The vault does not open the source's values.
        CopyRefused: The target is not empty, or the copy differs from the source.

    """
    await _check_schema(source, "source")
    await _check_schema(target, "target")
    async with target.system() as there:
        into = await there.connection()
        _refuse_any(await _counts(into))
        async with source.system() as here:
            out = await here.connection()
            if source.dialect == "postgresql":
                await out.execute(SNAPSHOT)
            await check_canaries(here, vault)
            expected = await _counts(out)
            done, total = 0, sum(expected.values())
            progress(done, total)
            for table in every_table():
                async for rows in _pages(out, table, batch):
                    await into.execute(insert(table), rows)
                    done += len(rows)
                    progress(done, total)
        if await _counts(into) != expected:
            raise CopyRefused("The copy has other rows than the source, so it was not kept: move again.")
        await check_canaries(there, vault)
        await _open_one_of_each(into, vault)
    return expected


async def _check_schema(database: Database, which: str) -> None:
    try:
        await database.check()
    except (SchemaTooOld, SchemaTooNew) as error:
        raise type(error)(f"The {which}: {error}") from None


def _refuse_any(counts: dict[str, int]) -> None:
    if filled := sorted(name for name, rows in counts.items() if rows):
        raise CopyRefused(
            f"The target is not empty ({', '.join(filled)}), and nothing was copied: name a database that"
            " `octapost db upgrade` has just made and no process has used."
        )


async def _counts(connection: AsyncConnection) -> dict[str, int]:
    counts = {}
    for table in every_table():
        counted = await connection.execute(select(func.count()).select_from(table))
        counts[table.name] = counted.scalar_one()
    return counts


async def _pages(connection: AsyncConnection, table: Table, size: int) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield a table's rows in the order of their keys, at most `size` at a time."""
    key = list(table.primary_key.columns)
    page = select(table).order_by(*key).limit(size)
    after: Sequence[Any] | None = None
    while True:
        beyond = () if after is None else (tuple_(*key) > tuple_(*_literals(key, after)),)
        found = await connection.execute(page.where(*beyond))
        rows = [dict(row) for row in found.mappings()]
        if not rows:
            return
        after = [rows[-1][column.name] for column in key]
        yield rows


def _literals(key: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    return [literal(value, column.type) for column, value in zip(key, values, strict=True)]


async def _open_one_of_each(connection: AsyncConnection, vault: Vault) -> None:
    """Open a value of every sealed column. Raises `VaultError`."""
    for table, column in sealed_columns():
        found = await connection.execute(sealed_rows(table, column).where(column.is_not(None)).limit(1))
        for key, value, organization in found:
            vault.open(value, **place_of(column, key, organization))
