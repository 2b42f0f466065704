"""What all simulators share: a clock that can be moved, faults on demand, and a record of every request.

A simulator is an aiohttp application on its own port of 127.0.0.1, because the bot keeps a platform's paths and
replaces only the origin. Each has a control API below `/_control`:

    GET    /_control/requests        every request so far, oldest first
    DELETE /_control/requests        forget them
    GET    /_control/faults          the faults in force
    POST   /_control/faults          add one: see `Fault`
    DELETE /_control/faults          remove all
    POST   /_control/clock           {"offset_s": 3600} moves this simulator's clock
    GET    /_control/settings        the settings and their values
    POST   /_control/settings        {"name": value} changes settings
    POST   /_control/<action>        other actions of the simulator, e.g. revoke

Files that are uploaded are not kept in memory: see `uploads` and `Received`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CONTROL = "/_control"
KEPT_BODY = 64 * 1024
"""Bytes of a request body that are recorded. Uploads are longer, and nothing reads them again."""
KEPT_FILE = 4 * 1024 * 1024
"""Bytes of an uploaded file that are kept, to be looked at. Of a larger one only its size and hash remain."""


MOST_FIELDS = 20_000
"""Fields of a form that aiohttp accepts. A consent page has a box per Page, and one person here has a thousand."""


@dataclass(slots=True)
class Clock:
    """Unix time, plus an offset that a test may move."""

    offset_s: float = 0.0

    def now(self) -> float:
        """Return seconds since the epoch by this simulator's clock."""
        return time.time() + self.offset_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A request as it arrived, and the status of its answer (0: the answer was not sent)."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str
    status: int


class Received:
    """A file as it arrives, in one request or in many: its size, its hash, and its bytes unless they are too many."""

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()
        self._kept: bytearray | None = bytearray()

    def add(self, piece: bytes) -> None:
        """Append a piece."""
        self.size += len(piece)
        self._hash.update(piece)
        if self._kept is not None and self.size <= KEPT_FILE:
            self._kept += piece
        else:
            self._kept = None

    async def take(self, pieces: AsyncIterator[bytes]) -> Received:
        """Append all pieces and return the file. If the connection breaks, those that arrived are kept."""
        async for piece in pieces:
            self.add(piece)
        return self

    def copy(self) -> Received:
        """Return the same file, to be continued separately."""
        found = Received()
        found.size, found._hash = self.size, self._hash.copy()
        found._kept = None if self._kept is None else bytearray(self._kept)
        return found

    @property
    def sha256(self) -> str:
        """The hash of what arrived so far, in hexadecimal."""
        return self._hash.hexdigest()

    @property
    def content(self) -> bytes | None:
        """The bytes, or None if there are more than `KEPT_FILE`."""
        return None if self._kept is None else bytes(self._kept)


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault for the requests that match.

    `path` is a regular expression that is searched for in the path. With `status`, the request gets that answer and has
    no effect. With `lose_answer`, the request takes effect and then the connection is dropped. Both happen after
    `delay_s`. `times` is how often the fault still occurs; None means always.
    """

    path: str = ""
    method: str | None = None
    status: int | None = None
    body: str = ""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    lose_answer: bool = False
    times: int | None = None

    def matches(self, request: web.Request) -> bool:
        """Tell whether this fault applies to `request`."""
        return (
            self.times != 0
            and self.method in {None, request.method}
            and re.search(self.path, request.path) is not None
        )

    async def wait(self) -> None:
        """Wait for the delay of this fault. A test may replace this with another wait."""
        await asyncio.sleep(self.delay_s)


class Simulator:
    """A server on localhost. Subclasses add routes, `settings` and control actions."""

    name: ClassVar[str]
    called: ClassVar[str] = ""
    """Its usual name; empty: the one on its consent page."""
    uploads: ClassVar[re.Pattern[str] | None] = None
    """Searched for in the path. Handlers of these requests read the body themselves, piece by piece, and it is not
    recorded. All other bodies are in memory before their handler is called."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.requests: list[Recorded] = []
        self.faults: list[Fault] = []
        self.settings: dict[str, Any] = {}
        self.url = ""
        self._runner: web.AppRunner | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of this simulator."""
        raise NotImplementedError

    def controls(self) -> Mapping[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Return the control actions by name; each takes the posted JSON object and returns JSON."""
        return {}

    async def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1 and return the origin, `http://localhost:<port>`. Port 0 picks a free one."""
        app = web.Application(middlewares=[self._observe], client_max_size=1 << 30)
        app.add_routes(self.routes())
        app.add_routes(self._control_routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        bound = self._runner.addresses[0][1]
        self.url = f"http://localhost:{bound}"
        return self.url

    async def stop(self) -> None:
        """Stop listening and drop open connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def calls(self, path: str, method: str | None = None) -> list[Recorded]:
        """Return the recorded requests whose path matches the regular expression `path`."""
        return [r for r in self.requests if re.search(path, r.path) and method in {None, r.method}]

    @web.middleware
    async def _observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(CONTROL):
            return await handler(request)
        request = request.clone(client_max_fields=MOST_FIELDS)
        streamed = self.uploads is not None and self.uploads.search(request.path) is not None
        body = "" if streamed else (await request.read())[:KEPT_BODY].decode("utf-8", "replace")
        status = 0
        try:
            fault = next((f for f in self.faults if f.matches(request)), None)
            if fault is not None:
                if fault.times is not None:
                    fault.times -= 1
                await fault.wait()
                if fault.status is not None:
                    await Received().take(request.content.iter_any())
                    status = fault.status
                    return web.Response(
                        status=fault.status,
                        text=fault.body,
                        content_type=fault.content_type,
                        headers=fault.headers,
                    )
            lost = fault is not None and fault.lose_answer
            try:
                response = await handler(request)
            except web.HTTPException as answer:
                if not lost:
                    status = answer.status
                    raise
            if lost:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=500)
            status = response.status
            return response
        finally:
            self.requests.append(
                Recorded(
                    at=self.clock.now(),
                    method=request.method,
                    path=request.path,
                    query=dict(request.query),
                    headers={k.lower(): v for k, v in request.headers.items()},
                    body=body,
                    status=status,
                )
            )

    def _control_routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{CONTROL}/requests", self._control_requests),
            web.delete(f"{CONTROL}/requests", self._control_requests),
            web.get(f"{CONTROL}/faults", self._control_faults),
            web.post(f"{CONTROL}/faults", self._control_faults),
            web.delete(f"{CONTROL}/faults", self._control_faults),
            web.post(f"{CONTROL}/clock", self._control_clock),
            web.get(f"{CONTROL}/settings", self._control_settings),
            web.post(f"{CONTROL}/settings", self._control_settings),
            web.post(f"{CONTROL}/{{action}}", self._control_action),
        ]

    async def _control_requests(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            self.requests.clear()
        return web.json_response([dataclasses.asdict(r) for r in self.requests])

    async def _control_faults(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "POST":
            self.faults.append(Fault(**await request.json()))
        return web.json_response([dataclasses.asdict(f) for f in self.faults])

    async def _control_clock(self, request: web.Request) -> web.Response:
        self.clock.offset_s = float((await request.json())["offset_s"])
        return web.json_response({"now": self.clock.now()})

    async def _control_settings(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            changed = await request.json()
            if unknown := set(changed) - set(self.settings):
                raise web.HTTPBadRequest(text=f"no such setting: {', '.join(sorted(unknown))}")
            self.settings |= changed
        return web.json_response(self.settings)

    async def _control_action(self, request: web.Request) -> web.Response:
        act = self.controls().get(request.match_info["action"])
        if act is None:
            raise web.HTTPNotFound(text=f"actions: {', '.join(sorted(self.controls()))}")
        given: dict[str, Any] = {}
        with suppress(ValueError):
            given = await request.json()
        return web.json_response(await act(given))
