"""Where and with what a picture was made: whether it says that, and a copy without it, its pixels untouched.

Formats, read 2026-11-30: JPEG segments in ITU T.81 annex B, PNG chunks in https://www.w3.org/TR/png-3/ section 11, and
https://developers.google.com/speed/webp/docs/riff_container.
"""

from __future__ import annotations

import re
import shutil
import struct
from typing import IO, TYPE_CHECKING

from bot.services.media.findings import FileFault, RefusedFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
DEVICE = frozenset({0x010F, 0x0110, 0xC62F})
"""Make, model, serial number."""
DEVICE_EXIF = frozenset({0x927C, 0xA430, 0xA431, 0xA433, 0xA434, 0xA435})
"""Maker note, owner, serial numbers, lens."""
PERSONAL = re.compile(
    rb"GPS(Lat|Long|Alt)|tiff:(Make|Model)|aux:|exifEX:|Location|photoshop:(City|State|Country)|Photoshop 3\.0"
)
SCANNED = 1024 * 1024
"""Bytes of one metadata block that are looked through."""
PNG_SIGNATURE = 8
PNG_METADATA = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"})
WEBP_METADATA = frozenset({b"EXIF", b"XMP "})
WEBP_FLAGS = 0x0C
"""The bits of VP8X that announce these two."""


def is_personal(source: IO[bytes], form: str, image: Image.Image) -> bool:
    """Tell whether a picture says where, or with what device, it was made."""
    exif = image.getexif()
    if DEVICE & set(exif) or exif.get_ifd(GPS_IFD) or DEVICE_EXIF & set(exif.get_ifd(EXIF_IFD)):
        return True
    return any(PERSONAL.search(block) for block in _blocks(source, form))


def without_metadata(source: IO[bytes], target: IO[bytes], form: str) -> None:
    """Write the picture without its blocks of metadata. Pixels and colour profile stay as they are."""
    source.seek(0)
    target.seek(0)
    target.truncate()
    CLEAN[form](source, target)


def _blocks(source: IO[bytes], form: str) -> Iterator[bytes]:
    """Yield the metadata in a picture besides its EXIF fields."""
    source.seek(0)
    match form:
        case "JPEG":
            yield from (body[:SCANNED] for _, marker, body in _segments(source) if _is_metadata(marker, body))
        case "PNG":
            source.seek(PNG_SIGNATURE)
            yield from (body for name, body, _ in _chunks(source, ">") if name in PNG_METADATA)
        case "WEBP":
            source.seek(12)
            yield from (body for name, body, _ in _chunks(source, "<") if name in WEBP_METADATA)


def _segments(source: IO[bytes]) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield the segments of a JPEG up to its first scan: as they stand, marker, body."""
    if source.read(2) != b"\xff\xd8":
        raise RefusedFileError(FileFault.TRUNCATED)
    while True:
        head = source.read(2)
        while head == b"\xff\xff":  # fill bytes
            head = b"\xff" + source.read(1)
        if len(head) < 2 or head[0] != 0xFF:
            raise RefusedFileError(FileFault.TRUNCATED)
        if head[1] == 0xDA:
            source.seek(-2, 1)
            return
        length = source.read(2)
        if len(length) < 2:
            raise RefusedFileError(FileFault.TRUNCATED)
        body = source.read(max(struct.unpack(">H", length)[0] - 2, 0))
        yield head + length + body, head[1], body


def _is_metadata(marker: int, body: bytes) -> bool:
    """Tell whether a segment is metadata that pixels and colours do not need.

    JFIF (APP0), a colour profile (APP2) and Adobe's transform (APP14) are needed.
    """
    kept = (
        marker == 0xE0
        or (marker == 0xE2 and body.startswith(b"ICC_PROFILE"))
        or (marker == 0xEE and body.startswith(b"Adobe"))
    )
    return (0xE0 <= marker <= 0xEF and not kept) or marker == 0xFE


def _clean_jpeg(source: IO[bytes], target: IO[bytes]) -> None:
    target.write(b"\xff\xd8")
    for whole, marker, body in _segments(source):
        if not _is_metadata(marker, body):
            target.write(whole)
    shutil.copyfileobj(source, target)


def _chunks(source: IO[bytes], order: str) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield the chunks of a PNG (`>`) or of a RIFF file (`<`): name, the first bytes of the body, as it stands."""
    while len(head := source.read(8)) == 8:
        name = head[4:] if order == ">" else head[:4]
        size = struct.unpack(f"{order}I", head[:4] if order == ">" else head[4:])[0]
        rest = source.read(size + 4 if order == ">" else size + size % 2)
        yield name, rest[: min(size, SCANNED)], head + rest


def _clean_png(source: IO[bytes], target: IO[bytes]) -> None:
    target.write(source.read(PNG_SIGNATURE))
    for name, _, whole in _chunks(source, ">"):
        if name not in PNG_METADATA:
            target.write(whole)


def _clean_webp(source: IO[bytes], target: IO[bytes]) -> None:
    target.write(source.read(12))
    for name, body, whole in _chunks(source, "<"):
        if name == b"VP8X":
            target.write(whole[:8] + bytes([body[0] & ~WEBP_FLAGS]) + whole[9:])
        elif name not in WEBP_METADATA:
            target.write(whole)
    size = target.tell()
    target.seek(4)
    target.write(struct.pack("<I", size - 8))
    target.seek(size)


CLEAN = {"JPEG": _clean_jpeg, "PNG": _clean_png, "WEBP": _clean_webp}
