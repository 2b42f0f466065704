from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from storage.models import Membership, Role
from storage.rotations import Rotations
from storage.tenants import (
    Installations,
    LastOwner,
    Members,
    Organizations,
    Seat,
    Workspaces,
    bot_token,
)
from tests.storage.world import run_sql, tenant

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.db import Database
    from storage.models import Installation
    from storage.vault import Vault

AT = datetime(2026, 11, 1, tzinfo=UTC)


async def install(session: AsyncSession, vault: Vault, **more: Any) -> Installation:
    values = {
        "slack_id": "T1",
        "team_id": "T1",
        "enterprise_id": None,
        "name": "Octa",
        "app_id": "A1",
        "bot_user_id": "UBOT",
        "scopes": ["chat:write"],
        "bot_token": "xoxb-1",
        "refresh_token": None,
        "token_expires_at": None,
        "installed_by": "U1",
    }
    return await Installations(session, vault).save(**values | more)


async def join(
    database: Database, organization_id: str, user_id: str, role: Role = Role.MEMBER, team_id: str = "T1"
) -> Membership:
    async with database.organization(organization_id) as session:
        return await Members(session).add(
            organization_id, realm="T1", user_id=user_id, team_id=team_id, role=role
        )


async def test_an_installation_keeps_its_token_sealed_and_gives_it_back(
    database: Database, vault: Vault
) -> None:
    async with database.system() as session:
        await install(session, vault, refresh_token="xoxe-1", token_expires_at=AT)

    async with database.system(write=False) as session:
        repository = Installations(session, vault)
        found = await repository.get("T1")
        assert found is not None
        refresh = repository.refresh_token(found)

    assert bot_token(vault, found).reveal() == "xoxb-1"
    assert refresh is not None
    assert refresh.reveal() == "xoxe-1"
    assert (found.token_expires_at, found.scopes) == (AT, ["chat:write"])
    assert "xox" not in repr(await run_sql(database, "SELECT * FROM installation"))


async def test_installing_again_renews_the_same_installation(database: Database, vault: Vault) -> None:
    async with database.system() as session:
        first = await install(session, vault, refresh_token="xoxe-1", token_expires_at=AT)
        second = await install(session, vault, bot_token="xoxb-2", scopes=["chat:write", "commands"])

    assert first.id == second.id
    assert bot_token(vault, second).reveal() == "xoxb-2"
    assert Installations(session, vault).refresh_token(second) is None
    assert (second.token_expires_at, second.scopes) == (None, ["chat:write", "commands"])


@pytest.mark.parametrize(
    ("installed", "asked", "found"),
    [
        (["T1", "E1"], ("T1", "E1"), "T1"),
        (["E1"], ("T1", "E1"), "E1"),
        (["T1"], ("T1", None), "T1"),
        (["T1", "E1"], (None, "E1"), "E1"),
        (["T1"], ("T2", None), None),
        (["T1"], ("T2", "E1"), None),
        (["T1"], (None, None), None),
    ],
)
async def test_a_workspaces_own_installation_comes_before_its_grids(
    database: Database,
    vault: Vault,
    installed: list[str],
    asked: tuple[str | None, str | None],
    found: str | None,
) -> None:
    async with database.system() as session:
        for slack_id in installed:
            await install(session, vault, slack_id=slack_id)

        installation = await Installations(session, vault).find(*asked)

    assert (installation.slack_id if installation else None) == found


async def test_uninstalling_destroys_the_tokens_at_once_and_installing_again_brings_it_back(
    database: Database, vault: Vault
) -> None:
    async with database.system() as session:
        await install(session, vault, refresh_token="xoxe-1", token_expires_at=AT)

    async with database.system() as session:
        repository = Installations(session, vault)
        answers = [await repository.uninstall("T1", AT), await repository.uninstall("T1", AT + timedelta(1))]
        gone = await repository.get("T1")
        assert gone is not None
        with pytest.raises(LookupError):
            bot_token(vault, gone)
        found = await repository.find("T1", None)

    assert (answers, found) == ([True, False], None)
    assert gone.uninstalled_at == AT
    stored = "SELECT bot_token_sealed, refresh_token_sealed, token_expires_at FROM installation"
    assert await run_sql(database, stored) == [(None, None, None)]
    async with database.system() as session:
        back = await install(session, vault)
        assert await Installations(session, vault).find("T1", None) is back
    assert back.id == gone.id


async def test_uninstalling_what_was_never_installed_changes_nothing(
    database: Database, vault: Vault
) -> None:
    async with database.system() as session:
        assert await Installations(session, vault).uninstall("T9", AT) is False
        assert await Installations(session, vault).get("T9") is None


async def test_a_rotation_that_was_overtaken_by_an_uninstall_stores_no_token(
    database: Database, vault: Vault
) -> None:
    async with database.system() as session:
        before = await install(session, vault)
    async with database.system() as session:
        rotated = await Installations(session, vault).rotate(before, "xoxb-2", "xoxe-2", AT)
    async with database.system() as session:
        await Installations(session, vault).uninstall("T1", AT)

    async with database.system() as session:
        too_late = await Installations(session, vault).rotate(before, "xoxb-3", "xoxe-3", AT)

    assert (rotated, too_late) == (True, False)
    assert await run_sql(database, "SELECT bot_token_sealed FROM installation") == [(None,)]


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


async def standing(database: Database, user: str = "U1", channel: str = "C1", team: str = "T1") -> Any:
    async with database.system(write=False) as session:
        return await Members(session).resolve("T1", user, team, channel)


async def test_where_somebody_stands_takes_channel_workspace_and_membership_together(
    database: Database,
) -> None:
    alpha, beta, other = [await tenant(database, name) for name in ("Alpha", "Beta", "Other")]
    async with database.system() as session:
        workspaces = Workspaces(session)
        await workspaces.ensure("T1", None, "Octa")
        for organization in (alpha, beta, other):
            await workspaces.link("T1", organization)
    nobody = await standing(database)
    member = await join(database, beta, "U1", Role.ADMIN)
    only = await standing(database)
    await join(database, alpha, "U1", Role.OWNER)
    undecided = await standing(database)
    async with database.system() as session:
        await Workspaces(session).set_default("T1", alpha)
        await Workspaces(session).set_default("T9", alpha)
        await Workspaces(session).set_channel_default("T1", "C1", other)
        await Workspaces(session).set_channel_default("T1", "C1", beta)
        await Workspaces(session).set_channel_default("T1", "C2", other)
        assert await Workspaces(session).channel_default("T1", "C1") == beta
        assert await Workspaces(session).channel_default("T1", "C3") is None

    assert (nobody.choices, nobody.default_organization_id) == ((), None)
    assert only.choices == (
        Seat(membership_id=member.id, organization_id=beta, organization_name="Beta", role=Role.ADMIN),
    )
    assert only.default_organization_id == beta
    assert [seat.organization_name for seat in undecided.choices] == ["Alpha", "Beta"]
    assert undecided.default_organization_id is None
    assert (await standing(database, channel="C1")).default_organization_id == beta
    assert (await standing(database, channel="C2")).default_organization_id == alpha
    assert (await standing(database, channel="C3")).default_organization_id == alpha
    assert (await standing(database, user="U2")).choices == ()
    assert (await standing(database, team="T2")).choices == ()


async def test_the_hot_question_is_one_query_and_agrees_with_the_slow_one(database: Database) -> None:
    organizations = [await tenant(database, name) for name in "ba"]
    async with database.system() as session:
        for organization in organizations:
            await Workspaces(session).link("T1", organization)
    for organization in organizations:
        await join(database, organization, "U1")
    await join(database, await tenant(database, "not linked"), "U1")

    async with database.system(write=False) as session:
        slow = await Members(session).of_person("T1", "U1", "T1")
    seats = (await standing(database)).choices

    assert [organization.name for _, organization in slow] == ["a", "b"]
    assert [seat.membership_id for seat in seats] == [member.id for member, _ in slow]


async def test_those_who_left_and_deleted_organizations_have_no_seat(database: Database) -> None:
    left, deleted = await tenant(database, "Left"), await tenant(database, "Deleted")
    async with database.system() as session:
        for organization in (left, deleted):
            await Workspaces(session).link("T1", organization)
    member = await join(database, left, "U1")
    await join(database, deleted, "U1")
    async with database.system() as session:
        await Members(session).end(left, member.id)
        await Organizations(session).delete(deleted)

    assert (await standing(database)).choices == ()


async def test_adding_somebody_again_revives_or_raises_but_never_lowers(database: Database) -> None:
    organization = await tenant(database)
    first = await join(database, organization, "U1", Role.ADMIN)
    lower = await join(database, organization, "U1", Role.MEMBER, team_id="T2")
    assert (lower.id, lower.role, lower.team_id) == (first.id, Role.ADMIN, "T2")
    higher = await join(database, organization, "U1", Role.OWNER)
    assert higher.role == Role.OWNER
    await join(database, organization, "U2", Role.OWNER)
    async with database.organization(organization) as session:
        assert await Members(session).end(organization, first.id)
        assert await Members(session).find(organization, "T1", "U1") is None
        assert await Members(session).get(organization, first.id) is None

    revived = await join(database, organization, "U1", Role.MEMBER)

    assert (revived.id, revived.role, revived.ended_at) == (first.id, Role.MEMBER, None)


async def test_members_come_owners_first(database: Database) -> None:
    organization = await tenant(database)
    roles = {"U1": Role.MEMBER, "U2": Role.ADMIN, "U3": Role.OWNER, "U4": Role.MEMBER, "U5": Role.OWNER}
    for user, role in roles.items():
        await join(database, organization, user, role)

    async with database.organization(organization, write=False) as session:
        members = Members(session)
        listed = [
            [each.user_id for each in group]
            for group in (
                await members.all(organization),
                await members.admins(organization),
                await members.owners(organization),
            )
        ]
        owners = await members.count_owners(organization)

    assert listed == [["U3", "U5", "U2", "U1", "U4"], ["U3", "U5", "U2"], ["U3", "U5"]]
    assert owners == 2


async def test_the_last_owner_neither_leaves_nor_steps_down(database: Database) -> None:
    organization = await tenant(database)
    owner = await join(database, organization, "U1", Role.OWNER)
    await join(database, organization, "U2", Role.ADMIN)

    async with database.organization(organization) as session:
        with pytest.raises(LastOwner):
            await Members(session).end(organization, owner.id)
        with pytest.raises(LastOwner):
            await Members(session).set_role(organization, owner.id, Role.ADMIN)
    async with database.organization(organization) as session:
        kept = await Members(session).set_role(organization, owner.id, Role.OWNER)
        count = await Members(session).count_owners(organization)

    assert (kept, count) == (True, 1)


async def test_when_all_owners_leave_at_once_one_is_kept(database: Database) -> None:
    organization = await tenant(database)
    owners = [await join(database, organization, f"U{number}", Role.OWNER) for number in range(8)]

    async def leave(owner: Membership) -> bool:
        try:
            async with database.organization(organization) as session:
                if owner.user_id < "U4":
                    return await Members(session).end(organization, owner.id)
                return await Members(session).set_role(organization, owner.id, Role.MEMBER)
        except LastOwner:
            return False

    left = await asyncio.gather(*map(leave, owners))

    assert sum(left) == 7
    async with database.organization(organization, write=False) as session:
        assert await Members(session).count_owners(organization) == 1


async def test_roles_change_and_absent_members_change_nothing(database: Database) -> None:
    organization = await tenant(database)
    await join(database, organization, "U1", Role.OWNER)
    member = await join(database, organization, "U2")

    async with database.organization(organization) as session:
        members = Members(session)
        answers = [
            await members.set_role(organization, member.id, Role.ADMIN),
            await members.set_role(organization, "mem_absent", Role.ADMIN),
            await members.end(organization, member.id),
            await members.end(organization, member.id),
            await members.set_role(organization, member.id, Role.OWNER),
        ]

    assert answers == [True, False, True, False, False]


async def test_somebody_who_leaves_slack_leaves_every_organization_even_as_last_owner(
    database: Database,
) -> None:
    organizations = [await tenant(database, name) for name in "ab"]
    for organization in organizations:
        await join(database, organization, "U1", Role.OWNER)
    await join(database, organizations[0], "U2")

    async with database.system() as session:
        ended = await Members(session).end_person("T1", "U1")
        again = await Members(session).end_person("T1", "U1")
        left = [each.user_id for each in await Members(session).all(organizations[0])]

    assert {each.organization_id for each in ended} == set(organizations)
    assert all(each.ended_at is not None for each in ended)
    assert (again, left) == ([], ["U2"])


async def test_a_member_is_last_seen_where_they_were(database: Database) -> None:
    organization = await tenant(database)
    member = await join(database, organization, "U1")

    async with database.organization(organization) as session:
        await Members(session).touch(member.id, "T2")

    async with database.organization(organization, write=False) as session:
        found = await Members(session).get(organization, member.id)
    assert found is not None
    assert found.team_id == "T2"


async def test_of_many_who_would_renew_a_bot_token_one_at_a_time_may(
    database: Database, vault: Vault
) -> None:
    async with database.system() as session:
        installation = await install(session, vault)
        await Installations(session, vault).rotate(installation, "xoxb-1", "xoxe-1", AT)

    async def take(lease: timedelta = timedelta(seconds=30)) -> Installation | None:
        async with database.system() as session:
            return await Rotations(session).take(installation, lease)

    taken = [each for each in await asyncio.gather(*(take() for _ in range(8))) if each]
    async with database.system() as session:
        await Rotations(session).give_back(taken[0])
    dead, next_one = await take(timedelta(seconds=-1)), await take()
    async with database.system() as session:
        await Installations(session, vault).rotate(installation, "xoxb-2", "xoxe-2", AT + timedelta(hours=12))

    assert len(taken) == 1
    assert dead is not None
    assert next_one is not None
    assert await take() is None
    assert await run_sql(database, "SELECT rotating_until FROM installation") == [(None,)]
