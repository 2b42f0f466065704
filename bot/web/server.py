"""The HTTP server of all our applications: aiohttp's, with limits on the resources that a stranger can use.

aiohttp has one time limit, between requests. Here every phase of a connection has one (open_connections.py), and a
request is checked by its head before its body is read (request_limits.py). Errors that aiohttp would answer itself,
showing its version and logging a traceback, are answered by us. For that we subclass aiohttp's `RequestHandler` and
`Server`. This relies on details that aiohttp does not document: `_messages`, `_ErrInfo`, `_make_server`, and that every
answer is sent by `finish_response`. tests/web/test_server.py checks them.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from bot.ops.logs import logger
from bot.ops.metrics import REFUSED
from bot.views.plain_pages import REFUSALS
from bot.web.open_connections import TIME_LIMITS_S, OpenConnections, Phase, connection_limit, open_files
from bot.web.request_limits import LONGEST_HEAD, PeerLeftError, fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.streams import StreamReader
    from aiohttp.web_request import BaseRequest

log = logger(__name__)

ARRIVED = web.RequestKey("arrived", float)
"""When the first byte of a request was read, by the clock of the event loop."""
FINISHED_WITHIN_S = 5.0
"""How long requests in progress may take once the process has been told to stop."""
READ_AHEAD = 64 << 10
"""Bytes of a body that we read ahead of the handler. At twice as many, reading from the connection pauses."""
READ_AFTER_ANSWER_S = 1.0
READ_AFTER_ANSWER = 8 << 20
"""How long, and how many bytes, we go on reading after a request was refused. A connection that is closed with unread
data is reset, and the client may not see the answer."""
SWEEP_S = 1.0
BACKLOG = 1024
"""Connections that the kernel may queue while we are busy. With 128, clients of a burst would have to try again."""
SOFTWARE = "Octapost"
REASONS = {400: "malformed", 413: "too_large", 417: "expectation"}
"""HTTP status -> why a request was refused while it was being read."""


def arrived(request: web.Request) -> float:
    """Return when the first byte of `request` was read, in seconds by `loop.time()`."""
    return request[ARRIVED]


def take_in(request: web.Request) -> None:
    """Let the body of `request` be as long, and take as long, as it does: its handler reads it while it arrives."""
    cast("Connection", request.protocol).take_in()


class Connection(RequestHandler):
    """One connection, which tracks what it is waiting for."""

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._table = server.open_connections
        self._wire: asyncio.Transport | None = None
        self._first_byte_at: float | None = None
        """Of the request that is arriving."""
        self._began_at = 0.0
        """When the first byte of the request that is being answered arrived."""
        self._followed = False
        """Whether the current phase is about the request whose head was parsed last."""
        self._unclaimed = 0
        """Bytes that are part of no complete head and of no body."""
        self._malformed = False

    # For OpenConnections

    @property
    def closing(self) -> bool:
        """Whether the connection is being closed, or has been."""
        return self._wire is None or self._wire.is_closing()

    def abort(self) -> None:
        """Close the connection at once. aiohttp's own methods wait until the client has read everything."""
        if self._wire is not None:
            self._wire.abort()

    # For handlers

    def take_in(self) -> None:
        """See the function of this name."""
        if self._table.phase(self) is Phase.BODY:
            self._table.enter(self, Phase.UPLOAD)

    # Called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start; another connection is closed if there are too many now."""
        self._wire = cast("asyncio.Transport", transport)
        super().connection_made(transport)
        self._table.open(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        self._table.close(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle received data. aiohttp also calls this without data, to go on parsing what it has kept."""
        if self._malformed:
            return
        if data:
            self._count(len(data))
        queued = len(self._messages)
        super().data_received(data)
        if len(self._messages) > queued:
            self._unclaimed = 0
            message, _ = self._messages[-1]
            if isinstance(message, _ErrInfo):
                self._end_of_sense(message.exc)
            elif self._table.phase(self) is Phase.HEAD:
                self._follow(self._messages[queued][1])
        elif self._unclaimed > (
            READ_AFTER_ANSWER if self._table.phase(self) is Phase.CLOSING else LONGEST_HEAD
        ):
            self._table.drop(self, "unasked")

    def pause_writing(self) -> None:
        """Wait for a client that does not read what we send."""
        super().pause_writing()
        if self._table.phase(self) is Phase.ANSWER:
            self._table.enter(self, Phase.TAKING)

    def resume_writing(self) -> None:
        """Go on sending."""
        super().resume_writing()
        if self._table.phase(self) is Phase.TAKING:
            self._table.enter(self, Phase.ANSWER)

    # Called by aiohttp, and by the server for each request

    async def begin(self, request: BaseRequest) -> float:
        """Return when the first byte of `request` arrived, once the client has read earlier answers."""
        if not self._followed:  # the client sent it before the previous answer
            self._follow(request.content)
        if self.writing_paused:
            self._table.enter(self, Phase.TAKING)
            await request.writer.drain()
        return self._began_at

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer, then wait for the next request or for the end."""
        sent, left = await super().finish_response(request, resp, start_time)
        self._followed = False
        if left or not sent.keep_alive or not request.content.is_eof():
            self._unclaimed = 0
            self._table.enter(self, Phase.CLOSING)
        else:
            self._table.enter(self, Phase.IDLE if self._first_byte_at is None else Phase.HEAD)
        return sent, left

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to data that is not HTTP, or to an error outside of our handlers."""
        if isinstance(exc, HttpProcessingError):
            response: web.StreamResponse = self._server.plain(HTTPStatus.BAD_REQUEST)
        else:
            response = super().handle_error(request, status, exc, message)
        response.force_close()
        return self._server.dressed(response)

    # Its own methods

    def _count(self, size: int) -> None:
        phase = self._table.phase(self)
        if self._first_byte_at is None:
            self._first_byte_at = self._loop.time()
        if phase is Phase.IDLE:
            self._table.enter(self, Phase.HEAD)
        if phase is Phase.BODY:
            self._table.hold(self, size)
            return
        if phase is Phase.UPLOAD:
            self._table.enter(self, Phase.UPLOAD)
            return
        self._unclaimed += size

    def _follow(self, body: StreamReader) -> None:
        """Wait for the rest of the request whose head is complete, then for our answer."""
        self._followed = True
        # The second of two requests that arrived together has no first byte of its own.
        self._began_at = self._loop.time() if self._first_byte_at is None else self._first_byte_at
        if not body.is_eof():
            self._table.enter(self, Phase.BODY)
            self._table.hold(self, body.total_bytes)
        body.on_eof(self._complete)

    def _complete(self) -> None:
        self._first_byte_at = None
        if self._table.phase(self) in {Phase.HEAD, Phase.BODY, Phase.UPLOAD}:
            self._table.enter(self, Phase.ANSWER)

    def _end_of_sense(self, error: BaseException) -> None:
        """Stop reading. aiohttp answers 400, unless it is still waiting for the rest of a body."""
        self._malformed = True
        REFUSED.labels("malformed").inc()
        log.warning("request.malformed", fault=type(error).__name__)
        if self._table.phase(self) in {Phase.BODY, Phase.UPLOAD, Phase.CLOSING}:
            self._table.drop(self, "malformed")


class Server(web.Server):
    """Creates a connection for every client, and passes requests within the limits to an application."""

    def __init__(
        self, made: web.Server, headers: Mapping[str, str], *, limit: int, options: Mapping[str, Any]
    ) -> None:
        super().__init__(self._admit, request_factory=made.request_factory)
        self._application = made.request_handler
        self._headers = {**headers, hdrs.SERVER: SOFTWARE}
        self._options = options
        self._loop = asyncio.get_running_loop()
        self.open_connections = OpenConnections(limit, self._loop.time)
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self, loop=self._loop, **self._options)

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - aiohttp's signature
        """Let requests in progress finish for `timeout` seconds, then close every connection."""
        try:
            await super().shutdown(timeout)
        finally:
            self._sweeper.cancel()

    def dressed(self, response: web.StreamResponse) -> web.StreamResponse:
        """Return `response` with the headers that every answer to a stranger has."""
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)
        return response

    def plain(self, status: int) -> web.Response:
        """Return an answer of one sentence. No normal browser ever gets one."""
        return web.Response(status=status, text=REFUSALS.get(status, HTTPStatus(status).phrase) + "\n")

    def _sweep(self) -> None:
        self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)
        self.open_connections.sweep(self._loop.time())

    async def _admit(self, request: BaseRequest) -> web.StreamResponse:
        connection = cast("Connection", request.protocol)
        try:
            request[ARRIVED] = await connection.begin(request)
            response = self._refusal(request) or await self._application(request)
        except web.HTTPException as error:
            # The error itself must not be sent: it, and all that its traceback refers to, would be kept as long as
            # the connection is idle.
            response = self._refused(error.status, REASONS.get(error.status, "other"))
        except (PeerLeftError, ConnectionError):
            response = self.plain(HTTPStatus.BAD_REQUEST)  # the client has left, and will not get it
        response.headers.setdefault(hdrs.SERVER, SOFTWARE)
        if not request.content.is_eof():
            response.force_close()
        return response

    def _refusal(self, request: BaseRequest) -> web.StreamResponse | None:
        found = fault(request)
        return self._refused(*found) if found else None

    def _refused(self, status: int, reason: str) -> web.StreamResponse:
        REFUSED.labels(reason).inc()
        log.warning("request.refused", status=status, reason=reason)
        response = self.plain(status)
        response.force_close()
        if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            response.headers[hdrs.ACCEPT_ENCODING] = "identity"
        return self.dressed(response)


class Runner(web.AppRunner):
    """Runs an application behind our server.

    `headers`: those of answers that the server gives itself; `limit`: how many connections may be open, by default
    as many as the process may open files for; `read_after_answer_s`: how long a body that was refused is still read,
    so that its sender gets to read the answer.
    """

    def __init__(
        self,
        application: web.Application,
        headers: Mapping[str, str],
        *,
        limit: int | None = None,
        read_after_answer_s: float = READ_AFTER_ANSWER_S,
    ) -> None:
        super().__init__(application, shutdown_timeout=FINISHED_WITHIN_S)
        self._answer_headers = headers
        self._limit = connection_limit(open_files()) if limit is None else limit
        self._read_after_answer_s = read_after_answer_s

    async def _make_server(self) -> web.Server:
        options = {
            "access_log": None,
            "auto_decompress": False,
            "lingering_time": self._read_after_answer_s,
            "read_bufsize": READ_AHEAD,
            # aiohttp's own limit between requests; our limits are shorter.
            "keepalive_timeout": 2 * TIME_LIMITS_S[Phase.IDLE],
        }
        made = await super()._make_server()
        return Server(made, self._answer_headers, limit=self._limit, options=options)
