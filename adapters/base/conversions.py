"""Which pictures are made JPEGs for a platform, since it does not take them as they are.

Only what nobody is surprised by: another type of file, fewer bytes or fewer pixels. Nothing is cropped, and videos,
animations and documents stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor, sqrt

from adapters.base.content import Content, Media, MediaKind
from adapters.base.rules import MediaRule, PublishingFacts

JPEG = "image/jpeg"
CONVERTED = frozenset({JPEG, "image/png", "image/gif", "image/webp"})
"""The types of pictures that can be stored."""
MOST_PIXELS = 40_000_000
"""Of a picture that is converted: as many as the best phones take, and what can be done in bounded memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A JPEG to make of a picture: upright, without metadata, on white where it was transparent."""

    most_bytes: int
    largest_side: int = 0
    """Pixels of the longer side. 0: not limited."""
    most_pixels: int = MOST_PIXELS

    def size_of(self, media: Media) -> tuple[int, int]:
        """Return the width and height that the limits in pixels leave of a picture."""
        scale = 1.0
        if self.largest_side:
            scale = min(scale, self.largest_side / max(media.width, media.height, 1))
        scale = min(scale, sqrt(self.most_pixels / max(media.width * media.height, 1)))
        if scale == 1.0:
            return media.width, media.height
        return max(floor(media.width * scale), 1), max(floor(media.height * scale), 1)

    def result_of(self, media: Media) -> Media:
        """Return what a picture is afterwards, as far as that is known before."""
        width, height = self.size_of(media)
        size = min(media.size, self.most_bytes)
        return replace(media, type=JPEG, width=width, height=height, size=size)


def conversion_for(rule: MediaRule | None, media: Media) -> Conversion | None:
    """Return what is made of a file before a platform gets it; None: nothing, it stays as it is."""
    if rule is None or not rule.converts or media.kind is not MediaKind.IMAGE or media.type not in CONVERTED:
        return None
    pixels = media.width * media.height
    if (
        media.type in rule.types
        and media.size <= rule.most_bytes
        and max(media.width, media.height) <= (rule.largest_side or pixels)
        and pixels <= (rule.most_pixels or pixels)
    ):
        return None
    return Conversion(
        most_bytes=rule.most_bytes,
        largest_side=rule.largest_side or 0,
        most_pixels=min(rule.most_pixels or MOST_PIXELS, MOST_PIXELS),
    )


def conversions_of(facts: PublishingFacts, content: Content) -> Mapping[str, Conversion]:
    """Return what is made of a content's files before the platform gets them, by key."""
    rule = facts.formats.get(content.format)
    if rule is None:
        return {}
    of_each = rule.part or rule
    found = {one.key: conversion_for(of_each.media.get(one.kind), one) for one in content.all_media}
    if content.cover is not None:
        found[content.cover.key] = conversion_for(rule.cover, content.cover)
    return {key: conversion for key, conversion in found.items() if conversion is not None}


def with_files(content: Content, files: Mapping[str, Media]) -> Content:
    """Return the content with other files in place of those with these keys. What people wrote about them stays."""

    def put(media: Media) -> Media:
        made = files.get(media.key)
        return media if made is None else replace(made, alt_text=media.alt_text)

    return replace(
        content,
        media=tuple(map(put, content.media)),
        thread=tuple(replace(part, media=tuple(map(put, part.media))) for part in content.thread),
        cover=None if content.cover is None else put(content.cover),
    )
