"""The stored files, as a delivery has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cached_property
from io import BytesIO
from pathlib import Path

import pytest

from adapters.base import Media, MediaKind
from bot.services.media.library import DeliveryMedia, MediaLibrary
from storage.engine.db import Database
from storage.media import Files
from storage.media_store import MediaStore
from storage.models import StoredFile, utc_now
from storage.organizations import Organizations

KEY = "k1"
FILE = Media(key=KEY, kind=MediaKind.IMAGE, type="image/png", size=3)


@pytest.mark.parametrize("lacks", ["nothing", "the bytes", "the row"])
async def test_a_file_is_stored_with_its_row_and_its_bytes(
    sqlite_database: Database, tmp_path: Path, lacks: str
) -> None:
    media, store = await _stored(sqlite_database, tmp_path)
    if lacks == "the bytes":
        await store.delete(KEY)
    if lacks == "the row":
        async with sqlite_database.system() as session:
            await Files(session).discard_all(media.organization_id)

    assert await media.has(FILE) is (lacks == "nothing")


async def test_a_file_that_is_read_in_parts_is_opened_once(sqlite_database: Database, tmp_path: Path) -> None:
    media, store = await _stored(sqlite_database, tmp_path)

    async def read(start: int, length: int | None) -> bytes:
        return b"".join([piece async for piece in media.read(FILE, start, length)])

    in_order = [await read(0, 1), await read(1, 1), await read(2, None)]
    opened = len(store.reads)
    again = [await read(0, 2), await read(1, 1), await read(0, None)]

    assert in_order == [b"m", b"u", b"g"]
    assert opened == 1
    assert again == [b"mu", b"u", b"mug"]
    assert store.reads == [(0, 3), (0, 3), (1, 3), (0, 3)]


class CountingStore(MediaStore):
    """A store that counts how often files are opened."""

    @cached_property
    def reads(self) -> list[tuple[int, int]]:
        """Where each read began, and where it ends."""
        return []

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes."""
        self.reads.append((start, end))
        async for piece in super().read(key, start, end):
            yield piece


async def _stored(database: Database, folder: Path) -> tuple[DeliveryMedia, CountingStore]:
    store = CountingStore(str(folder))
    await store.write(KEY, BytesIO(b"mug"))
    async with database.system() as session:
        organization = await Organizations(session).create("Acme")
        await Files(session).add(
            StoredFile(
                organization_id=organization.id,
                key=KEY,
                name="mug.png",
                kind="image",
                type="image/png",
                size=3,
                sha256=bytes(32),
                used_at=utc_now(),
            )
        )
    library = MediaLibrary(database=database, store=store, public_url="https://octapost.example")
    return library.of(organization.id, "dlv_1"), store
