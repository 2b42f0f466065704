"""The checks that a request must pass before a handler sees it, and how its body is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.web_request import BaseRequest

SLACK_EVENTS = "/slack/events"
"""Where Slack sends its signed requests. No browser uses it."""
SLACK_SIGNATURE = "X-Slack-Signature"
SLACK_TIMESTAMP = "X-Slack-Request-Timestamp"
SIGNATURE = "-signature"
"""How the names of the headers end that have a signature of Slack or a platform, in lower case."""

LONGEST_HEAD = 32 << 10
"""Bytes of headers: what nginx accepts by default."""
LARGEST_BODY = 64 << 10
"""Bytes. Our pages' forms are empty, and platforms post a few kilobytes."""
UPLOADS = "/upload/"
LARGEST_PIECE = 64 << 30
"""Bytes of an upload's PATCH: no limit of ours, since its handler knows how many are left, and keeps none in memory."""
LARGEST_SLACK_BODY = 1 << 20
"""Bytes. Slack's requests are far smaller."""

RESUMABLE, OFFSET, LENGTH, METADATA = "Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Metadata"
"""Headers of tus 1.0 (https://tus.io/protocols/resumable-upload, read 2026-11-30)."""
ONCE = (
    SLACK_TIMESTAMP,
    hdrs.ORIGIN,
    "Sec-Fetch-Site",
    hdrs.COOKIE,
    hdrs.EXPECT,
    hdrs.CONTENT_ENCODING,
    # aiohttp refuses repeated ones of these too, but its list may change.
    hdrs.HOST,
    hdrs.RANGE,
    hdrs.CONTENT_LENGTH,
    hdrs.CONTENT_TYPE,
    hdrs.TRANSFER_ENCODING,
    RESUMABLE,
    OFFSET,
    LENGTH,
    METADATA,
)
"""Headers on which a decision depends. If one is repeated, a proxy and we could use different values."""
UNCODED = frozenset({"", "identity"})


class PeerLeftError(Exception):
    """The client closed the connection before its request was complete, so no answer can be sent."""


def fault(request: BaseRequest) -> tuple[int, str] | None:
    """Return the status and the reason for refusing a request by its head, or None to accept it."""
    headers = request.headers
    if sum(len(name) + len(value) for name, value in request.raw_headers) > LONGEST_HEAD:
        return 431, "long_head"
    signatures = [name for name in headers if name.lower().endswith(SIGNATURE)]
    if any(len(headers.getall(name, ())) > 1 for name in (*ONCE, *signatures)):
        return 400, "repeated_header"
    # No real client compresses its requests to us, and decompressing takes time of the event loop.
    if headers.get(hdrs.CONTENT_ENCODING, "").lower() not in UNCODED:
        return 415, "compressed"
    if (request.content_length or 0) > limit_of(request):
        return 413, "too_large"
    return None


def limit_of(request: BaseRequest) -> int:
    """Return how many bytes the body of `request` may have."""
    if request.path == SLACK_EVENTS:
        return LARGEST_SLACK_BODY
    return LARGEST_PIECE if request.method == hdrs.METH_PATCH and is_upload(request) else LARGEST_BODY


def is_upload(request: BaseRequest) -> bool:
    """Tell whether a request is to an upload page or one of its files."""
    return request.path.startswith(UPLOADS)


async def body_of(request: BaseRequest) -> bytes:
    """Return the body of a request as it was sent.

    Not by aiohttp's `read`: it keeps the body, even one that was too large, as long as the connection is idle.

    Raises:
        web.HTTPRequestEntityTooLarge: It is larger than `limit_of` says; the rest has not been read.
        web.HTTPBadRequest: It is malformed.
        PeerLeftError: The client has closed the connection.

    """
    limit, pieces, size = limit_of(request), list[bytes](), 0
    try:
        while not request.content.at_eof():
            if request.transport is None:
                raise PeerLeftError
            pieces.append(await request.content.readany())
            size += len(pieces[-1])
            if size > limit:
                raise web.HTTPRequestEntityTooLarge(limit)
        return b"".join(pieces)
    except ConnectionError as error:
        # aiohttp keeps the error in the stream, and its traceback refers to the stream: a cycle that keeps the data.
        error.__traceback__ = None
        raise PeerLeftError from None
    except web.RequestPayloadError:
        raise web.HTTPBadRequest from None
    finally:
        pieces.clear()


async def arriving(request: BaseRequest) -> AsyncIterator[bytes]:
    """Yield the body of a request while it arrives. It ends where the client closes the connection."""
    content = request.content
    while not content.at_eof() and request.transport is not None:
        try:
            yield await content.readany()
        except ConnectionError as error:
            error.__traceback__ = None  # as in `body_of`
            return
        except web.RequestPayloadError:
            return
