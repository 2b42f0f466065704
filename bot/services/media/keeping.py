"""Puts a file into the store, with a row that says what is in it."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.base import Media, MediaKind
from storage.engine.statements import database_time
from storage.media import Files
from storage.models import StoredFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from io import BufferedRandom

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.media.findings import Findings
    from storage.media_store import MediaStore

LONGEST_NAME = 200


async def keep(
    store: MediaStore,
    session_of: Callable[[], AbstractAsyncContextManager[AsyncSession]],
    file: BufferedRandom,
    found: Findings,
    **more: str,
) -> StoredFile:
    """Store a file and return its row.

    Its bytes are written between two transactions, which `session_of` begins. `more`: the columns of its row that
    `found` does not say.
    """
    file.seek(0)
    digest = await asyncio.to_thread(hashlib.file_digest, file, "sha256")
    size, key = file.seek(0, 2), secrets.token_hex(16)
    async with session_of() as session:
        await Files(session).announce(key)
    await store.write(key, file)
    async with session_of() as session:
        clock = await database_time(session)
        stored = StoredFile(
            key=key,
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
            **more,
        )
        await Files(session).add(stored)
    return stored


def as_media(stored: StoredFile, alt_text: str) -> Media:
    """Return a stored file as adapters know it."""
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
