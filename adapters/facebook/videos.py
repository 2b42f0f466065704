"""Videos and Reels of a Page: their upload, and what has become of them.

Sources, read 2026-11-23: https://developers.facebook.com, "Video API: Publishing" and "Reels Publishing".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from adapters.base import (
    Busy,
    Expired,
    Finding,
    Media,
    Outcome,
    Outgoing,
    Rejected,
    body_of,
    object_of,
    text_of,
)
from adapters.facebook.refusals import BAD_OFFSET
from adapters.meta.graph import DIGITS
from adapters.meta.posting import Posting
from adapters.numbers import whole
from adapters.uploads import FileForm, Upload

START, END = "start_offset", "end_offset"
"""The range that Facebook asks for next; empty at the end of the file. The handles have it by the same names."""
MOST_CORRECTIONS = 3
"""How often Facebook may name another offset in one upload before we give up for now."""
NOT_BEGUN = frozenset({"uploading", "upload_complete"})
"""States of a video before it is finished: nothing was published."""
FAILED = frozenset({"error", "expired", "upload_failed"})


async def upload_video(posting: Posting, outgoing: Outgoing, handles: dict[str, str]) -> None:
    """Upload a video in the chunks that Facebook asks for, and keep each offset in `handles`.

    Raises:
        Expired: Facebook does not know the session any more.
        PlatformError: It is not uploaded yet.

    """
    media, path = outgoing.content.media[0], f"/{outgoing.account_id}/videos"
    if "session" not in handles:
        begun = await posting.stage(path, {"upload_phase": "start", "file_size": str(media.size)})
        handles |= {
            "video": _digits(begun, "video_id"),
            "session": _digits(begun, "upload_session_id"),
            **_offsets(*_range(begun, media)),
        }
        await outgoing.keep(dict(handles))
    corrections = 0
    while handles[START] != handles[END]:
        response = await posting.stage_file(path, _chunk(outgoing, media, handles))
        if (asked := _asked_instead(response)) is not None:
            corrections += 1
            if corrections > MOST_CORRECTIONS:
                raise Busy(BAD_OFFSET)
            handles |= _offsets(*_range(asked, media))
        else:
            handles |= _next(posting, response, media, handles)
        await outgoing.keep(dict(handles))


def _chunk(outgoing: Outgoing, media: Media, handles: Mapping[str, str]) -> FileForm:
    start, end = _range(handles, media)
    return FileForm(
        upload=Upload(outgoing=outgoing, media=media, handles=dict(handles), start=start, length=end - start),
        name="video_file_chunk",
        fields={
            "upload_phase": "transfer",
            "upload_session_id": handles["session"],
            START: handles[START],
        },
    )


def _next(
    posting: Posting, response: httpx.Response, media: Media, sent: Mapping[str, str]
) -> dict[str, str]:
    """Return the range after the one that was sent and arrived."""
    body = body_of(response)
    if not response.is_success or "error" in body:
        refused = posting.refused(response)
        # Only our handles are in question here: the session has ended.
        raise Expired("session") if isinstance(refused, Rejected) and refused.code == "100" else refused
    start, end = _range(body, media)
    if start <= _range(sent, media)[0]:
        raise Busy("odd_answer")
    return _offsets(start, end)


def _asked_instead(response: httpx.Response) -> Mapping[str, Any] | None:
    """Return the range that Facebook asks for instead of the one we sent. It is in JSON inside of the JSON."""
    error = object_of(body_of(response).get("error"))
    if str(whole(error.get("error_subcode"))) != BAD_OFFSET:
        return None
    data = error.get("error_data")
    try:
        return object_of(json.loads(data) if isinstance(data, str) else data)
    except (ValueError, RecursionError):
        return {}


def _range(body: Mapping[str, Any], media: Media) -> tuple[int, int]:
    start, end = (whole(body.get(name)) for name in (START, END))
    if start is None or end is None or not 0 <= start <= end <= media.size:
        raise Busy("odd_answer")
    return start, end


def _offsets(start: int, end: int) -> dict[str, str]:
    return {START: str(start), END: str(end)}


async def upload_reel(posting: Posting, outgoing: Outgoing, handles: dict[str, str]) -> None:
    """Upload a Reel in one request, or what is missing of it after an interruption.

    Raises:
        Expired: Facebook has dropped what was uploaded.
        PlatformError: It is not uploaded yet.

    """
    media, offset = outgoing.content.media[0], 0
    if "video" not in handles:
        begun = await posting.stage(f"/{outgoing.account_id}/video_reels", {"upload_phase": "start"})
        handles |= {"video": _digits(begun, "video_id"), "address": text_of(begun.get("upload_url"))}
        await outgoing.keep(dict(handles))
    elif "uploaded" not in handles:
        status = object_of((await posting.read(f"/{handles['video']}", fields="status")).get("status"))
        if text_of(status.get("video_status")) in FAILED:
            raise Expired("upload")
        # The misspelling is Meta's.
        offset = whole(object_of(status.get("uploading_phase")).get("bytes_transfered")) or 0
    if "uploaded" in handles:
        return
    if offset < media.size:
        upload = Upload(outgoing=outgoing, media=media, handles=dict(handles), start=offset)
        await posting.upload(handles["address"], upload)
    handles["uploaded"] = "yes"
    await outgoing.keep(dict(handles))


async def has_expired(posting: Posting, video: str) -> bool:
    """Tell whether Facebook has dropped a video that was uploaded and not published.

    Raises:
        PlatformError: As for every call.

    """
    status = object_of((await posting.read(f"/{video}", fields="status")).get("status"))
    return text_of(status.get("video_status")) == "expired"


def _digits(body: Mapping[str, Any], key: str) -> str:
    found = str(body.get(key))
    if not DIGITS.fullmatch(found):
        raise Busy("odd_answer")
    return found


def state_of(node: Mapping[str, Any], *, old: bool) -> Finding:
    """Return what has become of a video that was to be published, without its address.

    `old`: the request that publishes was sent so long ago that it is not on its way any more.
    """
    status = object_of(node.get("status"))
    publishing, name = object_of(status.get("publishing_phase")), text_of(status.get("video_status"))
    if name in FAILED or text_of(publishing.get("status")) == "error":
        return Finding(outcome=Outcome.REFUSED, code=f"video_{name if name in FAILED else 'error'}")
    published = text_of(publishing.get("publish_status"))
    if published == "published" or (name == "ready" and not published):
        return Finding(outcome=Outcome.LIVE)
    if name in NOT_BEGUN and not published:
        return Finding(outcome=Outcome.NOT_SENT if old else Outcome.NOT_FOUND)
    return Finding(outcome=Outcome.PROCESSING)
