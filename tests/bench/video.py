"""A video on its way to a simulated platform: through the product's adapter and media library, or in a bare stream.

`python -m tests.bench.video platform KEY` runs a platform, and prints its address and an account that is signed in.
`python -m tests.bench.video send ORDER` uploads (ORDER is an `Order` as JSON), and prints what it took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import psutil
import uvloop
from httpx_aiohttp import AiohttpTransport

from adapters.base import Content, Format, Media, MediaKind, Outgoing, Publishes, Tokens
from adapters.http import LONGEST_CALL_S
from adapters.registry import REGISTRY
from adapters.tiktok.uploads import UPLOAD_URL, Chunks
from adapters.uploads import UPLOAD_TIMEOUT
from adapters.youtube.session import opened
from bot.ops.http import PlatformClient
from bot.services.media.library import MediaLibrary
from sandbox.browser import PLAIN
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.tiktok.simulator import TikTokSimulator
from sandbox.platforms.youtube.simulator import YouTubeSimulator
from storage.engine.db import Database
from storage.media_store import PIECE, MediaStore
from tests.credentials import client_of, registered
from tests.publishing import sign_in
from tests.s3 import VARIABLES

SIMULATORS: dict[str, type[OAuthSimulator]] = {"youtube": YouTubeSimulator, "tiktok": TikTokSimulator}
PEOPLE = {"youtube": "110000000000000000001", "tiktok": "octa_demo"}
OPTIONS: dict[str, dict[str, Any]] = {
    "youtube": {"privacy": "unlisted", "made_for_kids": "no"},
    "tiktok": {"privacy": "PUBLIC_TO_EVERYONE", "music_confirmation": True},
}
KEY, MEBIBYTE = "bench", 1 << 20
LOOK_EVERY_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is uploaded, from where, to whom, and how."""

    platform: str
    url: str
    token: str
    account_id: str
    handle: str
    size: int
    bare: bool
    store: str
    """A folder, or an `s3://` address."""
    endpoint: str
    """Of the S3 server."""
    database: str
    organization_id: str


def media_of(size: int) -> Media:
    """Return a video of so many bytes."""
    return Media(
        key=KEY,
        kind=MediaKind.VIDEO,
        type="video/mp4",
        size=size,
        name="clip.mp4",
        width=360,
        height=640,
        duration=timedelta(seconds=60),
        frame_rate=30,
    )


async def platform(key: str) -> None:
    """Run a platform until its standard input ends."""
    simulator, app = SIMULATORS[key](), REGISTRY.platforms[key].apps[0]
    async with registered(simulator, client_of(app)), httpx.AsyncClient(verify=PLAIN) as http:
        adapter = REGISTRY.adapters(http)[key]
        signed_in = await sign_in(http, adapter, app, simulator, person=PEOPLE[key])
        simulator.settings |= {"inits_a_minute": 100, "daily_units": 1_000_000}
        account = {"account_id": signed_in.account_id, "handle": signed_in.handle}
        token = signed_in.tokens.access_token
        print(json.dumps(account | {"url": simulator.url, "token": token}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def send(order: Order) -> None:
    """Upload, and print the seconds and the MiB of resident memory beyond those of before."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)
        )
        transport = AiohttpTransport(client=session)
        http = await stack.enter_async_context(PlatformClient(transport, timeout_s=LONGEST_CALL_S))
        store = MediaStore(order.store, order.endpoint, VARIABLES)
        database = Database(order.database)
        stack.push_async_callback(database.close)
        library = MediaLibrary(database=database, store=store, public_url="https://octapost.example")
        upload = Upload(http=http, order=order, library=library)
        await upload.begin()
        with peak() as memory:
            began = time.perf_counter()
            await (upload.in_a_bare_stream() if order.bare else upload.by_the_adapter())
            seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "grown": (memory[1] - memory[0]) / MEBIBYTE}))


@dataclass(slots=True, kw_only=True)
class Upload:
    """An upload to a platform."""

    http: httpx.AsyncClient
    order: Order
    library: MediaLibrary
    session: str = ""

    @property
    def outgoing(self) -> Outgoing:
        """The delivery."""
        order = self.order
        content = Content(
            format=Format.VIDEO,
            title="Clip" if order.platform == "youtube" else "",
            text="All colours.",
            media=(media_of(order.size),),
            options=OPTIONS[order.platform],
        )
        return Outgoing(
            client=client_of(REGISTRY.platforms[order.platform].apps[0], order.url),
            tokens=Tokens(access_token=order.token),
            account_id=order.account_id,
            handle=order.handle,
            content=content,
            media=self.library.of(order.organization_id, "dlv_bench"),
            keep=self._keep,
            receipts=(),
        )

    async def begin(self) -> None:
        """Load what the first file needs, so that it is not measured."""
        first = [piece async for piece in self.library.store.read(KEY, 0, PIECE)]
        if not first:
            raise LookupError(KEY)

    async def by_the_adapter(self) -> None:
        """Upload as the engine does."""
        adapter = REGISTRY.adapters(self.http)[self.order.platform]
        if not isinstance(adapter, Publishes):
            raise TypeError(self.order.platform)
        publisher, outgoing = adapter.publisher, self.outgoing
        prepared = await publisher.prepare(outgoing, {})
        await publisher.send(outgoing, prepared.handles, publisher.steps(outgoing.content)[0])

    async def in_a_bare_stream(self) -> None:
        """Send the same bytes to the same platform with nothing but httpx: in one request, or TikTok's chunks."""
        size, outgoing = self.order.size, self.outgoing
        if self.order.platform == "youtube":
            address, spans = await opened(self.http, outgoing, media_of(size)), [(0, size)]
        else:
            chunks = Chunks(size=size)
            spans = [chunks.span(index) for index in range(chunks.count)]
            answer = await self.http.post(
                outgoing.client.at("https://open.tiktokapis.com/v2/post/publish/video/init/"),
                json={
                    "post_info": {"title": "Clip", "privacy_level": "PUBLIC_TO_EVERYONE"},
                    "source_info": chunks.source_info(),
                },
                headers={"Authorization": f"Bearer {self.order.token}"},
            )
            address = answer.json()["data"][UPLOAD_URL]
        async with self._source() as source:
            for start, length in spans:
                headers = {
                    "Content-Type": "video/mp4",
                    "Content-Length": str(length),
                    "Content-Range": f"bytes {start}-{start + length - 1}/{size}",
                }
                body = source.take(length)
                answer = await self.http.put(address, content=body, headers=headers, timeout=UPLOAD_TIMEOUT)
                answer.raise_for_status()

    @asynccontextmanager
    async def _source(self) -> AsyncIterator[Source]:
        """Give the bytes of the file: read from the disk, or streamed from the S3 server."""
        place = self.order.store.removeprefix("s3:/")
        if not self.order.endpoint:
            yield Source(_read(Path(place, KEY)))
            return
        async with self.http.stream("GET", f"{self.order.endpoint}{place}/{KEY}") as answer:
            yield Source(answer.aiter_raw(PIECE))

    @staticmethod
    async def _keep(_handles: Any) -> None:
        """Store no handles: the upload is not resumed."""


async def _read(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
    finally:
        file.close()


class Source:
    """Bytes that are taken in parts."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    async def take(self, length: int) -> AsyncIterator[bytes]:
        """Yield the next so many bytes."""
        while length:
            piece = self._rest or await anext(self._pieces)
            part, self._rest = piece[:length], piece[length:]
            length -= len(part)
            yield part


@contextmanager
def peak() -> Iterator[list[int]]:
    """Give the bytes of resident memory now, and the most there were by the end of the block."""
    process, over = psutil.Process(), threading.Event()
    seen = [process.memory_info().rss] * 2

    def watch() -> None:
        while not over.wait(LOOK_EVERY_S):
            seen[1] = max(seen[1], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def command(order: Order) -> tuple[str, ...]:
    """Return the command that uploads."""
    return sys.executable, "-m", "tests.bench.video", "send", json.dumps(asdict(order))


if __name__ == "__main__":
    work, argument = sys.argv[1:]
    uvloop.run(platform(argument) if work == "platform" else send(Order(**json.loads(argument))))
