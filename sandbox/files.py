"""Files that the people of the tour publish: pictures and an upright video of mugs, drawn when they are needed."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import av
from PIL import Image, ImageDraw

BLUE, RED, GREEN = (44, 82, 160), (190, 60, 50), (60, 130, 80)
CREAM, TABLE = (246, 238, 224), (214, 190, 158)
SIDE = 1080
"""Pixels: the square that every platform takes."""
UPRIGHT = (540, 960)
"""9:16, the smallest that Facebook takes as a Reel."""
SECONDS, FRAMES_A_SECOND = 4, 24
DROP = 1.5
"""Pixels that the mug sinks in each frame, so that the video moves."""

FRAME: Callable[[Image.Image], av.VideoFrame] = av.VideoFrame.from_image
Colour = tuple[int, int, int]


@cache
def picture(colour: Colour = BLUE) -> bytes:
    """Return a JPEG of a mug."""
    file = io.BytesIO()
    _mug(SIDE, SIDE, colour, SIDE * 0.5).save(file, "JPEG", quality=85)
    return file.getvalue()


@cache
def video(colour: Colour = BLUE) -> bytes:
    """Return an MP4 (H.264) of a mug that is put on a table."""
    file, (width, height) = io.BytesIO(), UPRIGHT
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_A_SECOND, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(SECONDS * FRAMES_A_SECOND):
            middle = height * 0.45 + min(number, 48) * DROP
            container.mux(stream.encode(FRAME(_mug(width, height, colour, middle))))
        container.mux(stream.encode())
    return file.getvalue()


def _mug(width: int, height: int, colour: Colour, middle: float) -> Image.Image:
    """Return a mug on a table, its middle so many pixels from the top."""
    image = Image.new("RGB", (width, height), CREAM)
    draw, size = ImageDraw.Draw(image), width * 0.23
    left, right, top, bottom = width / 2 - size, width / 2 + size, middle - size, middle + size
    draw.rectangle((0, height * 0.66, width, height), fill=TABLE)
    draw.ellipse((right - size * 0.4, top + size * 0.4, right + size * 0.7, bottom - size * 0.4), fill=colour)
    draw.ellipse(
        (right - size * 0.2, top + size * 0.65, right + size * 0.4, bottom - size * 0.65), fill=CREAM
    )
    draw.rounded_rectangle((left, top, right, bottom), radius=size * 0.25, fill=colour)
    draw.ellipse((left, top - size * 0.2, right, top + size * 0.2), fill=tuple(part // 2 for part in colour))
    return image
