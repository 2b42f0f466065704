"""Somebody else's client of the tus protocol at the upload page, a connection that is cut, and files on S3."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import aiohttp
import aiotus
import httpx
from aiotus.core import upload_buffer
from sqlmodel import select
from yarl import URL

from bot.services.media.uploading import PIECE
from storage.models import StoredFile
from tests.application import Office, open_office
from tests.counts import in_full
from tests.media import mp4
from tests.patience import PATIENCE_S
from tests.s3 import s3_server
from tests.uploads import BYTES, UploadPage, opened

CLIP = mp4(2 * PIECE + PIECE // 2)
NAME = {"filename": b"clip.mp4"}
ONCE = aiotus.RetryConfiguration(retry_attempts=1)
CHUNK = 1 << 19


@dataclass(slots=True)
class Wire:
    """A way to a server that is cut once, after so many bytes."""

    to_port: int
    cut_after: int
    sent: int = 0
    cuts: int = 0
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.to_port)
        back = asyncio.create_task(_copy(from_server, writer))
        try:
            while part := await reader.read(65536):
                self.sent += len(part)
                if self.sent >= self.cut_after and not self.cuts:
                    self.cuts += 1
                    return
                to_server.write(part)
                await to_server.drain()
        except ConnectionError:
            return
        finally:
            to_server.close()
            writer.transport.abort()
            await asyncio.gather(back, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()


@asynccontextmanager
async def wire(office: Office, cut_after: int) -> AsyncIterator[tuple[Wire, int]]:
    """Give a wire to the office's pages, and its port."""
    found = Wire(to_port=URL(office.url).port or 0, cut_after=cut_after)
    async with await asyncio.start_server(found.carry, "127.0.0.1", 0) as server:
        yield found, server.sockets[0].getsockname()[1]


def cookie(page: UploadPage) -> dict[str, str]:
    """Return the header with which a client is the browser that the page was opened in."""
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in page.browser.cookies.items())}


async def stored(office: Office) -> bytes:
    """Return the bytes of the one file that is stored."""
    async with office.database.system(write=False) as session:
        file = (await session.exec(select(StoredFile))).one()
    pieces = office.parts.posts.library.store.read(file.key, 0, file.size)
    return b"".join([piece async for piece in pieces])


@in_full
async def test_another_client_uploads_with_the_pages_cookie_and_not_without(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await opened(office, browser)
    place = f"{office.url}{page.path}/files"

    stranger = await aiotus.upload(place, BytesIO(CLIP), NAME, config=ONCE, chunksize=CHUNK)
    async with (
        aiohttp.ClientSession() as http,
        http.post(place, headers={"Tus-Resumable": "1.0.0"}) as answer,
    ):
        status = answer.status
    nobody = await page.files()
    member = await aiotus.upload(
        place, BytesIO(CLIP), NAME, config=ONCE, chunksize=CHUNK, headers=cookie(page)
    )
    found = await page.checked()

    assert (stranger, status, nobody) == (None, 403, [])
    assert member is not None
    assert [(one["name"], one["state"]) for one in found] == [("clip.mp4", "stored")]
    assert await stored(office) == CLIP


@in_full
async def test_another_client_goes_on_after_its_connection_was_cut(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await opened(office, browser)
    file = await page.announced(len(CLIP))

    attempts = 0
    async with wire(office, PIECE + PIECE // 2) as (cut, port), aiohttp.ClientSession() as http:
        there = URL(f"http://localhost:{port}{file}")
        async with asyncio.timeout(PATIENCE_S):
            while await page.offset(file) < len(CLIP):
                attempts += 1
                with contextlib.suppress(aiohttp.ClientError):
                    await upload_buffer(http, there, BytesIO(CLIP), chunksize=CHUNK, headers=cookie(page))
    [found] = await page.checked()

    assert cut.cuts == 1
    assert attempts > 1
    assert cut.sent < len(CLIP) + 4 * CHUNK
    assert found["state"] == "stored"
    assert await stored(office) == CLIP


@in_full
async def test_pieces_are_objects_in_an_s3_store_until_the_file_is_put_together(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = stack.enter_context(s3_server())
        office = await open_office(tmp_path, stack, server.settings(), work=False)
        page = await opened(office, await stack.enter_async_context(office.browser()))
        file = await page.announced(len(CLIP))

        first = await page.send(file, 0, CLIP[:-1000])
        arriving = len(await server.keys())
        await page.send(file, len(CLIP) - 1000, CLIP[-1000:])
        [found] = await page.checked()
        content = await stored(office)
        await office.parts.sweeper.run()
        kept = len(await server.keys())
        await page.browser.delete(file, headers=BYTES)
        await office.parts.sweeper.run()

        assert first.status_code == 204
        assert (arriving, found["state"], kept) == (3, "stored", 1)
        assert content == CLIP
        assert await server.keys() == []
