"""Organizations that are there and deleted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.organizations import Organizations
from tests.storage.world import run_sql, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database


async def test_a_deleted_organization_is_found_no_more(database: Database) -> None:
    organization = await tenant(database, "Octa")
    async with database.organization(organization) as session:
        assert await Organizations(session).rename(organization, "Octopus")
        found = await Organizations(session).get(organization)
        assert found is not None
        assert found.name == "Octopus"
        assert await Organizations(session).delete(organization)

    async with database.organization(organization) as session:
        organizations = Organizations(session)
        answers = [
            await organizations.get(organization),
            await organizations.rename(organization, "Back"),
            await organizations.delete(organization),
        ]

    assert answers == [None, False, False]
    assert await run_sql(database, "SELECT name FROM organization") == [("Octopus",)]
