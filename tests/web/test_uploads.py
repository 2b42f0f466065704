"""The upload page and its protocol: who may use it, and what it keeps whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from sqlmodel import col, delete, select, update

from bot.services.media.uploading import PIECE
from sandbox.slack.world import ACME, BEA, BLUE, OTTO
from storage.engine.statements import now
from storage.media import Files
from storage.models import (
    Draft,
    DraftLink,
    MediaRemoval,
    Membership,
    StoredFile,
    Upload,
    UploadPiece,
    new_secret,
)
from tests.application import Office
from tests.counts import in_full, sampled
from tests.media import jpeg, mp4
from tests.patience import PATIENCE_S
from tests.uploads import BYTES, TUS, linked, opened

CLIP = mp4()


async def test_a_file_arrives_in_pieces_and_is_in_the_draft_once_it_was_checked(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await opened(office, browser)
    shown = await browser.get(page.path)
    file = await page.announced(len(CLIP))

    first = await page.send(file, 0, CLIP[:1000])
    asked = await browser.head(file, headers=TUS)
    last = await page.send(file, 1000, CLIP[1000:])
    found = await page.checked()

    assert "Add files to your post" in shown.text
    policy = shown.headers["content-security-policy"]
    assert "script-src 'self'; connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert (first.status_code, first.headers["upload-offset"]) == (204, "1000")
    assert (asked.headers["upload-offset"], asked.headers["upload-length"]) == ("1000", str(len(CLIP)))
    assert "GMT" in asked.headers["upload-expires"]
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(CLIP)))
    assert [(one["name"], one["state"]) for one in found] == [("clip.mp4", "stored")]
    [stored], [upload] = await office.rows(StoredFile), await office.rows(Upload)
    assert (stored.kind, stored.organization_id) == ("video", upload.organization_id)
    assert await office.count(UploadPiece) == 0
    async with office.database.system(write=False) as session:
        assert len(await Files(session).due_removals()) == 2


async def test_without_the_browsers_cookie_the_address_opens_nothing(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await opened(office, browser)
    file = await page.announced(len(CLIP))

    async with office.browser() as stranger:
        shown = await stranger.get(page.path)
        statuses = [
            (await stranger.get(f"{page.path}/files")).status_code,
            (await stranger.options(f"{page.path}/files")).status_code,
            (await stranger.post(f"{page.path}/files", headers=TUS | {"Upload-Length": "5"})).status_code,
            (await stranger.head(file, headers=TUS)).status_code,
            (await stranger.patch(file, headers=BYTES | {"Upload-Offset": "0"}, content=CLIP)).status_code,
            (await stranger.delete(file, headers=TUS)).status_code,
        ]

    assert "Slack confirms that you" in shown.text
    assert "clip.mp4" not in shown.text
    assert statuses == [403] * 6
    assert [one["received"] for one in await page.files()] == [0]


async def test_a_forwarded_link_stops_at_slack(office: Office, browser: httpx.AsyncClient) -> None:
    path = await linked(office, await office.member())

    answer = await office.sign_in(browser, path, OTTO, ACME)

    assert answer.status_code == 403
    assert (await browser.get(f"{path}/files")).status_code == 403


@pytest.mark.parametrize(
    ("when", "status"), sampled([("before", 404), ("after", 404), ("published", 404)], 3, 1)
)
async def test_outside_of_its_window_a_link_is_nothing(
    office: Office, browser: httpx.AsyncClient, when: str, status: int
) -> None:
    page = await opened(office, browser)
    file = await page.announced(len(CLIP))
    path = page.path if when != "before" else f"/upload/{new_secret()}"

    async with office.database.system() as session:
        if when == "after":
            await session.exec(update(DraftLink).values(expires_at=now()))
        if when == "published":
            [draft] = await session.exec(select(Draft))
            await session.delete(draft)
    file = file.replace(page.path, path)
    statuses = [
        (await browser.get(path)).status_code,
        (await browser.get(f"{path}/files")).status_code,
        (await browser.head(file, headers=TUS)).status_code,
        (await browser.patch(file, headers=BYTES | {"Upload-Offset": "0"}, content=b"12")).status_code,
    ]

    assert statuses == [status] * 4


@pytest.mark.parametrize(
    ("headers", "size", "status"),
    sampled(
        [
            ({"Upload-Offset": "1"}, 10, 409),
            ({"Upload-Offset": "99999999"}, 10, 413),
            ({"Upload-Offset": "-1"}, 10, 400),
            ({"Upload-Offset": ""}, 10, 400),
            ({"Upload-Offset": "0"}, 2001, 413),
            ({"Upload-Offset": "0", "Content-Type": "text/plain"}, 10, 415),
            ({"Upload-Offset": "0", "Tus-Resumable": "0.2.2"}, 10, 412),
        ],
        3,
    ),
)
async def test_a_piece_that_does_not_fit_is_refused_and_changes_nothing(
    office: Office, browser: httpx.AsyncClient, headers: dict[str, str], size: int, status: int
) -> None:
    page = await opened(office, browser)
    file = await page.announced(2000)

    answer = await browser.patch(file, headers=BYTES | headers, content=bytes(size))

    assert answer.status_code == status
    assert [one["received"] for one in await page.files()] == [0]


@pytest.mark.parametrize(
    ("size", "status", "words"),
    sampled(
        [("0", 400, "empty"), ("9" * 15, 413, "too large"), ("many", 400, "number"), ("", 400, "number")],
        4,
        1,
    ),
)
async def test_a_file_of_an_impossible_size_is_refused(
    office: Office, browser: httpx.AsyncClient, size: str, status: int, words: str
) -> None:
    page = await opened(office, browser)

    answer = await browser.post(f"{page.path}/files", headers=TUS | {"Upload-Length": size})

    assert answer.status_code == status
    assert words in answer.text


async def test_more_than_was_announced_is_not_kept(office: Office, browser: httpx.AsyncClient) -> None:
    page = await opened(office, browser)
    file = await page.announced(2000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield bytes(1000)

    answer = await browser.patch(file, headers=BYTES | {"Upload-Offset": "0"}, content=endless())

    assert answer.status_code == 413
    [upload] = await office.rows(Upload)
    assert upload.received <= 2000


async def test_of_two_pieces_at_once_one_is_kept(office: Office, browser: httpx.AsyncClient) -> None:
    page = await opened(office, browser)
    file = await page.announced(3000)

    answers = await asyncio.gather(*(page.send(file, 0, bytes([i]) * 1000) for i in range(4)))

    assert sorted(answer.status_code for answer in answers) == [204, 409, 409, 409]
    assert [one["received"] for one in await page.files()] == [1000]
    assert await office.count(UploadPiece) == 1


@in_full
async def test_what_arrived_before_the_connection_was_cut_is_kept(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await opened(office, browser)
    content = bytes(range(256)) * 40_000
    file = await page.announced(len(content))

    async def received() -> int:
        return int(str((await page.files())[0]["received"]))

    async def cut() -> AsyncIterator[bytes]:
        yield content[: PIECE + 100_000]
        while not await received():  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.05)
        raise httpx.WriteError("cut")

    with pytest.raises(httpx.WriteError):
        await browser.patch(file, headers=BYTES | {"Upload-Offset": "0"}, content=cut())
    async with asyncio.timeout(PATIENCE_S):
        while await received() != PIECE + 100_000:  # noqa: ASYNC110 - another connection's end has no event
            await asyncio.sleep(0.05)
    rest = await page.send(file, PIECE + 100_000, content[PIECE + 100_000 :])

    assert rest.headers["upload-offset"] == str(len(content))
    async with office.database.system(write=False) as session:
        pieces = list(await session.exec(select(UploadPiece).order_by(col(UploadPiece.start))))
    assert sum(piece.size for piece in pieces) in {0, len(content)}


async def test_what_is_no_picture_is_refused_after_its_bytes_were_looked_into(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await opened(office, browser)
    file = await page.announced(2000, "mugs.jpg")

    await page.send(file, 0, b"#EXTM3U\n" + bytes(1992))
    [found] = await page.checked()

    assert found["state"] == "refused"
    assert "mugs.jpg can't be published" in str(found["words"])
    assert await office.count(StoredFile) == 0


async def test_a_removed_file_leaves_nothing(office: Office, browser: httpx.AsyncClient) -> None:
    page = await opened(office, browser)
    picture = jpeg()
    file = await page.announced(len(picture), "mugs.jpg")
    await page.send(file, 0, picture)
    await page.checked()
    begun = await page.announced(2000)
    await page.send(begun, 0, bytes(1000))

    statuses = [(await browser.delete(each, headers=TUS)).status_code for each in (file, begun, begun)]

    assert statuses == [204, 204, 404]
    assert await page.files() == []
    assert await office.count(StoredFile) == 0
    async with office.database.system(write=False) as session:
        due = await Files(session).due_removals()
        assert len(due) == len(list(await session.exec(select(MediaRemoval))))


@in_full
@pytest.mark.parametrize(
    "office", [{"OCTAPOST_UPLOADS_AT_ONCE": "2", "OCTAPOST_MEDIA_QUOTA_GB": "1"}], indirect=True
)
async def test_an_organization_has_so_many_uploads_and_so_much_room(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await opened(office, browser)

    full = await page.create(10**9 + 1)
    await page.announced(2000)
    await page.announced(2000)
    third = await page.create(2000)

    assert (full.status_code, "used up (1 GB)" in full.text) == (413, True)
    assert (third.status_code, "2 files already" in third.text) == (409, True)


@pytest.mark.parametrize("office", [{"OCTAPOST_DISK_FREE_PERCENT": "90"}], indirect=True)
async def test_a_full_disk_takes_no_more(office: Office, browser: httpx.AsyncClient) -> None:
    page = await opened(office, browser)

    answer = await page.create(2000)

    free = office.parts.posts.uploading.store.free()
    assert answer.status_code == (507 if free < 0.9 else 201)


@in_full
async def test_another_organizations_member_reaches_no_file(
    office: Office, browser: httpx.AsyncClient
) -> None:
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(office.browser())
        page, foreign = await opened(office, browser), await opened(office, other, BEA, BLUE)
        file = await page.announced(2000)
        across = file.replace(page.path, foreign.path)

        statuses = [
            (await other.head(file, headers=TUS)).status_code,
            (await other.head(across, headers=TUS)).status_code,
            (await other.delete(across, headers=TUS)).status_code,
            (await foreign.send(across, 0, bytes(10))).status_code,
            (await foreign.send(file, 0, bytes(10))).status_code,
        ]

    assert statuses == [403, 404, 404, 404, 403]
    assert [one["received"] for one in await page.files()] == [0]


async def test_whoever_left_the_organization_can_go_on_with_nothing(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await opened(office, browser)
    file = await page.announced(2000)

    async with office.database.system() as session:
        await session.exec(delete(Membership))
    answers = [await browser.get(f"{page.path}/files"), await page.send(file, 0, bytes(10))]

    assert [answer.status_code for answer in answers] == [403, 403]


async def test_a_file_that_nobody_checks_any_more_is_checked_by_the_sweep(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await opened(office, browser)
    picture = jpeg()
    await page.send(await page.announced(len(picture), "mugs.jpg"), 0, picture)
    await page.checked()
    [upload] = await office.rows(Upload)

    async with office.database.system() as session:
        await session.exec(update(Upload).values(state="checking", checked_until=now()))
    await office.parts.sweeper.run()

    [found] = await page.files()
    assert found["id"] == upload.id
    assert found["state"] != "checking"


async def test_an_abandoned_upload_is_gone_after_a_day(office: Office, browser: httpx.AsyncClient) -> None:
    page = await opened(office, browser)
    file = await page.announced(2000)
    await page.send(file, 0, bytes(1000))

    async with office.database.system() as session:
        await session.exec(update(Upload).values(expires_at=now()))
        await session.exec(update(MediaRemoval).values(due_at=now()))
    late = await page.send(file, 1000, bytes(1000))
    await office.parts.sweeper.run()

    assert late.status_code == 404
    assert (
        await office.count(Upload) == await office.count(UploadPiece) == await office.count(MediaRemoval) == 0
    )
