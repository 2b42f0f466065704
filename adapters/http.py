"""Sends requests to platforms: in limited time, without redirects; an error says what may have happened."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import aiohttp
import httpx

from adapters.base import Busy, OutcomeUnknown

LONGEST_CALL_S = 20.0
"""Shorter than every lease: a call ends before another process may make it again."""
WITHIN = "octapost.within_s"
"""The extension of an httpx request with the number of seconds that all of it may take."""


@dataclass(slots=True)
class Calls:
    """How many requests were sent within `counting`."""

    made: int = 0


_counted: ContextVar[Calls | None] = ContextVar("calls", default=None)


@contextmanager
def counting() -> Iterator[Calls]:
    """Count the requests that are sent in this block, also by tasks that it starts.

    A listing is as long as the platform says, so its calls are known only afterwards.
    """
    calls = Calls()
    before = _counted.set(calls)
    try:
        yield calls
    finally:
        _counted.reset(before)


async def send(
    http: httpx.AsyncClient,
    request: httpx.Request,
    *,
    has_effect: bool = False,
    within_s: float = LONGEST_CALL_S,
) -> httpx.Response:
    """Return the answer to one request, whatever its status.

    The whole answer must arrive within `within_s` seconds: a slow one would outlast a lease. `has_effect`: the
    request writes, or uses a single-use token. It then gets a new connection, because the other side may close
    a used one while we write, and the answer would be lost.

    Raises:
        Busy: There is no usable answer, and the request had no effect. Also for a redirect, which is not followed.
        OutcomeUnknown: There is no usable answer, and a request that `has_effect` may have arrived.

    """
    if (calls := _counted.get()) is not None:
        calls.made += 1
    request.extensions[WITHIN] = within_s
    if has_effect:
        request.headers["Connection"] = "close"
    try:
        async with asyncio.timeout(within_s):
            response = await http.send(request, follow_redirects=False)
    except TimeoutError:
        raise (OutcomeUnknown if has_effect else Busy)("no_answer") from None
    except httpx.RequestError as error:
        if never_left(error):
            raise Busy("unreachable") from None
        code = "unusable_answer" if isinstance(error, httpx.DecodingError) else "no_answer"
        raise (OutcomeUnknown if has_effect else Busy)(code) from None
    if response.has_redirect_location:
        # 303 means that the request was carried out and its result is elsewhere. Other redirects mean that it was not.
        done = has_effect and response.status_code == httpx.codes.SEE_OTHER
        raise (OutcomeUnknown if done else Busy)("redirected")
    return response


def never_left(error: httpx.RequestError) -> bool:
    """Return whether a request that failed with `error` was certainly not sent, not even in part.

    httpx-aiohttp raises the same exceptions for a connection that broke after sending. It keeps aiohttp's error
    as the cause, so only those causes count that aiohttp raises before there is a connection.
    """
    if isinstance(error, httpx.PoolTimeout | httpx.UnsupportedProtocol | httpx.ProxyError):
        return True
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return False
    before = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
    return isinstance(error.__cause__, before) or not isinstance(error.__cause__, aiohttp.ClientError)
