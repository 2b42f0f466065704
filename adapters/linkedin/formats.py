"""What a LinkedIn profile or page takes.

Sources, read 2026-11-23: https://learn.microsoft.com/linkedin, "Posts API", "MultiImage API", "Images API", "Documents
API", "Videos API". No page states how large a picture may be in bytes or how long a title; those numbers are what
public projects that post to LinkedIn keep to.
"""

from __future__ import annotations

from datetime import timedelta

from adapters.base import (
    MEBIBYTE,
    Format,
    FormatRule,
    MediaKind,
    MediaRule,
    PublishingFacts,
    TextField,
    TextRule,
)
from adapters.linkedin.text import escaped_length

MOST_PICTURES = 20
LONGEST_TEXT = 3000

_TEXT = TextRule(most=LONGEST_TEXT, count=escaped_length)
_NEEDED_TEXT = TextRule(most=LONGEST_TEXT, count=escaped_length, required=True)
_TITLE = TextRule(most=400)
_NEEDED_TITLE = TextRule(most=400, required=True)
_ALT_TEXT = TextRule(most=4086)
_PICTURE = MediaRule(
    types=frozenset({"image/jpeg", "image/png", "image/gif"}),
    most_bytes=8 * MEBIBYTE,
    most_pixels=36_152_320,
    converts=True,
)
_PICTURES = {MediaKind.IMAGE: _PICTURE, MediaKind.GIF: _PICTURE}
_VIDEO = MediaRule(
    types=frozenset({"video/mp4"}),
    most_bytes=500_000_000,
    fewest_bytes=75_000,
    shortest=timedelta(seconds=3),
    longest=timedelta(minutes=30),
)
_DOCUMENT = MediaRule(types=frozenset({"application/pdf"}), most_bytes=100_000_000, most_pages=300)
_WITH_PICTURES = {TextField.TEXT: _TEXT, TextField.ALT_TEXT: _ALT_TEXT}

FACTS = PublishingFacts(
    formats={
        Format.TEXT: FormatRule(texts={TextField.TEXT: _NEEDED_TEXT}),
        Format.LINK: FormatRule(
            texts={
                TextField.TEXT: _TEXT,
                TextField.TITLE: _NEEDED_TITLE,
                TextField.LINK: TextRule(most=2000, required=True),
            },
            cover=_PICTURE,
        ),
        Format.IMAGE: FormatRule(texts=_WITH_PICTURES, media=_PICTURES, fewest=1, most=1),
        Format.CAROUSEL: FormatRule(texts=_WITH_PICTURES, media=_PICTURES, fewest=2, most=MOST_PICTURES),
        Format.VIDEO: FormatRule(
            texts={TextField.TEXT: _TEXT, TextField.TITLE: _TITLE},
            media={MediaKind.VIDEO: _VIDEO},
            fewest=1,
            most=1,
        ),
        Format.DOCUMENT: FormatRule(
            texts={TextField.TEXT: _TEXT, TextField.TITLE: _NEEDED_TITLE},
            media={MediaKind.DOCUMENT: _DOCUMENT},
            fewest=1,
            most=1,
        ),
    },
    can_edit=True,
    can_delete=True,
)
