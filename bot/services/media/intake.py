"""Takes files in: receives them, has them checked, and stores what will be published."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.base import Media, MediaKind
from bot.services.acting import acting
from bot.services.media.findings import Change, FileFault, RefusedFileError
from bot.services.media.inspecting import fits
from bot.services.permissions import Permission
from storage.engine.statements import database_time
from storage.media import Files
from storage.models import StoredFile

if TYPE_CHECKING:
    from io import BufferedRandom

    from bot.services.access import ActorRef
    from bot.services.media.findings import Findings
    from bot.services.media.inspecting import Inspector
    from storage.engine.db import Database
    from storage.media_store import MediaStore

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A file that a member attached."""

    name: str
    read: Callable[[], AsyncIterator[bytes]]
    """Yields its bytes. Raises `RefusedFileError` if they are not to be had."""
    most: int
    """The largest size that is taken this way."""
    alt_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A file that is stored."""

    media: Media
    change: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFile:
    """A file that was not taken."""

    name: str
    fault: FileFault
    found: str = ""
    """The MIME type it has, where that is the fault."""


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Takes files in. Built once, in `bot.app`."""

    database: Database
    store: MediaStore
    inspector: Inspector

    async def take(self, actor: ActorRef, incoming: Incoming) -> Taken | RefusedFile:
        """Store a file and return it, or return why it was not taken."""
        try:
            with ExitStack() as opened:
                file, copy = (opened.enter_context(tempfile.TemporaryFile()) for _ in range(2))
                size = await _receive(incoming, file)
                found = await self.inspector.inspect(file, size, copy)
                converted = found.change is Change.CONVERTED
                if not fits(incoming.name, found.type, converted=converted):
                    raise RefusedFileError(FileFault.NAME_LIES, found.type)  # noqa: TRY301 - as all faults
                media = await self._store(actor, incoming, found, copy if found.change else file)
        except RefusedFileError as error:
            return RefusedFile(name=incoming.name, fault=error.fault, found=error.found)
        return Taken(media=media, change=found.change)

    async def _store(
        self, actor: ActorRef, incoming: Incoming, found: Findings, file: BufferedRandom
    ) -> Media:
        file.seek(0)
        digest = await asyncio.to_thread(hashlib.file_digest, file, "sha256")
        size, key = file.seek(0, 2), secrets.token_hex(16)
        async with acting(self.database, actor, Permission.WRITE_POSTS, system=True) as session:
            await Files(session).announce(key)
        await self.store.write(key, file)
        async with acting(self.database, actor, Permission.WRITE_POSTS, system=True) as session:
            clock = await database_time(session)
            stored = StoredFile(
                organization_id=actor.organization_id,
                key=key,
                name=incoming.name[:LONGEST_NAME],
                kind=found.kind,
                type=found.type,
                size=size,
                sha256=digest.digest(),
                width=found.width,
                height=found.height,
                duration_ms=found.duration_ms,
                pages=found.pages,
                frame_rate=found.frame_rate,
                created_at=clock,
                used_at=clock,
            )
            await Files(session).add(stored)
            return _media(stored, incoming.alt_text)


async def _receive(incoming: Incoming, file: BufferedRandom) -> int:
    """Write the bytes to `file`, and return how many there are."""
    size = 0
    async for piece in incoming.read():
        size += len(piece)
        if size > incoming.most:
            raise RefusedFileError(FileFault.TOO_BIG)
        file.write(piece)
    return size


def _media(stored: StoredFile, alt_text: str) -> Media:
    return Media(
        key=stored.key,
        kind=MediaKind(stored.kind),
        type=stored.type,
        size=stored.size,
        name=stored.name,
        alt_text=alt_text,
        width=stored.width,
        height=stored.height,
        duration=timedelta(milliseconds=stored.duration_ms) if stored.duration_ms else None,
        pages=stored.pages,
        frame_rate=stored.frame_rate,
    )
