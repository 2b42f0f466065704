"""Hostile files: whatever they are, decoding them opens nothing else, connects to nothing and stays in its bounds."""

from __future__ import annotations

import asyncio
import gzip
import io
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.services.media.child.limits import MEMORY
from tests.counts import sampled
from tests.media import gif, jpeg, mp4, pdf, png
from tests.services.media.looking import look
from tests.services.media.pictures import animated, film, picture

ROOT = Path(__file__).parent.parent.parent
CUTS, WOUNDS = 8, 8
ADDRESSES = ("http://127.0.0.1:{port}/a.ts", "file://{canary}")
LISTS = (
    "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n",
    '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:10,\n{url}\n',
    "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nconcat:{url}|{url}\n",
    "#EXTM3U\n#EXTINF:1,\nsubfile,,start,0,end,9,,:{url}\n",
    "ffconcat version 1.0\nfile '{url}'\nduration 5\n",
    "file '{url}'\n",
    "[playlist]\nFile1={url}\nNumberOfEntries=1\n",
    "<smil><body><video src='{url}'/></body></smil>",
    "<asx version='3.0'><entry><ref href='{url}'/></entry></asx>",
    "<?xml version='1.0'?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>",
    "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM '{url}'>]><a>&b;</a>",
    "<svg xmlns:xlink='http://www.w3.org/1999/xlink'><image xlink:href='{url}'/></svg>",
    "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=control:{url}\n",
    "rtsptext\n{url}\n",
    "<html><video src='{url}'></video></html>",
    "{url}\n",
)


def cut_and_wounded() -> Iterator[bytes]:
    """Yield real files whose end is missing, and some whose middle is."""
    chance = random.Random(4711)  # noqa: S311 - the same files in every run
    real = (
        jpeg(),
        png(),
        gif(),
        picture("WEBP"),
        picture("HEIF"),
        mp4(),
        film("mov"),
        film("matroska"),
        pdf(5),
    )
    for content in real:
        for n in range(CUTS):
            yield content[: len(content) * (n + 1) // (CUTS + 1)]
        for _ in range(WOUNDS):
            at = chance.randrange(len(content))
            yield content[:at] + chance.randbytes(16) + content[at + 16 :]


def lists(port: int, canary: Path) -> Iterator[bytes]:
    """Yield files that name another file or an address, as a video does that is made of several."""
    for text in LISTS:
        for address in ADDRESSES:
            url = address.format(port=port, canary=canary)
            yield text.replace("{url}", url).encode()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(width: int, height: int, *extra: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + pixels + chunk(b"IEND", b"")


def box(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


def nested(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = box(b"moov", body)
    return body


def with_reference(url: bytes) -> bytes:
    """Return the clip with its samples in another file, by the box that says where they are."""
    content = mp4()
    outside = box(b"url ", struct.pack(">I", 0) + url + b"\0")
    return content.replace(box(b"url ", struct.pack(">I", 1)), outside)


def zipped(size: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.mp4", bytes(size))
    return made.getvalue()


def bombs(port: int, canary: Path) -> Iterator[bytes]:
    """Yield small files that become large, and headers that lie."""
    ftyp = box(b"ftyp", b"isom\0\0\2\0isomiso2")
    yield from (png_of(60_000, 60_000), png_of(2**31 - 1, 2**31 - 1), png_of(0, 0), png_of(9_999, 9_999))
    yield png_of(10, 10, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000))))
    yield png_of(10, 10, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000))))
    yield png_of(10, 10, struct.pack(">I", 2**31 - 1) + b"tEXt")
    yield jpeg()[:155].replace(struct.pack(">HH", 640, 640), struct.pack(">HH", 65_535, 65_535))
    yield jpeg().replace(struct.pack(">HH", 640, 640), struct.pack(">HH", 65_535, 65_535))
    yield gif().replace(struct.pack("<HH", 64, 64), struct.pack("<HH", 65_535, 65_535))
    yield gif(8, 8, 1_500)
    yield animated("GIF", 60)
    yield (
        b"RIFF"
        + struct.pack("<I", 2**32 - 1)
        + b"WEBPVP8X"
        + struct.pack("<I", 10)
        + b"\x02"
        + bytes(3)
        + b"\xff" * 6
    )
    yield ftyp + nested(20_000)
    yield ftyp + nested(50) + struct.pack(">I", 1) + b"mdat" + struct.pack(">Q", 2**63)
    yield ftyp + struct.pack(">I", 0xFFFFFFF0) + b"moov" + bytes(64)
    yield box(b"ftyp", b"heic\0\0\0\0heicmif1") + box(b"meta", bytes(4) + b"\xff" * 400)
    yield from (
        with_reference(f"http://127.0.0.1:{port}/a".encode()),
        with_reference(f"file://{canary}".encode()),
    )
    yield b"\x1a\x45\xdf\xa3\x01" + b"\xff" * 200
    yield (
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x88matroska"
        + b"\x18\x53\x80\x67" * 5_000
    )
    yield pdf().replace(b"/Count 1", b"/Count 999999999")
    yield pdf().replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]")
    yield pdf().replace(
        b"/Type /Catalog",
        f"/Type /Catalog /OpenAction << /S /URI /URI (http://127.0.0.1:{port}/) >>".encode(),
    )
    yield from (
        zipped(50_000_000),
        gzip.compress(bytes(50_000_000)),
        b"\x7fELF" + bytes(500),
        b"#!/bin/sh\nid\n",
    )


def hostile(port: int, canary: Path) -> list[bytes]:
    return [*cut_and_wounded(), *lists(port, canary), *bombs(port, canary)]


MEASURE = """
import asyncio, resource, sys
from pathlib import Path
from tests.services.media.looking import look
for name in sys.argv[1:]:
    asyncio.run(look(Path(name).read_bytes()))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


async def most_memory(files: list[bytes], folder: Path) -> int:
    """Return the most bytes that a child process used for one of the files.

    In a process of its own: Linux counts as a child's what its parent used when the child was started, and here that
    is everything that other tests have left.
    """
    paths = [folder / f"file-{number}" for number in range(len(files))]
    for path, content in zip(paths, files, strict=True):
        path.write_bytes(content)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MEASURE, *map(str, paths), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    told, _ = await process.communicate()
    return int(told.split()[-1])


async def test_hostile_files_reach_nothing_and_break_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    canary, calls = tmp_path / "canary.ts", []
    canary.write_text("the canary sings")

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(1)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        files = hostile(server.sockets[0].getsockname()[1], canary)
        tried = sampled(files, 75)
        seen = [await look(content) for content in tried]

    assert len(files) >= 200
    assert calls == []
    assert not any(b"canary sings" in one.copy for one in seen)
    assert all((one.found is None) != (one.fault is None) for one in seen)
    assert "media.child_died" not in capsys.readouterr().out
    assert await most_memory(tried, tmp_path) < MEMORY
    refused = sum(one.fault is not None for one in seen)
    record_property(
        "counted", f"hostile files: {len(tried)}, {refused} refused, 0 connections, 0 files, 0 crashes"
    )


OPENS = """
import os, socket, sys
from bot.services.media.child.limits import confine, limit
limit(1000)
confine()
for reach in (lambda: open("/etc/hostname"), socket.socket, os.pipe, lambda: os.dup(0)):
    try:
        reach()
    except OSError:
        continue
    sys.exit("it opened something")
try:
    bytearray(4 << 30)
except MemoryError:
    sys.exit(0)
"""


def test_the_child_can_open_neither_a_file_nor_a_connection() -> None:
    ended = subprocess.run([sys.executable, "-c", OPENS], capture_output=True, text=True, check=False)  # noqa: S603

    assert (ended.returncode, ended.stderr) == (0, "")
