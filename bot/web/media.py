"""The files of posts, for platforms that fetch them: `/media/{token}`.

`/media/preview/{token}` has a small picture of a file that is not published yet, for the form in Slack
(`bot.services.media.previewing`).

A token is opened when a delivery names the file to its platform, and works until the delivery's outcome is final, at
most two hours (`bot.services.media.library`). Nothing is listed here, and everything else is 404.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services.media.library import MediaLibrary
    from bot.services.media.previewing import Previews
    from bot.settings import Settings
    from bot.web.pages import Pages
    from storage.media_store import MediaStore
    from storage.models import StoredFile

ROBOTS = "User-agent: *\nAllow: /media/\nDisallow: /\n"
"""Platforms that ask before they fetch are let in to the files, and search engines to nothing."""
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, kw_only=True)
class MediaPages:
    """Serves files to platforms."""

    library: MediaLibrary
    previews: Previews
    settings: Settings
    pages: Pages

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/robots.txt", self.robots),
            web.get("/media/{token}", self.file),
            web.get("/media/preview/{token}", self.preview),
        ]

    async def robots(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        """Return what programs may read here."""
        return web.Response(text=ROBOTS)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Return a file, or the part of it that was asked for."""
        token = request.match_info["token"]
        if (proof := self._proof(token)) is not None:
            return proof
        file = await self.library.at_address(token)
        if file is None:
            raise web.HTTPNotFound
        return await streamed(request, self.library.store, file, self.pages.headers)

    async def preview(self, request: web.Request) -> web.Response:
        """Return a preview, which pages of other sites may show: Slack's client does."""
        file = await self.previews.at_address(request.match_info["token"])
        if file is None:
            raise web.HTTPNotFound
        pieces = self.library.store.read(file.key, 0, file.size)
        body = b"".join([piece async for piece in pieces])
        headers = {**self.pages.headers, "Cross-Origin-Resource-Policy": "cross-origin"}
        return web.Response(body=body, content_type=file.type, headers=headers)

    def _proof(self, name: str) -> web.Response | None:
        """Return the file by which a platform knows that this address is the operator's, if it is asked for."""
        expected, _, text = self.settings.media_proof.partition("=")
        return web.Response(text=text) if expected and name == expected else None


async def streamed(
    request: web.Request, store: MediaStore, file: StoredFile, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Return a file, or the part of it that was asked for, with these headers besides."""
    wanted = range_of(request.headers.get(hdrs.RANGE, ""), file.size)
    headers = {**headers, hdrs.ACCEPT_RANGES: "bytes"}
    if wanted is None:
        headers[hdrs.CONTENT_RANGE] = f"bytes */{file.size}"
        return web.Response(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    start, end = wanted
    whole = (start, end) == (0, file.size)
    if not whole:
        headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{file.size}"
    status = HTTPStatus.OK if whole else HTTPStatus.PARTIAL_CONTENT
    response = web.StreamResponse(status=status, headers=headers)
    response.content_type, response.content_length = file.type, end - start
    if request.method == hdrs.METH_HEAD:
        await response.prepare(request)
        return response
    pieces = store.read(file.key, start, end)
    first = await anext(pieces)  # before the head is sent: the bytes may be gone
    await response.prepare(request)
    await response.write(first)
    async for piece in pieces:
        await response.write(piece)
    await response.write_eof()
    return response


def range_of(header: str, size: int) -> tuple[int, int] | None:
    """Return the first byte that is asked for and the one after the last; None: there is no such part.

    Only one range is served. Where several are asked for, or in another unit, the whole file is, as RFC 9110 section
    14.2 allows.
    """
    found = RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        return (size - length, size) if length else None
    start, end = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return 0, size
    return (start, end) if start < size else None
