"""The upload page, `/upload/{token}`, and the files that arrive there by the tus protocol.

The address alone opens nothing: the page first confirms through Slack who uses the browser, and every request about
files needs the browser's cookie as well. A request that changes something carries `Tus-Resumable`, which no other site
can make a browser send here.

Source: https://tus.io/protocols/resumable-upload, 1.0.0, read 2026-11-30: core, creation, termination, expiration.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from bot.services.errors import NotFoundError, ServiceError
from bot.services.media.previewing import Look
from bot.services.media.uploading import PIECE, UploadFault, UploadRefusedError, WrongOffsetError
from bot.views import uploads as views
from bot.views.errors import on_page
from bot.web.draft_pages import ConfirmedDraftPage, RefusedError
from bot.web.pages import TEMPLATES
from bot.web.request_limits import LENGTH, METADATA, OFFSET, RESUMABLE, PeerLeftError, arriving
from bot.web.server import take_in

if TYPE_CHECKING:
    from bot.services.media.previewing import Previews
    from bot.services.media.uploading import Uploading
    from bot.services.posts.composing import Composing
    from bot.services.posts.draft_pages import Visit
    from storage.models import Upload

SCRIPT = (TEMPLATES / "upload.js").read_bytes()
VERSION = "1.0.0"
BYTES = "application/offset+octet-stream"
MOST_METADATA = 2000
LONGEST_NUMBER = 18
STATUSES = {
    UploadFault.EMPTY: HTTPStatus.BAD_REQUEST,
    UploadFault.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UploadFault.OVERLONG: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UploadFault.FULL: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UploadFault.TOO_MANY: HTTPStatus.CONFLICT,
    UploadFault.NO_SPACE: HTTPStatus.INSUFFICIENT_STORAGE,
}


Work = Callable[["Visit"], Awaitable[web.Response]]


@dataclass(frozen=True, kw_only=True)
class UploadPages(ConfirmedDraftPage):
    """/upload/{token} and what is below it. Built once, in `bot.app`."""

    uploading: Uploading
    composing: Composing
    previews: Previews

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        files, file = "/upload/{token}/files", "/upload/{token}/files/{upload}"
        return [
            web.get("/assets/upload.js", self.script),
            web.get("/upload/{token}", self.show),
            web.post("/upload/{token}", self.start),
            web.get("/upload/{token}/preview", self.preview),
            web.get(files, self.files, allow_head=False),
            web.options(files, self.options),
            web.post(files, self.create),
            web.head(file, self.offset),
            web.patch(file, self.receive),
            web.delete(file, self.remove),
        ]

    # The page

    async def script(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        """Return the page's script."""
        return web.Response(body=SCRIPT, content_type="text/javascript", charset="utf-8")

    async def page(self, secret: str, visit: Visit, browser: str) -> web.Response:  # noqa: ARG002 - as every page
        """Return the page for the member's own browser."""
        return self.identity.pages.render(
            "upload.html",
            script=True,
            organization=visit.organization,
            files=f"/upload/{secret}/files",
            piece=PIECE,
            most=views.size(await self.uploading.largest(visit.link)),
            said=views.SCRIPT,
            preview=f"/upload/{secret}/preview" if self.identity.settings.previews == "page" else "",
        )

    async def preview(self, request: web.Request) -> web.Response:
        """Show the draft's pictures to the member. Another browser is sent to the page that asks who they are."""
        secret, browser = request.match_info["token"], self.identity.cookies.read(request)
        visit = await self.visit(secret)
        if visit is None:
            return self.identity.pages.plain(views.GONE)
        if browser is None or not await self.identity.known(browser, visit.member):
            return self.identity.pages.redirect(self.address(secret))
        try:
            files = (await self.composing.resume(visit.actor, visit.link.draft_id)).files
        except NotFoundError:
            return self.identity.pages.plain(views.GONE)
        urls = await self.previews.of(visit.actor, map(Look, files))
        return self.identity.pages.render(
            "preview.html",
            organization=visit.organization,
            files=[(one.name, one.alt_text or one.name, urls.get((one.key, 0.0), "")) for one in files],
        )

    def address(self, secret: str) -> str:
        """Return the page's path."""
        return f"/upload/{secret}"

    def is_ours(self, visit: Visit) -> bool:
        """Tell whether files are added on a link's page."""
        return not visit.link.platform

    # Its files

    async def files(self, request: web.Request) -> web.Response:
        """Return the files of the draft, as the script reads them."""

        async def work(visit: Visit) -> web.Response:
            found = await self.uploading.files(visit.link)
            return web.json_response({"files": [views.file(one) for one in found]})

        return await self._for_member(request, work)

    async def options(self, request: web.Request) -> web.Response:
        """Return what of the protocol there is."""

        async def work(visit: Visit) -> web.Response:
            facts = {
                RESUMABLE: VERSION,
                "Tus-Version": VERSION,
                "Tus-Extension": "creation,termination,expiration",
                "Tus-Max-Size": str(await self.uploading.largest(visit.link)),
            }
            return web.Response(status=HTTPStatus.NO_CONTENT, headers=facts)

        return await self._for_member(request, work)

    async def create(self, request: web.Request) -> web.Response:
        """Announce a file, and return where its bytes go."""

        async def work(visit: Visit) -> web.Response:
            size = _number(request, LENGTH)
            upload = await self.uploading.announce(visit.link, _file_name(request), size)
            place = f"{self.identity.settings.public_url}{request.path}/{upload.id}"
            return _answer(HTTPStatus.CREATED, upload, {hdrs.LOCATION: place})

        return await self._by_protocol(request, work)

    async def offset(self, request: web.Request) -> web.Response:
        """Return where a file goes on."""

        async def work(visit: Visit) -> web.Response:
            upload = await self.uploading.file(visit.link, request.match_info["upload"])
            return _answer(HTTPStatus.OK, upload, {LENGTH: str(upload.size), hdrs.CACHE_CONTROL: "no-store"})

        return await self._by_protocol(request, work)

    async def receive(self, request: web.Request) -> web.Response:
        """Take in bytes of a file."""

        async def work(visit: Visit) -> web.Response:
            if request.content_type != BYTES:
                raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The content type must be {BYTES}.")
            start, file = _number(request, OFFSET), request.match_info["upload"]
            left = (await self.uploading.file(visit.link, file)).size - start
            if (request.content_length or 0) > max(left, 0):
                raise UploadRefusedError(UploadFault.OVERLONG)
            take_in(request)
            upload = await self.uploading.receive(visit.link, file, start, arriving(request))
            if request.transport is None:
                raise PeerLeftError
            return _answer(HTTPStatus.NO_CONTENT, upload, {})

        return await self._by_protocol(request, work)

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a file."""

        async def work(visit: Visit) -> web.Response:
            await self.uploading.remove(visit.link, request.match_info["upload"])
            return web.Response(status=HTTPStatus.NO_CONTENT, headers={RESUMABLE: VERSION})

        return await self._by_protocol(request, work)

    async def _by_protocol(self, request: web.Request, work: Work) -> web.Response:
        """Return what `work` does for the member's own browser, if the request speaks our version of the protocol."""

        async def spoken(visit: Visit) -> web.Response:
            if request.headers.get(RESUMABLE) != VERSION:
                raise RefusedError(HTTPStatus.PRECONDITION_FAILED, f"{RESUMABLE} must be {VERSION}.")
            return await work(visit)

        return await self._for_member(request, spoken)

    async def _for_member(self, request: web.Request, work: Work) -> web.Response:
        """Return what `work` does for the member's own browser, or why it is not done."""
        try:
            return await work(await self.for_member(request))
        except RefusedError as error:
            return _said(error.status, error.sentence)
        except UploadRefusedError as error:
            return _said(STATUSES[error.fault], views.refused(error))
        except WrongOffsetError:
            return _said(HTTPStatus.CONFLICT, views.WRONG_OFFSET)
        except NotFoundError:
            return _said(HTTPStatus.NOT_FOUND, views.NO_SUCH_FILE)
        except ServiceError as error:
            return _said(HTTPStatus.FORBIDDEN, on_page(error))


def _answer(status: int, upload: Upload, headers: dict[str, str]) -> web.Response:
    common = {RESUMABLE: VERSION, OFFSET: str(upload.received)}
    if upload.expires_at is not None:
        common["Upload-Expires"] = format_datetime(upload.expires_at, usegmt=True)
    return web.Response(status=status, headers=common | headers)


def _said(status: int, sentence: str) -> web.Response:
    headers = {RESUMABLE: VERSION}
    if status == HTTPStatus.PRECONDITION_FAILED:
        headers["Tus-Version"] = VERSION
    return web.Response(status=status, text=sentence + "\n", headers=headers)


def _number(request: web.Request, header: str) -> int:
    given = request.headers.get(header, "")
    if not given.isascii() or not given.isdecimal() or len(given) > LONGEST_NUMBER:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"{header} must be a number.")
    return int(given)


def _file_name(request: web.Request) -> str:
    """Return the file's name from `Upload-Metadata`: pairs of a key and a value in base64."""
    given = request.headers.get(METADATA, "")[:MOST_METADATA]
    pairs = dict(pair.strip().partition(" ")[::2] for pair in given.split(","))
    try:
        name = base64.b64decode(pairs.get("filename", ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"{METADATA} must have a filename in base64.") from None
    return name.replace("\0", "").strip() or "file"
