"""Files to publish in tests: small and real, of a stated size, and the `MediaSource` that has them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path

from adapters.base import MEBIBYTE, Conversion, Media, MediaKind
from bot.services.media.findings import FileFault, RefusedFileError

CLIP = Path(__file__).parent / "data" / "clip.mp4"
"""3.2 s of H.264, 360 x 640 pixels, 10 frames a second, no sound; made with PyAV for these tests."""
CLIP_LASTS = timedelta(seconds=3.2)


@cache
def jpeg(width: int = 640, height: int = 640) -> bytes:
    """Return a grey baseline JPEG: one component, and every block is the same, so its code is two zero bits."""
    blocks = -(-width // 8) * -(-height // 8)
    bits = "00" * blocks
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")

    def segment(marker: int, body: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    one_code = bytes([1, *[0] * 15, 0])
    return b"".join(
        (
            b"\xff\xd8",
            segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
            segment(0xDB, bytes([0, *[1] * 64])),
            segment(0xC0, struct.pack(">BHHB3B", 8, height, width, 1, 1, 0x11, 0)),
            segment(0xC4, b"\x00" + one_code),
            segment(0xC4, b"\x10" + one_code),
            segment(0xDA, bytes([1, 1, 0, 0, 63, 0])),
            scan,
            b"\xff\xd9",
        )
    )


@cache
def png(width: int = 640, height: int = 640) -> bytes:
    """Return an orange PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (b"\x00" + b"\xd9\x3a\x00" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@cache
def gif(width: int = 64, height: int = 64, frames: int = 2) -> bytes:
    """Return an animated GIF of one colour a frame. Its LZW dictionary is cleared before a code gets a ninth bit."""
    colours = b"".join(bytes([(n * 97) % 256, (n * 31) % 256, 80]) for n in range(128))
    parts = [b"GIF89a", struct.pack("<HHBBB", width, height, 0xF6, 0, 0), colours]
    parts.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")
    for frame in range(frames):
        pixels, codes = width * height, bytearray()
        while pixels:
            run = min(pixels, 100)
            codes += b"\x80" + bytes([frame % 128]) * run
            pixels -= run
        codes += b"\x81"
        parts += [
            b"\x21\xf9\x04\x04\x0a\x00\x00\x00",
            b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0),
            b"\x07",
        ]
        parts += [
            bytes([len(codes[at : at + 255])]) + codes[at : at + 255] for at in range(0, len(codes), 255)
        ]
        parts.append(b"\x00")
    return b"".join((*parts, b"\x3b"))


def mp4(size: int | None = None) -> bytes:
    """Return the clip, made `size` bytes long with a box that players skip. None: as it is, 4 KB."""
    clip = CLIP.read_bytes()
    missing = 0 if size is None else size - len(clip)
    return clip if missing < 8 else clip + struct.pack(">I4s", missing, b"free") + bytes(missing - 8)


@cache
def pdf(pages: int = 1) -> bytes:
    """Return a PDF of empty pages."""
    kids = " ".join(f"{3 + n} 0 R" for n in range(pages))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Count {pages} /Kids [{kids}] >>"]
    objects += ["<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"] * pages
    body, places = "%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start, entries = len(body), len(objects) + 1
    body += f"xref\n0 {entries}\n0000000000 65535 f \n{table}"
    body += f"trailer\n<< /Size {entries} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return body.encode("ascii")


@dataclass(slots=True)
class StoredMedia:
    """A `MediaSource` in memory. `reads` has every key, start and length that was read."""

    origin: str = "https://media.example.com"
    """Where `public_url` says that the files are."""
    files: dict[str, bytes] = field(default_factory=dict)
    reads: list[tuple[str, int, int | None]] = field(default_factory=list)
    conversions: list[tuple[str, str]] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    """The keys of files that cannot be converted."""
    _keys: count[int] = field(default_factory=count)

    def add(self, content: bytes, media: Media) -> Media:
        """Store `content` and return `media` with its key and size."""
        key = f"file-{next(self._keys)}"
        self.files[key] = content
        return replace(media, key=key, size=len(content))

    def image(self, content: bytes | None = None, *, alt_text: str = "", name: str = "mug.jpg") -> Media:
        """Store a JPEG of 640 x 640 pixels, or a `content` that differs in its bytes."""
        media = Media(
            key="", kind=MediaKind.IMAGE, type="image/jpeg", size=0, name=name, width=640, height=640
        )
        return self.add(jpeg() if content is None else content, replace(media, alt_text=alt_text))

    def picture(self, *, alt_text: str = "", name: str = "mug.png") -> Media:
        """Store a PNG of 640 x 640 pixels."""
        media = Media(
            key="", kind=MediaKind.IMAGE, type="image/png", size=0, name=name, width=640, height=640
        )
        return self.add(png(), replace(media, alt_text=alt_text))

    def gif(self, *, alt_text: str = "") -> Media:
        """Store an animated GIF of 64 x 64 pixels."""
        media = Media(
            key="", kind=MediaKind.GIF, type="image/gif", size=0, name="wave.gif", width=64, height=64
        )
        return self.add(gif(), replace(media, alt_text=alt_text))

    def video(self, size: int | None = None, *, lasts: timedelta = CLIP_LASTS, alt_text: str = "") -> Media:
        """Store the clip, upright, made `size` bytes long; `lasts` is what is said of it."""
        media = Media(
            key="",
            kind=MediaKind.VIDEO,
            type="video/mp4",
            size=0,
            name="clip.mp4",
            alt_text=alt_text,
            width=360,
            height=640,
            duration=lasts,
            frame_rate=10,
        )
        return self.add(mp4(size), media)

    def document(self, pages: int = 2) -> Media:
        """Store a PDF."""
        media = Media(
            key="", kind=MediaKind.DOCUMENT, type="application/pdf", size=0, name="menu.pdf", pages=pages
        )
        return self.add(pdf(pages), media)

    async def read(self, media: Media, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes. See `MediaSource.read`."""
        self.reads.append((media.key, start, length))
        end = media.size if length is None else start + length
        content = self.files[media.key][start:end]
        for at in range(0, len(content), MEBIBYTE):
            yield content[at : at + MEBIBYTE]

    async def has(self, media: Media) -> bool:
        """Tell whether the file is still stored."""
        return media.key in self.files

    async def convert(
        self,
        organization_id: str,  # noqa: ARG002 - there is only one
        post_id: str,
        media: Media,
        conversion: Conversion,
    ) -> Media:
        """Return a JPEG of the size that a picture gets; `conversions` has the post's id and the picture's name."""
        if media.key in self.unreadable:
            raise RefusedFileError(FileFault.TRUNCATED)
        self.conversions.append((post_id, media.name))
        made = conversion.result_of(media)
        return self.add(jpeg(made.width, made.height), made)

    async def public_url(self, media: Media) -> str:
        """Return where a platform would fetch the file; a test that lets it do so serves it there."""
        return f"{self.origin}/{media.key}"
