from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.audit import Audit
from storage.engine.db import Database
from tests.counts import in_full
from tests.databases import owners
from tests.rows import audit_lines
from tests.storage.world import build, run_sql, run_sql_as_owner, tenant

if TYPE_CHECKING:
    from storage.vault import Vault


async def test_an_organization_sees_its_own_lines_in_their_order(database: Database) -> None:
    mine, other = await tenant(database), await tenant(database)
    for organization in (mine, other):
        async with database.organization(organization) as session:
            for number in range(2):
                await Audit(session).write(organization, "system", f"thing {number}", "acc_1", count=number)

    async with database.organization(mine, write=False) as session:
        lines = await audit_lines(session, mine)

    assert [(line.action, line.details, line.organization_id) for line in lines] == [
        ("thing 0", {"count": 0}, mine),
        ("thing 1", {"count": 1}, mine),
    ]


CHANGES = [
    "UPDATE audit_line SET action = 'nothing happened'",
    "DELETE FROM audit_line",
    "UPDATE audit_line SET organization_id = 'org_other'",
]


@pytest.mark.parametrize("statement", CHANGES)
async def test_a_line_is_neither_changed_nor_deleted(
    database: Database, vault: Vault, statement: str
) -> None:
    await build(database, vault, "1")

    with pytest.raises(DBAPIError, match=r"append-only|permission denied"):
        await run_sql(database, statement)

    assert await run_sql(database, "SELECT action FROM audit_line") == [("account connected",)]


@in_full
@pytest.mark.parametrize("statement", [*CHANGES, "TRUNCATE audit_line"])
async def test_not_even_the_tables_owner_changes_or_deletes_a_line(
    postgres_database: Database, vault: Vault, statement: str
) -> None:
    await build(postgres_database, vault, "1")

    with pytest.raises(DBAPIError, match="append-only"):
        await run_sql_as_owner(postgres_database, statement)

    assert await run_sql(postgres_database, "SELECT action FROM audit_line") == [("account connected",)]


@in_full
async def test_an_organizations_trail_goes_with_the_organization(database: Database, vault: Vault) -> None:
    gone, kept = await build(database, vault, "1"), await build(database, vault, "2")

    await run_sql(database, "DELETE FROM organization WHERE id = :id", id=gone.organization_id)

    assert await run_sql(database, "SELECT organization_id FROM audit_line") == [(kept.organization_id,)]


async def test_a_temporary_table_does_not_pass_for_ours(postgres_database: Database, vault: Vault) -> None:
    await build(postgres_database, vault, "1")
    owner = owners(postgres_database)

    async with owner.system() as session:
        connection = await session.connection()
        await connection.execute(text("CREATE TEMPORARY TABLE organization (id text) ON COMMIT DROP"))
        with pytest.raises(DBAPIError, match="append-only"):
            await connection.execute(text("DELETE FROM audit_line"))
        await session.rollback()

    await owner.close()
    assert await run_sql(postgres_database, "SELECT action FROM audit_line") == [("account connected",)]
