"""The stored files, as a delivery has them."""

from __future__ import annotations

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


async def _stored(database: Database, folder: Path) -> tuple[DeliveryMedia, MediaStore]:
    store = MediaStore(str(folder))
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
