"""The HTTP server in front of every application of ours: aiohttp's, with walls against strangers.

A connection subclasses aiohttp's `RequestHandler`, and a server `web.Server`, because no setting of aiohttp
says when a request began to arrive. What that relies on beyond aiohttp's documentation is tried in
tests/web/test_server.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

if TYPE_CHECKING:
    from aiohttp.web_request import BaseRequest

ARRIVED = web.RequestKey("arrived", float)
"""When the first byte of a request was read, by the clock of the event loop."""
FINISHED_WITHIN_S = 5.0
"""How long requests in progress may take once the process has been asked to stop."""


def arrived(request: web.Request) -> float:
    """Return when the first byte of `request` was read, in seconds by `loop.time()`."""
    return request[ARRIVED]


class Connection(RequestHandler):
    """One connection: it knows when the request that is arriving began to."""

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._first_byte_at: float | None = None

    def data_received(self, data: bytes) -> None:
        """Take what was read, and the time if it begins a request. aiohttp passes nothing to go on parsing."""
        if data and self._first_byte_at is None:
            self._first_byte_at = self._loop.time()
        super().data_received(data)

    def begin(self, request: BaseRequest) -> float:
        """Return when `request`, whose head is complete, began to arrive; after its body another may begin."""
        began = self._first_byte_at
        request.content.on_eof(self._complete)
        # The second of two requests that came in one piece has no first byte of its own.
        return self._loop.time() if began is None else began

    def _complete(self) -> None:
        self._first_byte_at = None


class Server(web.Server):
    """Makes a connection for every client, and lets requests through to the application of `made`."""

    def __init__(self, made: web.Server, **options: Any) -> None:
        super().__init__(self._admit, request_factory=made.request_factory, **options)
        self._application = made.request_handler
        self._options = options

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self, loop=asyncio.get_running_loop(), **self._options)

    async def _admit(self, request: BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection)  # noqa: S101 - for mypy: `__call__` makes no other
        request[ARRIVED] = connection.begin(request)
        return await self._application(request)


class Runner(web.AppRunner):
    """Runs an application behind our server."""

    def __init__(self, application: web.Application) -> None:
        super().__init__(application, shutdown_timeout=FINISHED_WITHIN_S)

    async def _make_server(self) -> web.Server:
        return Server(await super()._make_server(), access_log=None, auto_decompress=False)
