from __future__ import annotations

import base64
import copy
import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.models import Canary, Grant
from storage.vault import (
    KeyMissing,
    KeyRing,
    KeyRingError,
    SealBroken,
    Secret,
    Vault,
    VaultError,
    check_canaries,
    keys_in_use,
    sealed_columns,
)
from tests.counts import tries
from tests.storage.world import build, run_sql

if TYPE_CHECKING:
    from storage.engine.db import Database

PLACE = {"table": "grant_", "column": "access_sealed", "organization": "org_1", "row": "grt_1"}
KEY_1 = f"1:{base64.b64encode(bytes(range(32))).decode()}"
KEY_2 = f"2:{base64.b64encode(bytes(range(32, 64))).decode()}"


def ring_of(*keys: str) -> Vault:
    return Vault(KeyRing.parse(",".join(keys)))


@settings(max_examples=tries(100, 5))
@given(st.text())
def test_what_was_sealed_opens_again(plaintext: str) -> None:
    vault = ring_of(KEY_1)

    sealed = vault.seal(plaintext, **PLACE)

    assert vault.open(sealed, **PLACE).reveal() == plaintext
    assert sealed[:3] == b"\x01\x00\x01"
    assert vault.seals == {1: 1}


def test_the_same_value_never_looks_the_same(vault: Vault) -> None:
    assert len({vault.seal("token", **PLACE) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("part", PLACE)
def test_a_value_moved_elsewhere_does_not_open(vault: Vault, part: str) -> None:
    sealed = vault.seal("token", **PLACE)

    with pytest.raises(SealBroken) as refusal:
        vault.open(sealed, **PLACE | {part: "other"})

    assert "token" not in str(refusal.value)


def test_a_row_without_an_organization_has_a_place_of_its_own(vault: Vault) -> None:
    sealed = vault.seal("token", table="grant_", column="access_sealed", organization=None, row="grt_1")

    with pytest.raises(SealBroken):
        vault.open(sealed, **PLACE)


def test_of_a_thousand_swapped_rows_none_opens(vault: Vault) -> None:
    sealed = [vault.seal(f"token-{row}", **PLACE | {"row": str(row)}) for row in range(1000)]

    opened = 0
    for row, value in enumerate(sealed):
        try:
            vault.open(value, **PLACE | {"row": str((row + 1) % 1000)})
            opened += 1
        except SealBroken:
            pass

    print(f"{opened} of 1000 swapped rows opened")
    assert opened == 0
    assert vault.open(sealed[7], **PLACE | {"row": "7"}).reveal() == "token-7"


def test_every_flipped_bit_is_refused(vault: Vault) -> None:
    sealed = vault.seal("an access token of usual length", **PLACE)

    for bit in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VaultError):
            vault.open(bytes(altered), **PLACE)


@pytest.mark.parametrize("length", range(31))
def test_a_truncated_value_is_refused(vault: Vault, length: int) -> None:
    sealed = vault.seal("token", **PLACE)

    with pytest.raises(VaultError):
        vault.open(sealed[:length], **PLACE)


def test_the_first_key_seals_and_all_of_them_open() -> None:
    old = ring_of(KEY_1).seal("token", **PLACE)
    vault = ring_of(KEY_2, KEY_1)

    new = vault.seal("token", **PLACE)

    assert (vault.key_id(old), vault.key_id(new), vault.newest) == (1, 2, 2)
    assert vault.open(old, **PLACE) == vault.open(new, **PLACE)


def test_a_value_of_a_key_that_left_names_the_key() -> None:
    sealed = ring_of(KEY_2).seal("token", **PLACE)

    with pytest.raises(KeyMissing, match="Key 2 is needed") as refusal:
        ring_of(KEY_1).open(sealed, **PLACE)

    assert refusal.value.key_id == 2


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        (" , ", "is empty"),
        ("AAAA", "key 1 does not start with an id"),
        ("x:AAAA", "key 1 does not start with an id"),
        ("0:AAAA", "key 1 does not start with an id"),
        ("65536:AAAA", "key 1 does not start with an id"),
        ("\u0661:AAAA", "key 1 does not start with an id"),
        ("-1:AAAA", "key 1 does not start with an id"),
        (f"{KEY_1},2", "key 2 does not start with an id"),
        (f"{KEY_1},{KEY_1}", "id 1 is there twice"),
        (f"{KEY_1},01:{KEY_2[2:]}", "id 1 is there twice"),
        ("3:not base64!", "key 3 is not base64"),
        ("3:ABCDE", "key 3 is not base64"),
        ("3:\u00e4", "key 3 is not base64"),
        ("3:" + base64.b64encode(b"x" * 31).decode(), "key 3 has 31 bytes instead of 32"),
        ("3:" + base64.b64encode(b"x" * 33).decode(), "key 3 has 33 bytes instead of 32"),
        ("3:", "key 3 has 0 bytes instead of 32"),
    ],
)
def test_a_faulty_ring_is_refused_with_its_fault_and_without_its_keys(text: str, fault: str) -> None:
    with pytest.raises(KeyRingError, match=fault) as refusal:
        KeyRing.parse(text)

    assert all(len(part) < 4 or part not in str(refusal.value) for part in text.split(":") if part)
    assert refusal.value.__cause__ is None


def test_a_ring_may_be_written_over_several_lines() -> None:
    ring = KeyRing.parse(f"\n {KEY_2} ,\n {KEY_1},\n")

    assert list(ring) == [2, 1]
    assert 2 in ring
    assert 3 not in ring
    assert repr(ring) == "KeyRing([2, 1])"


def test_a_secret_shows_only_when_asked() -> None:
    secret = Secret("hunter2")

    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>20}", "%s" % secret, repr([secret])]  # noqa: UP031

    assert all("hunter2" not in each for each in shown)
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize("take_apart", [pickle.dumps, copy.copy, copy.deepcopy, hash])
def test_a_secret_is_neither_pickled_copied_nor_hashed(take_apart: type) -> None:
    with pytest.raises(TypeError):
        take_apart(Secret("hunter2"))


def test_secrets_are_compared_by_value_and_with_secrets_only() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


async def test_the_first_boot_leaves_a_canary_and_the_next_ones_open_it(database: Database) -> None:
    vault = ring_of(KEY_1)

    for _ in range(3):
        async with database.system() as session:
            await check_canaries(session, vault)

    assert await run_sql(database, "SELECT key_id FROM canary") == [(1,)]


async def test_whoever_only_looks_leaves_nothing_behind(database: Database) -> None:
    async with database.system(write=False) as session:
        await check_canaries(session, ring_of(KEY_1), leave=False)

    assert await run_sql(database, "SELECT key_id FROM canary") == []


async def test_a_wrong_key_is_refused_by_its_id_and_changes_nothing(database: Database) -> None:
    async with database.system() as session:
        await check_canaries(session, ring_of(KEY_1))
    before = await run_sql(database, "SELECT key_id, value_sealed FROM canary")

    with pytest.raises(VaultError, match="Vault key 1 is not the key 1"):
        async with database.system() as session:
            await check_canaries(session, ring_of(KEY_2, KeyRing.generate(1)))

    assert await run_sql(database, "SELECT key_id, value_sealed FROM canary") == before


@pytest.mark.parametrize("leave", [True, False])
async def test_a_wrong_key_is_refused_also_where_its_canary_is_gone(
    database: Database, *, leave: bool
) -> None:
    await build(database, ring_of(KEY_1), "1")
    await run_sql(database, "DELETE FROM canary")

    with pytest.raises(VaultError, match="Vault key 1 is not the key 1"):
        async with database.system() as session:
            await check_canaries(session, ring_of(KeyRing.generate(1)), leave=leave)

    assert await run_sql(database, "SELECT key_id FROM canary") == []
    async with database.system() as session:
        await check_canaries(session, ring_of(KEY_1), leave=leave)


async def test_a_wrong_older_key_without_a_canary_is_refused_too(database: Database) -> None:
    await build(database, ring_of(KEY_1), "1")
    await build(database, ring_of(KEY_2, KEY_1), "2")
    await run_sql(database, "DELETE FROM canary WHERE key_id = 1")

    with pytest.raises(VaultError, match="Vault key 1 is not the key 1"):
        async with database.system() as session:
            await check_canaries(session, ring_of(KEY_2, KeyRing.generate(1)))


async def test_a_value_that_was_altered_does_not_make_its_key_a_wrong_one(database: Database) -> None:
    await build(database, ring_of(KEY_1), "1")
    await run_sql(database, "DELETE FROM canary")
    for _, column in sealed_columns()[1:]:
        await run_sql(
            database,
            f"UPDATE {column.table.name} SET {column.name} = substr({column.name}, 1, 20)",  # noqa: S608 - our own
        )

    async with database.system() as session:
        await check_canaries(session, ring_of(KEY_1))

    assert await run_sql(database, "SELECT key_id FROM canary") == [(1,)]


async def test_a_ring_that_misses_a_used_key_is_refused_by_its_id(database: Database) -> None:
    await build(database, ring_of(KEY_1), "1")

    with pytest.raises(KeyMissing, match="Key 1 is needed"):
        async with database.system() as session:
            await check_canaries(session, ring_of(KEY_2))

    assert await run_sql(database, "SELECT key_id FROM canary") == [(1,)]


async def test_a_key_that_nothing_uses_may_leave_the_ring(database: Database) -> None:
    async with database.system() as session:
        await check_canaries(session, ring_of(KEY_1))

    async with database.system() as session:
        await check_canaries(session, ring_of(KEY_2))

    assert await run_sql(database, "SELECT key_id FROM canary ORDER BY key_id") == [(1,), (2,)]


async def test_sealed_values_are_counted_by_key(database: Database) -> None:
    await build(database, ring_of(KEY_1), "1")
    await build(database, ring_of(KEY_2, KEY_1), "2")

    async with database.system(write=False) as session:
        counts = await keys_in_use(session)

    assert counts == {1: 14, 2: 14}


def test_sealed_bytes_never_show_in_a_row() -> None:
    assert "secret" not in repr(Grant(platform="x", app="x", access_sealed=b"secret"))
    assert "secret" not in repr(Canary(key_id=1, value_sealed=b"secret"))
