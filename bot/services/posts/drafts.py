"""What a member has written so far: what is in the forms, and how it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from adapters.base import Live, Media, OptionValue
from bot.services.media.uploading import media_of
from bot.services.posts.sources import Source
from storage.models import UploadState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.base import PublishingFacts
    from storage.models import Upload


class Extra(StrEnum):
    """Something that a post may have besides text and files. The form asks for it only if it was ticked."""

    LONGER = "longer"
    """Another field for text."""
    LINK = "link"
    COMMENT = "comment"
    """A first comment."""
    THREAD = "thread"
    OWN_TEXT = "own_text"
    """Another text for single accounts."""
    NEXT_SLOT = "next_slot"
    """It goes out at each account's next free slot, whatever `Written.due_at` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenPlace:
    """A place in an account where the post goes."""

    id: str
    """The platform's id."""
    name: str = ""
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """What was chosen for this place: its flair."""
    live: Live | None = None
    """What the platform said about the place. None: it did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadPart:
    """A part of a thread after the first one."""

    text: str = ""
    files: tuple[str, ...] = ()
    """The keys of its files. A file that no part names belongs to the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What one account needs besides the text: the fields that only its platform has."""

    title: str = ""
    places: tuple[ChosenPlace, ...] = ()
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    own_text: str | None = None
    """None: the post's text."""
    thread: tuple[ThreadPart, ...] = ()
    cover: Media | None = None
    """A picture for the cover of a video, or for a link."""
    browser_turns: int = 0
    """How often its settings were chosen in the browser: a form that was drawn before says nothing about them."""
    as_draft: bool = False
    """It is sent to the platform's own app, where a person finishes it."""
    live: Live | None = None
    """What the platform said about the account. None: it was not asked, or did not answer."""


NONE = Details()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is in the forms."""

    text: str = ""
    media: tuple[Media, ...] = ()
    """The files that were taken in, with what people wrote about them."""
    extras: tuple[Extra, ...] = ()
    link: str = ""
    first_comment: str = ""
    reel: bool = False
    """An upright video goes out as a Reel or Short where the platform has both."""
    accounts: tuple[str, ...] = ()
    """The ids of the chosen accounts."""
    left_out: tuple[str, ...] = ()
    """Keys of files from the upload page that are not to be published."""
    due_at: datetime | None = None
    """None: now."""
    details: Mapping[str, Details] = field(default_factory=dict)
    """By account id."""
    source: Source | None = None
    """The message in Slack that it was made from."""

    def of(self, account_id: str) -> Details:
        """Return what one account needs besides."""
        return self.details.get(account_id, NONE)

    @property
    def files(self) -> tuple[Media, ...]:
        """Every stored file, covers included."""
        covers = (one.cover for one in self.details.values())
        every = {one.key: one for one in (*self.media, *covers) if one is not None}
        return tuple(every.values())


_WRITTEN = TypeAdapter(Written)


def dump(written: Written) -> dict[str, Any]:
    """Return what is in the forms as JSON."""
    stored: dict[str, Any] = _WRITTEN.dump_python(written, mode="json")
    return stored


def load(stored: Mapping[str, Any]) -> Written:
    """Return what `dump` gave this JSON for.

    Raises:
        ValueError: It is nothing that was in the forms.

    """
    return _WRITTEN.validate_python(stored)


def with_uploads(written: Written, uploads: Sequence[Upload]) -> Written:
    """Return the post with the files that have arrived on its upload page."""
    known = {one.key for one in written.media} | set(written.left_out)
    stored = [media_of(one) for one in uploads if one.state == UploadState.STORED]
    return replace(written, media=(*written.media, *(one for one in stored if one.key not in known)))


def for_another_post(written: Written, facts: Mapping[str, PublishingFacts]) -> Written:
    """Return what a copy begins with: nothing that is decided for each post anew, and no answers of platforms.

    `facts`: by account id. The details of an account that is not in it are left out.
    """
    copied = {
        account_id: _copied(details, facts[account_id])
        for account_id, details in written.details.items()
        if account_id in facts
    }
    return replace(written, details=copied)


def _copied(details: Details, facts: PublishingFacts) -> Details:
    kept = {option.key for option in facts.options if not option.each_post}
    places = (replace(one, live=None) for one in details.places)
    options = {key: value for key, value in details.options.items() if key in kept}
    return replace(details, options=options, places=tuple(places), live=None, browser_turns=0)
