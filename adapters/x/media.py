"""Uploads a post's files to X, and continues an upload that was interrupted.

X takes a file in segments: initialize, append each, finalize, and for a GIF or a video wait until it was processed.
Handles, for the file with number n: `media_n` its id, `next_n` the segment to send next or "sent", "described" or
"ready", and `until_n` when X drops it, in Unix time. https://docs.x.com, "Chunked media upload", read 2026-11-23.
"""

from __future__ import annotations

import time
from datetime import timedelta

from adapters.base import MEBIBYTE, Expired, Handles, Media, MediaKind, Outgoing, Rejected, object_of, text_of
from adapters.numbers import number, whole
from adapters.uploads import FileForm, Upload
from adapters.x.calls import Calls

SEGMENT = MEBIBYTE
"""Larger ones were refused with 413, although no page names a limit."""
SPARE_S = 60.0
"""A file that X drops sooner than this is not used any more."""
SOONEST_S, LATEST_S = 1.0, 30.0
CATEGORIES = {
    MediaKind.IMAGE: "tweet_image",
    MediaKind.GIF: "tweet_gif",
    MediaKind.VIDEO: "tweet_video",
}
SENT, DESCRIBED, READY = "sent", "described", "ready"


async def stage(
    calls: Calls, outgoing: Outgoing, kept: dict[str, str], index: int, media: Media
) -> timedelta | None:
    """Bring one file as far as it can be now. Return when to look again, or None if it is ready.

    Raises:
        Expired: X has dropped the file, or soon will.
        Rejected: X cannot use the file.
        PlatformError: As for every call.

    """
    if f"media_{index}" not in kept:
        await _initialize(calls, outgoing, kept, index, media)
    elif _is_over(kept, index):
        raise Expired("media_expired")
    if kept[f"next_{index}"].isdecimal():
        await _append(calls, outgoing, kept, index, media)
    if kept[f"next_{index}"] == SENT:
        await _describe(calls, outgoing, kept, index, media)
    return None if kept[f"next_{index}"] == READY else await _look(calls, outgoing, kept, index)


async def _initialize(
    calls: Calls, outgoing: Outgoing, kept: dict[str, str], index: int, media: Media
) -> None:
    body = {
        "media_type": media.type,
        "total_bytes": media.size,
        "media_category": CATEGORIES[media.kind],
    }
    data = object_of((await calls.post("/2/media/upload/initialize", body)).get("data"))
    kept |= {f"media_{index}": text_of(data.get("id")), f"next_{index}": "0"}
    _note_end(kept, index, data.get("expires_after_secs"))
    await outgoing.keep(dict(kept))


async def _append(calls: Calls, outgoing: Outgoing, kept: dict[str, str], index: int, media: Media) -> None:
    """Send the segments that are missing and finalize."""
    path = f"/2/media/upload/{kept[f'media_{index}']}"
    for segment in range(whole(kept[f"next_{index}"]) or 0, -(-media.size // SEGMENT)):
        start = segment * SEGMENT
        piece = Upload(
            outgoing=outgoing,
            media=media,
            handles=dict(kept),
            start=start,
            length=min(SEGMENT, media.size - start),
        )
        form = FileForm(upload=piece, name="media", fields={"segment_index": str(segment)})
        await calls.upload(f"{path}/append", form)
        kept[f"next_{index}"] = str(segment + 1)
        await outgoing.keep(dict(kept))
    # X wants a JSON object, although it documents none.
    data = object_of((await calls.post(f"{path}/finalize", {})).get("data"))
    kept[f"next_{index}"] = SENT
    _note_end(kept, index, data.get("expires_after_secs"))
    await outgoing.keep(dict(kept))


async def _describe(calls: Calls, outgoing: Outgoing, kept: dict[str, str], index: int, media: Media) -> None:
    """Add the alt text. A picture is ready then."""
    if media.alt_text:
        text = {"alt_text": {"text": media.alt_text}}
        await calls.post("/2/media/metadata", {"id": kept[f"media_{index}"], "metadata": text})
    kept[f"next_{index}"] = READY if media.kind is MediaKind.IMAGE else DESCRIBED
    await outgoing.keep(dict(kept))


async def _look(calls: Calls, outgoing: Outgoing, kept: dict[str, str], index: int) -> timedelta | None:
    """Return when to look again at a file that X processes, or None if it is done."""
    query = {"command": "STATUS", "media_id": kept[f"media_{index}"]}
    body = await calls.get("/2/media/upload", query, media=True)
    info = object_of(object_of(body.get("data")).get("processing_info"))
    match info.get("state"):
        case "failed":
            raise Rejected("media_not_processed")
        case "pending" | "in_progress":
            seconds = number(info.get("check_after_secs")) or SOONEST_S
            return timedelta(seconds=min(max(seconds, SOONEST_S), LATEST_S))
    kept[f"next_{index}"] = READY
    await outgoing.keep(dict(kept))
    return None


def _note_end(kept: dict[str, str], index: int, seconds: object) -> None:
    """Note when X drops the file, if it says so."""
    lasts = number(seconds)
    if lasts is not None:
        kept[f"until_{index}"] = f"{time.time() + lasts:.0f}"
    elif f"until_{index}" not in kept:
        kept[f"until_{index}"] = f"{time.time() + 24 * 3600:.0f}"


def _is_over(handles: Handles, index: int) -> bool:
    """Tell whether X drops a file soon, or has dropped it."""
    until = number(handles.get(f"until_{index}"))
    return until is None or until < time.time() + SPARE_S


def media_ids(handles: Handles, first: int, count: int) -> list[str]:
    """Return the ids of `count` files from number `first` on.

    Raises:
        Expired: One is missing, or X drops it soon.

    """
    numbers = range(first, first + count)
    if any(_is_over(handles, n) for n in numbers):
        raise Expired("media_expired")
    return [handles[f"media_{n}"] for n in numbers]
