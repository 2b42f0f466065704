"""Accounts are attached, found and disconnected."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from storage.accounts import Accounts
from storage.discoveries import Discoveries
from storage.grants import Grants
from storage.models import Account
from tests.storage.world import build, consent, new_account, run_sql, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault


async def test_an_account_attached_again_is_the_same_with_its_newest_facts(
    database: Database, vault: Vault
) -> None:
    organization = await tenant(database)
    grant = await consent(database, vault, organization, account=None)
    other = await consent(database, vault, organization, "p2", account=None)

    async with database.organization(organization) as session:
        accounts = Accounts(session, vault)
        first = await accounts.attach(
            organization, grant=grant, connected_by="mem_1", found=new_account(token="t1")
        )
        first_id, since = first.id, first.connected_at
        again = await accounts.attach(
            organization,
            grant=other,
            connected_by="mem_2",
            found=new_account(token="t2", name="New name", missing=("insights",)),
        )
        token = accounts.token(again)

    assert (again.id, again.grant_id, again.connected_by) == (first_id, other.id, "mem_2")
    assert (again.name, again.missing, again.connected_at) == ("New name", ["insights"], since)
    assert token is not None
    assert token.reveal() == "t2"


async def test_a_disconnected_account_has_no_token_and_comes_back_when_attached(
    database: Database, vault: Vault
) -> None:
    organization = await tenant(database)
    grant = await consent(database, vault, organization)
    async with database.organization(organization) as session:
        accounts = Accounts(session, vault)
        ((account, _),) = await accounts.all(organization)
        gone = await accounts.disconnect(organization, account.id)
        again = await accounts.disconnect(organization, account.id)
        listed = await accounts.all(organization)
        remote = await accounts.remote_ids(organization, "x")
        found = await accounts.get(organization, account.id)
    assert gone is not None
    assert (gone.token_sealed, gone.grant_id, again, listed, remote, found) == (
        None,
        None,
        None,
        [],
        set(),
        None,
    )
    assert accounts.token(gone) is None
    assert gone.disconnected_at is not None

    async with database.organization(organization) as session:
        back = await Accounts(session, vault).attach(
            organization, grant=grant, connected_by="mem_1", found=new_account(token=None)
        )
        token = Accounts(session, vault).token(back)

    assert (back.id, back.disconnected_at, back.grant_id, token) == (account.id, None, grant.id, None)


async def test_of_many_who_disconnect_an_account_at_once_one_gets_it(
    database: Database, vault: Vault
) -> None:
    organization = await tenant(database)
    await consent(database, vault, organization)
    ((account_id,),) = await run_sql(database, "SELECT id FROM account")

    async def disconnect() -> Account | None:
        async with database.organization(organization) as session:
            return await Accounts(session, vault).disconnect(organization, account_id)

    answers = await asyncio.gather(*(disconnect() for _ in range(16)))

    assert sum(answer is not None for answer in answers) == 1


async def test_the_same_remote_account_may_belong_to_two_organizations(
    database: Database, vault: Vault
) -> None:
    one, two = await tenant(database), await tenant(database)
    await consent(database, vault, one)
    await consent(database, vault, two)

    for organization in (one, two):
        async with database.organization(organization) as session:
            assert await Accounts(session, vault).remote_ids(organization, "x") == {"r-1"}
            assert await Accounts(session, vault).remote_ids(organization, "tiktok") == set()


async def test_many_who_attach_the_same_account_at_once_make_one(database: Database, vault: Vault) -> None:
    organization = await tenant(database)
    grant = await consent(database, vault, organization, account=None)

    async def attach() -> str:
        async with database.organization(organization) as session:
            account = await Accounts(session, vault).attach(
                organization, grant=grant, connected_by="mem_1", found=new_account()
            )
            return account.id

    ids = await asyncio.gather(*(attach() for _ in range(16)))

    assert len(set(ids)) == 1


async def test_accounts_come_by_platform_and_name_with_their_grants(database: Database, vault: Vault) -> None:
    organization = await tenant(database)
    x = await consent(database, vault, organization, account=None)
    tiktok = await consent(database, vault, organization, account=None, platform="tiktok", app="tiktok")
    async with database.organization(organization) as session:
        accounts = Accounts(session, vault)
        for grant, name in ((x, "beta"), (x, "Alpha"), (tiktok, "zeta")):
            await accounts.attach(
                organization, grant=grant, connected_by="mem_1", found=new_account(name, name=name)
            )
        everything = await accounts.all(organization)
        only = await accounts.all(organization, "x")

    named = [(account.name, grant.id if grant else None) for account, grant in everything]
    assert named == [("zeta", tiktok.id), ("Alpha", x.id), ("beta", x.id)]
    assert [account.name for account, _ in only] == ["Alpha", "beta"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Octa Mugs", 1),
        ("  octa   MUGS ", 1),
        ("@octamugs", 1),
        ("octamugs", 1),
        ("x octa mugs", 1),
        ("X @OctaMugs", 1),
        ("tiktok octa mugs", 0),
        ("octa", 0),
        ("", 0),
        ("STRASSE", 1),
        ("%", 0),
    ],
)
async def test_an_account_is_found_by_the_names_people_call_it(
    database: Database, vault: Vault, text: str, found: int
) -> None:
    organization = await tenant(database)
    grant = await consent(database, vault, organization, account=None)
    async with database.organization(organization) as session:
        accounts = Accounts(session, vault)
        for name, handle in (("Octa Mugs", "@octamugs"), ("Straße", "")):
            await accounts.attach(
                organization,
                grant=grant,
                connected_by="mem_1",
                found=new_account(name, name=name, handle=handle),
            )

        assert len(await accounts.find_named(organization, text)) == found


async def test_a_found_account_is_attached_with_its_own_token(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    async with database.organization(world.organization_id) as session:
        grant = await Grants(session, vault).get(world.organization_id, world.grant_id)
        assert grant is not None
        discoveries = Discoveries(session, vault)
        (row,) = await discoveries.take(world.organization_id, world.discovery_id, [world.found_id])
        found = discoveries.opened(row)
        accounts = Accounts(session, vault)
        account = await accounts.attach(world.organization_id, grant=grant, connected_by="mem_1", found=found)
        token = accounts.token(account)

    assert token is not None
    assert token.reveal() == "page-token"
    assert account.token_sealed != row.token_sealed
