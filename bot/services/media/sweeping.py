"""Deletes files that nobody uses any more, and the bytes of files whose rows are gone; checks forgotten uploads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.ops.logs import logger
from bot.services.posts.drafts import load
from storage.media import Files
from storage.submissions import Submissions

if TYPE_CHECKING:
    from bot.services.media.uploading import Uploading
    from storage.engine.db import Database
    from storage.media_store import MediaStore

log = logger(__name__)


@dataclass(frozen=True, kw_only=True)
class MediaSweeper:
    """Sweeps files. Running it twice at once is harmless."""

    database: Database
    store: MediaStore
    uploading: Uploading
    kept: timedelta
    """How long a file is kept after its last use."""

    async def run(self) -> None:
        """Sweep once."""
        await self.uploading.check_due()
        async with self.database.system() as session:
            for one in await Submissions(session).waiting():
                keys = [file.key for file in load(one.written).files]
                await Files(session).touch(one.organization_id, keys)
            swept = await Files(session).sweep(self.kept)
        async with self.database.system(write=False) as session:
            due = await Files(session).due_removals()
        if not due:
            return
        for key in due:
            await self.store.delete(key)
        async with self.database.system() as session:
            await Files(session).removed(due)
        log.info("media.swept", unused=swept, deleted=len(due))
