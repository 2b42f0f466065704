"""What we may believe about a browser: its cookie, where its request came from, and what its address carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from storage.models import new_secret

if TYPE_CHECKING:
    from aiohttp import web
    from multidict import MultiMapping

COOKIE_LIFE = timedelta(hours=12)
"""As long as a proof of who uses the browser lasts."""
SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
"""The shape of our 256-bit secrets: states, tickets, cookies."""
LONGEST = 4096
"""No platform's code is longer; most are below 600 characters."""


class DamagedAddressError(Exception):
    """A query parameter came twice, or is longer than any honest one."""


class Cookies:
    """The one cookie: 256 random bits that bind a trip to the browser it began in.

    On https its name starts with `__Host-`, so that no other host of the domain can plant it
    (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie). `SameSite=Lax`, because
    a platform's callback is a cross-site navigation.
    """

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self.name = "__Host-octapost-attempt" if secure else "octapost-attempt"

    def read(self, request: web.Request) -> str | None:
        """Return the browser's secret, or None where there is none of ours."""
        value = request.cookies.get(self.name, "")
        return value if SECRET.fullmatch(value) else None

    def ensure(self, request: web.Request) -> str:
        """Return the browser's secret, or a fresh one that `keep` has to put into the answer."""
        return self.read(request) or new_secret()

    def keep(self, response: web.Response, browser: str) -> web.Response:
        """Return `response`, which tells the browser to keep its secret for 12 hours more."""
        response.set_cookie(
            self.name,
            browser,
            max_age=int(COOKIE_LIFE.total_seconds()),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )
        return response


def is_same_origin(request: web.Request, public_url: str) -> bool:
    """Tell whether a form was sent from one of our own pages.

    Our pages send no referrer, and then browsers send `Origin: null` with a form
    (https://fetch.spec.whatwg.org/#append-a-request-origin-header), so `Sec-Fetch-Site` decides
    where a browser sends it; the Origin decides for those that do not.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin" and request.headers.get("Origin", "null") in {"null", public_url}
    return request.headers.get("Origin") == public_url


def single_values(query: MultiMapping[str], *names: str) -> Mapping[str, str]:
    """Return the named parameters, empty where absent.

    Raises:
        DamagedAddressError: One was given twice, or is too long.

    """
    found = {}
    for name in names:
        values = query.getall(name, [])
        if len(values) > 1 or any(len(value) > LONGEST for value in values):
            raise DamagedAddressError
        found[name] = values[0] if values else ""
    return found
