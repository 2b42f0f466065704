"""Files of posts: who may have them, how long they are kept, and when platforms may fetch them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import col, select, update

from storage.engine.db import Database
from storage.engine.statements import now
from storage.media import Files
from storage.models import (
    Delivery,
    DeliveryStatus,
    MediaAddress,
    MediaPreview,
    MediaRemoval,
    StoredFile,
    new_secret,
)
from storage.vault import Vault
from tests.counts import sampled, tries
from tests.storage.world import World, build

GUESSES = tries(100_000, 500)


async def keys_of(database: Database) -> set[str]:
    async with database.system(write=False) as session:
        return set(await session.exec(select(StoredFile.key)))


async def removals(database: Database) -> set[str]:
    async with database.system(write=False) as session:
        return set(await Files(session).due_removals())


async def become(database: Database, world: World, status: DeliveryStatus) -> None:
    """Let every delivery of the world's post have this status, and be due now."""
    async with database.system() as session:
        change = update(Delivery).where(col(Delivery.post_id) == world.post_id)
        await session.exec(change.values(status=status, due_at=now()))


async def test_what_nobody_uses_is_swept_and_what_a_delivery_waits_for_is_kept(
    database: Database, vault: Vault
) -> None:
    world = await build(database, vault, "1")
    posted, unused = world.media_keys

    async with database.system() as session:
        await Files(session).sweep(timedelta(0))
    kept = await keys_of(database)
    await become(database, world, DeliveryStatus.SENT)
    async with database.system() as session:
        await Files(session).sweep(timedelta(days=1))
        early = set(await session.exec(select(StoredFile.key)))
        await Files(session).sweep(timedelta(0))

    assert (kept, early, await keys_of(database)) == ({posted}, {posted}, set())
    assert await removals(database) == {posted, unused}


async def test_a_discarded_draft_takes_its_files_but_not_those_of_posts(
    database: Database, vault: Vault
) -> None:
    world = await build(database, vault, "1")
    posted, unused = world.media_keys

    async with database.system() as session:
        gone = await Files(session).discard(world.organization_id, world.media_keys)

    assert (gone, await keys_of(database), await removals(database)) == (1, {posted}, {unused})


async def test_an_upload_that_never_ended_is_deleted_and_one_that_did_is_not(
    database: Database, vault: Vault
) -> None:
    await build(database, vault, "1")

    async with database.system() as session:
        await session.exec(update(MediaRemoval).values(due_at=now()))

    assert await removals(database) == {"piece1", "three1"}


@pytest.mark.parametrize("status", sampled(list(DeliveryStatus), 3))
async def test_a_platform_can_fetch_a_file_only_while_its_delivery_is_under_way(
    sqlite_database: Database, vault: Vault, status: DeliveryStatus
) -> None:
    world, token = await build(sqlite_database, vault, "1"), new_secret()
    async with sqlite_database.system() as session:
        await Files(session).open_address(
            token, world.organization_id, world.media_keys[0], world.delivery_id, timedelta(hours=2)
        )
    await become(sqlite_database, world, status)

    async with sqlite_database.system(write=False) as session:
        found = await Files(session).at_address(token)

    open_in = {
        DeliveryStatus.SCHEDULED,  # the first request that names the file is under way
        DeliveryStatus.PREPARING,
        DeliveryStatus.READY,
        DeliveryStatus.SENDING,
        DeliveryStatus.UNKNOWN,
    }
    assert (found is not None) == (status in open_in)


async def test_a_preview_ends_and_none_is_guessed(sqlite_database: Database, vault: Vault) -> None:
    world, token, later = await build(sqlite_database, vault, "1"), new_secret(), new_secret()
    drawn = world.media_keys[1]
    async with sqlite_database.system() as session:
        files = Files(session)
        early = await files.at_preview(later)
        await files.open_preview(token, world.organization_id, drawn, timedelta(minutes=10))
        known = await files.at_preview(token)
        guessed = [await files.at_preview(new_secret()) for _ in range(GUESSES)]
        stored = repr(list(await session.exec(select(MediaPreview))))
        published = await files.at_address(token)
        await session.exec(update(MediaPreview).values(expires_at=now()))
        late = await files.at_preview(token)

    assert known is not None
    assert (early, known.key, published, late) == (None, drawn, None, None)
    assert guessed == [None] * GUESSES
    assert token not in stored


async def test_what_was_drawn_for_a_preview_is_deleted_an_hour_after_it_was_shown(
    sqlite_database: Database, vault: Vault
) -> None:
    world = await build(sqlite_database, vault, "1")
    posted, drawn = world.media_keys

    async with sqlite_database.system() as session:
        await Files(session).sweep(timedelta(days=30))
    kept = await keys_of(sqlite_database)
    async with sqlite_database.system() as session:
        await session.exec(update(StoredFile).values(used_at=now(timedelta(hours=-1))))
        await Files(session).sweep(timedelta(days=30))

    assert (kept, await keys_of(sqlite_database)) == ({posted, drawn}, {posted})


async def test_an_address_ends_and_none_is_guessed(sqlite_database: Database, vault: Vault) -> None:
    world, token = await build(sqlite_database, vault, "1"), new_secret()
    await become(sqlite_database, world, DeliveryStatus.PREPARING)
    async with sqlite_database.system() as session:
        files = Files(session)
        await files.open_address(
            token, world.organization_id, world.media_keys[0], world.delivery_id, timedelta(hours=2)
        )
        known = await files.at_address(token)
        guessed = [await files.at_address(new_secret()) for _ in range(GUESSES)]
        stored = repr(list(await session.exec(select(MediaAddress))))
        await session.exec(update(MediaAddress).values(expires_at=now()))
        late = await files.at_address(token)

    assert known is not None
    assert (known.key, late) == (world.media_keys[0], None)
    assert guessed == [None] * GUESSES
    assert token not in stored
