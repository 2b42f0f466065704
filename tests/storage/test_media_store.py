"""Where the bytes of files are: the same in a folder and in an S3 store."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from storage.media_store import PIECE, MediaStore
from tests.counts import in_full
from tests.s3 import HOST, S3Server, s3_server

FILE = bytes(range(250)) * 46_000
"""More than two parts of an S3 upload."""


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """Give an S3 server."""
    with s3_server() as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    """Give an empty store of either kind."""
    if request.param == "folder":
        return MediaStore(str(tmp_path / "media"))
    server: S3Server = request.getfixturevalue("s3")
    return server.store()


async def read(store: MediaStore, key: str, start: int, end: int) -> bytes:
    pieces = [piece async for piece in store.read(key, start, end)]
    assert all(len(piece) <= PIECE for piece in pieces)
    return b"".join(pieces)


async def test_what_is_written_is_read_in_any_range_until_it_is_deleted(store: MediaStore) -> None:
    await store.write("large", BytesIO(FILE))
    await store.write("small", BytesIO(b"mug"))
    await store.write("small", BytesIO(b"mugs"))
    await store.write_mark("1 2026-11-30")
    found = {
        "all": await read(store, "large", 0, len(FILE)) == FILE,
        "the middle": await read(store, "large", 5_000_000, 9_000_001) == FILE[5_000_000:9_000_001],
        "nothing": await read(store, "large", 7, 7),
        "written again": await read(store, "small", 0, 4),
        "the mark": await store.read_mark(),
        "before": await store.has("large"),
    }
    for _ in range(2):
        await store.delete("large")

    assert found == {
        "all": True,
        "the middle": True,
        "nothing": b"",
        "written again": b"mugs",
        "the mark": "1 2026-11-30",
        "before": True,
    }
    assert not await store.has("large")
    with pytest.raises(LookupError):
        await read(store, "large", 0, 10)


@in_full
async def test_a_missing_bucket_is_not_a_missing_file(s3: S3Server) -> None:
    store = s3.store("nobodys-bucket")

    for use in (
        store.write("k", BytesIO(b"mug")),
        store.has("k"),
        store.read_mark(),
        store.delete("k"),
    ):
        with pytest.raises(FileNotFoundError):
            await use


async def test_a_connection_that_is_cut_while_a_file_is_read_loses_nothing() -> None:
    ranges: list[tuple[int, int]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        asked = re.search(r"\r\nrange: bytes=(\d+)-(\d+)\r\n", head)
        assert asked is not None
        start, last = int(asked[1]), int(asked[2])
        ranges.append((start, last))
        lines = (
            "HTTP/1.1 206 Partial Content",
            f"Content-Length: {last + 1 - start}",
            f"Content-Range: bytes {start}-{last}/{len(FILE)}",
            'ETag: "1"',
            "Last-Modified: Mon, 30 Nov 2026 20:00:00 GMT",
            "Connection: close",
        )
        writer.write("\r\n".join((*lines, "", "")).encode())
        end = last + 1 if len(ranges) == 3 else start + 3_000_000
        writer.write(FILE[start:end])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        store = S3Server(endpoint=f"http://{HOST}:{port}").store()

        found = await read(store, "large", 1000, len(FILE))

    assert found == FILE[1000:]
    assert [end for _, end in ranges] == [len(FILE) - 1] * 3
    assert [start for start, _ in ranges] == [1000, 3_001_000, 6_001_000]
