"""The files of an organization's posts. Posts are text so far, so there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.base import Media


@dataclass(frozen=True)
class MediaLibrary:
    """The stored files of one organization, as adapters read them."""

    organization_id: str

    async def read(self, media: Media, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:  # noqa: ARG002
        """Raise LookupError: no file is stored."""
        raise LookupError(media.key)
        yield b""

    async def public_url(self, media: Media) -> str:
        """Raise LookupError: no file is stored."""
        raise LookupError(media.key)
