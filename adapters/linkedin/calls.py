"""Calls to api.linkedin.com as a member or a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from adapters import oauth
from adapters.base import Client, Outgoing, Tokens, body_of
from adapters.http import send
from adapters.linkedin.refusals import publishing_verdict
from adapters.uploads import UPLOAD_TIMEOUT, Upload

API = "https://api.linkedin.com"
VERSION = "202609"
"""`LinkedIn-Version` of the versioned API, supported at least until 2027-09. Operators can set `api_version`."""
LONGEST_WRITE_S = 600.0


def headers_for(client: Client, token: str, path: str) -> dict[str, str]:
    """Return the headers of a call to `path`."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    if path.startswith("/rest/"):
        headers["LinkedIn-Version"] = client.options.get("api_version", VERSION)
        headers["X-Restli-Protocol-Version"] = "2.0.0"
    return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Makes calls with one account's token."""

    http: httpx.AsyncClient
    client: Client
    tokens: Tokens

    async def get(
        self, path: str, query: Mapping[str, str] | None = None, *, method: str = ""
    ) -> Mapping[str, Any]:
        """Return the JSON object at `path`. `method` is the Rest.li method, where the path leaves it open.

        Raises:
            PlatformError: LinkedIn refused it, or did not answer.

        """
        request = self._request("GET", path, method, params=query)
        response = await send(self.http, request)
        body = body_of(response)
        if not response.is_success or not body:
            raise publishing_verdict(response)
        return body

    async def act(self, path: str, action: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the answer of an action about media, which people don't see; it may be empty.

        Raises:
            PlatformError: LinkedIn refused it, or did not answer.

        """
        request = self._request("POST", path, params={"action": action}, json=body)
        response = await send(self.http, request)
        if not response.is_success:
            raise publishing_verdict(response)
        return body_of(response)

    async def upload(self, address: str, upload: Upload, *, signed: bool) -> str:
        """Send bytes to an upload address and return the ETag of the answer. `signed`: with our token.

        Raises:
            Expired: The address has expired.
            PlatformError: LinkedIn refused it, or did not answer.

        """
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(upload.size)}
        if signed:
            headers["Authorization"] = f"Bearer {self.tokens.access_token}"
        request = self.http.build_request(
            "PUT", self.client.at(address), content=upload.body(), headers=headers, timeout=UPLOAD_TIMEOUT
        )
        response = await send(self.http, request, within_s=LONGEST_WRITE_S)
        if not response.is_success:
            raise publishing_verdict(response)
        return str(response.headers.get("etag", "")).strip('"')

    async def write(
        self, verb: str, path: str, body: Mapping[str, Any] | None = None, *, method: str = ""
    ) -> httpx.Response:
        """Return the answer of the call that people see, if it is a success.

        Raises:
            OutcomeUnknown: LinkedIn may have carried it out.
            PlatformError: LinkedIn refused it.

        """
        request = self._request(verb, path, method, json=body)
        request.extensions["timeout"] = UPLOAD_TIMEOUT.as_dict()
        response = await send(self.http, request, has_effect=True, within_s=LONGEST_WRITE_S)
        if not response.is_success:
            raise publishing_verdict(response, writes=True)
        return response

    def _request(self, verb: str, path: str, method: str = "", **given: Any) -> httpx.Request:
        headers = headers_for(self.client, self.tokens.access_token, path)
        if method:
            headers["X-RestLi-Method"] = method
        return self.http.build_request(
            verb, self.client.at(API + path), headers=headers, timeout=oauth.TIMEOUT, **given
        )


def calls_of(http: httpx.AsyncClient, outgoing: Outgoing) -> Calls:
    """Return what makes the calls of a delivery."""
    return Calls(http=http, client=outgoing.client, tokens=outgoing.tokens)
