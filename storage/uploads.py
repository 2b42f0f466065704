"""The files that arrive on upload pages, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import col, delete, func, insert, or_, select, update

from storage.engine.statements import now
from storage.models import (
    Draft,
    MediaRemoval,
    Organization,
    StoredFile,
    Upload,
    UploadPiece,
    UploadState,
    new_id,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

UPLOAD_LIFE = timedelta(hours=24)
CHECK_LEASE = timedelta(minutes=10)
"""Longer than a file takes to be put together and looked into."""
_FRESH = {"populate_existing": True, "synchronize_session": False}
_UNSYNCHRONIZED = {"synchronize_session": False}
_OPEN = (UploadState.ARRIVING, UploadState.CHECKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What an organization has in the store, and is sending."""

    stored: int
    """Bytes, those of open uploads included."""
    open: int
    """Uploads."""


class Uploads:
    """The uploads of an organization."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def _require_draft(self, *which: ColumnElement[bool]) -> None:
        if (await self._session.exec(select(Draft.id).where(*which))).first() is None:
            raise LookupError("no such draft")

    async def room(self, organization_id: str) -> Room:
        """Return what the organization has, and let nobody else announce a file of it until the transaction ends."""
        # On PostgreSQL; SQLite has one writer at a time anyway.
        await self._session.exec(
            select(Organization.id).where(Organization.id == organization_id).with_for_update()
        )
        stored = select(func.coalesce(func.sum(StoredFile.size), 0)).where(
            StoredFile.organization_id == organization_id
        )
        arriving = select(func.coalesce(func.sum(Upload.size), 0), func.count()).where(
            Upload.organization_id == organization_id,
            col(Upload.state).in_(_OPEN),
            col(Upload.expires_at) > now(),
        )
        coming, count = (await self._session.exec(arriving)).one()
        return Room(stored=int((await self._session.exec(stored)).one()) + int(coming), open=count)

    async def create(self, organization_id: str, draft_id: str, name: str, size: int) -> Upload:
        """Store that a file will arrive for a draft, and return its upload.

        Raises:
            LookupError: There is no such draft.

        """
        await self._require_draft(col(Draft.organization_id) == organization_id, col(Draft.id) == draft_id)
        upload_id = new_id("upl")
        values = Upload(
            organization_id=organization_id, draft_id=draft_id, name=name, size=size, expires_at=None
        )
        row = values.model_dump(exclude={"id", "created_at", "expires_at"})
        times = {"created_at": now(), "expires_at": now(UPLOAD_LIFE)}
        await self._session.exec(insert(Upload).values(id=upload_id, **row, **times))
        return (await self._session.exec(select(Upload).where(Upload.id == upload_id))).one()

    async def get(self, organization_id: str, draft_id: str, upload_id: str) -> Upload | None:
        """Return a draft's upload; None if there is none, or its time is over."""
        found = select(Upload).where(*_theirs(organization_id, draft_id), Upload.id == upload_id)
        return (await self._session.exec(found, execution_options=_FRESH)).one_or_none()

    async def all(self, organization_id: str, draft_id: str) -> list[Upload]:
        """Return a draft's uploads, the first one first."""
        found = select(Upload).where(*_theirs(organization_id, draft_id))
        return list(await self._session.exec(found.order_by(col(Upload.created_at), col(Upload.id))))

    async def append(self, upload: Upload, start: int, size: int, key: str) -> bool:
        """Store that the next piece has arrived; False if another one was there first, or the upload is gone."""
        end = start + size
        state = UploadState.CHECKING if end == upload.size else UploadState.ARRIVING
        grown = update(Upload).where(
            col(Upload.organization_id) == upload.organization_id,
            col(Upload.id) == upload.id,
            col(Upload.received) == start,
            col(Upload.state) == UploadState.ARRIVING,
            col(Upload.expires_at) > now(),
        )
        changed = await self._session.exec(
            grown.values(received=end, state=state), execution_options=_UNSYNCHRONIZED
        )
        if changed.rowcount != 1:
            return False
        piece = {"upload_id": upload.id, "start": start, "size": size, "key": key}
        await self._session.exec(insert(UploadPiece).values(organization_id=upload.organization_id, **piece))
        return True

    async def pieces(self, organization_id: str, upload_id: str) -> list[UploadPiece]:
        """Return the pieces of an upload in their order."""
        found = select(UploadPiece).where(
            UploadPiece.organization_id == organization_id, UploadPiece.upload_id == upload_id
        )
        return list(await self._session.exec(found.order_by(col(UploadPiece.start))))

    async def remove(self, organization_id: str, draft_id: str, upload_id: str) -> Upload | None:
        """Delete a draft's upload and return it; the bytes of its pieces are deleted next."""
        upload = await self.get(organization_id, draft_id, upload_id)
        if upload is not None:
            await self._drop_pieces(col(UploadPiece.upload_id) == upload_id)
            gone = delete(Upload).where(*_theirs(organization_id, draft_id), col(Upload.id) == upload_id)
            await self._session.exec(gone, execution_options=_UNSYNCHRONIZED)
        return upload

    async def discard(self, organization_id: str, draft_id: str) -> None:
        """Let the bytes of a draft that is discarded be deleted next. The rows go with the draft."""
        theirs = select(Upload.id).where(
            Upload.organization_id == organization_id, Upload.draft_id == draft_id
        )
        await self._drop_pieces(col(UploadPiece.upload_id).in_(theirs))

    async def discard_all(self, organization_id: str) -> None:
        """Let the bytes of an organization that is being deleted be deleted next."""
        await self._drop_pieces(col(UploadPiece.organization_id) == organization_id)

    # Checking

    async def claim(self, organization_id: str, upload_id: str) -> Upload | None:
        """Return an upload that is to be checked, for this process alone; None if another one does it or has done."""
        free = or_(col(Upload.checked_until).is_(None), col(Upload.checked_until) <= now())
        claimed = update(Upload).where(
            col(Upload.organization_id) == organization_id,
            col(Upload.id) == upload_id,
            col(Upload.state) == UploadState.CHECKING,
            free,
        )
        rows = await self._session.exec(
            claimed.values(checked_until=now(CHECK_LEASE)).returning(Upload), execution_options=_FRESH
        )
        found: Upload | None = rows.scalar_one_or_none()
        return found

    async def settle(self, upload: Upload, outcome: UploadState, values: Mapping[str, Any]) -> bool:
        """Store what was found in a checked file; False if it was removed meanwhile. Its pieces are deleted next."""
        lives = {"expires_at": None} if outcome is UploadState.STORED else {}
        await self._drop_pieces(col(UploadPiece.upload_id) == upload.id)
        settled = update(Upload).where(
            col(Upload.organization_id) == upload.organization_id,
            col(Upload.id) == upload.id,
            col(Upload.state) == UploadState.CHECKING,
        )
        changed = await self._session.exec(
            settled.values(state=outcome, checked_until=None, **lives, **values),
            execution_options=_UNSYNCHRONIZED,
        )
        return changed.rowcount == 1

    async def unchecked(self, most: int = 20) -> list[Upload]:
        """Return uploads whose bytes are all here and that nobody checks. System session."""
        free = or_(col(Upload.checked_until).is_(None), col(Upload.checked_until) <= now())
        found = select(Upload).where(Upload.state == UploadState.CHECKING, free)
        return list(await self._session.exec(found.order_by(col(Upload.created_at)).limit(most)))

    async def _drop_pieces(self, which: ColumnElement[bool]) -> None:
        keys = select(UploadPiece.key).where(which)
        due = update(MediaRemoval).where(col(MediaRemoval.key).in_(keys)).values(due_at=now())
        await self._session.exec(due, execution_options=_UNSYNCHRONIZED)
        await self._session.exec(delete(UploadPiece).where(which), execution_options=_UNSYNCHRONIZED)


def _theirs(organization_id: str, draft_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Upload.organization_id) == organization_id,
        col(Upload.draft_id) == draft_id,
        or_(col(Upload.expires_at).is_(None), col(Upload.expires_at) > now()),
    )
