"""HEIC pictures, which phones take."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import pillow_heif

from bot.services.media.child.images import QUALITY, decoded, opened, saved, with_change
from bot.services.media.findings import Change, Findings

if TYPE_CHECKING:
    from PIL import Image

pillow_heif.register_heif_opener(thumbnails=False)


class Heif:
    """HEIC, which no platform takes."""

    def read(self, source: IO[bytes], target: IO[bytes]) -> Findings:
        """Return what a HEIC picture is as a JPEG, and write that."""
        image = self.show(source, 0)
        saved(image, target, "JPEG", quality=QUALITY)
        width, height = image.size
        found = Findings(kind="image", type="image/jpeg", width=width, height=height)
        return with_change(found, Change.CONVERTED)

    def show(self, source: IO[bytes], side: int) -> Image.Image:  # noqa: ARG002 - as every kind
        """Return the picture; libheif has turned it."""
        image = opened(source, ("HEIF",))
        decoded(image)
        return image
