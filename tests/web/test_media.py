"""The addresses at which platforms fetch files."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
from sqlmodel import col, select, update

from bot.web.media import range_of
from storage.engine.statements import now
from storage.media import Files
from storage.models import Delivery, DeliveryStatus, MediaPreview, StoredFile, new_secret
from tests.application import Office
from tests.storage.world import build

BYTES = bytes(range(256)) * 20_000  # several pieces of 1 MiB


async def published(office: Office, status: DeliveryStatus = DeliveryStatus.PREPARING) -> str:
    """Return the path of a file of a post that is under way."""
    world, token = await build(office.database, office.parts.vault, "1"), new_secret()
    key = world.media_keys[0]
    await office.parts.posts.library.store.write(key, BytesIO(BYTES))
    async with office.database.system() as session:
        await session.exec(update(StoredFile).where(col(StoredFile.key) == key).values(size=len(BYTES)))
        delivery = (await session.exec(select(Delivery).where(Delivery.id == world.delivery_id))).one()
        delivery.status, delivery.work_at = status, None
        await Files(session).open_address(
            token, world.organization_id, key, world.delivery_id, timedelta(hours=2)
        )
    return f"/media/{token}"


async def test_a_platform_gets_the_file_whole_and_in_parts(office: Office) -> None:
    path = await published(office)

    async with office.browser() as platform:
        whole = await platform.get(path)
        head = await platform.head(path)
        part = await platform.get(path, headers={"Range": "bytes=100-1099"})
        beyond = await platform.get(path, headers={"Range": f"bytes={len(BYTES)}-"})
        robots = await platform.get("/robots.txt")

    assert (whole.status_code, whole.content) == (200, BYTES)
    assert (whole.headers["content-type"], whole.headers["accept-ranges"]) == ("image/jpeg", "bytes")
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert (head.headers["content-length"], head.content) == (str(len(BYTES)), b"")
    assert (part.status_code, part.content) == (206, BYTES[100:1100])
    assert part.headers["content-range"] == f"bytes 100-1099/{len(BYTES)}"
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(BYTES)}")
    assert "Allow: /media/\n" in robots.text


async def test_nothing_is_there_once_the_outcome_is_final_or_the_bytes_are_gone(office: Office) -> None:
    path = await published(office, DeliveryStatus.SENT)

    async with office.browser() as platform:
        statuses = [(await platform.get(each)).status_code for each in (path, f"/media/{new_secret()}")]

    assert statuses == [404, 404]


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("", (0, 1000)),
        ("bytes=0-499", (0, 500)),
        ("bytes=500-", (500, 1000)),
        ("bytes=999-5000", (999, 1000)),
        ("bytes=-100", (900, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes=-0", None),
        ("bytes=1000-", None),
        ("bytes=9-3", (0, 1000)),
        ("bytes=0-1,5-6", (0, 1000)),
        ("bytes=-", (0, 1000)),
        ("lines=0-1", (0, 1000)),
        ("bytes=a-b", (0, 1000)),
    ],
)
def test_the_part_that_is_served_is_the_part_that_was_asked_for(
    header: str, part: tuple[int, int] | None
) -> None:
    assert range_of(header, 1000) == part


async def test_a_preview_is_served_to_whoever_has_its_address_and_never_cached(office: Office) -> None:
    world, token = await build(office.database, office.parts.vault, "1"), new_secret()
    drawn = world.media_keys[1]
    await office.parts.posts.library.store.write(drawn, BytesIO(BYTES))
    async with office.database.system() as session:
        await session.exec(update(StoredFile).where(col(StoredFile.key) == drawn).values(size=len(BYTES)))
        await Files(session).open_preview(token, world.organization_id, drawn, timedelta(minutes=10))

    async with office.browser() as slack:
        seen = await slack.get(f"/media/preview/{token}")
        elsewhere = await slack.get(f"/media/{token}")
        unknown = await slack.get(f"/media/preview/{new_secret()}")
        async with office.database.system() as session:
            await session.exec(update(MediaPreview).values(expires_at=now()))
        over = await slack.get(f"/media/preview/{token}")

    assert (seen.status_code, seen.content, seen.headers["content-type"]) == (200, BYTES, "image/jpeg")
    assert seen.headers["cache-control"] == "no-store"
    assert seen.headers["x-content-type-options"] == "nosniff"
    assert seen.headers["cross-origin-resource-policy"] == "cross-origin"
    assert [one.status_code for one in (elsewhere, unknown, over)] == [404, 404, 404]
