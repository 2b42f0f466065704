"""Limits how many requests browsers may send, counted in this process.

Pages are counted by client address. A request with one of our secrets (a ticket, a file's address, or the state of a
sign-in that comes back from a consent page) is counted by that secret instead. So someone who uses up the page limit
of a shared address can't lock out a person with a real link.

We count ourselves because the `limits` package (5.8.0, `limits/aio/storage/memory.py`) reads the wall clock, so setting
the clock back an hour would lock everyone out for an hour, and because it keeps any number of keys.
"""

from __future__ import annotations

import ipaddress
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.web.browsers import SECRET
from bot.web.request_limits import is_upload
from storage.models import digest

if TYPE_CHECKING:
    from aiohttp import web

    from bot.settings import Settings

MINUTE_S = 60.0
MOST_KEYS = 10_000
"""How many keys one limiter remembers: about 2 MB. A client with more addresses than this gains nothing new."""
MISSES_PER_PAGE = 10
"""How many unknown secrets an address may try per page it may load. Each costs a database query."""
PIECES_PER_PAGE = 20
"""How many requests an upload page may make per page that may be loaded: each piece of a file is one."""
MISSED = frozenset({400, 404, 410})
"""The statuses of our pages for a secret that is unknown, used or expired."""
PROBE = "/livez"
SECRETS = {
    "/connect/{ticket}": "ticket",
    "/media/{token}": "token",
    "/upload/{token}": "token",
    "/upload/{token}/files": "token",
    "/upload/{token}/files/{upload}": "token",
}
"""The addresses that have a secret in their path, and what it is called there."""
OF_PLATFORMS = "/compose/"
"""How the addresses begin that have a secret `token` after the name of a platform."""
RETURNS = frozenset({"/oauth/{slug}/callback", "/slack/identity", "/slack/oauth_redirect"})
"""The addresses to which a browser comes back with its `state`."""
WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](:\d+)?|(?P<v4>[\d.]+):\d+")
"""An address with a port, as some proxies write it in X-Forwarded-For."""


def client_address(request: web.Request, trusted_proxies: int) -> str:
    """Return the address to count by: the one our outermost proxy saw, for IPv6 its /64 network.

    Each of the `trusted_proxies` in front of us appends one entry to X-Forwarded-For; the client itself may have
    written the entries before those.
    """
    seen = request.remote or ""
    if trusted_proxies:
        chain = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        entries = [entry.strip() for entry in chain if entry.strip()]
        if entries:
            seen = entries[-min(trusted_proxies, len(entries))]
    if with_port := WITH_PORT.fullmatch(seen):
        seen = with_port["v6"] or with_port["v4"] or ""
    try:
        address = ipaddress.ip_address(seen)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def secret_of(request: web.Request) -> str | None:
    """Return the ticket or state in a request, or None if it has none of the right shape."""
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else ""
    if route in SECRETS:
        values = [request.match_info[SECRETS[route]]]
    elif route.startswith(OF_PLATFORMS):
        values = [request.match_info["token"]]
    elif route in RETURNS:
        values = request.query.getall("state", [])
    else:
        return None
    return values[0] if len(values) == 1 and SECRET.fullmatch(values[0]) else None


@dataclass(slots=True)
class _Window:
    began: float
    count: int = 0
    before: int = 0
    """The count of the minute before."""


class RateLimiter:
    """Counts requests per key over a sliding minute, for at most `keys` keys.

    It keeps two numbers per key: the count of this minute, and that of the previous one, of which the part counts that
    the sliding minute still covers. The clock is monotonic. When full, it forgets the key that was counted longest ago.
    """

    def __init__(
        self, per_minute: int, *, keys: int = MOST_KEYS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_minute = per_minute
        self._keys = keys
        self._clock = clock
        self._windows: OrderedDict[str | bytes, _Window] = OrderedDict()

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._windows)

    def hit(self, key: str | bytes) -> int:
        """Count a request and return 0; over the limit, count nothing and return how many whole seconds to wait."""
        wait_s = self.wait_s(key)
        if not wait_s:
            self.count(key)
        return wait_s

    def wait_s(self, key: str | bytes) -> int:
        """Return how many whole seconds a request has to wait, or 0 if it is allowed. Counts nothing."""
        window = self._windows.get(key)
        if window is None:
            return 0
        self._advance(window)
        passed_s = self._clock() - window.began
        free = self._per_minute - window.count
        if free <= 0:
            return max(1, math.ceil(MINUTE_S - passed_s))
        if window.before * (1 - passed_s / MINUTE_S) <= free:
            return 0
        return max(1, math.ceil(MINUTE_S * (1 - free / window.before) - passed_s))

    def count(self, key: str | bytes) -> None:
        """Count a request, even one above the limit."""
        self._forget_past()
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(self._clock())
            if len(self._windows) > self._keys:
                self._windows.popitem(last=False)
        self._advance(window)
        window.count += 1
        self._windows.move_to_end(key)

    def _advance(self, window: _Window) -> None:
        minutes = int((self._clock() - window.began) // MINUTE_S)
        if minutes:
            window.before = window.count if minutes == 1 else 0
            window.count = 0
            window.began += minutes * MINUTE_S

    def _forget_past(self) -> None:
        """Drop the keys whose counts no longer matter; those counted longest ago come first."""
        past = self._clock() - 2 * MINUTE_S
        while self._windows and next(iter(self._windows.values())).began <= past:
            self._windows.popitem(last=False)


class PageLimits:
    """The limits per minute of one client address, and of one ticket or state from it."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._proxies = settings.trusted_proxies or 0
        platforms = settings.registry.platforms.values()
        self._uncounted = {PROBE, *(webhook.path for each in platforms for webhook in each.webhooks)}
        """Not counted: probes, and platforms that send signed requests for many people from few addresses."""
        per_minute = settings.web_requests_per_minute
        self._pages = RateLimiter(per_minute, clock=clock)
        self._secrets = RateLimiter(per_minute, clock=clock)
        self._pieces = RateLimiter(per_minute * PIECES_PER_PAGE, clock=clock)
        self._misses = RateLimiter(per_minute * MISSES_PER_PAGE, clock=clock)

    def wait_s(self, request: web.Request) -> int:
        """Count a request and return 0; over the limit, return how many seconds it has to wait."""
        if request.path in self._uncounted:
            return 0
        address = client_address(request, self._proxies)
        secret = secret_of(request)
        if secret is None:
            return self._pages.hit(address)
        counted = self._pieces if is_upload(request) else self._secrets
        return self._misses.wait_s(address) or counted.hit(digest(f"{address} {secret}"))

    def answered(self, request: web.Request, status: int) -> None:
        """Count a secret that was not valid: all guesses of an address share one limit."""
        if status in MISSED and secret_of(request) is not None:
            self._misses.count(client_address(request, self._proxies))
