"""Files that are made of stored ones: JPEGs for platforms that do not take a picture as it is."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from bot.services.media.findings import Drawing
from bot.services.media.keeping import LONGEST_NAME, as_media, keep
from storage.media import Files

if TYPE_CHECKING:
    from adapters.base import Conversion, Media
    from bot.services.media.inspecting import Inspector
    from storage.engine.db import Database
    from storage.media_store import MediaStore
    from storage.models import StoredFile

ENDING = ".jpg"


@dataclass(frozen=True, kw_only=True)
class Drawings:
    """What is made of the files of all organizations, each only once. Built once, in `bot.app`."""

    database: Database
    store: MediaStore
    inspector: Inspector
    _under_way: dict[tuple[str, str, str], asyncio.Task[StoredFile]] = field(default_factory=dict)

    async def convert(
        self, organization_id: str, post_id: str, media: Media, conversion: Conversion
    ) -> Media:
        """Return the JPEG that is published in place of a post's picture. From now on it is a file of the post.

        Raises:
            LookupError: The picture is not stored any more.
            RefusedFileError: It cannot be converted.

        """
        drawing = Drawing(
            most_bytes=conversion.most_bytes,
            most_pixels=conversion.most_pixels,
            largest_side=conversion.largest_side,
        )
        made = await self.of(organization_id, media.key, drawing)
        async with self.database.system() as session:
            await Files(session).use(organization_id, post_id, [made.key])
        return as_media(made, media.alt_text)

    async def of(self, organization_id: str, key: str, drawing: Drawing) -> StoredFile:
        """Return a drawing of an organization's file. Who asks for the same one meanwhile waits for it.

        Raises:
            LookupError: The file is not stored any more.
            RefusedFileError: It cannot be drawn.

        """
        name = (organization_id, key, drawing.recipe)
        task = self._under_way.get(name)
        if task is None:
            task = self._under_way[name] = asyncio.create_task(self._once(organization_id, key, drawing))
            task.add_done_callback(lambda _: self._under_way.pop(name, None))
        return await asyncio.shield(task)

    async def _once(self, organization_id: str, key: str, drawing: Drawing) -> StoredFile:
        """Return the drawing that is stored, or store it."""
        if (found := await self._stored(organization_id, key, drawing)) is not None:
            return found
        async with self.database.organization(organization_id, write=False) as session:
            original = await Files(session).get(organization_id, key)
        if original is None:
            raise LookupError(key)
        try:
            return await self._draw(original, drawing)
        except IntegrityError:  # another process was faster; our bytes are deleted after a day, as announced
            if (found := await self._stored(organization_id, key, drawing)) is None:
                raise
            return found

    async def _stored(self, organization_id: str, key: str, drawing: Drawing) -> StoredFile | None:
        async with self.database.organization(organization_id, write=False) as session:
            found = await Files(session).made_from(organization_id, key, drawing.recipe)
        if found is None or await self.store.has(found.key):
            return found
        async with self.database.system() as session:
            await Files(session).forget(organization_id, found.key)
        return None

    async def _draw(self, original: StoredFile, drawing: Drawing) -> StoredFile:
        with ExitStack() as opened:
            file, made = (opened.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            async for piece in self.store.read(original.key, 0, original.size):
                file.write(piece)
            found = await self.inspector.draw(file, made, drawing)
            stem = PurePath(original.name).stem[: LONGEST_NAME - len(ENDING)]
            return await keep(
                self.store,
                self.database.system,
                made,
                found,
                organization_id=original.organization_id,
                name=stem + ENDING,
                made_from=original.key,
                recipe=drawing.recipe,
            )
