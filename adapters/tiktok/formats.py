"""What TikTok takes: videos, photos and drafts, and what its audit demands of the fields beside them.

Sources, read 2026-11-30: "Media Transfer Guide", "Direct Post", "Photo Post", "Upload" and "Content Sharing Guidelines"
at https://developers.tiktok.com.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from adapters.base import (
    Choice,
    Content,
    DailyCap,
    Defect,
    Format,
    FormatRule,
    Live,
    MediaKind,
    MediaRule,
    Option,
    OptionKind,
    Problem,
    PublishingFacts,
    TextField,
    TextRule,
    Unit,
    text_of,
    utf16_length,
)
from adapters.numbers import whole
from adapters.tiktok.refusals import TOO_MANY_POSTS

PHOTOS = frozenset({Format.IMAGE, Format.CAROUSEL})
VIDEO_ONLY = frozenset({Format.VIDEO})
DIRECT = PHOTOS | VIDEO_ONLY
MOST_PHOTOS = 35
PUBLIC, ONLY_ME = "PUBLIC_TO_EVERYONE", "SELF_ONLY"
LOWEST_FRAME_RATE = 23.0
SWITCHED_OFF: Mapping[str, str] = {
    "comment_disabled": "comments",
    "duet_disabled": "duet",
    "stitch_disabled": "stitch",
}
"""The field of creator_info that switches an option off."""
BRANDS = ("your_brand", "branded_content")


def live_of(creator: Mapping[str, Any]) -> Live:
    """Return what the answer of creator_info allows now."""
    offered = creator.get("privacy_level_options")
    levels = [text_of(level) for level in offered] if isinstance(offered, list) else []
    seconds = whole(creator.get("max_video_post_duration_sec"))
    return Live(
        choices={"privacy": tuple(Choice(value=level) for level in levels if level)},
        off=frozenset(option for flag, option in SWITCHED_OFF.items() if creator.get(flag) is True),
        longest_video=timedelta(seconds=seconds) if seconds else None,
        name=text_of(creator.get("creator_nickname")),
        picture=text_of(creator.get("creator_avatar_url")),
    )


def is_video(content: Content) -> bool:
    """Tell whether the content is uploaded as a video. Photos are fetched by TikTok."""
    return any(one.kind is MediaKind.VIDEO for one in content.media)


def chosen(content: Content, option: str) -> bool:
    """Tell whether a switch is on."""
    return content.options.get(option) is True


def post_info_of(content: Content) -> dict[str, Any]:
    """Return the `post_info` of a direct post, or of a draft of photos. A draft of a video has none."""
    texts = (
        {"title": content.text}
        if is_video(content)
        else {"title": content.title, "description": content.text}
    )
    info: dict[str, Any] = {name: text for name, text in texts.items() if text}
    if content.format is Format.DRAFT:
        return info
    info |= {
        "privacy_level": content.options["privacy"],
        "disable_comment": not chosen(content, "comments"),
        "brand_content_toggle": chosen(content, "branded_content"),
        "brand_organic_toggle": chosen(content, "your_brand"),
    }
    if is_video(content):
        info |= {
            "disable_duet": not chosen(content, "duet"),
            "disable_stitch": not chosen(content, "stitch"),
            "is_aigc": chosen(content, "ai_generated"),
        }
    return info


def own_problems(content: Content) -> Iterator[Problem]:
    """Yield what the facts cannot say: which files go together, and the rules of the audit."""
    for index, one in enumerate(content.media):
        if one.kind is MediaKind.VIDEO and 0 < one.frame_rate < LOWEST_FRAME_RATE:
            yield Problem(
                defect=Defect.TOO_SLOW,
                field="media",
                index=index,
                allowed=f"{LOWEST_FRAME_RATE:g}",
                actual=f"{one.frame_rate:g}",
            )
    if content.format is Format.DRAFT:
        yield from _draft_problems(content)
        return
    if content.options.get("music_confirmation") is False:
        yield Problem(defect=Defect.MISSING, field="music_confirmation")
    brands = [brand for brand in BRANDS if chosen(content, brand)]
    if chosen(content, "commercial"):
        if not brands:
            yield Problem(defect=Defect.MISSING, field="commercial")
    else:
        for brand in brands:
            yield Problem(defect=Defect.NOT_TAKEN, field=brand)
    if "branded_content" in brands and not chosen(content, "branded_policy"):
        yield Problem(defect=Defect.MISSING, field="branded_policy")


def _draft_problems(content: Content) -> Iterator[Problem]:
    if not is_video(content):
        return
    if len(content.media) > 1:
        mixed = len({one.kind for one in content.media}) > 1
        yield Problem(
            defect=Defect.MIXED if mixed else Defect.TOO_MANY,
            field="media",
            allowed="1",
            actual=str(len(content.media)),
        )
    # TikTok takes no texts with a draft of a video; the person writes them in the app.
    for field, text in ((TextField.TITLE, content.title), (TextField.TEXT, content.text)):
        if text:
            yield Problem(defect=Defect.NOT_TAKEN, field=field)


def _switch(key: str, formats: frozenset[Format] = DIRECT, within: str = "") -> Option:
    """Return a box that nobody has ticked: the audit forbids that it is ticked beforehand, or copied."""
    return Option(
        key=key, kind=OptionKind.SWITCH, formats=formats, default=False, within=within, each_post=True
    )


VIDEO = MediaRule(
    types=frozenset({"video/mp4", "video/quicktime", "video/webm"}),
    most_bytes=4_000_000_000,
    shortest=timedelta(seconds=3),
    longest=timedelta(minutes=10),
    smallest_side=360,
    largest_side=4096,
    highest_frame_rate=60,
)
PHOTO = MediaRule(
    types=frozenset({"image/jpeg", "image/webp"}),
    most_bytes=20_000_000,
    largest_side=1920,
    most_pixels=1080 * 1920,
    converts=True,
)
PHOTO_TEXTS = {
    TextField.TITLE: TextRule(most=90, unit=Unit.UTF16, count=utf16_length),
    TextField.TEXT: TextRule(most=4000, unit=Unit.UTF16, count=utf16_length),
}
FACTS = PublishingFacts(
    formats={
        Format.VIDEO: FormatRule(
            texts={TextField.TEXT: TextRule(most=2200, unit=Unit.UTF16, count=utf16_length)},
            media={MediaKind.VIDEO: VIDEO},
            fewest=1,
            most=1,
        ),
        Format.IMAGE: FormatRule(texts=PHOTO_TEXTS, media={MediaKind.IMAGE: PHOTO}, fewest=1, most=1),
        Format.CAROUSEL: FormatRule(
            texts=PHOTO_TEXTS, media={MediaKind.IMAGE: PHOTO}, fewest=2, most=MOST_PHOTOS
        ),
        Format.DRAFT: FormatRule(
            texts=PHOTO_TEXTS,
            media={MediaKind.VIDEO: VIDEO, MediaKind.IMAGE: PHOTO},
            fewest=1,
            most=MOST_PHOTOS,
        ),
    },
    options=(
        # The audit forbids a default.
        Option(key="privacy", kind=OptionKind.CHOICE, formats=DIRECT, required=True, each_post=True),
        _switch("comments"),
        _switch("duet", VIDEO_ONLY),
        _switch("stitch", VIDEO_ONLY),
        _switch("commercial"),
        _switch("your_brand", within="commercial"),
        replace(
            _switch("branded_content", within="commercial"),
            forbids={"privacy": frozenset({ONLY_ME})},
        ),
        _switch("branded_policy", within="branded_content"),
        _switch("ai_generated", VIDEO_ONLY),
        Option(
            key="music_confirmation", kind=OptionKind.SWITCH, formats=DIRECT, required=True, each_post=True
        ),
    ),
    # Privacy, disclosure and consent are given for one post, says the audit.
    # About 15 a day for an account, over all apps.
    daily_cap=DailyCap(posts=15),
    settings_page=True,
    missed_apart=timedelta(hours=24),
    cap_codes=frozenset({TOO_MANY_POSTS}),
)
