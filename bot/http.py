"""The HTTP client that carries every call to a platform. It keeps connections, and nothing else."""

from __future__ import annotations

import httpx


class _NoCookies(httpx.Cookies):
    """A jar that takes nothing and gives nothing: it would carry one account's cookies into another's requests."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave an answer's cookies where they are."""

    def set_cookie_header(self, request: httpx.Request) -> None:
        """Add nothing."""

    def __bool__(self) -> bool:
        return False


class Forgetful(httpx.AsyncClient):
    """An `httpx.AsyncClient` without cookies, redirects or the environment's proxies."""

    def __init__(self, transport: httpx.AsyncBaseTransport, *, timeout_s: float) -> None:
        super().__init__(transport=transport, timeout=timeout_s, follow_redirects=False, trust_env=False)
        self._none = _NoCookies()

    @property
    def cookies(self) -> httpx.Cookies:
        """The jar, which stays empty."""
        return self._none

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        """Keep none."""
