"""The files of posts, where platforms fetch them, and which bytes are to be deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary
from sqlmodel import Field, SQLModel

from storage.models.columns import created_column, new_id, organization_column, time_column


class StoredFile(SQLModel, table=True):
    """A file that was checked, and what was found in it. Its bytes are in the media store, under `key`."""

    __tablename__ = "media"
    __table_args__ = (Index("ix_media_made_from", "made_from", "recipe", unique=True),)
    id: str = Field(default_factory=lambda: new_id("med"), primary_key=True)
    organization_id: str = organization_column()
    key: str = Field(unique=True)
    """The name of its bytes in the store: random, so that it says nothing about the file."""
    name: str
    """The file name people gave it."""
    kind: str
    type: str
    """The MIME type by its content."""
    size: int = Field(sa_type=BigInteger)
    """Bytes."""
    sha256: bytes = Field(sa_type=LargeBinary)
    width: int = 0
    height: int = 0
    duration_ms: int = 0
    pages: int = 0
    frame_rate: float = 0.0
    created_at: datetime = created_column()
    used_at: datetime = time_column(index=True)
    """When it was last attached, scheduled or read."""
    made_from: str | None = None
    """The key of the file that it was drawn from. None: a member attached it."""
    recipe: str | None = None
    """How it was drawn."""


class PostFile(SQLModel, table=True):
    """A post that has a file, so that the file is kept as long as one of its deliveries can go out."""

    __tablename__ = "post_media"
    post_id: str = Field(sa_column=Column(ForeignKey("post.id", ondelete="CASCADE"), primary_key=True))
    media_id: str = Field(
        sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    organization_id: str = organization_column()


class MediaAddress(SQLModel, table=True):
    """An address at which a platform fetches a file for one delivery."""

    __tablename__ = "media_address"
    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    organization_id: str = organization_column()
    media_id: str = Field(sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), nullable=False))
    delivery_id: str = Field(sa_column=Column(ForeignKey("delivery.id", ondelete="CASCADE"), nullable=False))
    expires_at: datetime = time_column(index=True)


class MediaPreview(SQLModel, table=True):
    """An address at which people see a drawing of a file that is not published yet."""

    __tablename__ = "media_preview"
    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    organization_id: str = organization_column()
    media_id: str = Field(
        sa_column=Column(ForeignKey("media.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    expires_at: datetime = time_column(index=True)


class MediaRemoval(SQLModel, table=True):
    """Bytes in the store that are to be deleted. It belongs to no organization, so that it outlives one."""

    __tablename__ = "media_removal"
    key: str = Field(primary_key=True)
    due_at: datetime = time_column(index=True)
    """Not before this. An upload enters its own removal first and takes it back when its row is committed, so a
    process that dies in between leaves nothing behind."""
