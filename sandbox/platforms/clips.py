"""Reads how long and how large an MP4 or QuickTime video is, as platforms do after an upload (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

INSIDE = frozenset({b"moov", b"trak"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A video's measures."""

    lasts_s: float
    width: int
    height: int


def clip_of(content: bytes) -> Clip | None:
    """Return the measures of a video, or None for what is none."""
    lasts_s, width, height = 0.0, 0, 0
    try:
        for kind, box in _boxes(content):
            long = box[:1] == b"\x01"
            if kind == b"mvhd":
                scale, length = struct.unpack_from(">IQ" if long else ">II", box, 20 if long else 12)
                lasts_s = length / scale
            elif kind == b"tkhd":
                sides = struct.unpack_from(">II", box, 88 if long else 76)
                width, height = max(width, sides[0] >> 16), max(height, sides[1] >> 16)
    except (struct.error, ZeroDivisionError):
        return None
    return Clip(lasts_s=lasts_s, width=width, height=height) if width and height else None


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes that hold no other boxes, in order, each with its type."""
    at = 0
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        if size < 8:  # to the end of the file, or longer than 4 GB: none of those that are read here
            return
        if kind in INSIDE:
            yield from _boxes(content[at + 8 : at + size])
        else:
            yield kind, content[at + 8 : at + size]
        at += size
