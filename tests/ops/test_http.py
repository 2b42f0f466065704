"""What carries our calls to the platforms."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp.client_reqrep import ConnectionKey

from adapters.base import Busy, OutcomeUnknown
from adapters.http import LONGEST_CALL_S, WITHIN, never_left, send
from bot.ops.http import AGAIN_AFTER_S, LONGEST_ANSWER, Carrier, PlatformClient, UnusableAnswer, open_session
from tests.hostile.other_side import Bytes, OtherSide

KEY = ConnectionKey("host", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)


async def test_no_cookie_of_one_account_gets_into_another_s_request() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"Set-Cookie": "sid=account-one"}, json={})

    async with PlatformClient(httpx.MockTransport(answer), timeout_s=1) as http:
        http.cookies = {"sid": "somebody"}
        for _ in range(2):
            await send(http, http.build_request("GET", "https://platform.example/me"))

    assert seen == [None, None]
    assert dict(http.cookies) == {}


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    answer = httpx.Response(302, headers={"Location": "https://elsewhere.example/"})

    async with PlatformClient(httpx.MockTransport(lambda _request: answer), timeout_s=1) as http:
        found = await http.get("https://platform.example/me")

    assert found.status_code == 302


@asynccontextmanager
async def carried(answer: Bytes, **how: Any) -> AsyncIterator[tuple[OtherSide, PlatformClient]]:
    """Give a client as the product has it, and the server it calls."""
    async with (
        OtherSide(answer, **how) as other,
        open_session() as session,
        PlatformClient(Carrier(client=session), timeout_s=LONGEST_CALL_S) as http,
    ):
        yield other, http


def of(body: bytes, *headers: str) -> Bytes:
    head = "\r\n".join(["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}"]) + "\r\n\r\n"
    return lambda _head: iter([head.encode() + body])


BODY = b'{"name": "' + b"x" * 100_000 + b'"}'


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(of(BODY), id="plain"),
        pytest.param(of(gzip.compress(BODY), "Content-Encoding: gzip"), id="gzip"),
        pytest.param(of(gzip.compress(BODY), "Content-Encoding: X-GZIP"), id="gzip-by-its-old-name"),
        pytest.param(of(zlib.compress(BODY), "Content-Encoding: deflate"), id="deflate"),
        pytest.param(of(BODY, "Content-Encoding: identity"), id="identity"),
    ],
)
async def test_a_usual_answer_arrives_whole_by_both_ways(answer: Bytes) -> None:
    async with carried(answer) as (other, http), open_session() as session:
        platform = await send(http, http.build_request("GET", other.url))
        async with session.get(other.url) as slack:
            text = await slack.text()

    assert platform.content == text.encode() == BODY
    assert "content-encoding" not in platform.headers


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(of(gzip.compress(BODY)[:-20], "Content-Encoding: gzip"), id="cut-off"),
        pytest.param(of(BODY, "Content-Encoding: gzip"), id="no-gzip"),
        pytest.param(of(BODY, "Content-Encoding: br"), id="not-asked-for"),
        pytest.param(of(b"x" * (LONGEST_ANSWER + 1)), id="one-byte-too-long"),
        pytest.param(of(gzip.compress(b"x" * (LONGEST_ANSWER + 1)), "Content-Encoding: gzip"), id="unpacked"),
    ],
)
async def test_an_unusable_answer_is_a_lost_one(answer: Bytes) -> None:
    async with carried(answer) as (other, http), open_session() as session:
        with pytest.raises(Busy, match="unusable_answer"):
            await send(http, http.build_request("GET", other.url))
        with pytest.raises(OutcomeUnknown, match="unusable_answer"):
            await send(http, http.build_request("POST", other.url), has_effect=True)
        with pytest.raises(UnusableAnswer):
            async with session.get(other.url) as slack:
                await slack.text()


async def test_what_is_no_http_is_a_lost_answer() -> None:
    async with carried(lambda _head: iter([b"SSH-2.0-OpenSSH_9.6\r\n"])) as (other, http):
        with pytest.raises(OutcomeUnknown, match="no_answer"):
            await send(http, http.build_request("POST", other.url), has_effect=True)


async def test_interim_answers_without_end_end_the_connection_and_take_no_memory() -> None:
    interim, usual = b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, of(b"{}")

    def answer(head: bytes) -> Iterator[bytes]:
        return usual(head) if b"/usual" in head else itertools.repeat(interim, 1 << 20)

    async with carried(answer) as (other, http):
        await send(http, http.build_request("GET", f"{other.url}/usual"))  # whatever is made once is there
        tracemalloc.start()
        try:
            with pytest.raises(Busy, match="no_answer"):
                await send(http, http.build_request("GET", other.url))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 3 * LONGEST_ANSWER


async def test_an_answer_in_drops_ends_when_its_time_is_over() -> None:
    """The limit holds for whoever does not use `send` too."""
    dripping = asyncio.Event()

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.01)
        dripping.set()

    server = await asyncio.start_server(drop, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with (
        server,
        open_session() as session,
        PlatformClient(Carrier(client=session), timeout_s=20) as http,
    ):
        with pytest.raises(httpx.ReadTimeout):
            await http.get(url, extensions={WITHIN: 0.2})
        await dripping.wait()


async def test_what_must_not_be_sent_twice_gets_a_connection_of_its_own() -> None:
    async with carried(of(b"{}")) as (other, http):
        for _ in range(3):
            await send(http, http.build_request("GET", other.url))
        kept = other.connections
        for _ in range(3):
            await send(http, http.build_request("POST", other.url), has_effect=True)

    assert (kept, other.connections, len(other.requests)) == (1, 4, 6)


async def test_a_request_that_could_not_be_sent_is_tried_once_more() -> None:
    async with carried(of(b"{}")) as (other, http):
        url = other.url
    late = OtherSide(of(b"{}"))

    async def open_late() -> None:
        await asyncio.sleep(AGAIN_AFTER_S / 2)
        await late.open(int(url.rpartition(":")[2]))

    async with open_session() as session, PlatformClient(Carrier(client=session), timeout_s=20) as http:
        opening = asyncio.create_task(open_late())
        answer = await send(http, http.build_request("POST", url), has_effect=True)
        await opening
    await late.close()

    assert answer.status_code == 200
    assert len(late.requests) == 1


@pytest.mark.parametrize(
    ("cause", "unsent"),
    [
        (None, True),
        (OSError("refused"), True),
        (aiohttp.ClientConnectorError(KEY, OSError("refused")), True),
        (aiohttp.ClientConnectorDNSError(KEY, OSError("no such host")), True),
        (aiohttp.ConnectionTimeoutError(), True),
        (aiohttp.ServerDisconnectedError(), False),
        (aiohttp.ClientOSError("reset"), False),
        (aiohttp.ClientConnectionResetError("closing transport"), False),
        (aiohttp.ClientConnectionError("connection closed"), False),
        (aiohttp.ClientPayloadError("cut off"), False),
        (aiohttp.SocketTimeoutError(), False),
    ],
)
def test_only_what_failed_before_there_was_a_connection_counts_as_unsent(
    cause: Exception | None, unsent: bool
) -> None:
    error = httpx.ConnectTimeout("x")
    error.__cause__ = cause

    assert never_left(error) is unsent
