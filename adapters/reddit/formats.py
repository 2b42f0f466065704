"""What Reddit takes.

Sources, read 2026-11-23: https://www.reddit.com/dev/api, the code of reddit-archive/reddit (title, text and comment
lengths), recorded traffic of PRAW's tests (20 MiB for a picture), Reddit's help pages (videos). What a subreddit takes
besides is asked live.
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import (
    GIBIBYTE,
    MEBIBYTE,
    Format,
    FormatRule,
    MediaKind,
    MediaRule,
    Option,
    OptionKind,
    PublishingFacts,
    TextField,
    TextRule,
)

FLAIR, NSFW, SPOILER = "flair", "nsfw", "spoiler"
MOST_PICTURES = 20
SPACED = timedelta(minutes=2)
"""Reddit names no number; accounts that post faster are told to take a break."""

_PICTURE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif"})
_PICTURE = MediaRule(types=_PICTURE_TYPES, most_bytes=20 * MEBIBYTE, converts=True)
_PICTURES = {MediaKind.IMAGE: _PICTURE, MediaKind.GIF: _PICTURE}
_VIDEO = MediaRule(
    types=frozenset({"video/mp4", "video/quicktime"}), most_bytes=GIBIBYTE, longest=timedelta(minutes=15)
)
_TEXTS = {
    TextField.TITLE: TextRule(most=300, required=True),
    TextField.TEXT: TextRule(most=40_000),
    TextField.FIRST_COMMENT: TextRule(most=10_000),
}
_EVERY_FORMAT = frozenset({Format.TEXT, Format.LINK, Format.IMAGE, Format.CAROUSEL, Format.VIDEO})

FACTS = PublishingFacts(
    formats={
        Format.TEXT: FormatRule(texts=_TEXTS),
        Format.LINK: FormatRule(texts={**_TEXTS, TextField.LINK: TextRule(most=2000, required=True)}),
        Format.IMAGE: FormatRule(texts=_TEXTS, media=_PICTURES, fewest=1, most=1),
        Format.CAROUSEL: FormatRule(texts=_TEXTS, media=_PICTURES, fewest=2, most=MOST_PICTURES),
        Format.VIDEO: FormatRule(
            texts=_TEXTS, media={MediaKind.VIDEO: _VIDEO}, fewest=1, most=1, cover=_PICTURE
        ),
    },
    options=(
        Option(key=FLAIR, kind=OptionKind.CHOICE, formats=_EVERY_FORMAT),
        Option(key=NSFW, kind=OptionKind.SWITCH, formats=_EVERY_FORMAT, default=False),
        Option(key=SPOILER, kind=OptionKind.SWITCH, formats=_EVERY_FORMAT, default=False),
    ),
    spaced=SPACED,
    places_per_post=3,
    cap_codes=frozenset({"QUOTA_FILLED"}),
)
