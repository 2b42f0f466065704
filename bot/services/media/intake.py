"""Takes files in: receives them, has them checked, and stores what will be published."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.services.acting import acting
from bot.services.media.findings import Change, FileFault, RefusedFileError
from bot.services.media.inspecting import fits
from bot.services.media.keeping import LONGEST_NAME, as_media, keep
from bot.services.permissions import Permission

if TYPE_CHECKING:
    from io import BufferedRandom

    from adapters.base import Media
    from bot.services.access import ActorRef
    from bot.services.media.findings import Findings
    from bot.services.media.inspecting import Inspector
    from storage.engine.db import Database
    from storage.media_store import MediaStore


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
        stored = await keep(
            self.store,
            partial(acting, self.database, actor, Permission.WRITE_POSTS, system=True),
            file,
            found,
            organization_id=actor.organization_id,
            name=incoming.name[:LONGEST_NAME],
        )
        return as_media(stored, incoming.alt_text)


async def _receive(incoming: Incoming, file: BufferedRandom) -> int:
    """Write the bytes to `file`, and return how many there are."""
    size = 0
    async for piece in incoming.read():
        size += len(piece)
        if size > incoming.most:
            raise RefusedFileError(FileFault.TOO_BIG)
        file.write(piece)
    return size
