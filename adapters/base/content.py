"""What is published: text, media and the platform's own fields, as a member decided them.

A `Content` is what goes to one account: the organization's text with that platform's changes applied. It never
changes while a delivery is under way; another content is another attempt.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol


class Format(StrEnum):
    """The kinds of post that platforms tell apart."""

    TEXT = "text"
    LINK = "link"
    IMAGE = "image"
    CAROUSEL = "carousel"
    """Several pictures, or pictures and videos, as one post."""
    GIF = "gif"
    """One animated picture, where the platform treats it as a video."""
    VIDEO = "video"
    REEL = "reel"
    """A short upright video: Reel, Short."""
    DOCUMENT = "document"
    THREAD = "thread"
    """Several texts in a row, each with media of its own."""
    DRAFT = "draft"
    """Sent to the account's own app, where a person finishes it (TikTok's inbox)."""


class MediaKind(StrEnum):
    """What a file is, by its content."""

    IMAGE = "image"
    GIF = "gif"
    """An animated GIF."""
    VIDEO = "video"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A stored file and what was found in it."""

    key: str
    """Names its bytes in a `MediaSource`. Safe to log."""
    kind: MediaKind
    type: str
    """The MIME type by its content: "image/jpeg", "video/mp4", "application/pdf"."""
    size: int
    """Bytes."""
    name: str = ""
    """The file name people gave it."""
    alt_text: str = ""
    width: int = 0
    """Pixels as shown, after rotation. 0: it has none (a document)."""
    height: int = 0
    duration: timedelta | None = None
    pages: int = 0
    frame_rate: float = 0.0

    @property
    def ratio(self) -> float:
        """Width by height. 0 where there is no picture."""
        return self.width / self.height if self.height else 0.0


class MediaSource(Protocol):
    """The bytes of stored files. The media service implements it; an adapter never keeps a whole file."""

    def read(self, media: Media, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` on, at most `length` of them, in pieces of at most 1 MiB.

        Raises:
            LookupError: The file is not stored any more.

        """
        ...

    async def public_url(self, media: Media) -> str:
        """Return an HTTPS address at which a platform can fetch the file for the next two hours."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A text with its media: one element of a thread."""

    text: str = ""
    media: tuple[Media, ...] = ()


OptionValue = str | bool | int | tuple[str, ...]
"""What a member chose for one of a platform's own fields: a choice's value, a yes or no, a number, some words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One post as it goes to one account, at one place in it."""

    format: Format
    text: str = ""
    """The caption, description or body, as the member wrote it: adapters escape."""
    title: str = ""
    link: str = ""
    media: tuple[Media, ...] = ()
    thread: tuple[Part, ...] = ()
    """All elements, the first one included; only for `Format.THREAD`, where `text` and `media` are empty."""
    first_comment: str = ""
    cover: Media | None = None
    """A picture for a video's cover, or for a link."""
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """By the key of the platform's `Option`. An option that is absent was not chosen."""
    place: str = ""
    """The platform's id of a place in the account: a subreddit. Empty: the account itself."""

    @property
    def all_media(self) -> tuple[Media, ...]:
        """Every file that is published, in order, without the cover."""
        return self.media + tuple(one for part in self.thread for one in part.media)
