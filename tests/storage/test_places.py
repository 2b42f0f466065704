"""The places inside an account are searched, replaced and fresh for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from storage.models import Account
from storage.places import Places
from tests.counts import in_full
from tests.storage.world import backdate, build, plan, run_sql

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault


async def places_of(database: Database, vault: Vault, count: int) -> tuple[str, str]:
    world = await build(database, vault, "1")
    where = (world.organization_id, world.account_id)
    async with database.organization(where[0]) as session:
        await Places(session).replace(
            *where, [(f"p{n}", f"r/place{n}", f"{n} members") for n in range(count)]
        )
    return where


async def find(database: Database, where: tuple[str, str], query: str, limit: int = 100) -> list[str]:
    async with database.organization(where[0], write=False) as session:
        return [place.name for place in await Places(session).search(*where, query, limit)]


async def test_places_that_begin_with_the_query_come_before_those_that_contain_it(
    database: Database, vault: Vault
) -> None:
    world = await build(database, vault, "1")
    where = (world.organization_id, world.account_id)
    async with database.organization(where[0]) as session:
        listed = ["r/zebramugs", "r/Mugshots", "r/mugs", "u/hismugs", "r/100%", "r/cats"]
        await Places(session).replace(*where, [(name, name, "") for name in listed])

    assert await find(database, where, "mugs") == ["r/mugs", "r/Mugshots", "u/hismugs", "r/zebramugs"]
    assert await find(database, where, " R/MUGS ") == ["r/mugs", "r/Mugshots", "u/hismugs", "r/zebramugs"]
    assert await find(database, where, "%") == ["r/100%"]
    assert await find(database, where, "", limit=2) == ["r/100%", "r/cats"]
    assert await find(database, where, "r/") == await find(database, where, "")


@in_full
async def test_ten_thousand_places_are_searched_by_index(database: Database, vault: Vault) -> None:
    where = await places_of(database, vault, 10_000)

    found = await find(database, where, "place999")
    answer = await plan(
        database,
        "SELECT remote_id FROM place WHERE account_id = :account AND search LIKE '%place999%'"
        " ORDER BY search LIMIT 100",
        account=where[1],
    )

    assert found == ["r/place999", *(f"r/place999{n}" for n in range(10))]
    if database.dialect == "sqlite":  # PostgreSQL rightly reads the whole table: it is one account's
        assert "place_order" in answer
    async with database.organization(where[0], write=False) as session:
        assert await Places(session).count(*where) == 10_000


async def test_a_new_reading_replaces_the_old_one_whole(database: Database, vault: Vault) -> None:
    where = await places_of(database, vault, 3)

    async with database.organization(where[0]) as session:
        places = Places(session)
        assert await places.replace(*where, [("p1", "r/one", ""), ("p1", "r/One", "again")])
        assert [place.name for place in await places.search(*where, "")] == ["r/One"]
        assert await places.replace(*where, [])
        assert await places.count(*where) == 0


async def test_places_are_fresh_for_a_while(database: Database, vault: Vault) -> None:
    where = await places_of(database, vault, 1)

    async def fresh() -> bool:
        async with database.organization(where[0], write=False) as session:
            return await Places(session).fresh(*where, timedelta(hours=1))

    assert await fresh()
    await backdate(database, Account, "places_at", timedelta(hours=2))
    assert not await fresh()
    await run_sql(database, "UPDATE account SET places_at = NULL")
    assert not await fresh()
