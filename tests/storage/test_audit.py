from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DBAPIError

from storage.audit import Audit
from tests.storage.world import build, run_sql, tenant

if TYPE_CHECKING:
    from storage.db import Database
    from storage.vault import Vault


async def test_lines_come_newest_first_and_of_one_organization(database: Database) -> None:
    mine, other = await tenant(database), await tenant(database)
    for organization in (mine, other):
        async with database.organization(organization) as session:
            for number in range(3):
                await Audit(session).write(organization, "system", f"thing {number}", "acc_1", count=number)

    async with database.organization(mine, write=False) as session:
        lines = await Audit(session).recent(mine, limit=2)

    assert [(line.action, line.details, line.organization_id) for line in lines] == [
        ("thing 2", {"count": 2}, mine),
        ("thing 1", {"count": 1}, mine),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_line SET action = 'nothing happened'",
        "DELETE FROM audit_line",
        "UPDATE audit_line SET organization_id = 'org_other'",
    ],
)
async def test_a_line_is_neither_changed_nor_deleted(
    database: Database, vault: Vault, statement: str
) -> None:
    await build(database, vault, "1")

    with pytest.raises(DBAPIError, match="append-only"):
        await run_sql(database, statement)

    assert await run_sql(database, "SELECT action FROM audit_line") == [("account connected",)]


async def test_the_trail_is_not_truncated(postgres_database: Database, vault: Vault) -> None:
    await build(postgres_database, vault, "1")

    with pytest.raises(DBAPIError, match="append-only"):
        await run_sql(postgres_database, "TRUNCATE audit_line")


async def test_an_organizations_trail_goes_with_the_organization(database: Database, vault: Vault) -> None:
    gone, kept = await build(database, vault, "1"), await build(database, vault, "2")

    await run_sql(database, "DELETE FROM organization WHERE id = :id", id=gone.organization_id)

    assert await run_sql(database, "SELECT organization_id FROM audit_line") == [(kept.organization_id,)]
