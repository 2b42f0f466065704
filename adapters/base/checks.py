"""Checks a content against a platform's facts. Adapters add what their facts cannot say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from adapters.base.content import Content, Media, MediaKind, OptionValue
from adapters.base.conversions import conversion_for
from adapters.base.publishing import Defect, Live, Problem
from adapters.base.rules import (
    FormatRule,
    MediaRule,
    Option,
    OptionKind,
    PublishingFacts,
    TextField,
    TextRule,
)


def problems_of(facts: PublishingFacts, content: Content, live: Live | None = None) -> tuple[Problem, ...]:
    """Return everything in `content` that `facts` and the platform's answer of now do not allow."""
    rule = facts.formats.get(content.format)
    if rule is None:
        return (Problem(defect=Defect.NO_FORMAT, field="format", actual=content.format),)
    found = [*_texts(rule, content), *_files(rule, content.media), *_cover(rule.cover, content.cover)]
    if rule.part is not None:
        found += _thread(rule, rule.part, content)
    found += _options(facts, content, live or Live())
    if live is not None and live.longest_video is not None:
        found += [
            Problem(
                defect=Defect.TOO_LONG_VIDEO, field="media", index=index, allowed=_seconds(live.longest_video)
            )
            for index, one in enumerate(content.media)
            if one.duration is not None and one.duration > live.longest_video
        ]
    return tuple(found)


def text_problem(field: str, rule: TextRule | None, text: str, index: int | None = None) -> Problem | None:
    """Return what is wrong with a text, or None. `rule` None: the format has no such text."""
    if rule is None:
        return Problem(defect=Defect.NOT_TAKEN, field=field, index=index) if text else None
    if not text.strip():
        return Problem(defect=Defect.MISSING, field=field, index=index) if rule.required else None
    length = rule.count(text)
    if length <= rule.most:
        return None
    return Problem(
        defect=Defect.TOO_LONG, field=field, index=index, allowed=str(rule.most), actual=str(length)
    )


def is_link(link: str) -> bool:
    """Tell whether `link` is an address that anybody can open: of the web, with a public name and no sign-in in it."""
    if not link.isprintable() or " " in link:
        return False
    try:
        parts = urlsplit(link)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and "@" not in parts.netloc
        and re.fullmatch(r"([^.]+\.)+[^.\d][^.]*\.?", parts.hostname or "") is not None
    )


def _texts(rule: FormatRule, content: Content) -> Iterator[Problem]:
    texts = {
        TextField.TITLE: content.title,
        TextField.TEXT: content.text,
        TextField.LINK: content.link,
        TextField.FIRST_COMMENT: content.first_comment,
    }
    for field, text in texts.items():
        if problem := text_problem(field, rule.texts.get(field), text):
            yield problem
    if content.link and TextField.LINK in rule.texts and not is_link(content.link):
        yield Problem(defect=Defect.BAD_LINK, field=TextField.LINK)
    for index, one in enumerate(content.media):
        if problem := text_problem(
            TextField.ALT_TEXT, rule.texts.get(TextField.ALT_TEXT), one.alt_text, index
        ):
            yield problem


def _files(rule: FormatRule, media: tuple[Media, ...], element: int | None = None) -> Iterator[Problem]:
    """Yield problems of files; those of a thread's element carry its index, since its files are few."""
    if rule.part is None and len(media) < rule.fewest:
        yield Problem(
            defect=Defect.TOO_FEW,
            field="media",
            index=element,
            allowed=str(rule.fewest),
            actual=str(len(media)),
        )
    if rule.part is None and len(media) > rule.most:
        yield Problem(
            defect=Defect.TOO_MANY,
            field="media",
            index=element,
            allowed=str(rule.most),
            actual=str(len(media)),
        )
    for index, one in enumerate(media):
        yield from media_problems("media", rule.media, one, index if element is None else element)


def media_problems(
    field: str, rules: Mapping[MediaKind, MediaRule], media: Media, index: int | None = None
) -> Iterator[Problem]:
    """Yield what is wrong with one file."""
    rule = rules.get(media.kind)
    if (conversion := conversion_for(rule, media)) is not None:
        media = conversion.result_of(media)
    if rule is None or media.type not in rule.types:
        types = sorted({kind for one in rules.values() for kind in one.types})
        yield Problem(
            defect=Defect.WRONG_TYPE, field=field, index=index, allowed=", ".join(types), actual=media.type
        )
        return
    for defect, allowed, actual in _beyond(rule, media):
        yield Problem(defect=defect, field=field, index=index, allowed=allowed, actual=actual)


def _beyond(rule: MediaRule, media: Media) -> Iterator[tuple[Defect, str, str]]:
    """Yield each limit that the file does not keep, with the limit and the file's value."""
    lasts = media.duration or timedelta(0)
    shorter, longer = sorted((media.width, media.height))
    highest: list[tuple[Defect, float | None, float]] = [
        (Defect.TOO_BIG, rule.most_bytes, media.size),
        (Defect.TOO_LONG_VIDEO, _number(rule.longest), lasts.total_seconds()),
        (Defect.TOO_WIDE, rule.highest_ratio, media.ratio),
        (Defect.TOO_BIG, rule.largest_side, longer),
        (Defect.TOO_BIG, rule.most_pixels, media.width * media.height),
        (Defect.TOO_MANY, rule.most_pages, media.pages),
        (Defect.TOO_FAST, rule.highest_frame_rate, media.frame_rate),
    ]
    lowest: list[tuple[Defect, float | None, float]] = [
        (Defect.TOO_SMALL, rule.fewest_bytes, media.size),
        (Defect.TOO_SHORT, _number(rule.shortest), lasts.total_seconds()),
        (Defect.TOO_TALL, rule.lowest_ratio, media.ratio),
        (Defect.TOO_SMALL, rule.smallest_side, shorter),
    ]
    for defect, limit, value in highest:
        if limit is not None and value > limit:
            yield defect, f"{limit:g}", f"{value:g}"
    for defect, limit, value in lowest:
        if limit is not None and value < limit:
            yield defect, f"{limit:g}", f"{value:g}"


def _number(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():g}"


def _cover(rule: MediaRule | None, cover: Media | None) -> Iterator[Problem]:
    if cover is None:
        return
    if rule is None:
        yield Problem(defect=Defect.NOT_TAKEN, field="cover")
    else:
        yield from media_problems("cover", {MediaKind.IMAGE: rule}, cover)


def _thread(rule: FormatRule, part: FormatRule, content: Content) -> Iterator[Problem]:
    count = str(len(content.thread))
    if len(content.thread) < rule.fewest:
        yield Problem(defect=Defect.TOO_FEW, field="thread", allowed=str(rule.fewest), actual=count)
    if len(content.thread) > rule.most:
        yield Problem(defect=Defect.TOO_MANY, field="thread", allowed=str(rule.most), actual=count)
    for index, one in enumerate(content.thread):
        if not one.text.strip() and not one.media:
            yield Problem(defect=Defect.MISSING, field="thread", index=index)
        if problem := text_problem("thread", part.texts.get(TextField.TEXT), one.text, index):
            yield problem
        yield from _files(part, one.media, index)
        for media in one.media:
            alt = part.texts.get(TextField.ALT_TEXT)
            if problem := text_problem(TextField.ALT_TEXT, alt, media.alt_text, index):
                yield problem


def _options(facts: PublishingFacts, content: Content, live: Live) -> Iterator[Problem]:
    options = {one.key: one for one in facts.options if content.format in one.formats}
    forbidden = facts.forbidden(content.options)
    for key in content.options:
        if key not in options or key in live.off:
            yield Problem(defect=Defect.NOT_TAKEN, field=key)
    for key, option in options.items():
        chosen = content.options.get(key)
        if chosen is None or chosen in {"", ()}:
            if (option.required or key in live.required) and key not in live.off:
                yield Problem(defect=Defect.MISSING, field=key)
        elif problem := _option_problem(option, chosen, live, forbidden.get(key, {})):
            yield problem


def _option_problem(
    option: Option, chosen: OptionValue, live: Live, forbidden: Mapping[str, str]
) -> Problem | None:
    known = option.choices
    if option.key in live.choices:
        known = tuple(one.value for one in live.choices[option.key])
    allowed = tuple(one for one in known if one not in forbidden)
    if option.kind is OptionKind.CHOICE and ((known and chosen not in known) or chosen in forbidden):
        return Problem(
            defect=Defect.NOT_A_CHOICE, field=option.key, allowed=", ".join(allowed), actual=str(chosen)
        )
    size = chosen if isinstance(chosen, int) else len(chosen)
    if option.kind is not OptionKind.CHOICE and option.most and size > option.most:
        return Problem(defect=Defect.TOO_LONG, field=option.key, allowed=str(option.most), actual=str(size))
    return None
