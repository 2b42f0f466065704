"""What a member has written so far: the form's content, and what each account would get of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from adapters.base import Content, Format, Media, MediaKind, OptionValue, TextField
from bot.services.media.uploading import media_of
from storage.models import UploadState

if TYPE_CHECKING:
    from adapters.base import FormatRule, PublishingFacts
    from storage.models import Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What one account needs besides the text: the fields that only its platform has."""

    title: str = ""
    place: str = ""
    """The platform's id of a place in the account."""
    place_name: str = ""
    options: Mapping[str, OptionValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is in the form."""

    text: str = ""
    media: tuple[Media, ...] = ()
    """The files that were taken in, with what people wrote about them."""
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


_WRITTEN = TypeAdapter(Written)


def dump(written: Written) -> dict[str, Any]:
    """Return what is in the form as JSON."""
    stored: dict[str, Any] = _WRITTEN.dump_python(written, mode="json")
    return stored


def load(stored: Mapping[str, Any]) -> Written:
    """Return what `dump` gave this JSON for.

    Raises:
        ValueError: It is nothing that was in the form.

    """
    return _WRITTEN.validate_python(stored)


def with_uploads(written: Written, uploads: Sequence[Upload]) -> Written:
    """Return the post with the files that have arrived on its upload page."""
    known = {one.key for one in written.media} | set(written.left_out)
    stored = [media_of(one) for one in uploads if one.state == UploadState.STORED]
    return replace(written, media=(*written.media, *(one for one in stored if one.key not in known)))


def format_for(facts: PublishingFacts, written: Written) -> Format | None:
    """Return the format in which a platform takes what is written, with its files; None: in none."""
    return next((one for one in _formats(written) if _takes(facts.formats.get(one), written.media)), None)


def _formats(written: Written) -> tuple[Format, ...]:
    """Return the formats that suit the files, the best one first."""
    kinds = [one.kind for one in written.media]
    match kinds:
        case []:
            return (Format.TEXT,)
        case [MediaKind.IMAGE]:
            return (Format.IMAGE, Format.CAROUSEL)
        case [MediaKind.GIF]:
            return (Format.GIF, Format.IMAGE, Format.VIDEO)
        case [MediaKind.VIDEO] if is_upright(written.media[0]):
            last = (Format.VIDEO, Format.REEL)
            return last[::-1] if written.reel else last
        case [MediaKind.VIDEO]:
            return (Format.VIDEO,)
        case [MediaKind.DOCUMENT]:
            return (Format.DOCUMENT,)
        case _:
            return (Format.CAROUSEL, Format.IMAGE)


def _takes(rule: FormatRule | None, media: Sequence[Media]) -> bool:
    """Tell whether a format takes files of these kinds, and so many. What they are like is checked later."""
    if rule is None:
        return False
    return len(media) <= max(rule.most, 1) and all(one.kind in rule.media for one in media)


def is_upright(media: Media) -> bool:
    """Tell whether a video is higher than wide."""
    return media.kind is MediaKind.VIDEO and 0 < media.ratio < 1


def content_for(facts: PublishingFacts, written: Written, account_id: str) -> Content | None:
    """Return what one account gets; None: its platform takes no such post."""
    wanted = format_for(facts, written)
    if wanted is None:
        return None
    details = written.details.get(account_id, Details())
    rule = facts.formats[wanted]
    described = TextField.ALT_TEXT in rule.texts
    options = {option.key for option in facts.options if wanted in option.formats}
    return Content(
        format=wanted,
        text=written.text,
        title=details.title if TextField.TITLE in rule.texts else "",
        media=tuple(one if described else replace(one, alt_text="") for one in written.media),
        options={key: value for key, value in details.options.items() if key in options},
        place=details.place,
    )


def asks_alt_text(facts: PublishingFacts, written: Written) -> bool:
    """Tell whether the platform shows a text to people who don't see the pictures."""
    wanted = format_for(facts, written)
    return wanted is not None and TextField.ALT_TEXT in facts.formats[wanted].texts


def needs_title(rule: FormatRule) -> bool:
    """Tell whether the format has a title that it cannot do without."""
    title = rule.texts.get(TextField.TITLE)
    return title is not None and title.required
