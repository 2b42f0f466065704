"""Videos: what they are, what they show first, and a copy without location and device data, its streams untouched."""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

import av
import av.subtitles.codeccontext
import av.subtitles.stream  # PyAV imports these two when it meets a file, and then it is too late
from av.error import FFmpegError
from PIL import Image

from bot.services.media.child.limits import damaged
from bot.services.media.findings import Change, FileFault, Findings, RefusedFileError

if TYPE_CHECKING:
    from av.container import InputContainer

OPTIONS = {"protocol_whitelist": "", "enable_drefs": "0", "use_absolute_path": "0"}
"""A file refers to nothing outside itself."""
PERSONAL = ("location", "make", "model", "software", "android", "device", "author", "artist", "xyz")
"""Parts of the names under which phones and cameras write where and with what a video was made."""
MOST_PIXELS = 8192 * 8192


class Video:
    """MP4, QuickTime, WebM and Matroska."""

    def __init__(self, demuxer: str) -> None:
        """`demuxer`: one of FFmpeg's. No other is tried."""
        self._demuxer = demuxer

    def read(self, source: IO[bytes], target: IO[bytes]) -> Findings:
        """Return what a video is; where it says where or with what it was made, write a copy without that.

        Raises:
            RefusedFileError: It is damaged, too large, or has no picture.

        """
        if self._demuxer == "mov":
            _require_whole(source)
        source.seek(0)
        try:
            with _opened(source, self._demuxer) as container:
                found = _findings(container, _type(self._demuxer, source))
                if not _is_personal(container):
                    return found
                source.seek(0)
                with _opened(source, self._demuxer) as again:
                    _remux(again, target, found.type)
        except (FFmpegError, ValueError, EOFError, IndexError) as error:
            raise damaged(error) from error
        return Findings(
            **{name: getattr(found, name) for name in found.__slots__} | {"change": Change.CLEANED}
        )

    def show(self, source: IO[bytes], side: int) -> Image.Image:  # noqa: ARG002 - as every kind
        """Return the first frame, upright.

        Raises:
            RefusedFileError: It is damaged, too large, or has no picture.

        """
        source.seek(0)
        try:
            with _opened(source, self._demuxer) as container:
                frame = _first_frame(container)
                image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
                return image.rotate(frame.rotation, expand=True)
        except (FFmpegError, ValueError, EOFError, IndexError) as error:
            raise damaged(error) from error


def _opened(source: IO[bytes], demuxer: str) -> InputContainer:
    return av.open(source, "r", format=demuxer, options=OPTIONS)


def _require_whole(source: IO[bytes]) -> None:
    """Raise if a box of the file says that it is longer than the file."""
    size, at, boxes = source.seek(0, 2), 0, 0
    while at < size:
        source.seek(at)
        head = source.read(16)
        if len(head) < 8 or boxes > 10_000:
            raise RefusedFileError(FileFault.TRUNCATED)
        length = struct.unpack(">I", head[:4])[0]
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        elif length == 0:
            return
        if length < 8:
            raise RefusedFileError(FileFault.TRUNCATED)
        at, boxes = at + length, boxes + 1
    if at != size:
        raise RefusedFileError(FileFault.TRUNCATED)


def _type(demuxer: str, source: IO[bytes]) -> str:
    place = source.tell()
    source.seek(0)
    head = source.read(4096)
    source.seek(place)
    if demuxer == "matroska":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    return "video/mp4" if head[4:8] == b"ftyp" and head[8:12] != b"qt  " else "video/quicktime"


def _first_frame(container: InputContainer) -> av.VideoFrame:
    """Return the first frame of the first stream of pictures."""
    if not container.streams.video:
        raise RefusedFileError(FileFault.UNSUPPORTED)
    stream = container.streams.video[0]
    if stream.codec_context is None:  # of a codec that FFmpeg does not know
        raise RefusedFileError(FileFault.UNSUPPORTED)
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MOST_PIXELS:
        raise RefusedFileError(FileFault.TOO_COMPLEX)
    stream.codec_context.thread_count = 1
    first = next(container.decode(stream), None)
    if first is None or not width or not height:
        raise RefusedFileError(FileFault.TRUNCATED)
    return first


def _findings(container: InputContainer, mime: str) -> Findings:
    first, stream = _first_frame(container), container.streams.video[0]
    width, height = stream.codec_context.width, stream.codec_context.height
    if first.rotation % 180:
        width, height = height, width
    lasts = container.duration or 0
    return Findings(
        kind="video",
        type=mime,
        width=width,
        height=height,
        duration_ms=round(lasts * 1000 / av.time_base),
        frame_rate=round(float(stream.average_rate or 0), 3),
    )


def _is_personal(container: InputContainer) -> bool:
    told = [container.metadata, *(stream.metadata for stream in container.streams)]
    return any(part in name.lower() for each in told for name in each for part in PERSONAL)


def _remux(container: InputContainer, target: IO[bytes], mime: str) -> None:
    """Copy picture and sound, packet by packet, and no metadata."""
    form = {"video/mp4": "mp4", "video/quicktime": "mov", "video/webm": "webm"}.get(mime, "matroska")
    target.seek(0)
    target.truncate()
    with av.open(target, "w", format=form) as made:
        streams = {
            stream.index: made.add_stream_from_template(stream)
            for stream in (*container.streams.video[:1], *container.streams.audio)
        }
        for packet in container.demux():
            if packet.dts is not None and packet.stream.index in streams:
                packet.stream = streams[packet.stream.index]
                made.mux(packet)
