"""Workspaces and the organizations that may be used from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.organizations import Organizations
from storage.workspaces import Workspaces

if TYPE_CHECKING:
    from storage.engine.db import Database


async def test_a_workspace_takes_its_present_name(database: Database) -> None:
    async with database.system() as session:
        workspaces = Workspaces(session)
        await workspaces.ensure("T1", None, "Old")
        renamed = await workspaces.ensure("T1", "E1", "New")

        assert (renamed.name, renamed.enterprise_id) == ("New", "E1")
        assert await workspaces.get("T1") is renamed
        assert await workspaces.get("T2") is None


async def test_a_workspaces_organizations_come_by_name_without_the_deleted_ones(database: Database) -> None:
    async with database.system() as session:
        workspaces, organizations = Workspaces(session), Organizations(session)
        for name in ("beta", "Alpha", "Gone", "Elsewhere"):
            organization = await organizations.create(name)
            await workspaces.link("T2" if name == "Elsewhere" else "T1", organization.id)
            await workspaces.link("T2" if name == "Elsewhere" else "T1", organization.id)
            if name == "Gone":
                assert await organizations.delete(organization.id)
                gone = organization

        names = [each.name for each in await workspaces.organizations("T1")]
        teams = await workspaces.teams(gone.id)

    assert names == ["Alpha", "beta"]
    assert teams == ["T1"]
