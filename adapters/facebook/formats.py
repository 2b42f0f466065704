"""What a Facebook Page takes.

Sources, read 2026-11-23: https://developers.facebook.com, "Pages API: Posts", "Reels Publishing", "Video API", and the
Page references `feed`, `photos`, `videos`, `video_reels`. No page states how long a post may be, how large a photo
or how many in a post; those numbers are what public projects that post to Pages found.
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import (
    GIBIBYTE,
    Format,
    FormatRule,
    MediaKind,
    MediaRule,
    PublishingFacts,
    TextField,
    TextRule,
)

MOST_PHOTOS = 10
UPRIGHT = 9 / 16
"""The shape of a Reel."""
TOLERANCE = 0.01
"""Encoders round to even numbers of pixels."""

_TEXT = TextRule(most=63_206)
_TITLE = TextRule(most=255)
_ALT_TEXT = TextRule(most=1000)
"""Facebook documents no limit. This is Instagram's."""
_PHOTO = MediaRule(
    types=frozenset({"image/jpeg", "image/png", "image/gif", "image/bmp", "image/tiff"}),
    most_bytes=4_000_000,
    converts=True,
)
_VIDEO_TYPES = frozenset({"video/mp4", "video/quicktime", "video/x-m4v"})
_VIDEO = MediaRule(
    types=_VIDEO_TYPES,
    most_bytes=10 * GIBIBYTE,
    fewest_bytes=1024,
    longest=timedelta(hours=4),
)
_REEL = MediaRule(
    types=_VIDEO_TYPES,
    most_bytes=GIBIBYTE,
    fewest_bytes=1024,
    shortest=timedelta(seconds=3),
    longest=timedelta(seconds=90),
    lowest_ratio=UPRIGHT * (1 - TOLERANCE),
    highest_ratio=UPRIGHT * (1 + TOLERANCE),
    smallest_side=540,
    highest_frame_rate=60,
)

FACTS = PublishingFacts(
    formats={
        Format.TEXT: FormatRule(texts={TextField.TEXT: TextRule(most=_TEXT.most, required=True)}),
        Format.LINK: FormatRule(
            texts={TextField.TEXT: _TEXT, TextField.LINK: TextRule(most=2000, required=True)}
        ),
        Format.IMAGE: FormatRule(
            texts={TextField.TEXT: _TEXT, TextField.ALT_TEXT: _ALT_TEXT},
            media={MediaKind.IMAGE: _PHOTO},
            fewest=1,
            most=1,
        ),
        Format.CAROUSEL: FormatRule(
            texts={TextField.TEXT: _TEXT, TextField.ALT_TEXT: _ALT_TEXT},
            media={MediaKind.IMAGE: _PHOTO},
            fewest=2,
            most=MOST_PHOTOS,
        ),
        Format.VIDEO: FormatRule(
            texts={TextField.TITLE: _TITLE, TextField.TEXT: _TEXT},
            media={MediaKind.VIDEO: _VIDEO},
            fewest=1,
            most=1,
        ),
        Format.REEL: FormatRule(
            texts={TextField.TITLE: _TITLE, TextField.TEXT: _TEXT},
            media={MediaKind.VIDEO: _REEL},
            fewest=1,
            most=1,
        ),
    },
    can_edit=True,
    can_delete=True,
)
