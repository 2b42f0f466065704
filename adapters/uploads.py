"""Request bodies that are streamed from a stored file: plain, and as the last part of a form."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import httpx

from adapters.base import Handles, Media, Outgoing

KEEP_EVERY_S = 30.0
"""Half of the minute after which the engine wants to hear from a long upload."""
UPLOAD_TIMEOUT = httpx.Timeout(600, connect=5.0)
"""A platform may be silent while we send, and while it checks what it received."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A stored file, or a range of it, on its way to a platform."""

    outgoing: Outgoing
    media: Media
    handles: Handles
    """Kept again from time to time while the bytes are sent, which renews the lease."""
    start: int = 0
    length: int | None = None
    """Bytes. None: all that follow `start`."""

    @property
    def size(self) -> int:
        """Return how many bytes are sent."""
        return self.media.size - self.start if self.length is None else self.length

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the bytes."""
        kept_at = time.monotonic()
        async for piece in self.outgoing.media.read(self.media, self.start, self.length):
            yield piece
            if time.monotonic() - kept_at > KEEP_EVERY_S:
                await self.outgoing.keep(self.handles)
                kept_at = time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """A multipart form (RFC 7578) whose last field is a file."""

    upload: Upload
    name: str
    """The name of the file's field."""
    fields: Mapping[str, str]
    boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def headers(self) -> dict[str, str]:
        """Return the type and the exact length of the body."""
        length = len(self._before()) + self.upload.size + len(self._after())
        return {
            "Content-Type": f"multipart/form-data; boundary={self.boundary}",
            "Content-Length": str(length),
        }

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the form."""
        yield self._before()
        async for piece in self.upload.body():
            yield piece
        yield self._after()

    def _before(self) -> bytes:
        # The names are ours. The file gets a plain name, because platforms disagree on how others are quoted.
        parts = [
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in self.fields.items()
        ]
        parts.append(
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{self.name}"; filename="file"\r\n'
            f"Content-Type: {self.upload.media.type}\r\n\r\n"
        )
        return "".join(parts).encode()

    def _after(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()
