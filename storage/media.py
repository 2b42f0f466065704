"""The files of an organization's posts: which there are, who uses them, and what is to be deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, delete, exists, insert, select, update

from storage.engine.statements import insert_once, now
from storage.models import (
    BEFORE_SENDING,
    Delivery,
    DeliveryStatus,
    MediaAddress,
    MediaPreview,
    MediaRemoval,
    PostFile,
    StoredFile,
    digest,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession
    from sqlmodel.sql.expression import SelectOfScalar

UPLOAD_WITHIN = timedelta(hours=24)
"""How long a file may take to arrive before what has arrived of it is deleted."""
OPEN = (*BEFORE_SENDING, DeliveryStatus.SENDING, DeliveryStatus.UNKNOWN)
"""The states in which a platform may fetch a delivery's files: before the outcome is final. A delivery is still
scheduled while the request under way names its files for the first time."""
SEEN = timedelta(hours=1)
"""How long a drawing that belongs to no post is kept after it was last shown."""
OVER = (
    DeliveryStatus.SENT,
    DeliveryStatus.CHANGING,
    DeliveryStatus.DELETED,
    DeliveryStatus.GONE,
    DeliveryStatus.CANCELLED,
)
"""The states in which a delivery needs its files no more. One that failed can be tried again."""
_UNSYNCHRONIZED = {"synchronize_session": False}


class Files:
    """The files of an organization."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def announce(self, key: str) -> None:
        """Enter that the bytes under `key` are deleted unless `add` follows in time."""
        await self._session.exec(insert(MediaRemoval).values(key=key, due_at=now(UPLOAD_WITHIN)))

    async def add(self, file: StoredFile) -> None:
        """Store a file whose bytes have arrived."""
        await self._session.exec(delete(MediaRemoval).where(col(MediaRemoval.key) == file.key))
        self._session.add(file)
        await self._session.flush()

    async def get(self, organization_id: str, key: str) -> StoredFile | None:
        """Return the organization's file with this key, or None."""
        found = select(StoredFile).where(StoredFile.organization_id == organization_id, StoredFile.key == key)
        return (await self._session.exec(found)).one_or_none()

    async def made_from(self, organization_id: str, key: str, recipe: str) -> StoredFile | None:
        """Return what was drawn from the organization's file with this key in this way, or None."""
        found = select(StoredFile).where(
            StoredFile.organization_id == organization_id,
            StoredFile.made_from == key,
            StoredFile.recipe == recipe,
        )
        return (await self._session.exec(found)).one_or_none()

    async def touch(self, organization_id: str, keys: Collection[str]) -> int:
        """Store that the files are used now; return how many of them there are."""
        used = update(StoredFile).where(*_theirs(organization_id, keys)).values(used_at=now())
        return (await self._session.exec(used, execution_options=_UNSYNCHRONIZED)).rowcount

    async def use(self, organization_id: str, post_id: str, keys: Collection[str]) -> None:
        """Store that a post has these files, beside those that it had.

        Raises:
            LookupError: One of them is not stored any more.

        """
        if await self.touch(organization_id, keys) != len(set(keys)):
            raise LookupError("a file is gone")
        found = select(StoredFile.id).where(*_theirs(organization_id, keys))
        for media_id in list(await self._session.exec(found)):
            new = insert_once(self._session, PostFile).on_conflict_do_nothing()
            values = {"post_id": post_id, "media_id": media_id, "organization_id": organization_id}
            await self._session.exec(new.values(values))

    async def discard(self, organization_id: str, keys: Collection[str]) -> int:
        """Delete those of the files that no post has, and what was drawn from them; return how many."""
        unused = ~exists().where(col(PostFile.media_id) == col(StoredFile.id))
        drawn = col(StoredFile.made_from).in_(keys)
        which = select(StoredFile).where(StoredFile.organization_id == organization_id, unused)
        return await self._remove(which.where(col(StoredFile.key).in_(keys) | drawn))

    async def forget(self, organization_id: str, key: str) -> None:
        """Delete a file of the organization, whoever has it: its bytes are gone."""
        await self._remove(select(StoredFile).where(*_theirs(organization_id, [key])))

    async def discard_all(self, organization_id: str) -> int:
        """Delete every file of an organization that is being deleted; return how many."""
        return await self._remove(select(StoredFile).where(StoredFile.organization_id == organization_id))

    async def sweep(self, unused_for: timedelta, most: int = 500) -> int:
        """Delete files that were not used for so long and that no delivery waits for, and previews. System session."""
        waits = (
            select(PostFile.media_id)
            .join(Delivery, col(Delivery.post_id) == col(PostFile.post_id))
            .where(
                col(PostFile.media_id) == col(StoredFile.id),
                col(Delivery.status).not_in(OVER) | (col(Delivery.due_at) > now(-unused_for)),
            )
        )
        posted = exists().where(col(PostFile.media_id) == col(StoredFile.id))
        seen = col(StoredFile.made_from).is_not(None) & ~posted & (col(StoredFile.used_at) <= now(-SEEN))
        old = (col(StoredFile.used_at) <= now(-unused_for)) & ~waits.exists()
        return await self._remove(select(StoredFile).where(old | seen).limit(most))

    async def _remove(self, which: SelectOfScalar[StoredFile]) -> int:
        """Delete rows, and enter that their bytes are to be deleted."""
        files = list(await self._session.exec(which))
        if files:
            removals = [{"key": file.key, "due_at": now()} for file in files]
            await self._session.exec(insert(MediaRemoval).values(removals))
            ids = [file.id for file in files]
            gone = delete(StoredFile).where(col(StoredFile.id).in_(ids))
            await self._session.exec(gone, execution_options=_UNSYNCHRONIZED)
        return len(files)

    # Bytes to delete. System sessions only.

    async def due_removals(self, most: int = 500) -> list[str]:
        """Return keys whose bytes are to be deleted now."""
        due = select(MediaRemoval.key).where(col(MediaRemoval.due_at) <= now())
        return list(await self._session.exec(due.order_by(col(MediaRemoval.due_at)).limit(most)))

    async def removed(self, keys: Collection[str]) -> None:
        """Store that the bytes of these keys are gone."""
        gone = delete(MediaRemoval).where(col(MediaRemoval.key).in_(keys))
        await self._session.exec(gone, execution_options=_UNSYNCHRONIZED)

    # Addresses for platforms

    async def open_address(
        self, token: str, organization_id: str, key: str, delivery_id: str, lives: timedelta
    ) -> None:
        """Let a platform fetch a file with `token` for so long, at most until the delivery's outcome is final.

        Raises:
            LookupError: The file is not stored any more.

        """
        file = await self.get(organization_id, key)
        if file is None:
            raise LookupError(key)
        await self._session.exec(
            insert(MediaAddress).values(
                token_hash=digest(token),
                organization_id=organization_id,
                media_id=file.id,
                delivery_id=delivery_id,
                expires_at=now(lives),
            )
        )

    async def at_address(self, token: str) -> StoredFile | None:
        """Return the file that can be fetched with `token` now, or None. System session."""
        found = (
            select(StoredFile)
            .join(MediaAddress, col(MediaAddress.media_id) == col(StoredFile.id))
            .join(Delivery, col(Delivery.id) == col(MediaAddress.delivery_id))
            .where(
                MediaAddress.token_hash == digest(token),
                col(MediaAddress.expires_at) > now(),
                col(Delivery.status).in_(OPEN),
            )
        )
        return (await self._session.exec(found)).one_or_none()

    # Addresses for people, before a file is published

    async def open_preview(self, token: str, organization_id: str, key: str, lives: timedelta) -> None:
        """Let whoever has `token` see a file for so long.

        Raises:
            LookupError: The file is not stored any more.

        """
        file = await self.get(organization_id, key)
        if file is None:
            raise LookupError(key)
        await self.touch(organization_id, [key])
        await self._session.exec(
            insert(MediaPreview).values(
                token_hash=digest(token),
                organization_id=organization_id,
                media_id=file.id,
                expires_at=now(lives),
            )
        )

    async def at_preview(self, token: str) -> StoredFile | None:
        """Return the file that can be seen with `token` now, or None. System session."""
        found = (
            select(StoredFile)
            .join(MediaPreview, col(MediaPreview.media_id) == col(StoredFile.id))
            .where(MediaPreview.token_hash == digest(token), col(MediaPreview.expires_at) > now())
        )
        return (await self._session.exec(found)).one_or_none()


def _theirs(organization_id: str, keys: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    return col(StoredFile.organization_id) == organization_id, col(StoredFile.key).in_(keys)
