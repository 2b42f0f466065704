"""Previews: small pictures of files that are not published yet, for the people who write the post."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.acting import acting
from bot.services.media.findings import Drawing, RefusedFileError
from bot.services.permissions import Permission
from storage.media import Files
from storage.models import new_secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.base import Media
    from bot.services.access import ActorRef
    from bot.services.media.drawing import Drawings
    from storage.engine.db import Database
    from storage.models import StoredFile

log = logger(__name__)
LIVES = timedelta(minutes=10)
SIDE = 1000
"""Pixels of the longer side."""
MOST_BYTES = 1_000_000
MOST_READ = 256 * 1024 * 1024
"""Of a larger file there is no preview: all of it would have to be read."""


@dataclass(frozen=True, slots=True)
class Look:
    """A file, and the shape in which it is shown: width by height. 0: its own."""

    media: Media
    ratio: float = 0.0

    @property
    def drawing(self) -> Drawing:
        """How it is drawn."""
        return Drawing(most_bytes=MOST_BYTES, most_pixels=SIDE * SIDE, largest_side=SIDE, ratio=self.ratio)


@dataclass(frozen=True, kw_only=True)
class Previews:
    """Makes previews, and opens addresses at which they are seen. Built once, in `bot.app`."""

    drawings: Drawings
    database: Database
    public_url: str

    async def of(self, actor: ActorRef, looks: Iterable[Look]) -> dict[tuple[str, float], str]:
        """Return addresses that work for ten minutes, by the file's key and its shape. What can't be drawn has none."""
        wanted = {(one.media.key, one.ratio): one for one in looks}
        found = await asyncio.gather(*(self._one(actor, one) for one in wanted.values()))
        return {name: url for name, url in zip(wanted, found, strict=True) if url}

    async def _one(self, actor: ActorRef, look: Look) -> str:
        if look.media.size > MOST_READ:
            return ""
        token = new_secret()
        try:
            drawn = await self.drawings.of(actor.organization_id, look.media.key, look.drawing)
            async with acting(self.database, actor, Permission.WRITE_POSTS, system=True) as session:
                await Files(session).open_preview(token, actor.organization_id, drawn.key, LIVES)
        except (LookupError, RefusedFileError) as error:
            log.info("preview.none", file=look.media.key, error=type(error).__name__)
            return ""
        return f"{self.public_url}/media/preview/{token}"

    async def at_address(self, token: str) -> StoredFile | None:
        """Return the preview that can be seen with `token` now, or None."""
        async with self.database.system(write=False) as session:
            return await Files(session).at_preview(token)
