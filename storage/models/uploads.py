"""Files that arrive through the upload page, piece by piece."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey
from sqlmodel import Field, SQLModel

from storage.models.columns import (
    created_column,
    draft_column,
    json_column,
    new_id,
    organization_column,
    time_column,
)


class UploadState(StrEnum):
    """What has become of an upload."""

    ARRIVING = "arriving"
    CHECKING = "checking"
    """All bytes are here; what they are is being looked at."""
    STORED = "stored"
    REFUSED = "refused"


class Upload(SQLModel, table=True):
    """A file that is being uploaded, or was."""

    id: str = Field(default_factory=lambda: new_id("upl"), primary_key=True)
    organization_id: str = organization_column()
    draft_id: str = draft_column()
    name: str
    size: int = Field(sa_type=BigInteger)
    """Bytes, as announced."""
    received: int = Field(default=0, sa_type=BigInteger)
    """Bytes that are in pieces."""
    state: str = UploadState.ARRIVING
    fault: str = ""
    """Why it was refused: a `FileFault`."""
    found: str = ""
    """The MIME type it has, where that is the fault."""
    media: dict[str, Any] = json_column(dict)
    """The stored file, as posts keep it."""
    checked_until: datetime | None = time_column(nullable=True, index=True)
    """While it is checked: until when nobody else does."""
    created_at: datetime = created_column()
    expires_at: datetime | None = time_column(nullable=True, index=True)
    """When what has arrived is deleted. None: it is stored, and stays as long as the draft."""


class UploadPiece(SQLModel, table=True):
    """A part of an upload: an object of its own in the media store, so that every process can go on after it."""

    __tablename__ = "upload_piece"
    upload_id: str = Field(sa_column=Column(ForeignKey("upload.id", ondelete="CASCADE"), primary_key=True))
    start: int = Field(primary_key=True, sa_type=BigInteger)
    """The position of its first byte in the file."""
    organization_id: str = organization_column()
    size: int = Field(sa_type=BigInteger)
    key: str
    """The name of its bytes in the store. Their removal is entered before they are written."""
