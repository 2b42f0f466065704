"""What an X account takes.

Sources, read 2026-11-23: https://docs.x.com, "Counting characters", "Media best practices", "Manage posts", "Rate
limits" and "Pricing", and the OpenAPI document. X names no limit for a thread; ours is what its own editor takes.
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import (
    MEBIBYTE,
    DailyCap,
    Format,
    FormatRule,
    MediaKind,
    MediaRule,
    Option,
    OptionKind,
    PublishingFacts,
    TextField,
    TextRule,
    Unit,
)
from adapters.x.text import urls_in, weighted_length

MOST_PICTURES = 4
MOST_IN_THREAD = 25
EVERYONE = "everyone"
"""Not a value of X's: the absence of one."""
REPLY_SETTINGS, MADE_WITH_AI = "reply_settings", "made_with_ai"
CENTS, CENTS_WITH_URL = 1.5, 20.0

_TEXT = TextRule(most=280, unit=Unit.WEIGHTED, count=weighted_length)
_ALT_TEXT = TextRule(most=1000)
_PICTURE = MediaRule(
    types=frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"}),
    most_bytes=5 * MEBIBYTE,
    converts=True,
)
_GIF = MediaRule(
    types=frozenset({"image/gif"}), most_bytes=15 * MEBIBYTE, largest_side=1280, most_pixels=1280 * 1080
)
_VIDEO = MediaRule(
    types=frozenset({"video/mp4", "video/quicktime"}),
    most_bytes=512 * MEBIBYTE,
    shortest=timedelta(seconds=0.5),
    longest=timedelta(seconds=140),
    lowest_ratio=1 / 3,
    highest_ratio=3.0,
    smallest_side=32,
    highest_frame_rate=60,
)
_PICTURES = {MediaKind.IMAGE: _PICTURE}
_WITH_MEDIA = {TextField.TEXT: _TEXT, TextField.FIRST_COMMENT: _TEXT}
_DESCRIBED = {**_WITH_MEDIA, TextField.ALT_TEXT: _ALT_TEXT}
_EVERY_FORMAT = frozenset(
    {Format.TEXT, Format.IMAGE, Format.CAROUSEL, Format.GIF, Format.VIDEO, Format.THREAD}
)


CENTS_PER_READ = 0.5


def cents(text: str) -> float:
    """Return what X charges for a post with this text, in US cents: much more if there is an address in it."""
    return CENTS_WITH_URL if urls_in(text) else CENTS


FACTS = PublishingFacts(
    formats={
        Format.TEXT: FormatRule(
            texts={
                TextField.TEXT: TextRule(
                    most=_TEXT.most, unit=_TEXT.unit, count=weighted_length, required=True
                ),
                TextField.FIRST_COMMENT: _TEXT,
            }
        ),
        Format.IMAGE: FormatRule(texts=_DESCRIBED, media=_PICTURES, fewest=1, most=1),
        Format.CAROUSEL: FormatRule(texts=_DESCRIBED, media=_PICTURES, fewest=2, most=MOST_PICTURES),
        Format.GIF: FormatRule(texts=_DESCRIBED, media={MediaKind.GIF: _GIF}, fewest=1, most=1),
        Format.VIDEO: FormatRule(texts=_WITH_MEDIA, media={MediaKind.VIDEO: _VIDEO}, fewest=1, most=1),
        Format.THREAD: FormatRule(
            texts={TextField.FIRST_COMMENT: _TEXT},
            fewest=2,
            most=MOST_IN_THREAD,
            part=FormatRule(
                texts={TextField.TEXT: _TEXT, TextField.ALT_TEXT: _ALT_TEXT},
                media={MediaKind.IMAGE: _PICTURE, MediaKind.GIF: _GIF, MediaKind.VIDEO: _VIDEO},
                most=MOST_PICTURES,
            ),
        ),
    },
    options=(
        Option(
            key=REPLY_SETTINGS,
            kind=OptionKind.CHOICE,
            formats=_EVERY_FORMAT,
            choices=(EVERYONE, "following", "mentionedUsers", "verified", "subscribers"),
            default=EVERYONE,
        ),
        Option(key=MADE_WITH_AI, kind=OptionKind.SWITCH, formats=_EVERY_FORMAT, default=False),
    ),
    daily_cap=DailyCap(posts=10_000, whole_app=True),
    same_text_once=True,
    can_delete=True,
    cents_per_post=cents,
    cents_per_read=CENTS_PER_READ,
)
