"""What YouTube takes: videos and Shorts, and the fields of its own.

Sources, read 2026-11-30: "Videos", "videos.insert" and "thumbnails.set" at https://developers.google.com/youtube/v3/docs,
its revision history (100 uploads a day for a project since 2026-06-01, thumbnails of 50 MB since 2026-09-14), and
https://support.google.com/youtube/answer/15424877 (Shorts of up to three minutes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from adapters.base import (
    GIBIBYTE,
    MEBIBYTE,
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
    StepKind,
    TextField,
    TextRule,
    Unit,
    utf8_length,
)

LONGEST_UNVERIFIED = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
LONGEST_SHORT = timedelta(minutes=3)
MOST_TAG_CHARACTERS = 500
CATEGORIES = ("1", "2", "10", "15", "17", "19", "20", "22", "23", "24", "25", "26", "27", "28", "29")
"""The ids of `videoCategories.list` that a video can have."""
BOTH = frozenset({Format.VIDEO, Format.REEL})

_TAGGED = re.compile(r"(?<![\w#&/])#shorts(?!\w)", re.IGNORECASE)
_TYPES = frozenset(
    {
        "video/3gpp",
        "video/mp4",
        "video/mpeg",
        "video/quicktime",
        "video/webm",
        "video/x-flv",
        "video/x-matroska",
        "video/x-ms-wmv",
        "video/x-msvideo",
    }
)


def with_shorts_tag(text: str) -> str:
    """Return a Short's description with `#Shorts` at its end, unless it is in it already."""
    if _TAGGED.search(text):
        return text
    return f"{text}\n\n#Shorts" if text.strip() else "#Shorts"


def description_of(content: Content) -> str:
    """Return the description as it is sent."""
    return with_shorts_tag(content.text) if content.format is Format.REEL else content.text


def tags_length(tags: Sequence[str]) -> int:
    """Return how many characters YouTube counts: with commas between tags, and quotes around those with a space."""
    return sum(len(tag) + 2 * (" " in tag) for tag in tags) + max(len(tags) - 1, 0)


def tags_of(content: Content) -> tuple[str, ...]:
    """Return the tags that were chosen."""
    chosen = content.options.get("tags", ())
    return chosen if isinstance(chosen, tuple) else ()


def resource_of(content: Content) -> dict[str, Any]:
    """Return the video's resource, as `videos.insert` takes it."""
    snippet: dict[str, Any] = {"title": content.title, "description": description_of(content)}
    if tags := tags_of(content):
        snippet["tags"] = list(tags)
    if category := content.options.get("category"):
        snippet["categoryId"] = category
    return {
        "snippet": snippet,
        "status": {
            # Without it the video would be public.
            "privacyStatus": content.options["privacy"],
            "selfDeclaredMadeForKids": content.options["made_for_kids"] == "yes",
            "containsSyntheticMedia": content.options.get("altered") is True,
        },
    }


def own_problems(content: Content) -> Iterator[Problem]:
    """Yield what the facts cannot say: characters that YouTube refuses, and tags that are too long together."""
    tags = tags_of(content)
    texts = {TextField.TITLE: content.title, TextField.TEXT: content.text, "tags": "".join(tags)}
    for field, text in texts.items():
        if found := sorted(set(text) & {"<", ">"}):
            yield Problem(defect=Defect.BAD_CHARACTER, field=field, actual=" ".join(found))
    if (length := tags_length(tags)) > MOST_TAG_CHARACTERS:
        yield Problem(
            defect=Defect.TOO_LONG, field="tags", allowed=str(MOST_TAG_CHARACTERS), actual=str(length)
        )


TITLE = TextRule(most=100, required=True)
THUMBNAIL = MediaRule(types=frozenset({"image/jpeg", "image/png"}), most_bytes=50 * MEBIBYTE, converts=True)
FACTS = PublishingFacts(
    formats={
        Format.VIDEO: FormatRule(
            texts={
                TextField.TITLE: TITLE,
                TextField.TEXT: TextRule(most=5000, unit=Unit.BYTES, count=utf8_length),
            },
            media={MediaKind.VIDEO: MediaRule(types=_TYPES, most_bytes=256 * GIBIBYTE, longest=LONGEST)},
            fewest=1,
            most=1,
            cover=THUMBNAIL,
        ),
        Format.REEL: FormatRule(
            texts={
                TextField.TITLE: TITLE,
                TextField.TEXT: TextRule(
                    most=5000, unit=Unit.BYTES, count=lambda text: utf8_length(with_shorts_tag(text))
                ),
            },
            media={
                MediaKind.VIDEO: MediaRule(
                    types=_TYPES, most_bytes=256 * GIBIBYTE, longest=LONGEST_SHORT, highest_ratio=1.0
                )
            },
            fewest=1,
            most=1,
        ),
    },
    options=(
        Option(
            key="privacy",
            kind=OptionKind.CHOICE,
            formats=BOTH,
            choices=("public", "unlisted", "private"),
            required=True,
        ),
        # A legal declaration (COPPA), so nothing is chosen beforehand.
        Option(
            key="made_for_kids", kind=OptionKind.CHOICE, formats=BOTH, choices=("no", "yes"), required=True
        ),
        Option(key="altered", kind=OptionKind.SWITCH, formats=BOTH, default=False),
        Option(key="category", kind=OptionKind.CHOICE, formats=BOTH, choices=CATEGORIES, default="22"),
        Option(key="tags", kind=OptionKind.WORDS, formats=BOTH),
    ),
    daily_cap=DailyCap(posts=100, whole_app=True),
    daily_units=10_000,  # uploads have a quota of their own since 2026-06-01
    step_units={StepKind.THUMBNAIL: 50},
    cap_codes=frozenset({"uploadLimitExceeded"}),
)
