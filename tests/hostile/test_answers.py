"""What comes back from a platform or from Slack is bounded, and sends us nowhere.

Every kind of outgoing call meets every kind of bad answer. RFC 9700 4.12 and ASVS 15.3.2 (no redirect is
followed), ASVS 4.2 and 5.2 (bounded input, decompression included).
"""

from __future__ import annotations

import asyncio
import functools
import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from adapters.base import Busy, Misconfigured, OutcomeUnknown
from bot.ops.http import LONGEST_ANSWER
from bot.slack.clients import is_slack_url
from bot.slack.failures import FailureKind, SlackCallFailed, failure
from bot.web.openid import Unreachable
from tests.counts import in_full, sampled
from tests.hostile.other_side import Bytes, OtherSide, every_call, given_up
from tests.platforms import PLATFORMS

MUCH = 64 << 20
"""What a server that never ends sends before it is closed here: an answer of any size is read as far."""
PIECE = b" " * (1 << 16)
PEAK = 3 * LONGEST_ANSWER
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
EXPECTED = (Busy, OutcomeUnknown, SlackCallFailed, SlackApiError, Unreachable, aiohttp.ClientError)


@functools.cache
def _squeezed(wbits: int) -> bytes:
    press = zlib.compressobj(9, wbits=wbits)
    return b"".join(press.compress(PIECE) for _ in range(MUCH // len(PIECE))) + press.flush()


GZIP, DEFLATE = 31, 15


def _encoded(encoding: bytes, body: bytes) -> bytes:
    return HEAD + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (encoding, len(body), body)


def _without_end(*first: bytes, then: bytes = PIECE) -> Bytes:
    return lambda _head: itertools.chain(first, itertools.repeat(then, MUCH // len(then)))


def _many(line: bytes) -> Bytes:
    return _without_end(HEAD, then=line * (len(PIECE) // len(line)))


ENDLESS: dict[str, Bytes] = {
    "a body without a length": _without_end(HEAD + b"\r\n"),
    "a body of a terabyte": _without_end(HEAD + b"Content-Length: 1000000000000\r\n\r\n"),
    "chunks without end": _without_end(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", then=b"10000\r\n%b\r\n" % PIECE
    ),
    "gzip that swells": lambda _head: iter([_encoded(b"gzip", _squeezed(GZIP))]),
    "deflate that swells": lambda _head: iter([_encoded(b"deflate", _squeezed(DEFLATE))]),
    "gzip in gzip": lambda _head: iter([_encoded(b"gzip, gzip", gzip.compress(_squeezed(GZIP)))]),
    "gzip of nothing, without end": _without_end(
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], then=b"\0\0\0\xff\xff" * 13_000
    ),
    "an encoding we did not ask for": lambda _head: iter([_encoded(b"br", b"\x0b\x02\x80" * 100)]),
    "headers without end": _many(b"X-Header: value\r\n"),
    "one header without end": _many(b"xxxxxxxx"),
}
REDIRECTS = (301, 302, 303, 307, 308)


def _redirect(status: int, where: str, body: bytes) -> Bytes:
    head = (
        f"HTTP/1.1 {status} Moved\r\nLocation: {where}\r\nURI: {where}\r\nContent-Type: application/json\r\n"
    )
    return lambda _head: iter([head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)])


def _calls() -> list[str]:
    apps = [app.key for platform in PLATFORMS.values() for app in platform.apps]
    acts = [f"{app}: {act}" for app in apps for act in ("exchange", "refresh", "discover", "revoke")]
    slack = (
        "chat.postMessage",
        "outbox",
        "oauth.v2.access",
        "response_url",
        "openid.connect.token",
        "OpenID keys",
    )
    return acts + [f"slack: {name}" for name in slack]


CALLS = _calls()


async def test_no_answer_is_read_without_end(record_property: Callable[[str, object], None]) -> None:
    tries = sampled([(name, call) for name in ENDLESS for call in CALLS], 31)
    most, faults = 0, []
    tracemalloc.start()
    try:
        async with OtherSide(lambda _head: iter([])) as other, every_call(other.url) as calls:
            for name, call in tries:
                other.answer = ENDLESS[name]
                before, _ = tracemalloc.get_traced_memory()
                tracemalloc.reset_peak()
                error = await given_up(calls[call])
                peak = tracemalloc.get_traced_memory()[1] - before
                most = max(most, peak)
                if peak > PEAK:
                    faults.append(f"{call}, {name}: {peak >> 20} MB")
                faults += _misjudged(call, name, error)
    finally:
        tracemalloc.stop()

    assert faults == []
    assert set(calls) == set(CALLS)
    record_property("counted", f"{len(tries)} answers without end: at most {most / (1 << 20):.1f} MB held")


def _misjudged(call: str, name: str, error: Exception | None) -> Iterator[str]:
    if call == "slack: response_url" and error is None:
        return  # its body is not read at all
    if call.endswith("refresh") and isinstance(error, Misconfigured) and error.code == "no_refresh":
        return  # nothing was asked: LinkedIn's members have no refresh
    if call.endswith("revoke") and isinstance(error, Misconfigured) and error.code == "no_revocation":
        return
    if not isinstance(error, EXPECTED):
        yield f"{call}, {name}: {error!r}"


async def test_no_call_follows_a_redirect(record_property: Callable[[str, object], None]) -> None:
    good = b'{"ok": true, "access_token": "stolen", "success": true, "data": {"is_valid": true}}'
    dead = b'{"ok": false, "error": "token_revoked"}'
    tries = sampled([(s, c, b) for s in REDIRECTS for c in CALLS for b in (good, dead)], 3)
    faults = []
    async with (
        OtherSide(lambda _head: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"])) as elsewhere,
        OtherSide(lambda _head: iter([])) as other,
        every_call(other.url) as calls,
    ):
        for status, call, body in tries:
            other.answer = _redirect(status, elsewhere.url + "/", body)
            error = await given_up(calls[call])
            faults += [f"{status}: {fault}" for fault in _misjudged(call, "redirect", error)]
            if isinstance(error, Busy | OutcomeUnknown) and error.code != "redirected":
                faults.append(f"{status}, {call}: {error.code}")
            if isinstance(error, SlackApiError) and failure(error).kind is not FailureKind.TRANSIENT:
                faults.append(f"{status}, {call}: {failure(error)}")

    assert faults == []
    assert len(other.requests) >= len(tries) * 0.8
    assert elsewhere.requests == []
    record_property("counted", f"{len(tries)} redirects of every kind of call, 0 followed")


BURNS = (
    *(call for call in CALLS if call.endswith("exchange")),
    "x: refresh",
    "tiktok: refresh",
    "slack: oauth.v2.access",
    "slack: openid.connect.token",
    "slack: outbox",
)
"""What must not be sent twice: codes and refresh tokens that work once, and messages."""
LATE = b"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}"


@in_full
async def test_a_connection_that_is_closed_as_we_write_loses_nothing_that_works_once(
    record_property: Callable[[str, object], None],
) -> None:
    unknown = []
    async with (
        OtherSide(lambda _head: iter([LATE]), requests_a_connection=1) as other,
        every_call(other.url) as calls,
    ):
        for call in BURNS * 4:
            await given_up(calls["youtube: discover"])  # leaves a connection that is closed when it is used
            error = await given_up(calls[call])
            if isinstance(error, OutcomeUnknown) or "Disconnected" in repr(error):
                unknown.append(f"{call}: {error!r}")

    assert unknown == []
    record_property(
        "counted", f"{4 * len(BURNS)} calls that must not be repeated, on connections being closed: 0 lost"
    )


@in_full
async def test_connections_are_given_up_before_servers_close_them() -> None:
    async with OtherSide(lambda _head: iter([LATE]), idle_s=5.0) as other, every_call(other.url) as calls:
        await given_up(calls["reddit: refresh"])
        await given_up(calls["reddit: refresh"])
        reused = other.connections
        for pause in (4.9, 4.99, 5.0, 5.01):
            await asyncio.sleep(pause)
            error = await given_up(calls["reddit: refresh"])
            assert getattr(error, "code", "") == "http_503"

    assert (reused, other.connections) == (1, 5)


SLACK = "https://slack.com/api/"
FOREIGN = (
    "https://evil.example/commands/T1/1/x",
    "https://hooks.slack.com.evil.example/commands/T1/1/x",
    "https://evil.example/hooks.slack.com/",
    "https://hooks.slack.com@evil.example/",
    "https://evil.example#@hooks.slack.com/",
    "https://files.slack.com/commands/T1/1/x",
    "https://xhooks.slack.com/",
    "http://hooks.slack.com/commands/T1/1/x",
    "https://hooks.slack.com:8443/commands/T1/1/x",
    "https://hooks.slack.com:x/",
    "https://[hooks.slack.com/",
    "https://169.254.169.254/latest/meta-data/",
    "http://localhost:9464/metrics",
    "file:///etc/passwd",
    "//hooks.slack.com/",
    "hooks.slack.com",
    "",
)


@pytest.mark.parametrize("url", FOREIGN)
def test_a_response_url_elsewhere_is_not_slacks(url: str) -> None:
    assert not is_slack_url(url, SLACK)


@pytest.mark.parametrize(
    ("url", "api_url"),
    [
        ("https://hooks.slack.com/commands/T1/1/x", SLACK),
        ("https://hooks.slack.com/actions/T1/1/x", "https://www.slack.com/api/"),
        ("https://hooks.slack-gov.com/commands/T1/1/x", "https://slack-gov.com/api/"),
        ("http://localhost:3001/commands/T1/x", "http://localhost:3001/api/"),
    ],
)
def test_slacks_own_response_urls_are_answered(url: str, api_url: str) -> None:
    assert is_slack_url(url, api_url)


async def test_nothing_is_said_to_a_response_url_elsewhere() -> None:
    ok = OtherSide(lambda _head: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]))
    async with (
        ok as elsewhere,
        OtherSide(ok.answer) as slack,
        every_call(slack.url) as near,
        every_call(slack.url, response_url=elsewhere.url) as far,
    ):
        taken = [await calls["slack: response_url"]() for calls in (near, far)]

    assert taken == [True, False]
    assert (len(slack.requests), len(elsewhere.requests)) == (1, 0)
