"""What becomes of pictures that a platform does not take as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import conversions_of
from bot.views import kit
from bot.views.publishing.attachments import TYPES

if TYPE_CHECKING:
    from adapters.base import Conversion, Media
    from bot.services.posts.candidates import Target

JPEG = "image/jpeg"
NAMED = 2
"""Pictures that are named; of more only the number is said."""


def conversions(target: Target) -> list[str]:
    """Return what is converted before it goes to an account, in a line for each picture."""
    name, content = target.candidate.profile.platform.name, target.content
    wanted = conversions_of(target.candidate.facts, content)
    files = (*content.all_media, *filter(None, [content.cover]))
    found = [(one, wanted[one.key]) for one in files if one.key in wanted]
    if len(found) > NAMED:
        return [f"{name}: {len(found)} pictures will be converted to JPEGs that it takes."]
    return [
        f"{name}: {kit.cut(one.name, 50)} will be converted: {becomes(one, conversion)}."
        for one, conversion in found
    ]


def becomes(media: Media, conversion: Conversion) -> str:
    """Return what a picture is converted to, without the name of the platform."""
    size = conversion.size_of(media)
    parts = [] if media.type == JPEG else [f"{_type(media.type)} to JPEG"]
    if size != (media.width, media.height):
        parts.append(f"made smaller, to {size[0]:,} by {size[1]:,} pixels")
    if media.size > conversion.most_bytes:
        parts.append(f"compressed to at most {conversion.most_bytes / 1_000_000:.3g} MB")
    return ", ".join(parts)


def _type(mime: str) -> str:
    return TYPES.get(mime, "a picture").removeprefix("a ")
