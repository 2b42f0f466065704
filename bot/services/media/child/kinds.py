"""Which module a file needs, by its first bytes. Only that module's library is loaded."""

from __future__ import annotations

from functools import partial
from typing import IO, TYPE_CHECKING

import puremagic

from bot.services.media.findings import FileFault, RefusedFileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from PIL import Image

    from bot.services.media.findings import Drawing, Findings

    Worker = Callable[[IO[bytes], IO[bytes]], Findings]

    class Kind(Protocol):
        """What is done with files of one kind."""

        def read(self, source: IO[bytes], target: IO[bytes]) -> Findings:
            """Return what a file is; if it has to be changed, write the copy that is published to `target`."""
            ...

        def show(self, source: IO[bytes], side: int) -> Image.Image:
            """Return the picture that people see first, upright. `side`: pixels that suffice; 0: all of them."""
            ...


HEIF = (b"heic", b"heix", b"mif1", b"heim", b"heis", b"hevc", b"hevx", b"msf1")
"""Brands of HEIF in the `ftyp` box, which video files begin with too."""
PICTURES = frozenset({"image/jpeg", "image/jpg", "image/png", "image/gif", "image/webp"})


def reader_for(head: bytes) -> Worker:
    """Return what reads a file that begins with `head`; its library is loaded then.

    Raises:
        RefusedFileError: It is nothing that can be published.

    """
    return _kind_of(head).read


def drawer_for(head: bytes, drawing: Drawing) -> Worker:
    """Return what draws a file that begins with `head`; its library is loaded then.

    Raises:
        RefusedFileError: It is nothing that can be published.

    """
    from bot.services.media.child.drawing import draw  # noqa: PLC0415

    return partial(draw, _kind_of(head).show, drawing)


def _kind_of(head: bytes) -> Kind:
    if head[4:8] == b"ftyp":
        return _heif() if head[8:12] in HEIF else _video("mov")
    types = _types(head)
    if types & PICTURES:
        from bot.services.media.child.images import Picture  # noqa: PLC0415

        return Picture()
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _video("matroska")
    if head[4:8] in {b"moov", b"mdat", b"wide", b"free", b"skip"}:  # QuickTime files from before `ftyp`
        return _video("mov")
    if "application/pdf" in types:
        from bot.services.media.child.documents import Document  # noqa: PLC0415

        return Document()
    raise RefusedFileError(FileFault.UNSUPPORTED)


def _types(head: bytes) -> set[str]:
    try:
        return {match.mime_type for match in puremagic.magic_string(head)}
    except puremagic.PureError:
        return set()


def _heif() -> Kind:
    from bot.services.media.child.heif import Heif  # noqa: PLC0415

    return Heif()


def _video(demuxer: str) -> Kind:
    from bot.services.media.child.videos import Video  # noqa: PLC0415

    return Video(demuxer)
