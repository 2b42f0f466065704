"""Uploads a post's files to LinkedIn, and continues an upload that was interrupted.

A picture and a document go in one piece, a video in parts of 4 MiB. Handles, for the file named N ("0", "cover"):
`urn_N` its id, `upload_N` where its parts go and which bytes (JSON), `parts_N` the ETags of those that arrived (JSON),
`state_N` "begun", "sent" or "ready". The addresses let anybody upload, so handles are secrets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from adapters.base import Busy, Media, MediaKind, Outgoing, Rejected, object_of, objects_of, text_of
from adapters.linkedin.calls import Calls
from adapters.numbers import whole
from adapters.uploads import Upload

PATHS = {
    MediaKind.IMAGE: ("images", "image"),
    MediaKind.GIF: ("images", "image"),
    MediaKind.DOCUMENT: ("documents", "document"),
    MediaKind.VIDEO: ("videos", "video"),
}
LOOK_AGAIN = timedelta(seconds=5)
BEGUN, SENT, READY = "begun", "sent", "ready"
MEMBER = "urn:li:person:"


async def stage(
    calls: Calls, outgoing: Outgoing, kept: dict[str, str], name: str, media: Media
) -> timedelta | None:
    """Bring one file as far as it can be now. Return when to look again, or None if it is ready.

    Raises:
        Expired: The upload address is over.
        Rejected: LinkedIn cannot use the file.
        PlatformError: As for every call.

    """
    if f"urn_{name}" not in kept:
        await _begin(calls, outgoing, kept, name, media)
    if kept[f"state_{name}"] == BEGUN:
        await _send(calls, outgoing, kept, name, media)
        return LOOK_AGAIN
    if kept[f"state_{name}"] == SENT:
        return await _look(calls, outgoing, kept, name, media)
    return None


async def _begin(calls: Calls, outgoing: Outgoing, kept: dict[str, str], name: str, media: Media) -> None:
    path, kind = PATHS[media.kind]
    asked: dict[str, Any] = {"owner": outgoing.account_id}
    if media.kind is MediaKind.VIDEO:
        asked |= {"fileSizeBytes": media.size, "uploadCaptions": False, "uploadThumbnail": False}
    answer = await calls.act(f"/rest/{path}", "initializeUpload", {"initializeUploadRequest": asked})
    value = object_of(answer.get("value"))
    parts = _parts_in(value, media)
    if not text_of(value.get(kind)) or not parts or not all(_is_theirs(address) for address, _, _ in parts):
        raise Busy("unreadable_answer")
    kept |= {
        f"urn_{name}": text_of(value.get(kind)),
        f"upload_{name}": json.dumps(parts),
        f"token_{name}": text_of(value.get("uploadToken")),
        f"parts_{name}": "[]",
        f"state_{name}": BEGUN,
    }
    await outgoing.keep(dict(kept))


def _is_theirs(address: str) -> bool:
    """Tell whether an upload address is LinkedIn's own: some of them get our token."""
    parts = urlsplit(address)
    return parts.scheme == "https" and f".{parts.hostname}".endswith(".linkedin.com")


def _parts_in(value: Mapping[str, Any], media: Media) -> list[tuple[str, int, int]]:
    """Return the address of each part, where it begins and how long it is."""
    if address := text_of(value.get("uploadUrl")):
        return [(address, 0, media.size)]
    found = []
    for one in objects_of(value.get("uploadInstructions")):
        first, last = whole(one.get("firstByte")), whole(one.get("lastByte"))
        if first is not None and last is not None:
            found.append((text_of(one.get("uploadUrl")), first, last - first + 1))
    return found


async def _send(calls: Calls, outgoing: Outgoing, kept: dict[str, str], name: str, media: Media) -> None:
    """Send the parts that are missing, and say that a video is complete."""
    etags: list[str] = json.loads(kept[f"parts_{name}"])
    is_video = media.kind is MediaKind.VIDEO
    for address, start, length in json.loads(kept[f"upload_{name}"])[len(etags) :]:
        upload = Upload(outgoing=outgoing, media=media, handles=dict(kept), start=start, length=length)
        # The parts of a video go to addresses that are signed already and refuse a token.
        etags.append(await calls.upload(address, upload, signed=not is_video))
        kept[f"parts_{name}"] = json.dumps(etags)
        if not is_video:
            kept[f"state_{name}"] = SENT
        await outgoing.keep(dict(kept))
    if is_video:
        done = {
            "video": kept[f"urn_{name}"],
            "uploadToken": kept[f"token_{name}"],
            "uploadedPartIds": etags,
        }
        await calls.act("/rest/videos", "finalizeUpload", {"finalizeUploadRequest": done})
        kept[f"state_{name}"] = SENT
        await outgoing.keep(dict(kept))


async def _look(
    calls: Calls, outgoing: Outgoing, kept: dict[str, str], name: str, media: Media
) -> timedelta | None:
    """Return when to look again at a file that LinkedIn processes, or None if it is done.

    A member's token may not read the state of a picture or document. They are ready within seconds; if one is not,
    LinkedIn says so when it is used, and nothing is published.
    """
    if media.kind is MediaKind.VIDEO or not outgoing.account_id.startswith(MEMBER):
        path = f"/rest/{PATHS[media.kind][0]}/{quote(kept[f'urn_{name}'], safe='')}"
        match (await calls.get(path)).get("status"):
            case "PROCESSING_FAILED":
                raise Rejected("MEDIA_ASSET_PROCESSING_FAILED")
            case "AVAILABLE":
                pass
            case _:
                return LOOK_AGAIN
    kept[f"state_{name}"] = READY
    await outgoing.keep(dict(kept))
    return None
