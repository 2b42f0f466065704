"""The server in front of our applications, spoken to in raw bytes.

Time passes by telling the server that it has (`later`), so that nothing here waits.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator

import pytest
from aiohttp import web

from bot.web.open_connections import BODIES_TOGETHER, FEWEST_CONNECTIONS, TIME_LIMITS_S, Phase
from bot.web.request_limits import LARGEST_BODY, LARGEST_SLACK_BODY, LONGEST_HEAD, SLACK_EVENTS, body_of
from bot.web.server import READ_AFTER_ANSWER, READ_AFTER_ANSWER_S, arrived
from tests.hostile.slack_side import listening
from tests.hostile.strangers import head
from tests.patience import PATIENCE_S
from tests.web.raw import served

PAUSE_S = 0.2
POST = head("POST /", {"Content-Length": 4})
LARGE = 8 << 20


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    with listening("INFO") as stream:
        yield stream


# When a request arrived


async def test_a_request_arrives_with_its_first_byte_not_with_its_last() -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        await body_of(request)
        times.append(arrived(request))
        return web.Response()

    async with served(handler) as one:
        client = await one.client()
        await one.until(Phase.HEAD)
        for first, *more in ([POST[:1], POST[1:], b"body"], [POST + b"body"], [POST + b"b", b"ody"]):
            times.append(loop.time())
            await client.send(first)
            await asyncio.sleep(PAUSE_S)
            before_the_rest = loop.time()
            for piece in more:
                await client.send(piece)
            await client.answer()
            times.append(before_the_rest)

    assert len(times) == 9
    assert times == sorted(times)


async def test_requests_sent_in_one_piece_have_all_arrived() -> None:
    loop = asyncio.get_running_loop()
    times: list[tuple[float, float]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        times.append((arrived(request), loop.time()))
        return web.Response(body=await body_of(request))

    async with served(handler) as one:
        client = await one.client()
        started = loop.time()
        await client.send((POST + b"body") * 3)
        for _ in range(3):
            await client.answer()

    assert len(times) == 3
    assert all(started <= at <= handled for at, handled in times)


# How long a connection may take


@pytest.mark.parametrize(
    ("sent", "phase"),
    [
        pytest.param(b"", Phase.HEAD, id="nothing"),
        pytest.param(POST[:20], Phase.HEAD, id="half a head"),
        pytest.param(POST + b"bo", Phase.BODY, id="half a body"),
        pytest.param(
            head("POST /", {"Transfer-Encoding": "chunked"}) + b"5\r\nbo", Phase.BODY, id="half a chunk"
        ),
    ],
)
async def test_what_is_not_finished_in_time_is_closed(log: io.StringIO, sent: bytes, phase: Phase) -> None:
    async with served() as one:
        client = await one.client()
        await client.send(sent)
        await one.until(phase)

        one.later(TIME_LIMITS_S[phase] - 1)
        assert len(one.server.open_connections) == 1
        one.later(TIME_LIMITS_S[phase] + 1)

        assert await client.ended()
    assert "Traceback" not in log.getvalue()


async def test_a_letter_now_and_then_buys_no_time() -> None:
    async with served() as one:
        client = await one.client()
        await one.until(Phase.HEAD)
        for letter in POST[:5]:
            await client.send(bytes([letter]))
            await asyncio.sleep(0.01)

        one.later(TIME_LIMITS_S[Phase.HEAD])

        assert await client.ended()


async def test_a_client_that_was_answered_may_be_idle_for_longer() -> None:
    async with served() as one:
        client = await one.client()
        for _ in range(2):
            await client.send(POST + b"body")
            await client.answer()
        await one.until(Phase.IDLE)

        one.later(TIME_LIMITS_S[Phase.IDLE] - 1)
        await client.send(POST + b"body")
        assert (await client.answer())[0] == 200
        await one.until(Phase.IDLE)
        one.later(TIME_LIMITS_S[Phase.IDLE] + 1)

        assert await client.ended()


async def test_half_a_request_after_an_answer_is_not_idleness() -> None:
    async with served() as one:
        client = await one.client()
        await client.send(POST + b"body")
        await client.answer()
        await client.send(POST[:20])
        await one.until(Phase.HEAD)

        one.later(TIME_LIMITS_S[Phase.HEAD])

        assert await client.ended()


async def test_a_client_that_does_not_take_its_answer_is_hung_up_on() -> None:
    async def large(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(LARGE))

    async with served(large) as one:
        client = await one.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(POST + b"body")
        await one.until(Phase.TAKING)

        one.later(TIME_LIMITS_S[Phase.TAKING])
        await one.until(None, 0)


async def test_a_client_that_asks_on_and_takes_nothing_is_asked_to_wait() -> None:
    handled = 0

    async def large(_request: web.Request) -> web.StreamResponse:
        nonlocal handled
        handled += 1
        return web.Response(body=bytes(LARGE))

    async with served(large) as one:
        client = await one.client()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(head("GET /") * 20)
        await one.until(Phase.TAKING)
        await asyncio.sleep(PAUSE_S)

        assert handled == 1


async def test_a_client_that_takes_a_large_answer_gets_all_of_it() -> None:
    async def large(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(LARGE))

    async with served(large) as one:
        client = await one.client()
        for _ in range(2):
            await client.send(head("GET /"))
            assert (await client.answer())[1]["content-length"] == str(LARGE)
        await one.until(Phase.IDLE)


async def test_a_client_that_leaves_is_no_error(log: io.StringIO) -> None:
    async with served() as one:
        for sent in (b"", POST[:20], POST, POST + b"bo", head("POST /", {"Transfer-Encoding": "chunked"})):
            client = await one.client()
            await client.send(sent)
            await one.until(None, 1)
            client.writer.transport.abort()
            await one.until(None, 0)

    assert log.getvalue() == ""


async def test_a_process_that_stops_finishes_what_it_is_answering() -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.StreamResponse:
        asked.set()
        await go.wait()
        return web.Response(text="done")

    async with served(slow) as one:
        client = await one.client()
        await client.send(POST + b"body")
        await asked.wait()
        stopping = asyncio.create_task(one.server.shutdown(5.0))
        await asyncio.sleep(0)
        go.set()

        assert (await client.answer())[0] == 200
        await stopping


# How many connections there may be


async def test_there_is_room_for_a_newcomer_when_all_connections_are_idle() -> None:
    async with served() as one:
        strangers = [await one.client() for _ in range(FEWEST_CONNECTIONS)]
        await one.until(None, FEWEST_CONNECTIONS)

        newcomer = await one.client()
        await newcomer.send(POST + b"body")

        assert (await newcomer.answer())[0] == 200
        assert await strangers[0].ended()
        assert len(one.server.open_connections) == FEWEST_CONNECTIONS


async def test_unfinished_bodies_are_not_kept_beyond_a_limit_of_all_together() -> None:
    body = head(f"POST {SLACK_EVENTS}", {"Content-Length": LARGEST_SLACK_BODY}) + bytes(
        LARGEST_SLACK_BODY - 1
    )
    fit = BODIES_TOGETHER // LARGEST_SLACK_BODY

    async with served() as one:
        clients = [await one.client() for _ in range(fit + 3)]
        for client in clients:
            await client.send(body)
        await one.until(Phase.BODY, fit)

        last = await one.client()
        await last.send(POST + b"body")
        assert (await last.answer())[0] == 200


# What is refused, and how


def bare(headers: dict[str, str]) -> bool:
    """Tell whether an answer says who we are without a version, and carries our headers."""
    return headers["server"] == "Octapost" and headers["x-test"] == "ours"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00 canary\r\n\r\n", id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\ncanary\r\n\r\n", id="no colon"),
        pytest.param(b"GET / HTTP/1.1\r\nCanary: x\r\n\r\n", id="no host"),
        pytest.param(b"GET canary HTTP/1.1\r\nHost: x\r\n\r\n", id="no path"),
        pytest.param(head("GET /", {}, "Host: canary"), id="two hosts"),
        pytest.param(head("POST /", {"Content-Length": 2}, "Content-Length: 20"), id="two lengths"),
        pytest.param(
            head("POST /", {"Content-Length": 2, "Transfer-Encoding": "chunked"}), id="length and chunks"
        ),
        pytest.param(head("POST /", {"Content-Length": "canary"}), id="no number"),
        pytest.param(head("GET /" + "a" * 9000), id="long line"),
        pytest.param(head("GET /", {"Canary": "x" * 9000}), id="long header"),
        pytest.param(head("GET /", {f"Canary-{n}": "x" for n in range(200)}), id="many headers"),
        pytest.param(b"CANARY / HTTP/1.1\r\nHost: x\r\n\r\n", id="no method"),
        pytest.param(b"GET / HTTP/3.7\r\nHost: x\r\n\r\n", id="no version"),
    ],
)
async def test_malformed_http_costs_one_line_in_the_log(log: io.StringIO, sent: bytes) -> None:
    async with served() as one:
        client = await one.client()
        await client.send(sent)

        status, headers = await client.answer()
        assert await client.ended()

    assert (status, bare(headers)) == (400, True)
    said = log.getvalue()
    assert (said.count("\n"), "request.malformed" in said) == (1, True)
    assert "Traceback" not in said
    assert "canary" not in said.lower()


@pytest.mark.parametrize("body", [b"zz\r\n", b"5\r\nhello-canary\r\n", b"-1\r\n"])
async def test_a_malformed_body_ends_the_connection_with_one_line(log: io.StringIO, body: bytes) -> None:
    async with served() as one:
        client = await one.client()
        await client.send(head("POST /", {"Transfer-Encoding": "chunked"}))
        await one.until(Phase.BODY)
        await client.send(body, b"GET / HTTP/1.1\r\n\r\n" * 100)

        assert await client.ended()

    assert log.getvalue().count("\n") == 1
    assert "Traceback" not in log.getvalue()


CODINGS = ("gzip", "deflate", "br", "zstd", "GZIP", "gzip, gzip", "no-such")


@pytest.mark.parametrize("path", ["/", SLACK_EVENTS])
@pytest.mark.parametrize("framing", [{"Content-Length": 4}, {"Transfer-Encoding": "chunked"}], ids=str)
async def test_a_compressed_body_is_refused_whatever_it_is_compressed_with(
    path: str, framing: dict[str, object]
) -> None:
    answers = []
    async with served() as one:
        for method in ("GET", "POST", "PUT"):
            for coding in CODINGS:
                client = await one.client()
                await client.send(head(f"{method} {path}", framing | {"Content-Encoding": coding}))
                answers.append(await client.answer())

    assert {status for status, _ in answers} == {415}
    assert all(bare(headers) and headers["accept-encoding"] == "identity" for _, headers in answers)


async def test_a_body_is_what_was_sent_whatever_it_claims_to_be() -> None:
    async with served() as one:
        client = await one.client()
        await client.send(
            head("POST /", {"Content-Length": 4, "Content-Encoding": "identity"}) + b"\x1f\x8b\x08\x00"
        )

        assert (await client.answer())[0] == 200


@pytest.mark.parametrize(("path", "largest"), [("/", LARGEST_BODY), (SLACK_EVENTS, LARGEST_SLACK_BODY)])
async def test_a_body_that_is_announced_too_large_is_refused_before_any_of_it_came(
    path: str, largest: int
) -> None:
    async with served() as one:
        client = await one.client()
        await client.send(head(f"POST {path}", {"Content-Length": largest + 1}))

        status, headers = await client.answer()
        assert await client.ended()

    assert (status, headers["connection"], bare(headers)) == (413, "close", True)


@pytest.mark.parametrize(("path", "largest"), [("/", LARGEST_BODY), (SLACK_EVENTS, LARGEST_SLACK_BODY)])
async def test_a_body_without_a_length_is_counted_while_it_is_read(path: str, largest: int) -> None:
    chunk = b"4000\r\n" + bytes(0x4000) + b"\r\n"
    async with served() as one:
        client = await one.client()
        await client.send(head(f"POST {path}", {"Transfer-Encoding": "chunked"}), chunk * (largest // 0x4000))
        await one.until(Phase.BODY)
        await client.send(b"1\r\nx\r\n")

        status, headers = await client.answer()

    assert (status, headers["connection"], bare(headers)) == (413, "close", True)


@pytest.mark.parametrize("largest", [LARGEST_BODY, LARGEST_SLACK_BODY])
async def test_a_body_as_large_as_allowed_is_read(largest: int) -> None:
    path = SLACK_EVENTS if largest == LARGEST_SLACK_BODY else "/"
    async with served() as one:
        client = await one.client()
        await client.send(head(f"POST {path}", {"Content-Length": largest}) + bytes(largest))

        assert (await client.answer())[1]["content-length"] == str(largest)


async def test_a_refusal_is_read_also_by_a_client_that_first_sends_everything() -> None:
    async with served(read_after_answer_s=READ_AFTER_ANSWER_S) as one:
        client = await one.client()
        size = READ_AFTER_ANSWER // 2
        await client.send(head("POST /", {"Content-Length": size}), *[bytes(size // 64)] * 64)

        assert (await client.answer())[0] == 413


async def test_whoever_goes_on_sending_after_a_refusal_is_hung_up_on() -> None:
    async with served(read_after_answer_s=PATIENCE_S) as one:
        client = await one.client()
        await client.send(head("POST /", {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"}))
        assert (await client.answer())[0] == 415
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"

        with pytest.raises(ConnectionError):
            await client.send(*[chunk] * (4 * READ_AFTER_ANSWER // len(chunk)))


async def test_a_head_without_an_end_is_not_kept() -> None:
    async with served() as one:
        client = await one.client()
        await client.send(head("GET /")[:-2])
        for number in range(LONGEST_HEAD // 1000 + 1):
            await client.send(f"X-Filler-{number}: ".encode() + b"x" * 1000 + b"\r\n")

        assert await client.ended()


async def test_a_head_that_is_too_long_as_a_whole_is_refused() -> None:
    async with served() as one:
        client = await one.client()
        await client.send(
            head("GET /", {f"X-Filler-{n}": "x" * 4000 for n in range(LONGEST_HEAD // 4000 + 1)})
        )

        status, headers = await client.answer()

    assert (status, bare(headers)) == (431, True)


async def test_what_a_client_expects_is_answered_by_us_too() -> None:
    async with served() as one:
        client = await one.client()
        await client.send(head("POST /", {"Content-Length": 4, "Expect": "a miracle"}))
        status, headers = await client.answer()
        assert (status, bare(headers)) == (417, True)

        patient = await one.client()
        await patient.send(head("POST /", {"Content-Length": 4, "Expect": "100-continue"}))
        assert (await patient.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await patient.send(b"body")
        assert (await patient.answer())[0] == 200


async def test_no_answer_says_which_version_of_what_we_run(log: io.StringIO) -> None:
    async def broken(_request: web.Request) -> web.StreamResponse:
        raise RuntimeError

    async with served(broken) as one:
        client = await one.client()
        await client.send(head("GET /"))
        status, headers = await client.answer()

    assert (status, bare(headers)) == (500, True)
    assert "RuntimeError" in log.getvalue()
