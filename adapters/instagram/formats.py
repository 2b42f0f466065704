"""What a professional Instagram account takes.

Sources, read 2026-11-23: https://developers.facebook.com, "Content Publishing" and the IG User Media reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from adapters.base import (
    Content,
    DailyCap,
    Defect,
    Format,
    FormatRule,
    MediaKind,
    MediaRule,
    Option,
    OptionKind,
    Problem,
    PublishingFacts,
    TextField,
    TextRule,
)
from adapters.instagram.refusals import QUOTA_USED

SHARE_TO_FEED, THUMB_OFFSET, COLLABORATORS = "share_to_feed", "thumb_offset", "collaborators"
MOST_HASHTAGS, MOST_MENTIONS = 30, 20
WIDEST_VIDEO = 1920
"""Pixels."""

_CAPTION = TextRule(most=2200)
_ALT_TEXT = TextRule(most=1000)
_PHOTO = MediaRule(
    types=frozenset({"image/jpeg"}),
    most_bytes=8_000_000,
    lowest_ratio=4 / 5,
    highest_ratio=1.91,
    converts=True,
)
_COVER = MediaRule(types=frozenset({"image/jpeg"}), most_bytes=8_000_000, converts=True)


def _video(longest: timedelta) -> MediaRule:
    return MediaRule(
        types=frozenset({"video/mp4", "video/quicktime"}),
        most_bytes=300_000_000,
        shortest=timedelta(seconds=3),
        longest=longest,
        lowest_ratio=0.01,
        highest_ratio=10,
        highest_frame_rate=60,
    )


_EVERY = frozenset({Format.IMAGE, Format.CAROUSEL, Format.REEL})
FACTS = PublishingFacts(
    formats={
        Format.IMAGE: FormatRule(
            texts={TextField.TEXT: _CAPTION, TextField.ALT_TEXT: _ALT_TEXT},
            media={MediaKind.IMAGE: _PHOTO},
            fewest=1,
            most=1,
        ),
        Format.CAROUSEL: FormatRule(
            texts={TextField.TEXT: _CAPTION, TextField.ALT_TEXT: _ALT_TEXT},
            # No page says how long a video in a carousel may be; a minute is what people report.
            media={MediaKind.IMAGE: _PHOTO, MediaKind.VIDEO: _video(timedelta(seconds=60))},
            fewest=2,
            most=10,
            in_first_shape=True,
        ),
        Format.REEL: FormatRule(
            texts={TextField.TEXT: _CAPTION},
            media={MediaKind.VIDEO: _video(timedelta(minutes=15))},
            fewest=1,
            most=1,
            cover=_COVER,
        ),
    },
    options=(
        Option(key=SHARE_TO_FEED, kind=OptionKind.SWITCH, formats=frozenset({Format.REEL}), default=True),
        Option(
            key=THUMB_OFFSET, kind=OptionKind.NUMBER, formats=frozenset({Format.REEL}), most=15 * 60 * 1000
        ),
        Option(key=COLLABORATORS, kind=OptionKind.WORDS, formats=_EVERY, most=3),
    ),
    daily_cap=DailyCap(posts=100),
    cap_codes=frozenset({QUOTA_USED}),
)


def more_problems(content: Content) -> Iterator[Problem]:
    """Yield what the facts cannot say: about the caption, a Reel's cover, people, and each file of a carousel."""
    for name, pattern, most in (
        ("hashtags", r"(?<!\w)#\w+", MOST_HASHTAGS),
        ("mentions", r"(?<![\w.])@[\w.]+", MOST_MENTIONS),
    ):
        count = len(re.findall(pattern, content.text))
        if count > most:
            yield Problem(defect=Defect.TOO_MANY, field=name, allowed=str(most), actual=str(count))
    for index, media in enumerate(content.media):
        if media.kind is not MediaKind.VIDEO:
            continue
        if media.alt_text and content.format is Format.CAROUSEL:
            yield Problem(defect=Defect.NOT_TAKEN, field=TextField.ALT_TEXT, index=index)
        if media.width > WIDEST_VIDEO:
            yield Problem(
                defect=Defect.TOO_BIG,
                field="media",
                index=index,
                allowed=str(WIDEST_VIDEO),
                actual=str(media.width),
            )
    yield from _cover_problems(content)
    for person in people_in(content):
        if not re.fullmatch(r"[A-Za-z0-9._]{1,30}", person):
            yield Problem(defect=Defect.BAD_CHARACTER, field=COLLABORATORS, actual=person)


def people_in(content: Content) -> list[str]:
    """Return the user names of those invited to collaborate."""
    chosen = content.options.get(COLLABORATORS, ())
    return [name.removeprefix("@") for name in chosen] if isinstance(chosen, tuple) else []


def _cover_problems(content: Content) -> Iterator[Problem]:
    offset = content.options.get(THUMB_OFFSET)
    if content.format is not Format.REEL or not isinstance(offset, int):
        return
    if content.cover is not None:  # Instagram would take the picture, and ignore the moment.
        yield Problem(defect=Defect.NOT_TAKEN, field=THUMB_OFFSET)
    lasts = content.media[0].duration if content.media else None
    if lasts is not None and offset > lasts.total_seconds() * 1000:
        allowed = f"{lasts.total_seconds() * 1000:.0f}"
        yield Problem(defect=Defect.TOO_LONG, field=THUMB_OFFSET, allowed=allowed, actual=str(offset))
