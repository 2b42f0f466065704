"""A resumable upload: its session says how much YouTube has, and at the end which video it became.

Source, read 2026-11-30: https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from adapters import oauth
from adapters.base import (
    Busy,
    Expired,
    Handles,
    Media,
    OutcomeUnknown,
    Outgoing,
    body_of,
    object_of,
    text_of,
)
from adapters.http import send
from adapters.numbers import whole
from adapters.uploads import UPLOAD_TIMEOUT, Upload
from adapters.youtube.formats import resource_of
from adapters.youtube.refusals import PUBLISHING, verdict_on

UPLOADS = "https://www.googleapis.com/upload/youtube/v3"
SESSION = "session"
"""The handle with the session's address, which allows anyone to continue the upload."""
LONGEST_UPLOAD_S = 600.0
_RANGE = re.compile(r"bytes=0-([0-9]{1,15})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a session says: how many bytes YouTube has, or which video they have become."""

    stored: int = 0
    video_id: str = ""
    privacy: str = ""


def authorized(outgoing: Outgoing) -> dict[str, str]:
    """Return the headers of a call for the account."""
    return {"Authorization": f"Bearer {outgoing.tokens.access_token}", "Accept": "application/json"}


async def opened(http: httpx.AsyncClient, outgoing: Outgoing, media: Media) -> str:
    """Return the address of a new upload session. YouTube checks the texts and options now."""
    request = http.build_request(
        "POST",
        outgoing.client.at(f"{UPLOADS}/videos"),
        params={"uploadType": "resumable", "part": "snippet,status"},
        json=resource_of(outgoing.content),
        headers=authorized(outgoing)
        | {"X-Upload-Content-Type": media.type, "X-Upload-Content-Length": str(media.size)},
        timeout=oauth.TIMEOUT,
    )
    response = await send(http, request)
    if not response.is_success:
        raise verdict_on(response, PUBLISHING)
    session: str = response.headers.get("location", "")
    if not session.startswith(("https://", outgoing.client.origin or "https://")):
        raise Busy("odd_answer")
    return outgoing.client.at(session)


async def ask(http: httpx.AsyncClient, outgoing: Outgoing, handles: Handles) -> Progress:
    """Return how far a session is. It changes nothing.

    Raises:
        Expired: There is no such session.
        PlatformError: YouTube did not answer, or refused.

    """
    if SESSION not in handles:
        raise Expired("no_session")
    [media] = outgoing.content.media
    headers = {"Content-Length": "0", "Content-Range": f"bytes */{media.size}"}
    request = http.build_request(
        "PUT",
        handles[SESSION],
        headers=authorized(outgoing) | headers,
        timeout=oauth.TIMEOUT,
    )
    return _progress(await send(http, request), has_effect=False)


async def put(http: httpx.AsyncClient, upload: Upload, *, has_effect: bool) -> Progress:
    """Send a range of the file and return how far the session is."""
    end = upload.start + upload.size - 1
    request = http.build_request(
        "PUT",
        upload.handles[SESSION],
        content=upload.body(),
        headers=authorized(upload.outgoing)
        | {
            "Content-Type": upload.media.type,
            "Content-Length": str(upload.size),
            "Content-Range": f"bytes {upload.start}-{end}/{upload.media.size}",
        },
        timeout=UPLOAD_TIMEOUT,
    )
    response = await send(http, request, has_effect=has_effect, within_s=LONGEST_UPLOAD_S)
    return _progress(response, has_effect=has_effect)


def _progress(response: httpx.Response, *, has_effect: bool) -> Progress:
    """Return what a session's answer says.

    Raises:
        Expired: There is no such session (any more).
        PlatformError: The answer says something else, or nothing.

    """
    if response.status_code == httpx.codes.PERMANENT_REDIRECT:
        if (sent := response.headers.get("range")) is None:
            return Progress()
        if (match := _RANGE.fullmatch(sent)) is None:
            raise Busy("odd_answer")
        return Progress(stored=(whole(match[1]) or 0) + 1)
    if response.is_success:
        body: Mapping[str, Any] = body_of(response)
        if not (video_id := text_of(body.get("id"))):
            raise OutcomeUnknown("unreadable_answer")
        return Progress(
            video_id=video_id, privacy=text_of(object_of(body.get("status")).get("privacyStatus"))
        )
    if response.status_code in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
        raise Expired("session_gone")
    raise verdict_on(response, PUBLISHING, has_effect=has_effect)
