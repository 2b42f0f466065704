"""Pictures: what they are, and a copy without location and device data."""

from __future__ import annotations

from typing import IO

from PIL import Image, ImageOps, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin

from bot.services.media.child.limits import damaged
from bot.services.media.child.metadata import is_personal, without_metadata
from bot.services.media.findings import Change, FileFault, Findings, RefusedFileError

MOST_PIXELS = 100_000_000
MOST_FRAMES = 1000
QUALITY = 92
ORIENTATION = 0x0112
SAVED_AS = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
LATE = (MpoImagePlugin, TiffImagePlugin, WebPImagePlugin)
"""Pillow imports these when a picture needs them (TIFF: for EXIF), and then it is too late."""
TURNED = range(5, 9)
"""Orientations in which width and height change places."""

Image.preinit()
Image.MAX_IMAGE_PIXELS = None  # MOST_PIXELS is checked instead


class Picture:
    """JPEG, PNG, GIF and WebP."""

    def read(self, source: IO[bytes], target: IO[bytes]) -> Findings:
        """Return what a picture is; where it says where or with what it was made, write a copy without that.

        Raises:
            RefusedFileError: It is damaged, too large, or animated and no GIF.

        """
        image = opened(source, tuple(SAVED_AS))
        form = "JPEG" if image.format == "MPO" else str(image.format)  # a JPEG with further pictures in it
        if image.format != "MPO" and getattr(image, "is_animated", False):
            return _animated(image, form)
        decoded(image)
        orientation = image.getexif().get(ORIENTATION, 1)
        width, height = image.size[::-1] if orientation in TURNED else image.size
        found = Findings(kind="image", type=SAVED_AS[form], width=width, height=height)
        if not is_personal(source, form, image):
            return found
        if orientation in range(2, 9):
            upright = ImageOps.exif_transpose(image)
            options = {"quality": QUALITY} if form == "JPEG" else {"lossless": True} if form == "WEBP" else {}
            saved(upright, target, form, **options)
        else:
            without_metadata(source, target, form)
        return with_change(found, Change.CLEANED)

    def show(self, source: IO[bytes], side: int) -> Image.Image:
        """Return the picture, upright; of an animation its first frame.

        Raises:
            RefusedFileError: It is damaged or too large.

        """
        image = opened(source, tuple(SAVED_AS))
        if side:
            image.draft("RGB", (side, side))  # a JPEG is decoded in a fraction of the time
        decoded(image)
        return ImageOps.exif_transpose(image)


def opened(source: IO[bytes], formats: tuple[str, ...]) -> Image.Image:
    """Return a picture whose header was read."""
    source.seek(0)
    try:
        image = Image.open(source, formats=formats)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise damaged(error) from error
    if image.width * image.height > MOST_PIXELS:
        raise RefusedFileError(FileFault.TOO_COMPLEX)
    return image


def decoded(image: Image.Image) -> None:
    """Decode the whole picture, so that one whose end is missing is found."""
    try:
        image.load()
    except (OSError, ValueError, SyntaxError, EOFError, IndexError) as error:
        raise damaged(error) from error


def _animated(image: Image.Image, form: str) -> Findings:
    if form != "GIF":
        raise RefusedFileError(FileFault.ANIMATED)
    lasts, frames = 0, 0
    try:
        for frame in range(MOST_FRAMES + 1):
            image.seek(frame)
            image.load()
            lasts += int(image.info.get("duration", 0))
            frames += 1
    except EOFError:
        pass
    except (OSError, ValueError, SyntaxError) as error:
        raise damaged(error) from error
    if frames > MOST_FRAMES:
        raise RefusedFileError(FileFault.TOO_COMPLEX)
    rate = round(frames * 1000 / lasts, 3) if lasts else 0.0
    width, height = image.size
    return Findings(
        kind="gif", type="image/gif", width=width, height=height, duration_ms=lasts, frame_rate=rate
    )


def saved(image: Image.Image, target: IO[bytes], form: str, **options: object) -> None:
    """Write a picture with its colour profile and no other metadata."""
    profile = image.info.get("icc_profile")
    ready = image
    if form == "JPEG" and image.mode not in {"RGB", "L", "CMYK"}:
        ready = on_white(image)
    ready.info = {}
    target.seek(0)
    target.truncate()
    try:
        ready.save(target, format=form, icc_profile=profile, **options)
    except OSError as error:
        raise RefusedFileError(FileFault.TOO_COMPLEX) from error


def on_white(image: Image.Image) -> Image.Image:
    """Return the picture without transparency, which a JPEG cannot have."""
    clear = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(clear, mask=clear.getchannel("A"))
    return white


def with_change(found: Findings, change: Change) -> Findings:
    """Return what was found in a picture, and what was changed in it."""
    return Findings(kind=found.kind, type=found.type, width=found.width, height=found.height, change=change)
