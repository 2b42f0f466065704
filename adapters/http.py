"""One careful way to send a request: bounded in time, never redirected, with a verdict on a lost answer."""

from __future__ import annotations

import asyncio

import aiohttp
import httpx

from adapters.base import Busy, OutcomeUnknown

LONGEST_CALL_S = 20.0
"""Below every lease: a call is over before anyone else may make it."""
WITHIN = "octapost.within_s"
"""The extension of an httpx request that says how many seconds all of it may take."""


async def send(
    http: httpx.AsyncClient, request: httpx.Request, *, unsure: bool = False, within_s: float = LONGEST_CALL_S
) -> httpx.Response:
    """Send one request and return its answer, whatever the status; all of it within `within_s` seconds.

    An answer that comes in drops is as lost as one that never comes: a lease would end before it does.
    One that cannot be decoded or is too long is lost too, and a redirect is never followed. Raises Busy
    when the request cannot have had an effect, and OutcomeUnknown instead when `unsure` (a write, a
    single-use token) and it may have left us. An `unsure` request gets a connection of its own: a used
    one may be closed by the other side while we write, and its answer would be lost.
    """
    request.extensions[WITHIN] = within_s
    if unsure:
        request.headers["Connection"] = "close"
    try:
        async with asyncio.timeout(within_s):
            response = await http.send(request, follow_redirects=False)
    except TimeoutError:
        raise (OutcomeUnknown if unsure else Busy)("no_answer") from None
    except httpx.RequestError as error:
        if never_left(error):
            raise Busy("unreachable") from None
        code = "unusable_answer" if isinstance(error, httpx.DecodingError) else "no_answer"
        raise (OutcomeUnknown if unsure else Busy)(code) from None
    if response.has_redirect_location:
        # 303: "what you asked for is done, look there". The others send the request itself elsewhere.
        done = unsure and response.status_code == httpx.codes.SEE_OTHER
        raise (OutcomeUnknown if done else Busy)("redirected")
    return response


def never_left(error: httpx.RequestError) -> bool:
    """Tell whether a request that failed like this was certainly not sent, not even in part.

    httpx-aiohttp reports a connection that broke after sending as a failure to connect too, so of aiohttp's
    errors, which it leaves as the cause, only those count that are raised before there is a connection.
    """
    if isinstance(error, httpx.PoolTimeout | httpx.UnsupportedProtocol | httpx.ProxyError):
        return True
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return False
    before = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
    return isinstance(error.__cause__, before) or not isinstance(error.__cause__, aiohttp.ClientError)
