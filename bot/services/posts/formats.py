"""What each account gets of what a member has written: the format that suits it, and its content."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.base import Content, Format, Media, MediaKind, Part, TextField
from bot.services.posts.drafts import ChosenPlace, Details, Extra, Written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.base import FormatRule, Live, OptionValue, PublishingFacts

NOWHERE = ChosenPlace(id="")
"""For an account that has no places, or where none was chosen yet."""


def format_for(facts: PublishingFacts, written: Written, details: Details) -> Format | None:
    """Return the format in which a platform takes what is written, with its files; None: in none."""
    if Extra.THREAD in written.extras and Format.THREAD in facts.formats:
        return Format.THREAD
    if details.as_draft and _takes(facts.formats.get(Format.DRAFT), written.media):
        return Format.DRAFT
    return next((one for one in _formats(written) if _takes(facts.formats.get(one), written.media)), None)


def _formats(written: Written) -> tuple[Format, ...]:
    """Return the formats that suit the files, the best one first."""
    kinds = [one.kind for one in written.media]
    match kinds:
        case []:
            return (Format.LINK, Format.TEXT) if link_of(written) else (Format.TEXT,)
        case [MediaKind.IMAGE]:
            return (Format.IMAGE, Format.CAROUSEL)
        case [MediaKind.GIF]:
            return (Format.GIF, Format.IMAGE, Format.VIDEO)
        case [MediaKind.VIDEO] if is_upright(written.media[0]):
            last = (Format.VIDEO, Format.REEL)
            return last[::-1] if written.reel else last
        case [MediaKind.VIDEO]:
            return (Format.VIDEO, Format.REEL)
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
    """Tell whether a video is at least as high as wide."""
    return media.kind is MediaKind.VIDEO and 0 < media.ratio <= 1


def link_of(written: Written) -> str:
    """Return the link that was asked for; empty: none."""
    return written.link.strip() if Extra.LINK in written.extras else ""


def comment_of(written: Written) -> str:
    """Return the first comment that was asked for; empty: none."""
    return written.first_comment if Extra.COMMENT in written.extras else ""


def text_of(written: Written, details: Details, wanted: Format) -> str:
    """Return an account's text. A link that cannot be sent beside it stands at its end."""
    text = written.text if details.own_text is None else details.own_text
    link = link_of(written)
    if not link or wanted is Format.LINK or link in text:
        return text
    return f"{text}\n\n{link}" if text.strip() else link


def contents_for(facts: PublishingFacts, written: Written, account_id: str) -> tuple[Content, ...]:
    """Return what one account gets, in each of its places; nothing: its platform takes no such post."""
    details = written.of(account_id)
    wanted = format_for(facts, written, details)
    if wanted is None:
        return ()
    whole = _content(facts, written, details, wanted)
    return tuple(
        replace(whole, place=place.id, options={**whole.options, **_options(facts, wanted, place.options)})
        for place in details.places or (NOWHERE,)
    )


def _content(facts: PublishingFacts, written: Written, details: Details, wanted: Format) -> Content:
    rule = facts.formats[wanted]
    text = text_of(written, details, wanted)
    media = _described(rule.part or rule, written.media)
    threaded = wanted is Format.THREAD
    return Content(
        format=wanted,
        text="" if threaded or is_finished_elsewhere(wanted, media) else text,
        title=details.title if TextField.TITLE in rule.texts else "",
        link=link_of(written) if wanted is Format.LINK else "",
        media=() if threaded else media,
        thread=_thread(text, media, details) if threaded else (),
        first_comment=comment_of(written) if TextField.FIRST_COMMENT in rule.texts else "",
        cover=details.cover if rule.cover is not None else None,
        options=_options(facts, wanted, details.options),
    )


def is_finished_elsewhere(wanted: Format, media: Sequence[Media]) -> bool:
    """Tell whether a person writes the text in the platform's own app: the draft of a video carries none."""
    return wanted is Format.DRAFT and any(one.kind is MediaKind.VIDEO for one in media)


def _described(rule: FormatRule, media: Sequence[Media]) -> tuple[Media, ...]:
    """Return the files without the descriptions that the format does not take."""
    takes = TextField.ALT_TEXT in rule.texts
    return tuple(one if takes else replace(one, alt_text="") for one in media)


def _thread(text: str, media: Sequence[Media], details: Details) -> tuple[Part, ...]:
    """Return the parts of a thread. Files that no later part names belong to the first one."""
    by_key = {one.key: one for one in media}
    named = {key for part in details.thread for key in part.files}
    first = Part(text=text, media=tuple(one for one in media if one.key not in named))
    later = (
        Part(text=part.text, media=tuple(by_key[key] for key in part.files if key in by_key))
        for part in details.thread
    )
    return (first, *(part for part in later if part.text.strip() or part.media))


def _options(
    facts: PublishingFacts, wanted: Format, chosen: Mapping[str, OptionValue]
) -> dict[str, OptionValue]:
    """Return what was chosen for the fields that this format has, and that count."""
    return {
        option.key: chosen[option.key]
        for option in facts.options
        if wanted in option.formats and option.key in chosen and facts.counts(option, chosen)
    }


def answer_about(details: Details, place: str) -> Live | None:
    """Return what the platform said about an account, or about a place in it."""
    return next((one.live for one in details.places if one.id == place), details.live)
