"""HEIC pictures, which phones take."""

from __future__ import annotations

from typing import IO

import pillow_heif

from bot.services.media.child.images import QUALITY, decoded, opened, saved, with_change
from bot.services.media.findings import Change, Findings

pillow_heif.register_heif_opener(thumbnails=False)


def read_heif(source: IO[bytes], target: IO[bytes]) -> Findings:
    """Return what a HEIC picture is as a JPEG, and write that: no platform takes HEIC."""
    image = opened(source, ("HEIF",))
    decoded(image)
    saved(image, target, "JPEG", quality=QUALITY)
    width, height = image.size  # libheif has turned it
    found = Findings(kind="image", type="image/jpeg", width=width, height=height)
    return with_change(found, Change.CONVERTED)
