"""Instagram's containers: what a post consists of before it is published.

An image is fetched by Instagram from our address; a video is uploaded, and continued after an interruption. A container
lives for 24 hours.

Sources, read 2026-11-23: https://developers.facebook.com, "Content Publishing", "Resumable Uploads", the IG Container
reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from adapters.base import (
    Content,
    Expired,
    Format,
    Media,
    MediaKind,
    Outgoing,
    PlatformError,
    Rejected,
    object_of,
    text_of,
)
from adapters.instagram.formats import SHARE_TO_FEED, THUMB_OFFSET, people_in
from adapters.instagram.refusals import CONTAINER_FAILED, PUBLISHING
from adapters.meta.posting import Posting, id_in
from adapters.numbers import whole
from adapters.uploads import Upload

CONTAINER = "container"
"""The handle of the container that is published. Those of a carousel's files are `child_0` and so on."""
YES = "yes"


class State(StrEnum):
    """Where a container is, in Instagram's words. Others than these are taken for `WORKING`."""

    WORKING = "IN_PROGRESS"
    READY = "FINISHED"
    PUBLISHED = "PUBLISHED"
    FAILED = "ERROR"
    EXPIRED = "EXPIRED"


async def make(posting: Posting, outgoing: Outgoing, kept: dict[str, str]) -> bool:
    """Make the containers of a post as far as Instagram allows now. True: the post can be published.

    Raises:
        Expired: A container is of no use any more.
        Rejected: Instagram refuses a file or the post.
        PlatformError: As for every call.

    """
    content = outgoing.content
    if content.format is not Format.CAROUSEL:
        await _make_one(posting, outgoing, kept, CONTAINER, await _single(outgoing))
        return await _ready(posting, outgoing, kept, CONTAINER)
    children = [f"child_{index}" for index in range(len(content.media))]
    for name, media in zip(children, content.media, strict=True):
        form = {"is_carousel_item": "true"} | await _file(outgoing, media, "VIDEO")
        await _make_one(posting, outgoing, kept, name, form, media)
    waiting = [name for name in children if not await _ready(posting, outgoing, kept, name)]
    if waiting:
        return False
    parent = {"media_type": "CAROUSEL", "children": ",".join(kept[name] for name in children)}
    await _make_one(posting, outgoing, kept, CONTAINER, parent | _described(content))
    return await _ready(posting, outgoing, kept, CONTAINER)


async def _single(outgoing: Outgoing) -> dict[str, str]:
    content, media = outgoing.content, outgoing.content.media[0]
    form = await _file(outgoing, media, "REELS") | _described(content)
    if content.format is Format.REEL:
        form[SHARE_TO_FEED] = "true" if content.options.get(SHARE_TO_FEED, True) else "false"
        if content.cover is not None:
            form["cover_url"] = await outgoing.media.public_url(content.cover)
        elif THUMB_OFFSET in content.options:
            form[THUMB_OFFSET] = str(content.options[THUMB_OFFSET])
    return form


async def _file(outgoing: Outgoing, media: Media, video: str) -> dict[str, str]:
    if media.kind is MediaKind.VIDEO:
        return {"media_type": video, "upload_type": "resumable"}
    form = {"image_url": await outgoing.media.public_url(media)}
    return form | ({"alt_text": media.alt_text} if media.alt_text else {})


def _described(content: Content) -> dict[str, str]:
    people = people_in(content)
    return ({"caption": content.text} if content.text else {}) | (
        {"collaborators": json.dumps(people)} if people else {}
    )


async def _make_one(
    posting: Posting,
    outgoing: Outgoing,
    kept: dict[str, str],
    name: str,
    form: Mapping[str, str],
    media: Media | None = None,
) -> None:
    """Make a container, and upload its video, unless that is done."""
    video = media or outgoing.content.media[0]
    uploads, offset = "upload_type" in form, 0
    if name not in kept:
        body = await posting.stage(f"/{outgoing.account_id}/media", form)
        kept[name] = id_in(body)
        if uploads:
            kept[f"{name}_address"] = text_of(body.get("uri"))
        await outgoing.keep(dict(kept))
    elif uploads and f"{name}_uploaded" not in kept:
        offset = await _arrived(posting, kept[name])
    if uploads and f"{name}_uploaded" not in kept:
        if offset < video.size:
            upload = Upload(outgoing=outgoing, media=video, handles=dict(kept), start=offset)
            await posting.upload(kept[f"{name}_address"], upload)
        kept[f"{name}_uploaded"] = YES
        await outgoing.keep(dict(kept))


async def _arrived(posting: Posting, container: str) -> int:
    """Return how many bytes of a video Instagram has."""
    node = await posting.read(f"/{container}", fields="status_code,status,video_status")
    _refuse_failed(node)
    return (
        whole(object_of(object_of(node.get("video_status")).get("uploading_phase")).get("bytes_transferred"))
        or 0
    )


async def _ready(posting: Posting, outgoing: Outgoing, kept: dict[str, str], name: str) -> bool:
    """Tell whether a container is ready, and remember it."""
    if f"{name}_ready" in kept:
        return True
    node = await posting.read(f"/{kept[name]}", fields="status_code,status")
    _refuse_failed(node)
    if state_of(node) is State.WORKING:
        return False
    kept[f"{name}_ready"] = YES
    await outgoing.keep(dict(kept))
    return True


def state_of(node: Mapping[str, Any]) -> State:
    """Return where a container is."""
    try:
        return State(text_of(node.get("status_code")))
    except ValueError:
        return State.WORKING


def why_failed(node: Mapping[str, Any]) -> str:
    """Return the documented code in a failed container's status, or `CONTAINER_FAILED`."""
    codes = re.findall(r"\b22\d{5}\b", text_of(node.get("status")), re.ASCII)
    return next((code for code in codes if code in PUBLISHING), CONTAINER_FAILED)


def _refuse_failed(node: Mapping[str, Any]) -> None:
    """Raise what a container that will never be ready means. A new one may work where the failure passes."""
    state = state_of(node)
    if state is State.EXPIRED:
        raise Expired("container_expired")
    if state is State.FAILED:
        code = why_failed(node)
        final = code == CONTAINER_FAILED or PUBLISHING[code].error is Rejected
        failed: type[PlatformError] = Rejected if final else Expired
        raise failed(code)
