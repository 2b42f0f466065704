"""Calls to api.x.com as an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from adapters import oauth
from adapters.base import Client, Outgoing, Tokens, body_of
from adapters.http import send
from adapters.uploads import UPLOAD_TIMEOUT, FileForm
from adapters.x.refusals import publishing_verdict

API = "https://api.x.com"
LONGEST_WRITE_S = 600.0
"""X has answered after minutes, and that answer is still the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Makes calls with one account's token."""

    http: httpx.AsyncClient
    client: Client
    tokens: Tokens

    async def get(self, path: str, params: Mapping[str, str], *, media: bool = False) -> Mapping[str, Any]:
        """Return the answer of a call that changes nothing.

        Raises:
            PlatformError: X refused it, or did not answer.

        """
        request = self._request("GET", path, params=params)
        return self._body(await send(self.http, request), media=media)

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer of a call about media, which people don't see.

        Raises:
            PlatformError: X refused it, or did not answer.

        """
        return self._body(await send(self.http, self._request("POST", path, json=body)), media=True)

    async def upload(self, path: str, form: FileForm) -> None:
        """Send a form with a file.

        Raises:
            PlatformError: X refused it, or did not answer.

        """
        request = self._request("POST", path, content=form.body(), headers=form.headers)
        request.extensions["timeout"] = UPLOAD_TIMEOUT.as_dict()
        response = await send(self.http, request, within_s=LONGEST_WRITE_S)
        if not response.is_success:
            raise publishing_verdict(response, media=True)

    async def write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Return the answer of the call that people see.

        Raises:
            OutcomeUnknown: X may have carried it out.
            PlatformError: X refused it.

        """
        request = self._request(method, path, json=body)
        request.extensions["timeout"] = UPLOAD_TIMEOUT.as_dict()
        response = await send(self.http, request, has_effect=True, within_s=LONGEST_WRITE_S)
        return self._body(response, writes=True)

    def _request(self, method: str, path: str, **given: Any) -> httpx.Request:
        headers = {"Authorization": f"Bearer {self.tokens.access_token}", "Accept": "application/json"}
        headers |= given.pop("headers", {})
        return self.http.build_request(
            method, self.client.at(API + path), headers=headers, timeout=oauth.TIMEOUT, **given
        )

    def _body(
        self, response: httpx.Response, *, writes: bool = False, media: bool = False
    ) -> Mapping[str, Any]:
        body = body_of(response)
        if not response.is_success or not body:
            raise publishing_verdict(response, writes=writes, media=media)
        return body


def calls_of(http: httpx.AsyncClient, outgoing: Outgoing) -> Calls:
    """Return what makes the calls of a delivery."""
    return Calls(http=http, client=outgoing.client, tokens=outgoing.tokens)
