"""What we may believe about a browser: its cookie, where its form came from, and what its address carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from bot.web.signer import PAYLOAD_BYTES, Signer
from storage.models import digest, new_secret

if TYPE_CHECKING:
    from aiohttp import web
    from multidict import MultiMapping

COOKIE_LIFE = timedelta(hours=12)
"""The same as for the proof of who uses the browser."""
SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
"""The shape of our 256-bit secrets: states, tickets, cookies."""
LONGEST = 4096
"""In characters. No platform's code is longer; most are below 600."""


class DamagedAddressError(Exception):
    """A query parameter is given twice, or is longer than any real one."""


class Cookies:
    """Our one cookie: 256 random bits that bind a sign-in to the browser it started in.

    On https its name starts with `__Host-`, so that no other host of the domain can set it
    (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie, read 2026-11-30). It is `SameSite=Lax`,
    because a platform's callback is a cross-site navigation.
    """

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self.name = "__Host-octapost-attempt" if secure else "octapost-attempt"

    def read(self, request: web.Request) -> str | None:
        """Return the browser's secret, or None if it has none of ours."""
        value = request.cookies.get(self.name, "")
        return value if SECRET.fullmatch(value) else None

    def ensure(self, request: web.Request) -> str:
        """Return the browser's secret, or a new one that `keep` has to set in the answer."""
        return self.read(request) or new_secret()

    def keep(self, response: web.Response, browser: str) -> web.Response:
        """Return `response` with the cookie set for another 12 hours."""
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


def is_same_origin(request: web.Request, public_url: str) -> bool | None:
    """Tell whether a form was sent from one of our own pages; None: its headers do not say.

    `Sec-Fetch-Site` decides if the browser sends it, else the Origin. Our pages send no referrer, so browsers send
    `Origin: null` with their forms (https://fetch.spec.whatwg.org/#append-a-request-origin-header, read 2026-11-30).
    Safari sends no `Sec-Fetch-Site` before version 16.4
    (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site, read 2026-11-30), and some proxies
    remove both headers.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin", "null")
    if site is not None:
        return site == "same-origin" and origin in {"null", public_url}
    return None if origin == "null" else origin == public_url


class FormTokens:
    """What a form carries, so that it is known as ours where its headers do not say so.

    A token is for one ticket and, where the browser had our cookie when the page was shown, for this browser.
    """

    FIELD = "form"

    def __init__(self, signing_secret: str) -> None:
        self._signer = Signer(signing_secret, "connect form")

    def issue(self, ticket: str, browser: str | None) -> str:
        """Return the token for the form on a ticket's page."""
        return self._signer.issue(digest(ticket)[:PAYLOAD_BYTES], browser or "")

    async def came_with(self, request: web.Request, ticket: str, browser: str | None) -> bool:
        """Tell whether a form carried the token of this ticket's page, shown to this browser."""
        body = (await request.read()).decode("ascii", "replace")
        tokens = parse_qs(body[:LONGEST]).get(self.FIELD, [])
        known = [self._signer.read(token, browser or "") for token in tokens]
        return known == [digest(ticket)[:PAYLOAD_BYTES]]


def single_values(query: MultiMapping[str], *names: str) -> Mapping[str, str]:
    """Return the named parameters, empty strings for those that are missing.

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
