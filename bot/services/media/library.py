"""The stored files of an organization, as adapters read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from storage.media import Files
from storage.models import new_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.base import Media
    from storage.engine.db import Database
    from storage.media_store import MediaStore
    from storage.models import StoredFile

ADDRESS_LIVES = timedelta(hours=2)
"""At most; it ends when the delivery's outcome is final."""


@dataclass(frozen=True, kw_only=True)
class MediaLibrary:
    """The files of all organizations. Built once, in `bot.app`."""

    database: Database
    store: MediaStore
    public_url: str

    def of(self, organization_id: str, delivery_id: str) -> DeliveryMedia:
        """Return an organization's files for one delivery."""
        return DeliveryMedia(library=self, organization_id=organization_id, delivery_id=delivery_id)

    async def find(self, organization_id: str, key: str) -> StoredFile | None:
        """Return an organization's file; None: it has none of this key."""
        async with self.database.organization(organization_id, write=False) as session:
            return await Files(session).get(organization_id, key)

    async def at_address(self, token: str) -> StoredFile | None:
        """Return the file that a platform can fetch with `token` now, or None."""
        async with self.database.system(write=False) as session:
            return await Files(session).at_address(token)


@dataclass(slots=True, kw_only=True)
class Reading:
    """A file that is read from a position to its end, in parts."""

    pieces: AsyncIterator[bytes]
    at: int
    """Where the next part begins."""
    size: int
    """Of the file."""
    _rest: bytes = b""
    """What has been read from there on."""

    async def until(self, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes to before `end`."""
        while self.at < end:
            piece = self._rest or await anext(self.pieces)
            part, self._rest = piece[: end - self.at], piece[end - self.at :]
            self.at += len(part)
            yield part


@dataclass(frozen=True, kw_only=True)
class DeliveryMedia:
    """An organization's files, for one delivery (`adapters.base.MediaSource`)."""

    library: MediaLibrary
    organization_id: str
    delivery_id: str
    _readings: dict[str, Reading] = field(default_factory=dict)
    """By key: a platform that takes a file in parts costs an S3 store one request, not one for each part."""

    async def read(self, media: Media, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes of the file. See `MediaSource.read`."""
        reading = self._readings.pop(media.key, None)
        if reading is None or reading.at != start:
            file = await self._find(media)
            if file is None:
                raise LookupError(media.key)
            pieces = self.library.store.read(file.key, start, file.size)
            reading = Reading(pieces=pieces, at=start, size=file.size)
        end = reading.size if length is None else min(reading.size, start + length)
        async for part in reading.until(end):
            yield part
        if end < reading.size:
            self._readings[media.key] = reading

    async def has(self, media: Media) -> bool:
        """Tell whether the file is still stored, with its bytes."""
        file = await self._find(media)
        return file is not None and await self.library.store.has(file.key)

    async def _find(self, media: Media) -> StoredFile | None:
        return await self.library.find(self.organization_id, media.key)

    async def public_url(self, media: Media) -> str:
        """Return an address of the file that is open until the delivery's outcome is final, at most two hours."""
        token = new_secret()
        async with self.library.database.system() as session:
            await Files(session).open_address(
                token, self.organization_id, media.key, self.delivery_id, ADDRESS_LIVES
            )
        return f"{self.library.public_url}/media/{token}"
