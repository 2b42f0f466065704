"""The HTTP client for all calls to platforms and Slack: bounded answers, no redirects, no cookies.

All calls use one aiohttp session (`open_session`), so no caller can forget a limit: slack_sdk directly, httpx through
`Carrier`. An answer is read as a whole, up to `LONGEST_ANSWER` bytes before and after decompression. A longer one, or
one that can't be decompressed, counts as lost.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import ssl
import zlib
from collections.abc import AsyncIterable, Iterator
from http import HTTPStatus
from typing import Any, cast

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader
from httpx_aiohttp import AiohttpTransport
from multidict import CIMultiDict, CIMultiDictProxy

from adapters.http import LONGEST_CALL_S, WITHIN

LONGEST_ANSWER = 4 << 20
"""Bytes. The longest real answers, a hundred Facebook Pages with pictures, are far below one megabyte."""
CALLS_AT_ONCE = 600
"""Connections to platforms and Slack: enough for the slots of all apps, and some for people's requests."""
CALL_TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
"""For calls to Slack, whose client library applies none of its own; platform calls bring theirs."""
IDLE_S = 3.0
"""How long we keep an idle connection, shorter than servers do. Node closes idle connections after 5 s
(https://nodejs.org/api/http.html#serverkeepalivetimeout, read 2026-11-30), as do Apache and uvicorn."""
AGAIN_AFTER_S = 0.1
"""The pause before the second and last try to connect, after a failure before anything was sent."""
MOST_INTERIM = 10
"""Interim answers to one request. Servers send one, if any."""
STEP = 1 << 16
"""Bytes to decompress at once."""
ENCODINGS = "gzip"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WHERE_TO = ("Location", "URI")


@functools.cache
def trusted() -> ssl.SSLContext:
    """Return the certificate authorities we trust: certifi's, not those of the machine."""
    return httpx.create_ssl_context(trust_env=False)


class UnusableAnswer(aiohttp.ClientPayloadError):
    """An answer is too long or can't be decompressed. The text is a code that is safe to log."""


async def read_whole(chunks: AsyncIterable[bytes], encoding: str) -> bytes:
    """Return the whole answer, decompressed.

    Raises:
        UnusableAnswer: It is longer than `LONGEST_ANSWER`, or can't be decompressed.

    """
    decompressor = _decompressor(encoding)
    body, arrived = bytearray(), 0
    async for chunk in chunks:
        arrived += len(chunk)
        for part in (chunk,) if decompressor is None else _decompressed(decompressor, chunk):
            body += part
            if len(body) > LONGEST_ANSWER:
                raise UnusableAnswer("answer_too_long")
        if arrived > LONGEST_ANSWER:
            raise UnusableAnswer("answer_too_long")
    if decompressor is not None and arrived and not decompressor.eof:
        raise UnusableAnswer("answer_cut_off")
    return bytes(body)


def _decompressed(decompressor: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    """Yield a chunk decompressed, in small parts, because one compressed byte may become a thousand."""
    try:
        while chunk and not decompressor.eof:
            yield decompressor.decompress(chunk, STEP)
            chunk = decompressor.unconsumed_tail
    except zlib.error:
        raise UnusableAnswer("answer_not_decompressed") from None


def _decompressor(encoding: str) -> zlib._Decompress | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(zlib.MAX_WBITS | 32)  # reads the headers of both formats
    raise UnusableAnswer("answer_in_unknown_encoding")  # we accept only these


class BoundedAnswer(aiohttp.ClientResponse):
    """An answer that is read within bounds. A redirect loses its address, so that no library follows it."""

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """The answer's headers."""
        if self.status not in REDIRECTS:
            return self._headers
        kept = CIMultiDict(self._headers)
        for name in _WHERE_TO:
            kept.popall(name, None)
        return CIMultiDictProxy(kept)

    async def read(self) -> bytes:
        """Return the body, decompressed.

        Raises:
            UnusableAnswer: It is too long, or can't be decompressed.

        """
        if self._body is None:
            try:
                encoding = self._headers.get("Content-Encoding", "")
                self._body = await read_whole(self.content.iter_any(), encoding)
            except BaseException:
                self.close()
                raise
        return await super().read()


class Request(aiohttp.ClientRequest):
    """A request that uses a new connection if it has the header `Connection: close`.

    A server may close an idle connection at the moment we write to it, and then we can't tell whether it read the
    request. So requests that must not be sent twice don't use one.
    """

    _numbers = itertools.count(1)

    @property
    def connection_key(self) -> ConnectionKey:
        """The key by which aiohttp finds an idle connection. With `Connection: close` it is unique: none is found."""
        key = super().connection_key
        if self.headers.get("Connection", "").lower() != "close":
            return key
        return key._replace(proxy_headers_hash=next(self._numbers))


class Handler(ResponseHandler):
    """The reading side of a connection. It ends one that sends interim answers (`100 Continue`) without end.

    aiohttp keeps those until the request gets its turn, which on a busy loop may be after all of them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._interim = 0

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Take an answer."""
        self._interim = self._interim + 1 if data[0].code < HTTPStatus.OK else 0
        if self._interim <= MOST_INTERIM:
            super().feed_data(data, size)
        elif self.transport is not None and not self.transport.is_closing():
            self.set_exception(UnusableAnswer("too_many_interim_answers"))
            self.transport.abort()


class Connector(aiohttp.TCPConnector):
    """Opens connections that are read by our `Handler`. aiohttp has no public way to name it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        factory = functools.partial(Handler, loop=self._loop)
        self._factory = cast("functools.partial[ResponseHandler]", factory)


def open_session(trusted: ssl.SSLContext | bool = True) -> aiohttp.ClientSession:
    """Return the session for all calls, which the caller has to close. `trusted`: whose certificates are accepted."""
    return aiohttp.ClientSession(
        connector=Connector(limit=CALLS_AT_ONCE, keepalive_timeout=IDLE_S, ssl=trusted),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=CALL_TIMEOUT,
        headers={"Accept-Encoding": ENCODINGS},
        auto_decompress=False,
        request_class=Request,
        response_class=BoundedAnswer,
    )


class Carrier(AiohttpTransport):
    """httpx's transport over the session of `open_session`. It returns whole answers, within bounds and in time."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, read and decompressed. A request that could not be sent is tried once more.

        All of that takes at most as many seconds as the request's extension `WITHIN` says.

        Raises:
            httpx.TransportError: There is no usable answer.

        """
        try:
            async with asyncio.timeout(request.extensions.get(WITHIN, LONGEST_CALL_S)):
                try:
                    return await self._carried(request)
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                    if not isinstance(error.__cause__, aiohttp.ClientConnectorError):
                        raise  # too slow, or broken after we wrote to it
                await asyncio.sleep(AGAIN_AFTER_S)
                return await self._carried(request)
        except TimeoutError as error:
            raise httpx.ReadTimeout("too slow", request=request) from error
        except (
            aiohttp.ClientError
        ) as error:  # httpx-aiohttp doesn't translate this: an answer that is not HTTP
            raise httpx.RemoteProtocolError(type(error).__name__, request=request) from error

    async def _carried(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        try:
            body = await read_whole(answer.aiter_raw(), answer.headers.get("Content-Encoding", ""))
        except UnusableAnswer as error:
            raise httpx.DecodingError(str(error), request=request) from error
        finally:
            await answer.aclose()
        headers = answer.headers
        for name in ("Content-Encoding", "Content-Length", "Transfer-Encoding"):
            headers.pop(name, None)
        return httpx.Response(
            answer.status_code, headers=headers, content=body, request=request, extensions=answer.extensions
        )


class _NoCookies(httpx.Cookies):
    """An empty cookie jar: a real one would send one account's cookies with the requests of another."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Ignore the cookies of an answer."""

    def set_cookie_header(self, request: httpx.Request) -> None:
        """Add nothing."""

    def __bool__(self) -> bool:
        return False


class PlatformClient(httpx.AsyncClient):
    """An `httpx.AsyncClient` without cookies, redirects or the environment's proxies."""

    def __init__(self, transport: httpx.AsyncBaseTransport, *, timeout_s: float) -> None:
        super().__init__(
            transport=transport,
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
            headers={"Accept-Encoding": ENCODINGS},
        )
        self._none = _NoCookies()

    @property
    def cookies(self) -> httpx.Cookies:
        """The jar, which stays empty."""
        return self._none

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        """Ignore them."""
