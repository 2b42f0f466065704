"""Draws a file as a JPEG: for platforms that do not take it as it is, and for people who want to see it beforehand."""

from __future__ import annotations

import io
from math import floor, sqrt
from typing import IO, TYPE_CHECKING

from PIL import Image, ImageCms

from bot.services.media.child.images import on_white
from bot.services.media.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.services.media.findings import Drawing

QUALITIES = (92, 85, 75)
"""Tried in this order, until the file is small enough."""
SMALLER = 0.9
"""How much smaller a picture gets than its bytes ask for, since they don't shrink evenly."""
SIXTEEN_BITS = 1 / 257


def draw(
    show: Callable[[IO[bytes], int], Image.Image], wanted: Drawing, source: IO[bytes], target: IO[bytes]
) -> Findings:
    """Write a drawing of a file to `target`, and return what it is. `show` as in `kinds.Kind`.

    Raises:
        RefusedFileError: The file is damaged or too large.

    """
    image = _eight_bits(show(source, 0 if wanted.ratio else wanted.largest_side))
    if wanted.ratio:
        image = _cropped(image, wanted.ratio)
    image = _shrunk(image, wanted)
    profile = image.info.get("icc_profile")
    image = _in_srgb(image if image.mode in {"RGB", "L", "CMYK"} else on_white(image), profile)
    image, content = _encoded(image, wanted.most_bytes)
    target.seek(0)
    target.truncate()
    target.write(content)
    return Findings(kind="image", type="image/jpeg", width=image.width, height=image.height)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return the picture with the 8 bits a channel that a JPEG has."""
    if not image.mode.startswith(("I", "F")):
        return image
    return image.convert("I").point(lambda value: value * SIXTEEN_BITS).convert("L")


def _cropped(image: Image.Image, ratio: float) -> Image.Image:
    """Return the middle of a picture in this shape."""
    width, height = image.size
    kept_width, kept_height = min(width, round(height * ratio)), min(height, round(width / ratio))
    left, top = (width - kept_width) // 2, (height - kept_height) // 2
    return image.crop((left, top, left + max(kept_width, 1), top + max(kept_height, 1)))


def _shrunk(image: Image.Image, wanted: Drawing) -> Image.Image:
    scale = min(1.0, sqrt(wanted.most_pixels / (image.width * image.height)))
    if wanted.largest_side:
        scale = min(scale, wanted.largest_side / max(image.size))
    return _scaled(image, scale)


def _scaled(image: Image.Image, scale: float) -> Image.Image:
    if scale >= 1.0:
        return image
    if image.mode == "P":  # of a palette there is nothing between two colours
        image = image.convert("RGBA")
    size = max(floor(image.width * scale), 1), max(floor(image.height * scale), 1)
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture in the colours that every platform shows right, without a profile."""
    if profile:
        try:
            found = ImageCms.profileToProfile(
                image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            found = None  # a damaged profile, or one for other colours
        if found is not None:
            return found
    return image.convert("RGB")


def _encoded(image: Image.Image, most: int) -> tuple[Image.Image, bytes]:
    """Return the best JPEG that is small enough, and the picture in it."""
    while True:
        content = b""
        for quality in QUALITIES:
            made = io.BytesIO()
            image.info = {}
            image.save(made, "JPEG", quality=quality)
            content = made.getvalue()
            if len(content) <= most:
                return image, content
        image = _scaled(image, sqrt(most / len(content)) * SMALLER)
