"""Uploads a video to TikTok: chunks in order, to an address that lives for an hour.

Source, read 2026-11-30: https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from adapters.base import Expired, Handles, Media, Outgoing
from adapters.http import send
from adapters.uploads import UPLOAD_TIMEOUT, Upload

CHUNK = 10_000_000
"""Between 5 and 64 MB, whether a megabyte is 10^6 or 2^20 bytes."""
LONGEST_UPLOAD_S = 600.0
UPLOAD_URL = "upload_url"
"""The handle with the address, which allows anyone to upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """How a video is cut."""

    size: int
    """Bytes of the video."""

    @property
    def chunk(self) -> int:
        """Return the size of every chunk but the last. A video of fewer than two chunks is sent whole."""
        return self.size if self.size < 2 * CHUNK else CHUNK

    @property
    def count(self) -> int:
        """Return how many chunks there are: the last one carries the rest, too."""
        return max(self.size // self.chunk, 1)

    def span(self, index: int) -> tuple[int, int]:
        """Return where a chunk starts and how long it is."""
        start = index * self.chunk
        return start, self.size - start if index == self.count - 1 else self.chunk

    def source_info(self) -> Mapping[str, Any]:
        """Return what TikTok is told before the upload."""
        return {
            "source": "FILE_UPLOAD",
            "video_size": self.size,
            "chunk_size": self.chunk,
            "total_chunk_count": self.count,
        }


async def put(
    http: httpx.AsyncClient, outgoing: Outgoing, handles: Handles, index: int, *, has_effect: bool
) -> httpx.Response:
    """Send one chunk and return the answer."""
    media: Media = outgoing.content.media[0]
    if UPLOAD_URL not in handles:
        raise Expired("no_upload")
    start, length = Chunks(size=media.size).span(index)
    upload = Upload(outgoing=outgoing, media=media, handles=handles, start=start, length=length)
    request = http.build_request(
        "PUT",
        handles[UPLOAD_URL],
        content=upload.body(),
        headers={
            "Content-Type": media.type,
            "Content-Length": str(length),
            "Content-Range": f"bytes {start}-{start + length - 1}/{media.size}",
        },
        timeout=UPLOAD_TIMEOUT,
    )
    return await send(http, request, has_effect=has_effect, within_s=LONGEST_UPLOAD_S)
