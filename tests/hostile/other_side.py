"""The other side of our calls gone bad: a server that answers with any bytes, and every call we make."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from adapters.base import Adapter, Client, Tokens
from adapters.http import LONGEST_CALL_S
from bot import app
from bot.ops.http import Carrier, PlatformClient, open_session
from bot.web.openid import SignInWithSlack
from storage.engine.db import Database
from storage.vault import KeyRing, Vault
from tests.application import settings
from tests.platforms import PLATFORMS

Call = Callable[[], Awaitable[object]]
Bytes = Callable[[bytes], Iterator[bytes]]
"""What is answered to a request, piece by piece."""
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class OtherSide:
    """Answers each request with what `answer` gives for it, and counts them.

    `requests_a_connection`: the request after that many on one connection is read by nobody: the
    connection is closed as it arrives. `idle_s`: an unused one is closed after so long.
    """

    answer: Bytes
    requests_a_connection: int | None = None
    idle_s: float | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    _server: asyncio.Server | None = None
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, port: int = 0) -> None:
        """Listen; by default on any port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=1 << 20)
        self.url = f"http://localhost:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening, and break what is open."""
        assert self._server is not None
        self._server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        served = 0
        try:
            while True:
                async with asyncio.timeout(self.idle_s):
                    first = await reader.readexactly(1)
                if served == self.requests_a_connection:
                    return
                head = first + await reader.readuntil(b"\r\n\r\n")
                if found := LENGTH.search(head):
                    await reader.readexactly(int(found[1]))
                self.requests.append(head)
                served += 1
                for piece in self.answer(head):
                    if writer.is_closing():  # uvloop refuses to write then
                        return
                    writer.write(piece)
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            return  # whoever called has gone, or nobody called for too long
        finally:
            del self._open[task]
            writer.close()


async def given_up(call: Call) -> Exception | None:
    """Return how a call failed, or None where it did not."""
    try:
        await call()
    except Exception as error:  # noqa: BLE001 - the test judges it
        return error
    return None


def _of_platform(name: str, adapter: Adapter, client: Client) -> Iterator[tuple[str, Call]]:
    tokens = Tokens(
        access_token="access",
        refresh_token="refresh",
        scopes=frozenset(client.scopes),
        subject="open-1",
    )
    yield f"{name}: exchange", lambda: adapter.exchange(client, code="code", verifier="v" * 43)
    yield f"{name}: refresh", lambda: adapter.refresh(client, tokens)
    yield f"{name}: discover", lambda: adapter.discover(client, tokens)
    yield f"{name}: revoke", lambda: adapter.revoke(client, tokens)


@asynccontextmanager
async def every_call(url: str, *, response_url: str = "") -> AsyncIterator[dict[str, Call]]:
    """Give every kind of call that we make, by name; all of them go to `url`."""
    urls = {f"{key.upper()}_URL": url for key in PLATFORMS}
    made = settings(**urls, SLACK_API_URL=f"{url}/api/", SLACK_WEB_URL=url)
    database = Database(made.database_url.get_secret_value())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        session = await stack.enter_async_context(open_session())
        http = await stack.enter_async_context(
            PlatformClient(Carrier(client=session), timeout_s=LONGEST_CALL_S)
        )
        parts = app.construct(made, database, Vault(KeyRing.parse(made.keys)), session, http)
        calls: dict[str, Call] = {}
        for key, found in made.platforms().items():
            for name, client in found.clients.items():
                calls |= dict(_of_platform(name, parts.adapters[key], client))
        slack, once = parts.slack_clients.without_token(), parts.slack_clients._client(None)
        sign_in = SignInWithSlack(made, parts.slack_clients, http)
        calls |= {
            "slack: chat.postMessage": lambda: slack.chat_postMessage(channel="C1", text="x", token="xoxb-1"),
            "slack: oauth.v2.access": lambda: parts.slack_clients.oauth("oauth.v2.access", code="c"),
            "slack: response_url": lambda: parts.slack_clients.post_to_response_url(
                f"{response_url or url}/commands/T1/1/x", {"text": "x"}
            ),
            "slack: outbox": lambda: once.chat_postMessage(channel="C1", text="x", token="xoxb-1"),
            "slack: openid.connect.token": lambda: sign_in.who("code", b"nonce"),
            "slack: OpenID keys": lambda: sign_in.verify("e30.e30.e30", b"nonce"),
        }
        yield calls
