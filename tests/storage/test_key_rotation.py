from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlmodel import select

from storage.accounts import Accounts
from storage.discoveries import Discoveries, Found, NewDiscovery
from storage.grants import Grants, token_pair
from storage.key_rotation import remaining, rotate
from storage.models import Grant
from storage.vault import KeyMissing, KeyRing, SealBroken, Vault, VaultError, check_canaries
from tests.counts import in_full, tries
from tests.databases import another, in_a_thread
from tests.storage.world import build, pending_grant, run_sql, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database

OLD, NEW = KeyRing.generate(1), KeyRing.generate(2)
BEFORE, AFTER = Vault(KeyRing.parse(OLD)), Vault(KeyRing.parse(f"{NEW},{OLD}"))
ONLY_NEW = Vault(KeyRing.parse(NEW))


async def grants_of(database: Database, vault: Vault, count: int) -> str:
    """Return the id of an organization with grants named after their tokens."""
    organization = await tenant(database)
    async with database.system() as session:
        await check_canaries(session, vault)
        for number in range(count):
            await pending_grant(session, vault, organization, access=f"a{number}", refresh=f"r{number}")
    return organization


async def test_every_value_of_every_table_gets_the_newest_key(database: Database) -> None:
    world = await build(database, BEFORE, "1")
    heard: list[tuple[int, int]] = []

    count = await rotate(database, AFTER, batch=3, progress=lambda done, total: heard.append((done, total)))

    assert count == 14
    assert await remaining(database, AFTER) == {2: 14, 1: 0}
    assert heard[-1] == (14, 14)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    async with database.system() as session:
        await check_canaries(session, ONLY_NEW)
        account = await Accounts(session, ONLY_NEW).get(world.organization_id, world.account_id)
        assert account is not None
        token = Accounts(session, ONLY_NEW).token(account[0])
    assert token is not None
    assert token.reveal() == "page-token"


async def test_a_second_rotation_has_nothing_to_do(database: Database) -> None:
    await build(database, BEFORE, "1")
    await rotate(database, AFTER)

    assert await rotate(database, AFTER) == 0


async def test_a_rotation_that_dies_is_continued_by_the_next(database: Database) -> None:
    await grants_of(database, BEFORE, 50)

    class PowerCutError(Exception):
        pass

    def die(done: int, _total: int) -> None:
        if done >= 20:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        await rotate(database, AFTER, batch=10, progress=die)
    left = await remaining(database, AFTER)
    count = await rotate(database, AFTER, batch=10)

    assert left == {2: 20, 1: 80}
    assert count == 80


WRITERS = 9
"""One fewer than the pool has connections, which go to whoever asks first, not to whoever waits longest."""


async def write(database: Database, organization: str, vault: Vault, grant_id: str, token: str) -> None:
    """Read a grant as any running process would, and store another token."""
    async with database.system() as session:
        grants = Grants(session, AFTER)
        grant = await grants.get(organization, grant_id)
        assert grant is not None
        token_pair(AFTER, grant)
        grant.access_sealed = vault.seal(
            token, table="grant_", column="access_sealed", organization=None, row=grant_id
        )
        await session.flush()


@in_full
async def test_nothing_is_lost_or_left_while_others_write(database: Database) -> None:
    grants_there = tries(200, 80)
    organization = await grants_of(database, BEFORE, grants_there)
    ids = [row[0] for row in await run_sql(database, "SELECT id FROM grant_ ORDER BY id")]
    written: dict[str, str] = {}
    rotated = asyncio.Event()

    async def keep_writing(number: int) -> None:
        """Write a ninth of the grants again and again; the first ones like a process with the old ring."""
        mine = ids[number::WRITERS]
        for turn in range(1000):
            if turn >= 5 and rotated.is_set():
                return
            grant_id, token = mine[turn % len(mine)], f"written-{number}-{turn}"
            await write(database, organization, BEFORE if turn < 5 else AFTER, grant_id, token)
            written[grant_id] = token

    writers = [asyncio.create_task(keep_writing(number)) for number in range(WRITERS)]
    count = await rotate(database, AFTER, batch=grants_there // 10)
    rotated.set()
    await asyncio.gather(*writers)
    rest = await rotate(database, AFTER)

    print(f"{database.dialect}: {count} + {rest} values rotated while {len(written)} were written, 0 left")
    assert await remaining(database, AFTER) == {2: 2 * grants_there, 1: 0}
    async with database.system(write=False) as session:
        grants = Grants(session, ONLY_NEW)
        for grant_id in ids:
            grant = await grants.get(organization, grant_id)
            assert grant is not None
            token = token_pair(ONLY_NEW, grant).access.reveal()
            assert token == written[grant_id] if grant_id in written else token.startswith("a")


async def test_a_process_that_keeps_the_old_ring_is_reported(database: Database) -> None:
    organization = await grants_of(database, BEFORE, 1)
    ((grant_id,),) = await run_sql(database, "SELECT id FROM grant_")

    async def seal_with_the_old_key() -> None:
        other = another(database)
        await write(other, organization, BEFORE, grant_id, "t")
        await other.close()

    with pytest.raises(VaultError, match="give them the new ring"):
        await rotate(
            database, AFTER, progress=lambda _done, _total: in_a_thread(seal_with_the_old_key), passes=1
        )

    assert (await remaining(database, AFTER))[1] >= 1
    await rotate(database, AFTER)
    assert (await remaining(database, AFTER))[1] == 0


async def test_a_ring_without_the_used_key_touches_nothing(database: Database) -> None:
    await build(database, BEFORE, "1")

    with pytest.raises(KeyMissing):
        await rotate(database, ONLY_NEW)

    assert await remaining(database, BEFORE) == {1: 14}


async def test_values_that_do_not_open_are_named_after_the_others_were_rotated(database: Database) -> None:
    await grants_of(database, BEFORE, 3)
    swap = "UPDATE grant_ SET access_sealed = refresh_sealed WHERE id = :id"
    ((first,), *_) = await run_sql(database, "SELECT id FROM grant_ ORDER BY id")
    await run_sql(database, swap, id=first)

    with pytest.raises(SealBroken, match=f"1 values do not open: grant_.access_sealed of {first}"):
        await rotate(database, AFTER)

    assert await remaining(database, AFTER) == {2: 5, 1: 1}


async def test_values_that_somebody_holds_are_reported_instead_of_waited_for(
    postgres_database: Database,
) -> None:
    await grants_of(postgres_database, BEFORE, 2)

    async with postgres_database.system() as holder:
        await holder.exec(select(Grant).limit(1).with_for_update())
        with pytest.raises(VaultError, match="2 values are still sealed with older keys"):
            await rotate(postgres_database, AFTER, passes=3)

    assert await rotate(postgres_database, AFTER) == 2


async def test_found_accounts_are_rotated_at_their_own_place(database: Database) -> None:
    organization = await tenant(database)
    async with database.system() as session:
        grant = await pending_grant(session, BEFORE, organization, refresh=None)
        discovery = await Discoveries(session, BEFORE).keep(
            organization,
            NewDiscovery(membership_id="m", grant_id=grant.id, team_id="T", channel_id="C"),
            [Found(remote_id=f"r{n}", kind="Page", name=f"p{n}", token=f"t{n}") for n in range(30)],
        )

    assert await rotate(database, AFTER, batch=7) == 31

    async with database.system(write=False) as session:
        discoveries = Discoveries(session, ONLY_NEW)
        found = await discoveries.search(organization, discovery.id, "")
        opened = [discoveries.token(each) for each in found]
    assert [token.reveal() for token in opened if token] == [f"t{n}" for n in range(30)]
