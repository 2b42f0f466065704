"""What a fresh grant could see is listed, searched and chosen from once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from storage.discoveries import Discoveries, Found, NewDiscovery
from storage.grants import Grants
from storage.models import Discovery, FoundAccount
from tests.storage.world import build, expire, pending_grant, plan, run_sql, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault

BLOCKED = "no_create_content"


async def keep(database: Database, vault: Vault, found: list[Found]) -> tuple[str, str]:
    """Return the ids of an organization and of its discovery."""
    organization = await tenant(database)
    async with database.organization(organization) as session:
        grant = await pending_grant(session, vault, organization)
        discovery = await Discoveries(session, vault).keep(
            organization,
            NewDiscovery(
                membership_id="mem_1", grant_id=grant.id, team_id="T1", channel_id="C1", hints=["no_channel"]
            ),
            found,
        )
    return organization, discovery.id


def page(name: str, **more: Any) -> Found:
    return Found(**{"remote_id": name, "kind": "Page", "name": name} | more)


async def names(
    database: Database, vault: Vault, where: tuple[str, str], query: str, *, usable: bool | None = None
) -> list[str]:
    async with database.organization(where[0], write=False) as session:
        found = await Discoveries(session, vault).search(*where, query, usable=usable)
    return [each.name for each in found]


async def test_what_was_found_comes_usable_first_then_in_its_order(database: Database, vault: Vault) -> None:
    where = await keep(
        database, vault, [page("b", blocker=BLOCKED), page("d"), page("a", blocker=BLOCKED), page("c")]
    )

    assert await names(database, vault, where, "") == ["d", "c", "b", "a"]
    assert await names(database, vault, where, "", usable=True) == ["d", "c"]
    assert await names(database, vault, where, "", usable=False) == ["b", "a"]
    async with database.organization(where[0], write=False) as session:
        assert await Discoveries(session, vault).count(*where) == (2, 2)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("mug", ["Octa Mugs", "Mugs & More"]),
        ("MUGS octa", ["Octa Mugs"]),
        ("@more", ["Mugs & More"]),
        ("%", ["100 % Wool"]),
        ("_", []),
        ("\\", []),
        ("straße", ["Straße"]),
        ("ÜBER", ["Über"]),
        ("nothing", []),
        ("' OR 1=1", []),
    ],
)
async def test_the_typeahead_looks_for_every_word_in_name_and_handle(
    database: Database, vault: Vault, query: str, found: list[str]
) -> None:
    where = await keep(
        database,
        vault,
        [
            page("Octa Mugs"),
            page("Mugs & More", handle="@more"),
            page("100 % Wool"),
            page("Straße"),
            page("Über"),
        ],
    )

    assert await names(database, vault, where, query) == found


async def test_only_its_own_member_sees_a_discovery_and_only_for_a_day(
    database: Database, vault: Vault
) -> None:
    organization, discovery_id = await keep(database, vault, [page("a")])

    async def look(membership_id: str) -> Discovery | None:
        async with database.organization(organization, write=False) as session:
            return await Discoveries(session, vault).get(organization, discovery_id, membership_id)

    own = await look("mem_1")
    assert own is not None
    assert own.hints == ["no_channel"]
    assert await look("mem_2") is None
    await expire(database, Discovery)
    assert await look("mem_1") is None


async def test_only_usable_accounts_of_this_discovery_are_taken_while_it_lasts(
    database: Database, vault: Vault
) -> None:
    where = await keep(database, vault, [page("a", token="t"), page("b"), page("c", blocker=BLOCKED)])
    other = await keep(database, vault, [page("d")])
    ids = {name: row for row, name in await run_sql(database, "SELECT id, name FROM found_account")}

    async def take(*wanted: str) -> list[FoundAccount]:
        async with database.organization(where[0], write=False) as session:
            return await Discoveries(session, vault).take(*where, wanted)

    taken = await take(ids["b"], ids["a"], ids["c"], ids["d"], "fnd_absent")
    assert [found.name for found in taken] == ["a", "b"]
    assert await take() == []
    async with database.system(write=False) as session:
        discoveries = Discoveries(session, vault)
        token = discoveries.token(taken[0])
        assert token is not None
        assert (token.reveal(), discoveries.token(taken[1])) == ("t", None)
        assert await discoveries.count(*other) == (1, 0)
    await expire(database, Discovery)
    assert await take(ids["a"]) == []


async def test_nothing_found_is_a_discovery_too(database: Database, vault: Vault) -> None:
    where = await keep(database, vault, [])

    assert await names(database, vault, where, "") == []


async def test_a_discovery_of_a_grant_one_does_not_hold_is_refused(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    stranger = await tenant(database)

    async with database.organization(stranger) as session:
        for grant_id in (world.grant_id, "grt_absent"):
            with pytest.raises(LookupError):
                await Discoveries(session, vault).keep(
                    stranger,
                    NewDiscovery(membership_id="m", grant_id=grant_id, team_id="T", channel_id="C"),
                    [],
                )


async def test_a_discovery_goes_with_its_grant(database: Database, vault: Vault) -> None:
    organization, _ = await keep(database, vault, [page("a", token="t")])
    ((grant_id,),) = await run_sql(database, "SELECT id FROM grant_")

    async with database.organization(organization) as session:
        await Grants(session, vault).drop_pending(organization, grant_id)

    assert await run_sql(database, "SELECT count(*) FROM found_account") == [(0,)]


async def test_a_thousand_found_accounts_are_searched_by_index(database: Database, vault: Vault) -> None:
    where = await keep(database, vault, [page(f"Page {n}", token=f"token-{n}") for n in range(1000)])
    for _ in range(3):
        await keep(database, vault, [page(f"Page {n}") for n in range(1000)])

    found = await names(database, vault, where, "page 99")
    answer = await plan(
        database,
        "SELECT id FROM found_account WHERE organization_id = :organization AND discovery_id = :discovery"
        " AND search LIKE '%page 99%' ORDER BY position LIMIT 100",
        organization=where[0],
        discovery=where[1],
    )

    assert found == [f"Page {n}" for n in range(1000) if "99" in str(n)]
    assert "found_order" in answer or (database.dialect == "postgresql" and "Seq Scan" not in answer), answer
