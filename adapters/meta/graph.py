"""The Graph API: signed calls, lists, tokens, and the meaning of its errors."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from adapters.base import (
    Busy,
    Client,
    Misconfigured,
    Platform,
    PlatformError,
    Rejected,
    TokenRefused,
    Tokens,
    body_of,
    object_of,
    objects_of,
    text_of,
)
from adapters.http import send
from adapters.meta import DEFAULT_GRAPH_VERSION, GRAPH
from adapters.numbers import number, wait_of, whole
from adapters.oauth import TIMEOUT, retry_after, tokens_of
from adapters.paging import Cursors

APP_LIMIT = 4
LIMITS = frozenset({APP_LIMIT, 17, 32, 341, 613, *range(80000, 80015)})
"""Rate limits of the app, user, Page, posting, custom and business use case ("Rate Limits")."""
PASSING = frozenset({1, 2})
TOKEN_CODES = frozenset({102, 190})
OUR_FAULT = frozenset({101, 2500})
"""Unknown app id; unknown path or version, or a missing token."""
OUR_FAULT_WORDS = {
    "client secret": "client_secret",
    "appsecret_proof": "appsecret_proof",
    "api access blocked": "api_access_blocked",
}
"""Errors that Meta marks only with these words in the message; their codes (1, 100 and 200) mean other things too.

The last one is the answer to every call of an app that Meta has restricted. The app's dashboard says why.
"""
CODE_USED = (100, 36009)
DIGITS = re.compile(r"[0-9]{1,40}")
MAX_LIST_CALLS = 200
"""Enough for 20,000 Pages. Without a limit, a list without an end would keep us for ever."""


class Graph:
    """Calls the Graph API for one app: each call is signed, and its token is in a header, not in the URL."""

    def __init__(self, http: httpx.AsyncClient, client: Client) -> None:
        self._http = http
        self._client = client
        version = client.options.get("graph_version", DEFAULT_GRAPH_VERSION)
        self._root = client.at(f"{GRAPH}/{version}")

    def address(self, path: str) -> str:
        """Return the address of `path` in the version of the operator's choice."""
        return self._root + path

    def proof(self, token: str) -> str:
        """Return the `appsecret_proof` for a call with `token`: it shows that the caller has the app's secret."""
        key = self._client.client_secret.encode()
        return hmac.new(key, token.encode(), hashlib.sha256).hexdigest()

    async def call(
        self, method: str, path: str, token: str, parameters: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """Return the JSON object that Graph answers.

        Raises:
            PlatformError: Graph answered something else, or nothing.

        """
        request = self._http.build_request(
            method,
            self.address(path),
            params=dict(parameters or {}) | {"appsecret_proof": self.proof(token)},
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=TIMEOUT,
        )
        response = await send(self._http, request)
        body = body_of(response)
        if not response.is_success or "error" in body:
            raise verdict_on(response)
        if not body:
            raise Busy("odd_answer")
        return body

    async def every(self, path: str, token: str, fields: str) -> list[Mapping[str, Any]]:
        """Return all entries of a list, from as many answers as it takes.

        `paging.next` is a URL that contains the token, so only its presence is used, and the cursor is sent instead.

        Raises:
            PlatformError: One of the calls failed.

        """
        found: list[Mapping[str, Any]] = []
        parameters, cursors = {"fields": fields, "limit": "100"}, Cursors()
        for _ in range(MAX_LIST_CALLS):
            body = await self.call("GET", path, token, parameters)
            found += _entries(body)
            paging = object_of(body.get("paging"))
            after = text_of(object_of(paging.get("cursors")).get("after"))
            if not paging.get("next") or not cursors.is_new(after):
                break
            parameters["after"] = after
        return found

    async def debug(self, token: str) -> Mapping[str, Any]:
        """Return what Meta knows about `token`: `is_valid`, `expires_at` (0: never), `granular_scopes`.

        The URL contains the token, as Meta demands, and must not be logged.

        Raises:
            Misconfigured: Our app's own token was refused.
            PlatformError: There was no answer, or it has no facts.

        """
        ours = f"{self._client.client_id}|{self._client.client_secret}"
        try:
            body = await self.call("GET", "/debug_token", ours, {"input_token": token})
        except TokenRefused as refusal:
            raise Misconfigured(f"app_token_{refusal.code}") from None
        if not (facts := object_of(body.get("data"))):
            raise Busy("odd_answer")
        return facts

    async def tokens(
        self, platform: Platform, form: Mapping[str, str], *, has_effect: bool = False
    ) -> Tokens:
        """Return the tokens for `form`, to which our credentials are added.

        Raises:
            PlatformError: The answer has no tokens.

        """
        ours = {"client_id": self._client.client_id, "client_secret": self._client.client_secret}
        request = self._http.build_request(
            "POST",
            f"{self._root}/oauth/access_token",
            data=ours | dict(form),
            headers={"Accept": "application/json"},
            timeout=TIMEOUT,
        )
        response = await send(self._http, request, has_effect=has_effect)
        if not response.is_success or "error" in body_of(response):
            raise verdict_on(response)
        return tokens_of(platform, response)

    async def long_lived(self, platform: Platform, token: str) -> Tokens:
        """Return a user token of about 60 days for a live one, which keeps working.

        Raises:
            PlatformError: The answer has no tokens.

        """
        return await self.tokens(platform, {"grant_type": "fb_exchange_token", "fb_exchange_token": token})


def verdict_on(response: httpx.Response) -> PlatformError:
    """Return the error that a refusal of Graph means.

    Code, subcode and `is_transient` decide, never `type` alone: permission, parameter and token errors all have the
    type OAuthException. The error's code is Meta's code and subcode: `190_460`.
    """
    error = body_of(response).get("error")
    status = response.status_code
    if not isinstance(error, dict):
        return Busy(f"http_{status}", retry_after=retry_after(response))
    code, subcode = whole(error.get("code")), whole(error.get("error_subcode"))
    word = "_".join(str(n) for n in (code, subcode) if n) or "no_code"
    if code in LIMITS or status == httpx.codes.TOO_MANY_REQUESTS:
        return Busy(word, retry_after=_longest_wait(response), whole_app=code == APP_LIMIT)
    message = text_of(error.get("message")).lower()
    if fault := next((name for words, name in OUR_FAULT_WORDS.items() if words in message), None):
        return Misconfigured(fault)
    if error.get("is_transient") is True or code in PASSING or status in {408, 425} or status >= 500:
        return Busy(word, retry_after=retry_after(response))
    verdict: type[PlatformError] = Rejected
    if code in TOKEN_CODES or (code is None and error.get("type") == "OAuthException"):
        verdict = TokenRefused
    elif code in OUR_FAULT:
        verdict = Misconfigured
    elif code is None:
        verdict = Busy
    return verdict("code_used" if (code, subcode) == CODE_USED else word)


def _longest_wait(response: httpx.Response) -> timedelta | None:
    """Return the longest wait that the header names for any limit. It is given in minutes."""
    try:
        usage = json.loads(response.headers.get("x-business-use-case-usage", ""))
        entries = [entry for limits in usage.values() for entry in limits]
        minutes = [number(entry.get("estimated_time_to_regain_access")) or 0 for entry in entries]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return retry_after(response)
    return wait_of(60 * max(minutes, default=0)) or retry_after(response)


def _entries(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if not isinstance(data := body.get("data"), list):
        raise Busy("odd_answer")
    return objects_of(data)


def digits(body: Mapping[str, Any]) -> str:
    """Return the id of an entry if it has digits only, so that it is safe in a path; else an empty string."""
    return found if DIGITS.fullmatch(found := str(body.get("id"))) else ""
