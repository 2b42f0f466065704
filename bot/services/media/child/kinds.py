"""Which reader a file needs, by its first bytes. Only that reader's library is loaded."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import puremagic

from bot.services.media.findings import FileFault, RefusedFileError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.services.media.findings import Findings

    Reader = Callable[[IO[bytes], IO[bytes]], Findings]

HEIF = (b"heic", b"heix", b"mif1", b"heim", b"heis", b"hevc", b"hevx", b"msf1")
"""Brands of HEIF in the `ftyp` box, which video files begin with too."""
PICTURES = frozenset({"image/jpeg", "image/jpg", "image/png", "image/gif", "image/webp"})


def reader_for(head: bytes) -> Reader:
    """Return what reads a file that begins with `head`; its library is loaded then.

    Raises:
        RefusedFileError: It is nothing that can be published.

    """
    if head[4:8] == b"ftyp":
        return _heif() if head[8:12] in HEIF else _video("mov")
    types = _types(head)
    if types & PICTURES:
        from bot.services.media.child.images import read_picture  # noqa: PLC0415

        return read_picture
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _video("matroska")
    if head[4:8] in {b"moov", b"mdat", b"wide", b"free", b"skip"}:  # QuickTime files from before `ftyp`
        return _video("mov")
    if "application/pdf" in types:
        from bot.services.media.child.documents import read_document  # noqa: PLC0415

        return read_document
    raise RefusedFileError(FileFault.UNSUPPORTED)


def _types(head: bytes) -> set[str]:
    try:
        return {match.mime_type for match in puremagic.magic_string(head)}
    except puremagic.PureError:
        return set()


def _heif() -> Reader:
    from bot.services.media.child.heif import read_heif  # noqa: PLC0415

    return read_heif


def _video(demuxer: str) -> Reader:
    from bot.services.media.child.videos import reader_with  # noqa: PLC0415

    return reader_with(demuxer)
