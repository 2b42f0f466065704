"""Pictures and videos as phones and cameras make them, and files that are not what they say."""

from __future__ import annotations

import io
from typing import Any

import av
import pillow_heif
from PIL import Image

from tests.media import mp4

MAKE, ORIENTATION, GPS = 0x010F, 0x0112, 0x8825


def picture(
    form: str, *, size: tuple[int, int] = (40, 20), exif: dict[int, Any] | None = None, **more: Any
) -> bytes:
    """Return a picture, red on the left and blue on the right, with these EXIF fields."""
    pillow_heif.register_heif_opener()
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, size[0], size[1]))
    fields = Image.Exif()
    for tag, value in (exif or {}).items():
        fields[tag] = value
    made = io.BytesIO()
    image.save(made, form, exif=fields, **more)
    return made.getvalue()


def animated(form: str, frames: int = 3) -> bytes:
    """Return an animated picture."""
    images = [Image.new("RGB", (32, 32), (n * 80 % 256, 0, 0)) for n in range(frames)]
    made = io.BytesIO()
    images[0].save(made, form, save_all=True, append_images=images[1:], duration=100, loop=0)
    return made.getvalue()


def film(form: str = "mp4", **metadata: str) -> bytes:
    """Return the clip in another container, with metadata."""
    made = io.BytesIO()
    with (
        av.open(io.BytesIO(mp4()), "r") as source,
        av.open(made, "w", format=form, options={"movflags": "use_metadata_tags"}) as target,
    ):
        target.metadata.update(metadata)
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return made.getvalue()


def exif_of(content: bytes) -> dict[int, Any]:
    """Return the EXIF fields of a picture."""
    return dict(Image.open(io.BytesIO(content)).getexif())


def colour_at(content: bytes, x: int, y: int) -> tuple[int, int, int]:
    """Return a pixel of a picture as it is stored."""
    pixel = Image.open(io.BytesIO(content)).convert("RGB").getpixel((x, y))
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]
